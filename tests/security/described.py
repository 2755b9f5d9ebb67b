"""Schemathesis on the document of every door: its cases as each role, through the WSGI application in this process.

The document is the published one (`scripts/openapi.py`); before it is read, the things of the wall's registry and the
values that pages offer in their forms are added, so that cases get past the first refusal. Each request is undone.
"""

from __future__ import annotations

import copy
import re
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception, request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.control import SkipTest
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from tests.architecture.test_wall import PEOPLE, PLACE, thing_of
from tests.factories import wall
from tests.security.fuzz import Known, told

TOKEN = "a" * 32
SITE = "http://localhost"  # the only host whose cookies its transport sends
CHECKS = (status_code_conformance, content_type_conformance, not_a_server_error)
_SENT_FROM = {"REMOTE_ADDR": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Failed:
    """A case whose answer the document does not allow."""

    operation: str
    role: str
    sent: str
    status: int
    why: str


def lively(document: Mapping[str, Any], found: Iterable[Any], here: wall.Wall, known: Known) -> dict[str, Any]:
    """The document of these operations with real things and offered values among what each place and field takes.

    Who asks is said by the test, so that no case brings a visit or a token of its own.
    """
    living: dict[str, Any] = {**copy.deepcopy(dict(document)), "paths": {}}
    living["components"].pop("securitySchemes")
    for one in found:
        said = copy.deepcopy(document["paths"][one.path][one.method.lower()])
        said.pop("security")
        said["parameters"] = [
            parameter
            for parameter in said["parameters"]
            if parameter["in"] != "path" or parameter["name"] != "language"
        ]
        living["paths"].setdefault(spoken(one), {})[one.method.lower()] = said
        _with_things(said, one, here)
        address = f"/en/{thing_of(here, one.address)[0]}".partition("?")[0]
        for media in said.get("requestBody", {}).get("content", {}).values():
            _with_values(media["schema"], known.forms.get(address, ()))
    return living


def spoken(one: Any) -> str:
    """The path of an operation in one of the languages, each operation in its own."""
    path: str = one.path
    return path.replace("{language}", ("kk", "ru", "en")[zlib.crc32(path.encode()) % 3])


def _with_things(said: dict[str, Any], one: Any, here: wall.Wall) -> None:
    named = {name: here.owned(kind).value for name, kind in wall.NAMED.get(one.address, {}).items()}
    for _, place in PLACE.findall(one.address):
        kind = here.kind(one.address, place)
        named[place] = here.owned(kind).value if kind is not None else ""
    for parameter in said["parameters"]:
        value: Any = named.get(parameter["name"], "")
        if value:
            said_of = parameter["schema"]
            real = {"enum": [int(value) if said_of.get("type") == "integer" else value]}
            # An unknown id shows nothing but a 404, so the cases that keep the document's word name what is there.
            is_id = said_of.get("type") == "integer" or "format" in said_of
            parameter["schema"] = real if is_id else {"anyOf": [real, said_of]}


def _with_values(schema: dict[str, Any], forms: Iterable[tuple[dict[str, list[str]], set[str]]]) -> None:
    if "properties" not in schema:
        return
    offered: dict[str, set[str]] = {}
    for fields, files in forms:
        for name, values in fields.items():
            if name not in files:
                offered.setdefault(name, set()).update(values)
    for name, values in offered.items():
        before = schema["properties"].get(name, {"type": "string"})
        if before.get("format") != "binary" and before.get("type") != "array" and name != "csrfmiddlewaretoken":
            schema["properties"][name] = {"anyOf": [{"enum": sorted(values)}, before]} if values else before
    schema["additionalProperties"] = False  # fields without a meaning are the broken word's part


@dataclass
class Caller:
    """Sends cases as each role and keeps what the document does not allow."""

    here: wall.Wall
    openapi: ModuleType
    seed: int
    app: Callable[..., Any] = field(default_factory=WSGIHandler)
    failed: list[Failed] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    _fault: list[Any] = field(default_factory=list)

    def play(self, document: Mapping[str, Any], found: Iterable[Any], cases: int) -> None:
        """`cases` of each operation: three of four as the document says, one that breaks its word somewhere."""
        named = {(spoken(one), one.method): one for one in found}
        with self._heard():
            for result in schemathesis.openapi.from_dict(dict(document)).get_all_operations():
                operation = result.ok()
                one = named[operation.path, operation.method.upper()]
                bad = max(cases // 4, 1)
                self._run(operation, one, GenerationMode.POSITIVE, cases - bad)
                with suppress(SkipTest, Unsatisfiable):  # nothing to break: no place, no word, no field
                    self._run(operation, one, GenerationMode.NEGATIVE, bad)

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Faults inside a page are kept; no request's end takes the connection with the test's transaction along."""
        ends = (request_started, request_finished)
        for one in ends:
            one.disconnect(close_old_connections)
        got_request_exception.connect(self._broke, weak=False)
        try:
            yield
        finally:
            got_request_exception.disconnect(self._broke)
            for one in ends:
                one.connect(close_old_connections)

    def _run(self, operation: Any, one: Any, mode: GenerationMode, cases: int) -> None:
        roles = st.sampled_from(self.people(one))

        @seed(zlib.crc32(f"{self.seed} {operation.label} {mode}".encode()))
        @settings(
            max_examples=cases, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck), derandomize=False,
        )  # fmt: skip
        @given(operation.as_strategy(generation_mode=mode), roles)
        def ask(case: Any, role: str) -> None:
            self.ask(one, case, role)

        ask()

    def people(self, one: Any) -> list[str]:
        """Who asks: each role that may, one that may not, and nobody; of an open address nobody and somebody."""
        may = [str(role) for role in PEOPLE if role in one.roles]
        others = [str(role) for role in PEOPLE if role not in one.roles]
        return [*may, *others[zlib.crc32(one.path.encode()) % max(len(others), 1) :][:1], ""]

    def client(self, one: Any, role: str) -> Client:
        """The browser of the owner of what the address names, else of a stranger; of nobody where no role is said."""
        _, _, whose, _, _ = thing_of(self.here, one.address)
        known = [self.here.client(role, who, whose) for who in ("own", "foreign")] if role else []
        return next((client for client in known if client is not None), Client())

    def ask(self, one: Any, case: Any, role: str) -> None:
        """One case, judged by the document."""
        client = self.client(one, role)
        cookies = {name: kept.value for name, kept in client.cookies.items()} | {"csrf": TOKEN}
        headers = {"X-CSRFToken": TOKEN, "Referer": f"{SITE}/"}
        self._fault.clear()
        self.asked[role] += 1
        with wall.undone(client):
            answer = case.call(SITE, app=self.app, headers=headers, cookies=cookies, environ_base=_SENT_FROM)
        self.statuses[answer.status_code] += 1
        # Only an address whose own code says so may answer that something outside is not there.
        is_told = answer.status_code == 503 and 503 in self.openapi.told(one.view).statuses
        try:
            case.validate_response(answer, checks=CHECKS[:2] if is_told else CHECKS)
        except FailureGroup as group:
            why = "; ".join(f"{type(one).__name__} {one.message}" for one in group.exceptions)
            fault = told(self._fault[-1]) if self._fault else ""
            label = f"{case.method} {one.path}"
            self.failed.append(Failed(label, role, _short(case), answer.status_code, f"{why} {fault}"))
            print(self.failed[-1], flush=True)

    def _broke(self, **_: object) -> None:
        self._fault.append(sys.exc_info())


def _short(case: Any) -> str:
    return re.sub(r"\s+", " ", f"{case.formatted_path} {case.query!r} {case.body!r}")[:600]
