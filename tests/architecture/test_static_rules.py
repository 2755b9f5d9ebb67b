"""Rules that a reader of the code would check for security, as searches over its text; each finds what is planted.

Beside them ruff's S rules (bandit's) are on for all of `src` (pyproject.toml). RELIABILITY.md section 6, BAT-15; which
requirement of ASVS each one holds: docs/security/asvs.md.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.house import ROOT, SOURCE, Module, modules

Finder = Callable[[Module], Iterator[str]]
HOUSE = [m for m in modules() if ".migrations." not in m.name]
SCRIPTS = {p.relative_to(SOURCE).as_posix(): p.read_text("utf-8") for p in sorted(SOURCE.rglob("*.js"))}
PAGES = {p.relative_to(SOURCE).as_posix(): p.read_text("utf-8") for p in sorted(SOURCE.rglob("*.html"))}


def found(finder: Finder, house: list[Module] | None = None) -> list[str]:
    """Every hit, as `module: what`."""
    return [f"{m.name}: {hit}" for m in house or HOUSE for hit in finder(m)]


def planted(text: str, name: str = "interfaces.office.planted") -> list[Module]:
    """A module that does not exist."""
    return [Module(name, Path("planted.py"), ast.parse(text))]


@cache
def calls(module: Module) -> list[tuple[str, ast.Call]]:
    """(dotted name as written, call)."""
    return [(ast.unparse(node.func), node) for node in ast.walk(module.tree) if isinstance(node, ast.Call)]


@cache
def imported(module: Module) -> set[str]:
    """Top names and dotted names that a module imports."""
    names: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


# -- statements -------------------------------------------------------------------------------------------------------

_RUNS = {"execute", "executemany", "rows", "raw", "extra", "RawSQL", "copy"}
# Parts of statements that are no constants of a module, each read by hand: one of some fixed texts of the same module.
PARTS = {
    "domain.attendance.queries.lessons": {"columns"},
    "domain.attendance.queries.months": {"which"},
    "domain.attendance.steps.holds": {"column"},
    "domain.changes.queries": {"attendance.SESSION_COLUMNS"},
    "domain.controls.queries": {"which", "order"},
    "domain.flags.queries.flags": {"which"},
    "domain.flags.queries.outside": {"listed", "statement"},
    "domain.flags.steps": {"names"},
    "domain.insights.queries.touched": {"scan", "_LIMIT + 1"},
    "domain.intake.queries.office": {"order"},
    "domain.messages.whom": {"source", "rows"},
    "domain.providers.commands.registration": {"sequence"},
    "domain.providers.queries.files": {"condition"},
    "interfaces.cli.doctor": {"table"},
    "interfaces.ui.journal": {"sql", "trace_id()"},
    "runtime.postgres": {"database"},
}


def put_together(module: Module) -> Iterator[str]:
    """Statements with a part that is neither a constant of a module nor named above."""
    known = PARTS.get(module.name, set())
    for name, call in calls(module):
        if name.rpartition(".")[2] in _RUNS and call.args:
            yield from (part for node in _parts(call.args[0]) if (part := ast.unparse(node)) not in known)


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.JoinedStr(values=values):
            yield from (v.value for v in values if isinstance(v, ast.FormattedValue) and not _is_constant(v.value))
        case ast.BinOp(left=left, right=right):
            yield from (*_parts(left), *_parts(right))
        case ast.IfExp(body=body, orelse=other):
            yield from (*_parts(body), *_parts(other))
        case ast.Call(func=ast.Attribute(attr="format"), args=args, keywords=keywords):
            yield from (one for one in (*args, *(k.value for k in keywords)) if not _is_constant(one))


def _is_constant(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, ast.Constant) or isinstance(node, ast.Name) and node.id.strip("_").isupper()


def test_no_statement_is_put_together_from_values() -> None:
    assert found(put_together) == []


# -- what is never called ----------------------------------------------------------------------------------------------

_NEVER = re.compile(r"(os\.system|os\.popen|eval|exec|compile|(pickle|marshal|shelve|dill)\.\w+|yaml\.(unsafe_)?load)")


def dangerous(module: Module) -> Iterator[str]:
    """A shell, code made from text, objects made from bytes."""
    for name, call in calls(module):
        if _NEVER.fullmatch(name) or any(k.arg == "shell" for k in call.keywords):
            yield name
    yield from sorted(imported(module) & {"pickle", "marshal", "shelve", "dill", "yaml"})


def test_no_shell_no_eval_no_pickle() -> None:
    assert found(dangerous) == []


_FOREIGN = {"runtime.processes": "tells the kernel to end a child with its parent (prctl)"}


def foreign(module: Module) -> Iterator[str]:
    """Memory that Python does not look after."""
    yield from sorted(imported(module) & {"ctypes", "cffi", "_ctypes"}) if module.name not in _FOREIGN else ()


def test_no_foreign_memory_is_touched() -> None:
    assert found(foreign) == []


# -- texts from outside ------------------------------------------------------------------------------------------------


def patterns(module: Module) -> Iterator[str]:
    """A pattern that is not written down, or one in which `\\d` also means other scripts' digits where it matters."""
    for name, call in calls(module):
        if re.fullmatch(r"re\.(compile|match|search|fullmatch|sub|subn|split|findall|finditer)", name) and call.args:
            pattern = call.args[0]
            if any(not _is_constant(v.value) for v in getattr(pattern, "values", ()) if hasattr(v, "value")):
                yield ast.unparse(pattern)
            elif isinstance(pattern, ast.Name) and not pattern.id.strip("_").isupper():
                yield pattern.id


def test_no_pattern_is_put_together_from_input() -> None:
    assert found(patterns) == []


# Where only our own programs' words are read.
_DIGITS = {
    "runtime.binaries": "the version that PostgreSQL says of itself",
    "interfaces.files.cells": "parts a cell; each part is judged by its own rule",
    "domain.enquiries.rules": "refuses twelve digits of any script in a reference; another rule names the letters",
    "domain.people.rules": "no digit of any script in a name",
}


def digits(module: Module) -> Iterator[str]:
    """`\\d` in a pattern; `isdigit`, which takes signs that `int` does not, without a look at ASCII beside it."""
    if module.name in _DIGITS:
        return
    text = module.path.read_text("utf-8") if module.path.exists() else ast.unparse(module.tree)
    for line in text.splitlines():
        if ".isnumeric()" in line or ".isdigit()" in line and ".isascii()" not in line:
            yield line.strip()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and r"\d" in node.value:
            yield node.value[:60]


def test_digits_are_ascii_digits() -> None:
    assert found(digits) == []


def formats(module: Module) -> Iterator[str]:
    """`str.format` of what a request brought."""
    for name, _ in calls(module):
        if name.endswith((".format", ".format_map")) and "request" in name:
            yield name


def test_no_format_comes_from_input() -> None:
    assert found(formats) == []


def templates(module: Module) -> Iterator[str]:
    """A template made from words instead of a file."""
    for name, _ in calls(module):
        if name.rpartition(".")[2] in ("Template", "from_string") and not name.startswith("string."):
            yield name


def test_no_template_is_made_from_words() -> None:
    assert found(templates) == []


# Marked as safe, each read by hand.
_SAFE = {
    "interfaces.public.templatetags.menus": "options escaped where they were made",
    "interfaces.ui.templatetags.pages": "a constant",
    "interfaces.office.templatetags.desk": "format_html of constants and escaped values",
    "interfaces.office.templatetags.charts": "drawn from numbers",
}


def unescaped(module: Module) -> Iterator[str]:
    """Words that a template will not escape."""
    for name, _ in calls(module):
        if name.rpartition(".")[2] in ("mark_safe", "SafeString") and module.name not in _SAFE:
            yield name


def test_nothing_is_called_safe_that_nobody_read() -> None:
    assert found(unescaped) == []
    assert [name for name, text in PAGES.items() if re.search(r"\|\s*safe\b|autoescape\s+off", text)] == []


def paths(module: Module) -> Iterator[str]:
    """A path of the disk taken from a request."""
    for name, call in calls(module):
        if name.rpartition(".")[2] in ("Path", "open", "joinpath") and re.search(
            r"request\.(GET|POST|FILES|path|META)", " ".join(ast.unparse(a) for a in call.args)
        ):
            yield ast.unparse(call)


def test_no_path_comes_from_a_request() -> None:
    assert found(paths) == []


def test_no_form_asks_for_a_password() -> None:
    assert [name for name, text in PAGES.items() if 'type="password"' in text] == []
    assert found(lambda m: (name for name, _ in calls(m) if name.endswith("PasswordInput"))) == []


# -- other machines, XML -----------------------------------------------------------------------------------------------

_OUTSIDE = {"requests", "httpx", "urllib.request", "urllib3", "http.client", "socket", "ftplib", "smtplib", "aiohttp"}
# Who may hold a connection, and why.
CLIENTS = {
    "integrations.outgoing": "the one client",
    "integrations.identity.wire": "the identity provider's, with the same bounds",
    "integrations.messages.smtp": "the operator's mail server, encrypted and bounded in time",
    "integrations.judged": "names the faults of the client's connection",
    "interfaces.cli.serve": "looks whether a port is free",
}


def asking(module: Module) -> Iterator[str]:
    """A connection outside the client."""
    names = {one for one in imported(module) if one in _OUTSIDE or one.rpartition(".")[0] in _OUTSIDE}
    yield from sorted(names) if module.name not in CLIENTS else ()


def test_only_the_client_asks_other_machines() -> None:
    assert found(asking) == []


# Schemas that a pinned package brings along.
_SCHEMAS = {"etree.parse(folder / 'templates' / MESSAGE / f'{MESSAGE}.xsd')", "etree.parse(path)"}


def entities(module: Module) -> Iterator[str]:
    """A parser of XML from outside that would follow entities, or the network."""
    for name, call in calls(module):
        words = {k.arg: ast.unparse(k.value) for k in call.keywords}
        is_strict = words.get("resolve_entities") == "False" and words.get("no_network") == "True"
        is_ours = call.args and isinstance(call.args[0], ast.JoinedStr | ast.Constant)
        is_loose = name in ("etree.parse", "etree.XML", "etree.iterparse", "ElementTree.parse", "minidom.parseString")
        is_bare = name == "etree.fromstring" and len(call.args) < 2 and not words and not is_ours
        is_ours_to_read = ast.unparse(call) in _SCHEMAS
        if (is_loose and not is_ours_to_read) or (name.endswith("XMLParser") and not is_strict) or is_bare:
            yield ast.unparse(call)


def test_xml_is_read_without_entities() -> None:
    assert found(entities) == []


def test_no_path_through_xml_is_put_together() -> None:
    def walks(module: Module) -> Iterator[str]:
        for name, call in calls(module):
            if name.endswith(".xpath") and any(isinstance(a, ast.JoinedStr | ast.BinOp) for a in call.args):
                yield ast.unparse(call)

    assert found(walks) == []


# -- chance, hashes, clocks, logs --------------------------------------------------------------------------------------

# Chance that keeps no secret, or stands at the beginning of a process.
_CHANCE = {
    "kernel.entropy": "the one place",
    "domain.allocation.draw": "a party's own secret, beside its commitment; the engine knows no kernel",
    "config.settings": "a session key of a process that was given none",
    "interfaces.cli.main": "the id of a verb's reads",
    "interfaces.ui.journal": "the id of a request",
    "interfaces.ui.shedding": "when a crowd comes back",
    "interfaces.cli.migrating": "when a try is repeated",
    "interfaces.cli.backup": "which second a drill restores",
}


def chance(module: Module) -> Iterator[str]:
    """Chance from elsewhere than the kernel."""
    if module.name in _CHANCE or module.name.startswith("demo."):
        return
    yield from sorted(imported(module) & {"random", "secrets", "numpy.random"})
    yield from (name for name, _ in calls(module) if name in ("os.urandom", "uuid.uuid1", "uuid.uuid4"))


def test_chance_comes_from_one_place() -> None:
    assert found(chance) == []


def broken(module: Module) -> Iterator[str]:
    """MD5 and SHA-1; what TOTP's standard asks for stands in `people`."""
    for name, _ in calls(module):
        if re.search(r"\b(md5|sha1|SHA1|MD5)\b", name) and not module.name.startswith("domain.people."):
            yield name


def test_no_broken_hash_is_used() -> None:
    assert found(broken) == []


_CRYPTO = {"hashlib", "hmac", "secrets", "cryptography", "joserfc", "fido2", "asn1crypto"}


def test_every_use_of_cryptography_stands_in_the_inventory() -> None:
    told = (ROOT / "docs" / "security" / "cryptography.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_0-9]+)+)`", told))
    used = {
        m.name.replace(".", "/")
        for m in HOUSE
        if {one.partition(".")[0] for one in imported(m)} & _CRYPTO and not m.name.startswith("demo.")
    }
    missing = {one for one in used if one not in named and not any(one.startswith(f"{n}/") for n in named)}
    assert missing == set(), "say in docs/security/cryptography.md what it is for"


def naive(module: Module) -> Iterator[str]:
    """An instant without its zone, or one of this machine instead of the database's."""
    for name, call in calls(module):
        last = name.rpartition(".")[2]
        if name in ("datetime.now", "datetime.datetime.now") and not call.args:
            yield name
        if last in ("utcnow", "utcfromtimestamp") and module.name != "interfaces.jobs.reaper" or name == "date.today":
            yield name


def test_no_instant_lacks_its_zone() -> None:
    assert found(naive) == []


# Who writes elsewhere than to a logger.
_WRITES = {"interfaces.ui.readings": "the request log of decision 0038", "demo.tuning": "a program for developers"}


def printing(module: Module) -> Iterator[str]:
    """A line that passes by the journal."""
    for name, _ in calls(module):
        if name == "print" or name.endswith(("FileHandler", "SysLogHandler", "SocketHandler", "HTTPHandler")):
            yield name


def test_nobody_prints_or_opens_a_log_of_his_own() -> None:
    assert [hit for hit in found(printing) if hit.partition(":")[0] not in _WRITES] == []


# -- scripts and pages -------------------------------------------------------------------------------------------------

_BROWSER = re.compile(
    r"(?:inner|outer)HTML\s*\+?=(?!=)|insertAdjacentHTML|document\.write|\beval\(|new Function|javascript:|postMessage"
    r"|addEventListener\(\s*[\"']message|setTimeout\(\s*[\"']|__proto__"
)


def test_scripts_set_text_as_text() -> None:
    assert {name: _BROWSER.findall(text) for name, text in SCRIPTS.items() if _BROWSER.search(text)} == {}
    assert SCRIPTS
    assert _BROWSER.search("box.innerHTML = said")


def test_no_page_holds_a_script_of_its_own() -> None:
    heard = "click|load|error|submit|change|input|focus|blur|toggle|key[a-z]+|mouse[a-z]+|pointer[a-z]+"
    own = re.compile(rf"<script(?![^>]*\bsrc=)[^>]*>|\son(?:{heard})=|\sstyle=|<object|<embed|<applet")
    assert {name: own.findall(text) for name, text in PAGES.items() if own.search(text)} == {}
    assert own.search("<script>1</script>")
    assert own.search('<p onclick="x">')


def test_types_are_strict_everywhere() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
    assert (told["strict"], told["packages"]) == (True, ["qosymsha"])
    loose = re.compile(r"^#\s*(mypy: ignore-errors|type: ignore\s*$)", re.MULTILINE)
    assert [m.name for m in HOUSE if loose.search(m.path.read_text("utf-8"))] == []


PLANTED: list[tuple[Finder, str]] = [
    (put_together, "cursor.execute(f'SELECT 1 FROM child WHERE name = {typed}')"),
    (put_together, "cursor.execute('SELECT 1 FROM child WHERE name = {}'.format(typed))"),
    (put_together, "rows(_A + f'{typed}')"),
    (dangerous, "eval(typed)"),
    (dangerous, "subprocess.run(line, shell=True)"),
    (dangerous, "import pickle"),
    (foreign, "import ctypes"),
    (patterns, "re.match(f'{typed}x', text)"),
    (patterns, "re.match(typed, text)"),
    (digits, "n = int(x) if x.isdigit() else 0"),
    (digits, r"p = '\\d+'"),
    (formats, "request.POST['x'].format(y=1)"),
    (templates, "Template(words)"),
    (unescaped, "mark_safe(words)"),
    (paths, "open(request.GET['file'])"),
    (asking, "import requests"),
    (asking, "from urllib.request import urlopen"),
    (entities, "etree.XMLParser(huge_tree=True)"),
    (entities, "etree.fromstring(content)"),
    (chance, "import random"),
    (broken, "hashlib.md5(x)"),
    (naive, "datetime.now()"),
    (printing, "print(child)"),
]


@pytest.mark.parametrize(("finder", "text"), PLANTED, ids=lambda one: getattr(one, "__name__", None))
def test_what_is_planted_is_found(finder: Finder, text: str) -> None:
    """The control run of each search."""
    assert found(finder, planted(text)) != []
    assert found(finder, planted("x = 1")) == []
