"""The OpenAPI 3.1 document of every door, drawn from the code: `docs/reference/openapi.json`. Run by `make docs`.

Addresses, methods and roles come from the URL table. Fields, words of queries, statuses and kinds of files come from
the code behind a view (`behind.py`). What cannot be read there is left general; nothing is kept by hand.
docs/decisions/0061-openapi-schemathesis.md.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from behind import HTML, Told, cells_of, told
from django import forms
from django.conf import settings
from django.urls import get_resolver

_PLACE = re.compile(r"<(?:(\w+):)?(\w+)>")
_PLACES: dict[str, dict[str, Any]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "minimum": 0},
    "slug": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"},
    "path": {"type": "string", "minLength": 1},
    "language": {"type": "string", "enum": sorted(dict(settings.LANGUAGES))},
}
_WORD: dict[str, Any] = {"type": "string"}
# What the gates, the middleware and the server may answer whatever a view does.
_SIGNED = {302, 400, 403, 404, 409, 429, 503}
_OPEN = {400, 404, 503}
_POSTED = {403}  # without the form's token
_SHOWN = {304}  # an open page that the asker has already


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address; `address` as Django has it, below the language where `is_spoken`."""

    address: str
    is_spoken: bool
    name: str
    method: str
    roles: tuple[str, ...]
    view: Callable[..., Any]

    @property
    def path(self) -> str:
        """The address as OpenAPI writes it."""
        return ("/{language}/" if self.is_spoken else "/") + _PLACE.sub(r"{\2}", self.address)

    @property
    def is_signed(self) -> bool:
        """Whether it stands behind the gate, so that a role is needed."""
        return hasattr(self.view, "deeds")


def operations(patterns: list[Any] | None = None, before: str = "") -> Iterator[Operation]:
    """Every address of the table with each of its methods but HEAD."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        address = before + str(one.pattern)
        if hasattr(one, "url_patterns"):
            yield from operations(one.url_patterns, address)
            continue
        spoken = re.match(rf"({'|'.join(dict(settings.LANGUAGES))})/", address)
        bare = address[spoken.end() :] if spoken else address
        for method in methods_of(one.callback):
            roles = tuple(sorted(getattr(one.callback, "roles", {}).get(method, ())))
            yield Operation(bare, bool(spoken), one.name or bare, method, roles, one.callback)


def methods_of(view: Any) -> list[str]:
    """The methods that a view takes: its deeds, what `anyone` was given, or a look."""
    if hasattr(view, "deeds"):
        return sorted(set(view.deeds) - {"HEAD"})
    layer = view
    while layer is not None:
        given = cells_of(layer).get("methods")
        if given:
            return sorted(set(given) - {"HEAD"})
        layer = getattr(layer, "__wrapped__", None)
    return ["GET"]


def field_schema(one: forms.Field) -> dict[str, Any]:
    """What a field takes, as a schema; a list that is filled when the page is made is any word."""
    if isinstance(one, forms.FileField):
        return {"type": "string", "format": "binary"}
    if isinstance(one, forms.ChoiceField):
        choices: Any = one.choices
        offered = sorted({str(value) for value, label in choices if not isinstance(label, list | tuple)})
        each = {"type": "string", "enum": offered} if any(offered) else _WORD
        return {"type": "array", "items": each} if isinstance(one, forms.MultipleChoiceField) else dict(each)
    found = dict(next((schema for kind, schema in _FIELDS if isinstance(one, kind)), _WORD))
    limits = {"maxLength": "max_length", "minLength": "min_length", "minimum": "min_value", "maximum": "max_value"}
    found |= {key: value for key, name in limits.items() if isinstance(value := getattr(one, name, None), int)}
    return found


_FIELDS: tuple[tuple[type[forms.Field], dict[str, Any]], ...] = (
    (forms.BooleanField, {"type": "string", "enum": ["on"]}),
    (forms.DateTimeField, _WORD),
    (forms.DateField, {"type": "string", "format": "date"}),
    (forms.TimeField, _WORD),
    (forms.EmailField, {"type": "string", "format": "email"}),
    (forms.UUIDField, {"type": "string", "format": "uuid"}),
    (forms.DecimalField, {"type": "number"}),
    (forms.IntegerField, {"type": "integer"}),
)


def body(found: Told) -> dict[str, Any]:
    """What a POST sends: the fields of every form behind it, needed where each of the forms needs them; or JSON."""
    if found.bodies:
        return {"required": True, "content": {kind: {"schema": {}} for kind in sorted(found.bodies)}}
    fields: dict[str, dict[str, Any]] = {name: dict(_WORD) for name in sorted(found.posted)}
    fields |= {"key": {"type": "string", "format": "uuid"}} if "key" in found.posted else {}
    fields |= {name: {"type": "string", "format": "binary"} for name in sorted(found.files)}
    ordered = sorted(found.forms, key=lambda form: (form.__module__, form.__name__))
    for form in ordered:
        for name, one in form.base_fields.items():
            said = field_schema(one)
            fields[name] = said if name not in fields or fields[name] in (_WORD, said) else dict(_WORD)
    needed = [{name for name, one in form.base_fields.items() if one.required} for form in ordered]
    required = sorted(set.intersection(*needed) if needed else set()) + (["key"] if "key" in found.posted else [])
    schema = {"type": "object", "properties": fields} | ({"required": required} if required else {})
    has_files = any(one.get("format") == "binary" for one in fields.values())
    kind = "multipart/form-data" if has_files else "application/x-www-form-urlencoded"
    return {"required": bool(required), "content": {kind: {"schema": schema}}}


def answers(operation: Operation, found: Told) -> dict[str, Any]:
    """Status → answer, of one operation."""
    statuses = {200} | found.statuses | (_SIGNED if operation.is_signed else _OPEN)
    if operation.method == "POST":
        statuses |= _POSTED | {302, 422}
    elif not operation.is_signed:
        statuses |= _SHOWN | {302}
    if _PLACE.search(operation.address):
        statuses.add(405)  # what stood in a place meant another address
    kinds = sorted(found.kinds) or [HTML]
    return {str(status): _short(status, answer(status, kinds)) for status in sorted(statuses)}


def _short(status: int, said: dict[str, Any]) -> dict[str, Any]:
    """An answer of words alone by its name, since most are."""
    return {"$ref": f"#/components/responses/{status}"} if said == answer(status, [HTML]) else said


def answer(status: int, kinds: list[str]) -> dict[str, Any]:
    """One answer: a file or page where it is a good one, words where it is none."""
    said = {"description": HTTPStatus(status).phrase}
    if status in (301, 302, 303, 304):
        return said
    return said | {"content": {kind: {} for kind in (kinds if status < 300 else sorted({HTML, *kinds}))}}


def described(operation: Operation) -> dict[str, Any]:
    """One operation."""
    found = told(operation.view)
    places = ([("language", "language")] if operation.is_spoken else []) + _PLACE.findall(operation.address)
    words = [(word, "query", _WORD) for word in sorted(found.query) if operation.method == "GET"]
    asked = [(name, "path", _PLACES.get(kind, _WORD)) for kind, name in places] + words
    parameters = [{"name": n, "in": where, "required": where == "path", "schema": said} for n, where, said in asked]
    said: dict[str, Any] = {
        "operationId": f"{operation.method.lower()} {operation.name}",
        "tags": [operation.address.partition("/")[0] if operation.is_signed else "open"],
        "summary": " ".join((inspect.getdoc(operation.view) or "").partition("\n\n")[0].split()),
        "parameters": parameters,
        "responses": answers(operation, found),
        "security": [{"visit": list(operation.roles)} | ({"form": []} if operation.method == "POST" else {})]
        if operation.is_signed
        else [],
    }
    return said | ({"requestBody": body(found)} if operation.method == "POST" else {})


def document(found: list[Operation] | None = None) -> dict[str, Any]:
    """The whole document, of these operations or of all."""
    paths: dict[str, Any] = {}
    for one in sorted(operations() if found is None else found, key=lambda one: (one.path, one.method)):
        paths.setdefault(one.path, {})[one.method.lower()] = described(one)
    name = settings.SESSION_COOKIE_NAME.removeprefix("__Host-")
    cookie = {"type": "apiKey", "in": "cookie", "name": f"__Host-{name}"}
    token = {"type": "apiKey", "in": "header", "name": "X-CSRFToken"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "qosymsha", "version": "1", "description": _ABOUT},
        "paths": paths,
        "components": {
            "responses": {str(status): answer(status, [HTML]) for status in HTTPStatus if status >= 200},
            "securitySchemes": {
                "visit": cookie
                | {"description": f"Signed in; one of the roles named is needed. Without TLS: `{name}`."},
                "form": token | {"description": "The token of the page's own form; as a field: csrfmiddlewaretoken."},
            },
        },
    }


_ABOUT = (
    "Every address of the house, as people's browsers and programs meet it: pages, forms, exports and published files. "
    "Made from the code by scripts/openapi.py (`make docs`). HEAD is answered where GET is; any other method is 405."
)
