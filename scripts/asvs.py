"""Writes docs/security/asvs.md from docs/security/asvs/*.toml; --check ends with 1 where the page is stale.

    python scripts/asvs.py                       the page
    python scripts/asvs.py --run 4.2.1 V5 T10    the tests that requirements, chapters, threats rest on, played now
    python scripts/asvs.py --run V3 -- -v -x     the same, with words for pytest

Run by `make docs`. `tests/security/test_asvs.py` asks whether what the data say is true.
"""

import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "security"
WORDS = {"proved": "proved", "held": "held by document", "not_applicable": "not applicable", "open": "**open**"}
HEAD = """# ASVS 5.0.0, requirement by requirement

<!-- Made by scripts/asvs.py (`make docs`) from asvs/*.toml. Do not edit. -->

OWASP Application Security Verification Standard 5.0.0: all {basic} requirements of levels 1 and 2 without WebRTC
(the house has none), and {more} of level 3 where money or children's data move. Numbers and levels are the standard's;
the words are ours and only point to it.

- **proved**: the tests named look for it; those of access, races and faults ship with a control run that must go red.
- **held by document**: a document or configuration says it, and the test or command named sees that it is so, as far
  as a test can.
- **not applicable**: why, signed by whom and when. An installation's own security officer countersigns.
- **open**: what is missing; each stands in [known limits](known-limits.md).

The tests of a requirement, of a chapter, or of a [threat](../reference/threats.md) are played by themselves:
`.venv/bin/python scripts/asvs.py --run 4.2.1 V5 T10`.

{counts}
"""


def chapters() -> list[tuple[str, list[dict]]]:
    """(title, items) of each chapter, in order."""
    read = [tomllib.loads(path.read_text("utf-8")) for path in sorted((FOLDER / "asvs").glob("*.toml"))]
    return [(one["chapter"], one["item"]) for one in read]


def page() -> str:
    """The whole page."""
    found = chapters()
    items = [item for _, many in found for item in many]
    basic = [item for item in items if item["level"] < 3]
    counts = table(["", "levels 1 and 2", "level 3", "all"], [row(WORDS[state], state, items) for state in WORDS])
    parts = [HEAD.format(basic=len(basic), more=len(items) - len(basic), counts=counts)]
    for n, (title, many) in enumerate(found, 1):
        rows = [[i["number"], str(i["level"]), i["about"], WORDS[i["state"]], said(i)] for i in many]
        parts.append(f"## V{n} {title}\n\n{table(['', 'level', 'about', 'state', 'by'], rows)}")
    return "\n".join(parts)


def row(word: str, state: str, items: list[dict]) -> list[str]:
    """How many items have this state, by level."""
    levels = Counter(item["level"] >= 3 for item in items if item["state"] == state)
    return [word, str(levels[False]), str(levels[True]), str(levels.total())]


def said(item: dict) -> str:
    """What an item rests on: tests, words, a signature."""
    tests = "<br>".join(linked(one) for one in item.get("tests", []))
    signed = f"({item['signed']})" if "signed" in item else ""
    return " ".join(part for part in (tests, item.get("note", ""), signed) if part).replace("|", "\\|")


def linked(test: str) -> str:
    """A test's name, leading to its file."""
    path, _, name = test.partition("::")
    return f"[{path.removeprefix('tests/')} {name}](../../{path})"


def against(threat: str) -> list[str]:
    """The tests of a threat's row, its control runs among them."""
    lines = (FOLDER.parent / "reference" / "threats.md").read_text("utf-8").splitlines()
    row = next((line for line in lines if line.startswith(f"| {threat} |")), "")
    return [f"tests/{one}" for one in re.findall(r"`([\w/]+\.py::\w+)`", row)]


def tests_of(asked: list[str]) -> list[str]:
    """The tests that requirements (`4.2.1`), chapters (`V5`) and threats (`T10`) rest on, each once, controls too.

    Raises:
        SystemExit: no such requirement, or one that no test stands for.
    """
    found: dict[str, None] = {}
    for one in asked:
        items = [
            i
            for _, many in chapters()
            for i in many
            if i["number"] == one or f"V{i['number'].partition('.')[0]}" == one
        ]
        tests = [test for item in items for test in item.get("tests", [])] + against(one)
        if not tests:
            sys.exit(
                f"{one}: {'no such requirement' if not items else 'rests on no test: ' + items[0].get('note', '')}"
            )
        found |= dict.fromkeys(tests)
    return list(found)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> int:
    """Write the page, with --check say whether it is stale, with --run play tests."""
    if sys.argv[1:2] == ["--run"]:
        asked, _, words = " ".join(sys.argv[2:]).partition(" -- ")
        return subprocess.run(
            [sys.executable, "-m", "pytest", *words.split(), *tests_of(asked.split())], cwd=ROOT
        ).returncode
    target, text = FOLDER / "asvs.md", page()
    if "--check" in sys.argv[1:]:
        return int(not target.exists() or target.read_text("utf-8") != text)
    target.write_text(text, "utf-8")
    print(f"{target.relative_to(ROOT)}: {len(chapters())} chapters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
