"""Checks that every relative link in the Markdown pages leads to a file. Exit status 1 names those that do not."""

import re
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)[^)]*\)")
OUTSIDE = ("http:", "https:", "mailto:", "#")


def broken_links(page: Path) -> list[str]:
    """Return the page's links to files that are not there."""
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    inside = [target for target in targets if not target.startswith(OUTSIDE)]
    return [target for target in inside if not (page.parent / unquote(target.partition("#")[0])).exists()]


def main() -> int:
    """Check README and its neighbours, and all pages below docs."""
    pages = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
    findings = [f"{page.relative_to(ROOT)}: {target}" for page in pages for target in broken_links(page)]
    print("\n".join(findings) or f"{len(pages)} pages, no broken link")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
