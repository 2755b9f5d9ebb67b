"""Rules that a reader of the code would check for security, as searches over its text; each finds what is planted.

Beside them ruff's S rules (bandit's) are on for all of `src` (pyproject.toml). RELIABILITY.md section 6, BAT-15; which
requirement of ASVS each one holds: docs/security/asvs.md.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.house import Module
from tests.architecture.searches import PAGES, Finder, calls, found, imported, planted

# -- statements -------------------------------------------------------------------------------------------------------

_RUNS = {"execute", "executemany", "rows", "raw", "extra", "RawSQL", "copy"}
# Parts of statements that are no constants of a module, each read by hand: one of some fixed texts of the same module.
PARTS = {
    "domain.attendance.queries.lessons": {"columns"},
    "domain.attendance.queries.months": {"which"},
    "domain.attendance.steps.holds": {"column"},
    "domain.casework.queries.holds": {"_counts(kind)"},
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


# -- XML ---------------------------------------------------------------------------------------------------------------

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
    (entities, "etree.XMLParser(huge_tree=True)"),
    (entities, "etree.fromstring(content)"),
]


@pytest.mark.parametrize(("finder", "text"), PLANTED, ids=lambda one: getattr(one, "__name__", None))
def test_what_is_planted_is_found(finder: Finder, text: str) -> None:
    """The control run of each search."""
    assert found(finder, planted(text)) != []
    assert found(finder, planted("x = 1")) == []
