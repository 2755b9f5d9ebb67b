"""What the code behind a view says: names that it reads of a request, forms, statuses, kinds of answers.

It follows names through the functions of the doors, as they stand in the sources; nothing is run.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from django import forms

DOORS = "qosymsha.interfaces."
HTML = "text/html"
_GATES = ("qosymsha.interfaces.ui.signed", "qosymsha.interfaces.ui.doors")
_KIND = re.compile(r"(?:application|image|text)/[\w.+-]+(?:; ?charset=[\w-]+)?$")
_READ = {"GET": "query", "POST": "posted", "FILES": "files"}
_ANSWERS = {
    **dict.fromkeys(("page", "render", "notice"), {HTML}),
    "JsonResponse": {"application/json"},
    "FileResponse": {"*/*"},
}
# Numbers that mean a status where they are handed to a call.
_STATUSES = {202, 302, 400, 403, 404, 405, 409, 410, 413, 422, 429, 503}


@dataclass(slots=True)
class Told:
    """What the code behind a view says: names that it reads, forms, statuses, kinds of answers."""

    query: set[str] = field(default_factory=set)
    posted: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    forms: set[type[forms.Form]] = field(default_factory=set)
    bodies: set[str] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)


@cache
def told(view: Any) -> Told:
    """What the functions behind a view say, all together."""
    found = Told()
    for function in reached(view):
        said = _said(function)
        for name in Told.__slots__:
            getattr(found, name).update(getattr(said, name))
    return found


def reached(view: Any) -> list[FunctionType]:
    """The functions of the doors that a view reaches by name, its own layers without the gates first."""
    waiting, seen = [one for one in _layers(view) if _home(one) not in _GATES], dict[FunctionType, None]()
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen[function] = None
        waiting += _steps(function)
    return list(seen)


@cache
def _steps(function: FunctionType) -> list[FunctionType]:
    found = [one for thing in _named(function) for one in _layers(thing)]
    return [one for one in found if _home(one).startswith(DOORS)]


def _layers(thing: Any) -> list[FunctionType]:
    found = []
    while thing is not None:
        thing = thing.func if isinstance(thing, partial) else thing
        if isinstance(thing, FunctionType):
            found.append(thing)
        thing = getattr(thing, "__wrapped__", None)
    return found


def _home(function: FunctionType) -> str:
    """The module whose code a function is; a wrapper says its inner function's."""
    return str(function.__globals__["__name__"])


def cells_of(function: Any) -> dict[str, Any]:
    """What an inner function keeps of the one around it."""
    code, closure = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    return {} if code is None or not closure else dict(zip(code.co_freevars, _contents(closure), strict=True))


def _contents(closure: tuple[Any, ...]) -> Iterator[Any]:
    for cell in closure:
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            yield None


@cache
def _named(function: FunctionType) -> list[Any]:
    """The things that a function names, and what stands in the tables that it names."""
    found: list[Any] = []
    for node in _nodes(function):
        thing = _value(function, node) if isinstance(node, ast.Name | ast.Attribute) else None
        inside = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, tuple | list) else ()
        for one in (thing, *inside):
            found += one if isinstance(one, tuple) else (one,)
    return found


def _value(function: FunctionType, node: ast.AST) -> Any:
    """What a name, or a name of a module, stands for outside the function; None where it is not known."""
    if isinstance(node, ast.Name):
        kept = cells_of(function)
        return kept[node.id] if node.id in kept else function.__globals__.get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        module = function.__globals__.get(node.value.id)
        return getattr(module, node.attr, None) if isinstance(module, ModuleType) else None
    return node.value if isinstance(node, ast.Constant) else None


@cache
def _defined(file: str) -> dict[int, ast.AST]:
    """First line → function, of a file."""
    tree = ast.parse(Path(file).read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.Lambda, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return {min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]): node for node in found}


@cache
def _nodes(function: FunctionType) -> list[ast.AST]:
    """The pieces of a function's own code, without what it wears."""
    node: Any = _defined(function.__code__.co_filename).get(function.__code__.co_firstlineno, ast.Pass())
    body = getattr(node, "body", [])
    return [one for part in (body if isinstance(body, list) else [body]) for one in ast.walk(part)]


@cache
def _said(function: FunctionType) -> Told:
    """What one function reads and answers."""
    found = Told()
    for kind, word in read_by(function):
        if isinstance(word, str):
            getattr(found, kind).add(word)
    for node in _nodes(function):
        if isinstance(node, ast.Call):
            _hear_call(function, node, found)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.statuses |= {int(HTTPStatus[node.attr])} if node.value.id == "HTTPStatus" else set()
            found.bodies |= {"application/json"} if (node.value.id, node.attr) == ("request", "body") else set()
    for thing in _named(function):
        if isinstance(thing, type) and issubclass(thing, forms.Form):
            found.forms.add(thing)
    return found


@cache
def read_by(function: FunctionType) -> list[tuple[str, str | int]]:
    """(query, posted or files, the word), of what a function reads; a number where its caller says the word."""
    return list(_readings(function))


def _readings(function: FunctionType) -> Iterator[tuple[str, str | int]]:
    names = list(inspect.signature(function, follow_wrapped=False).parameters)
    for node in _nodes(function):
        kind, word = _reading(function, node)
        if kind and isinstance(word, ast.Name) and word.id in names:
            yield kind, names.index(word.id)
        elif kind and isinstance(said := _value(function, word), str):
            yield kind, said


def _reading(function: FunctionType, node: ast.AST) -> tuple[str, ast.AST]:
    """What a piece of code reads of a request, and the piece that says under which name."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if node.func.attr in ("get", "getlist"):
            return _half(function, node.func.value), node.args[0]
    elif isinstance(node, ast.Subscript):
        return _half(function, node.value), node.slice
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        return _half(function, node.comparators[0]), node.left
    return "", node


def _half(function: FunctionType, node: ast.AST) -> str:
    """The half of a request that is read: `request.GET`, or a parameter said to be a QueryDict."""
    if isinstance(node, ast.Attribute):
        return _READ.get(node.attr, "")
    if isinstance(node, ast.Name) and "QueryDict" in str(function.__annotations__.get(node.id, "")):
        return "query"
    return ""


def _hear_call(function: FunctionType, node: ast.Call, found: Told) -> None:
    """Words handed to who reads them; statuses; kinds of answers."""
    called = _value(function, node.func)
    for layer in _layers(called)[-1:]:
        _hear_handed(function, node, layer, found)
    found.kinds |= _ANSWERS.get(getattr(called, "__name__", ""), set())
    for part in (*node.args[1:], *(word.value for word in node.keywords if word.arg == "status")):
        numbers = {one.value for one in ast.walk(part) if isinstance(one, ast.Constant) and type(one.value) is int}
        found.statuses |= numbers & _STATUSES
    for part in node.args:
        said = _value(function, part)
        found.kinds |= {said.partition(";")[0]} if isinstance(said, str) and _KIND.match(said) else set()
    for word in node.keywords:
        if word.arg == "content_type":
            found.kinds |= _kinds(function, word.value)


def _hear_handed(function: FunctionType, node: ast.Call, reader: FunctionType, found: Told) -> None:
    """The words that a call hands to a function that reads under them."""
    for kind, index in read_by(reader) if _home(reader).startswith(DOORS) else ():
        if isinstance(index, int) and index < len(node.args):
            said = _value(function, node.args[index])
            getattr(found, kind).update([said] if isinstance(said, str) else [])


def _kinds(function: FunctionType, node: ast.AST) -> set[str]:
    """The kinds of files that an expression can mean: a text, a table's, what its caller says, or any."""
    if isinstance(node, ast.Name) and node.id in inspect.signature(function, follow_wrapped=False).parameters:
        return set()
    things = [_value(function, one) for one in ast.walk(node)]
    texts = [text for thing in things for text in (thing.values() if isinstance(thing, dict) else [thing])]
    found = {text.partition(";")[0] for text in texts if isinstance(text, str) and _KIND.match(text)}
    return found or {"*/*"}
