"""The canary child, and what looks for it: tables, statements, files, the server's log, pages that a person opens."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client

from qosymsha.domain.people.rules import PersonDetails
from qosymsha.kernel.text import folded
from qosymsha.runtime.places import places_of
from tests.early import STATE
from tests.interfaces import browsing

KID = PersonDetails("160229799933", "Қанарейкин", "Жасырынбек", "Тылсымұлы", date(2016, 2, 29), "+77770004321")
MOTHER = PersonDetails("870228899912", "Қанарейкина", "Құпиягүл", "Тылсымқызы", date(1987, 2, 28), "+77770004322")
_LINKS = re.compile(r'(?:href|action)="(/[^"#]*)"')
_TABLES = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND n.nspname = 'public' ORDER BY 1"""


def forms_of(word: str) -> set[str]:
    """A word as a column, a log, an address, a dump of bytes or a search key may hold it."""
    plain = {word, folded(word)}
    return {form.lower() for w in plain for form in (w, json.dumps(w)[1:-1], quote(w), w.encode().hex())}


def canaries() -> dict[str, set[str]]:
    """What must not be found: the word → its forms."""
    words = []
    for one in (KID, MOTHER):
        born = one.born_on
        assert born is not None
        words += [one.iin or "", one.surname, one.given, one.patronymic, one.phone[1:], f"{born}", f"{born:%d.%m.%Y}"]
    return {word: forms_of(word) for word in words}


CANARIES = canaries()


def traces(text: str) -> set[str]:
    """The canaries in a text."""
    lower = text.lower()
    return {word for word, forms in CANARIES.items() if any(form in lower for form in forms)}


@dataclass
class Found:
    """Where something was found: place → which canaries."""

    places: dict[str, set[str]] = field(default_factory=dict)

    def look(self, place: str, text: str) -> None:
        """Look through a text."""
        seen = traces(text)
        if seen:
            self.places.setdefault(place, set()).update(seen)


def in_tables(found: Found) -> None:
    """Every row of every table, as text; sessions decoded."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT t::text FROM {table} t")
            for (row,) in cursor.fetchall():
                found.look(f"table {table}", row)
    for session in Session.objects.all():
        found.look("session", json.dumps(SessionStore().decode(session.session_data), ensure_ascii=False))
    found.look("cache", repr(getattr(cache, "_cache", "")))


def in_folder(found: Found, folder: Path) -> None:
    """Every file below a folder, as text; its name too."""
    for path in folder.rglob("*"):
        found.look(f"file name {path.name}", path.name)
        if path.is_file():
            found.look(f"file {path.name}", path.read_bytes().decode("utf-8", "replace"))


def in_server_log(found: Found) -> None:
    """The database server's own log."""
    if STATE in os.environ:
        log = places_of(Path(os.environ[STATE])).log
        found.look("server log", log.read_text("utf-8", "replace") if log.exists() else "")


@contextmanager
def listening(found: Found) -> Iterator[None]:
    """Every statement with its values, as the server and its activity view would show it."""

    def heard(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        found.look(f"statement {sql[:60]}", f"{sql} {params!r}")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(heard):
        yield


@dataclass
class Visitor:
    """Somebody at a browser who opens every page that a link leads to."""

    name: str
    client: Client
    found: Found
    is_entitled: bool
    opened: dict[str, int] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)

    def walk(self, first: Iterable[str], most: int = 80) -> Visitor:
        """Open pages from these on."""
        waiting = list(first)
        while waiting and len(self.opened) < most:
            address = waiting.pop(0)
            if address in self.opened or re.search(r"/static/|sign-out|^/(ru|en)/|/(open-data|rounds)/.*\.", address):
                continue
            waiting += [unescape(link) for link in _LINKS.findall(self.get(address))]
        return self

    def get(self, address: str) -> str:
        """One page: its address and headers never tell; its text only to whom it may."""
        answer = self.client.get(address)
        self.opened[address] = answer.status_code
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        return self.judge(address, answer, body.decode("utf-8", "replace"))

    def judge(self, address: str, answer: Any, body: str) -> str:
        """Look through an answer."""
        self.found.look(f"address {self.name}", unquote(address))
        self.found.look(f"headers {self.name} {urlsplit(address).path}", repr(dict(answer.headers)))
        self.found.look(f"cookies {self.name}", repr(answer.cookies.output()))
        self.shown |= traces(body)
        if answer.status_code >= 400 and answer.status_code != 422:
            self.found.look(f"error {answer.status_code} {self.name}", body)
        elif not self.is_entitled:
            self.found.look(f"page {self.name} {urlsplit(address).path}", body)
        return body


def visitor(found: Found, name: str, user_id: int | None, *, is_entitled: bool = False) -> Visitor:
    client = Client(raise_request_exception=False)
    return Visitor(
        name, client if user_id is None else browsing.come_in(client, user_id, strong=True), found, is_entitled
    )
