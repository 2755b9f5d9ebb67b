"""What the runbooks have a tired person type is there: verbs, options, targets, modules, units, files, settings, SQL.

Whatever stands in a fenced block or between backticks is read as commands. The controls plant one wrong word of each
kind; whether a step *helps* is played by hand, and each page says at its end when and how.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from django.conf import settings
from django.db import connection

from qosymsha.interfaces.cli import main
from tests.architecture.house import ROOT

RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
PAGES = [
    *RUNBOOKS,
    ROOT / "deploy" / "README.md",
    ROOT / "docs" / "guides" / "operator.md",
    ROOT / "docs" / "README.md",
    *sorted((ROOT / "docs" / "security").glob("[!a]*.md")),
]
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.M | re.S)
_TICKS = re.compile(r"`([^`\n]+)`")
_INDENTED = re.compile(r"^    ((?:UPDATE|DELETE|SELECT)\b.*)$", re.M)
_SQL = re.compile(r"^(UPDATE|DELETE|SELECT)\b")
_SETTING = re.compile(r"\bQOSYMSHA_[A-Z][A-Z_]*[A-Z]\b")
_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
_UNITS = {path.stem for path in (ROOT / "deploy" / "systemd").glob("*.*") if path.suffix in (".service", ".timer")}
_OTHERS_UNITS = {"haproxy", "clamav-daemon", "postgresql"}
_BATTERIES = set(re.findall(r'Battery\(\s*"([\w-]+)"', (ROOT / "scripts" / "night.py").read_text("utf-8")))
# Words of this page's own: where a number, a name, a file of the reader's stands.
_OPEN = re.compile(r"…|\b[A-Z]{3,}\b")


def commands(page: str) -> Iterator[list[str]]:
    """Every command of a page, in words; what is no command falls out later."""
    for kind, block in _FENCE.findall(page):
        if kind in ("", "sh"):
            yield from _lines(block.replace("\\\n", " "))
    for typed in _TICKS.findall(_FENCE.sub("", page)):
        yield from _lines(typed)


def _lines(block: str) -> Iterator[list[str]]:
    for line in block.splitlines():
        for part in re.split(r"&&|\|\||;|\|", re.sub(r"(^|\s)#.*$", "", line)):
            try:
                words = shlex.split(part)
            except ValueError:  # half a quotation: a sentence, not a command
                continue
            while words and re.match(r"[A-Z_]+=", words[0]):
                words = words[1:]
            if words:
                yield words


def faults(page: str) -> list[str]:
    """What a page has somebody type that is not there."""
    found = []
    for words in commands(page):
        name, rest = words[0].rsplit("/", 1)[-1], words[1:]
        if name in ("sudo", "nice", "-n"):
            continue
        found += [f"{' '.join(words)}: {fault}" for fault in _of_program(name, words[0], rest)]
    known = _settings()
    return found + [f"no setting {one}" for one in sorted(set(_SETTING.findall(page))) if one not in known]


def _of_program(name: str, typed: str, rest: list[str]) -> Iterator[str]:
    if name == "qosymsha" and rest and re.match(r"[a-z-]", rest[0]):
        yield from _verb(rest)
    elif name in ("python", "python3") and rest:
        yield from _python(rest)
    elif name == "make" and rest and rest[0] not in _TARGETS:
        yield f"no target {rest[0]}"
    elif name == "make" and "--only" in (words := " ".join(rest)):
        yield from (f"no battery {one}" for one in re.findall(r"--only ([\w-]+)", words) if one not in _BATTERIES)
    elif name in ("systemctl", "journalctl"):
        yield from _units(rest)
    elif re.match(r"(docs|deploy|scripts|tests|src|verify|bench)/", typed) and not _is_there(typed):
        yield "no such file"


def _verb(words: list[str]) -> Iterator[str]:
    """Verb and options, not values: a page may leave out what its reader knows."""
    command: click.Command = main.qosymsha
    options = {word for param in command.params for word in param.opts}
    for n, word in enumerate(words):
        if word.startswith("-"):
            bare = word.partition("=")[0]
            if bare not in options | {"--help", "-h", "--version"}:
                yield f"no option {bare}"
        elif isinstance(command, click.Group):
            under = _under(command, word)
            if under is None:
                if not _OPEN.search(word):
                    yield f"no verb {' '.join(words[: n + 1])}"
                return
            command = under
            options = {word for param in command.params for word in param.opts}


def _under(group: click.Group, word: str) -> click.Command | None:
    """A verb of a group; the first one is looked up past `get_command`, which would take `demo` at its word."""
    if group is not main.qosymsha:
        return group.get_command(click.Context(group), word)
    if word not in main.VERBS:
        return None
    found = importlib.import_module(f"qosymsha.interfaces.cli.{main.VERBS[word][0]}").command
    assert isinstance(found, click.Command)
    return found


def _python(rest: list[str]) -> Iterator[str]:
    if rest[0] == "-m" and len(rest) > 1 and rest[1].split(".")[0] in ("qosymsha", "tests", "bench"):
        spec = _spec(rest[1])
        if spec is None:
            yield f"no module {rest[1]}"
            return
        source = "".join(path.read_text("utf-8") for path in _sources(Path(str(spec))))
        typed = [word.partition("=")[0] for word in rest[2:] if word.startswith("--")]
        yield from (f"no option {one}" for one in typed if not re.search(rf"{one}(?![\w-])", source))
    elif rest[0].endswith(".py") and "/" in rest[0] and not _is_there(rest[0].removeprefix("/opt/qosymsha/")):
        yield f"no file {rest[0]}"


def _spec(module: str) -> str | None:
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    return found.origin if found else None


def _sources(origin: Path) -> list[Path]:
    return sorted(origin.parent.glob("*.py")) if origin.name == "__init__.py" else [origin]


def _units(rest: list[str]) -> Iterator[str]:
    asked = [word.removesuffix(".service").removesuffix(".timer") for word in rest if re.match(r"[a-z]", word)]
    for word in asked:
        if (word.startswith("qosymsha") or "-daemon" in word) and word not in _UNITS | _OTHERS_UNITS:
            yield f"no unit {word}"


def _is_there(path: str) -> bool:
    return bool(_OPEN.search(path) or list(ROOT.glob(path.split("::")[0].rstrip("/"))))


def _settings() -> set[str]:
    """Names that the program, the wrapper or the tests read."""
    places = [*(ROOT / "src").rglob("*.py"), ROOT / "deploy" / "qosymsha", *(ROOT / "tests").glob("*.py")]
    read = "\n".join(path.read_text("utf-8") for path in places)
    return {*_SETTING.findall(read), *(f"QOSYMSHA_{port.upper()}" for port in settings.ADAPTERS)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_whatever_a_page_has_somebody_type_is_there(page: Path) -> None:
    assert faults(page.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("qosymsha bakcup take /b", "no verb bakcup"),
        ("qosymsha backup restore /b --to /x", "no option --to"),
        ("qosymsha backup take /b && qosymsha doctor --fast", "no option --fast"),
        ("make nigth", "no target nigth"),
        ('make night ARGS="--only kils"', "no battery kils"),
        ("python -m tests.faults.disk", "no module tests.faults.disk"),
        ("python -m tests.faults.battery --request 5", "no option --request"),
        (".venv/bin/python docs/runbooks/psql.py dump x", "no file docs/runbooks/psql.py"),
        ("systemctl restart qosymsha-page", "no unit qosymsha-page"),
        ("deploy/cluster/rolls.sql", "no such file"),
        ("QOSYMSHA_STAT=/x qosymsha doctor", "no setting QOSYMSHA_STAT"),
    ],
)
def test_a_wrong_word_is_seen(typed: str, fault: str) -> None:
    """The control: one mistake of each kind, in a block and between backticks; what is right is passed."""
    for page in (f"Do\n\n```sh\n{typed}   # so\n```\n", f"then `{typed}`, and"):
        assert [one for one in faults(page) if fault in one], page
    assert faults("`qosymsha backup restore /b --into /x` and `make night`, `systemctl stop qosymsha-pages`") == []


def test_every_page_says_when_it_was_played_and_stands_in_both_lists() -> None:
    night, index = (ROOT / "docs" / "runbooks" / "README.md"), (ROOT / "docs" / "README.md").read_text("utf-8")
    for page in RUNBOOKS:
        if page == night:
            continue
        assert re.search(r"^Played on 20\d\d-\d\d-\d\d at \S+ ", page.read_text("utf-8"), re.M), page.name
        assert f"({page.name})" in night.read_text("utf-8"), page.name
        assert f"(runbooks/{page.name})" in index, page.name


def test_the_page_on_doctor_knows_every_line_that_doctor_can_turn_red() -> None:
    page = (ROOT / "docs" / "runbooks" / "doctor-is-red.md").read_text("utf-8")
    never = {"qosymsha", "python", "libraries", "mode"}  # told, never red
    cli = ROOT / "src" / "qosymsha" / "interfaces" / "cli"
    source = "\n".join(path.read_text("utf-8") for path in sorted(cli.glob("doctor*.py")))
    named = set(re.findall(r'Check\(\s*f?"([^"{]+)', source)) | {"keys", "scanner", "notice rules", "news told"}
    assert {"server", "checkpoints", "jobs stuck", "database role"} <= named
    told = " ".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| "))
    assert {one for one in named - never if one.strip().split(" in July")[0] not in told} == set()


def statements() -> Iterator[tuple[str, str]]:
    """(page, statement) of every line of SQL that a runbook has somebody type."""
    for page in RUNBOOKS:
        text = page.read_text("utf-8")
        blocks = [block for kind, block in _FENCE.findall(text) if kind == "sql"]
        typed = [one for one in _TICKS.findall(_FENCE.sub("", text)) if _SQL.match(one) and " " in one]
        for block in [*blocks, *_INDENTED.findall(text), *typed]:
            yield from ((page.name, one.strip()) for one in block.split(";") if one.strip())


@pytest.mark.django_db
def test_every_statement_of_a_runbook_is_understood_by_the_database() -> None:
    found = list(statements())
    assert {page for page, _ in found} >= {"messages.md", "backup-and-restore.md", "invariant-is-red.md"}
    with connection.cursor() as cursor:
        for page, statement in found:
            cursor.execute(f"EXPLAIN {statement.replace('PID', '1')}")
            assert cursor.fetchall(), (page, statement)
