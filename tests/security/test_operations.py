"""No request breaks a page: every operation, as each role, with what no form would send. RELIABILITY.md, BAT-7.

By day a sixth of the operations gets a case each, of a fixed seed; by night (`FUZZ=100`) all of them as many as the
battery asks.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import get_resolver, path

from qosymsha.config.urls import handler404, handler500
from qosymsha.config.urls import urlpatterns as real
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui import texts, visits
from qosymsha.interfaces.ui.doors import PublicAction
from qosymsha.interfaces.ui.signed import SignedRequest, allowed
from tests.architecture.test_signed_urls import OPEN, addresses, filled, signed
from tests.architecture.test_urls import views
from tests.architecture.test_wall import NOT_OPENED, PEOPLE, here, thing_of
from tests.factories import wall
from tests.interfaces import browsing
from tests.security.fuzz import GOOD, NASTY, Case, Fuzzer, operations, send

pytestmark = pytest.mark.django_db
__all__ = ["handler404", "handler500", "here", "urlpatterns"]
IS_WHOLE = "FUZZ" in os.environ
CASES = int(os.environ.get("FUZZ", "1"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))


def turn() -> dict[str, Any]:
    """The signed addresses that are asked: by night all, by day every sixth."""
    return {a: view for a, view in signed().items() if IS_WHOLE or zlib.crc32(a.encode()) % 6 == SEED % 6}


@allowed(Look.HOME)
def planted(request: SignedRequest) -> HttpResponse:
    """A page that takes what comes for a number."""
    return HttpResponse(str(int(request.GET.get("page", "1"))))


urlpatterns = [path("en/office/planted/", planted), *real]


def test_no_request_of_a_day_breaks_a_page(here: wall.Wall) -> None:
    asking = Fuzzer(here, SEED)
    asking.learn(turn())
    for address, view in turn().items():
        asking.fuzz(address, view, PEOPLE, CASES)
    assert asking.broken == [], "\n".join(
        f"{one.operation} {one.role} {one.case}: {one.fault}" for one in asking.broken
    )
    known = {where for where in asking.known.forms if asking.known.forms[where]}
    posts = [address for address, method in operations(turn()) if method == "POST"]
    filled_in = [address for address in posts if f"/en/{thing_of(here, address)[0]}" in known]
    assert len(filled_in) > len(posts) / 3, "POSTs are fuzzed with the fields of their own form"
    assert asking.asked > CASES * len(posts)
    assert asking.statuses[200] > len(turn()) / 3, "or nothing was shown"


@override_settings(ROOT_URLCONF="tests.security.test_operations")
def test_a_planted_fault_is_found(here: wall.Wall) -> None:
    """The control run."""
    asking = Fuzzer(here, SEED)
    found = {"office/planted/": planted}
    asking.learn(found)
    asking.known.words["/en/office/planted/"] = {"page"}
    asking.fuzz("office/planted/", planted, PEOPLE, 20)
    assert {one.status for one in asking.broken} == {500}
    assert "ValueError" in asking.broken[0].fault


def public() -> Iterator[str]:
    """Addresses that anyone may ask, in English."""
    for address, view in views(get_resolver().url_patterns):
        bare = re.sub(r"^[\^]?\w\w/|^kk/|^/", "", address)
        if getattr(view, "action", None) is PublicAction.LOOK or bare in OPEN:
            yield filled(bare)


ODD = (
    *("/%00", "/%ff", "/en/%ff/", "/V/%00", "/V/" + "A" * 400, "/en/" + "a/" * 400, "//", "/en/../../etc/passwd"),
    *("/audit/checkpoints/99999999999999999999.txt", "/en/rounds/%F0%9F%98%80/", "/static/", "/static/../settings.py"),
)


def strangers(address: str, turn: int) -> Iterator[Case]:
    """What a stranger asks of a public address at this turn."""
    nasty = NASTY[(turn * 13 + len(address) * 7 + SEED) % len(NASTY)]
    words = tuple((name, nasty) for name in ("q", "page", "what", "day", "place", "y", "next"))
    yield Case("GET", f"/en/{address}?{urlencode(words)}")
    yield Case("POST", f"/en/{address}", words)
    yield Case("PUT", f"/en/{address}", words)


def test_no_strangers_request_breaks_a_public_page(client: Client) -> None:
    """Without signing in: each public address with nasty words by turns, other methods, odd addresses."""
    client.raise_request_exception = False
    asked = sorted(set(public()))
    cases = [case for address in asked for turn in range(CASES + 1) for case in strangers(address, turn)]
    answers = {str(case): send(client, case).status_code for case in (*cases, *(Case("GET", odd) for odd in ODD))}
    assert {case: status for case, status in answers.items() if status not in GOOD} == {}
    traced = {address: client.generic("TRACE", f"/en/{address}").status_code for address in asked}
    assert set(traced.values()) <= {404, 405}
    assert len(asked) > 20


# A GET writes nothing but who read, what that cost, and the visit itself.
READS = {"audit_event", "reading_spend", "reading_day", "security_event", "django_session", "app_user", "audit_low"}
_WRITES = re.compile(r"^\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.IGNORECASE)


def written(client: Client, address: str) -> set[str]:
    """The tables that a GET writes, by its statements."""
    tables: set[str] = set()

    def heard(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        found = _WRITES.match(str(sql))
        if found:
            tables.add(found[1])
        return execute(sql, params, many, context)

    with wall.undone(client), connection.execute_wrapper(heard):
        client.get(address)
    return {table for table in tables if not table.startswith(tuple(READS))}


def test_a_signed_get_writes_nothing_but_who_read(here: wall.Wall) -> None:
    found = {}
    for address, view in turn().items():
        known, _, whose, _, missing = thing_of(here, address)
        roles = sorted(set(view.roles.get("GET", ())) & set(PEOPLE) & wall.owners(address))
        if missing or not roles or (address, "GET") in NOT_OPENED:
            continue
        client = here.client(roles[0], "own", whose)
        if client is not None and (tables := written(client, f"/en/{known}")):
            found[address] = tables
    assert found == {}


def test_a_get_that_writes_is_seen(here: wall.Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run."""
    client = here.client(Role.OPERATOR, "own", wall.Owned(""))
    assert client is not None
    assert written(client, "/en/office/") == set()

    def writes(request: HttpRequest, *_: object) -> object:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE territory SET name_kk = name_kk")
        return original(request, *_)

    original = visits.current
    monkeypatch.setattr(visits, "current", writes)
    assert written(client, "/en/office/") == {"territory"}


def test_every_operation_is_known() -> None:
    """The URL table leads; an address that is neither signed nor public nor named would be left out here."""
    signed_ones = {address for address, _ in addresses(get_resolver().url_patterns)}
    assert signed_ones - set(signed()) - set(OPEN) == set()


def test_nul_is_unreadable_in_words(client: Client) -> None:
    """Found by the fuzzer: `%00` in an address reached the database."""
    user = browsing.official(Role.PAYER)
    browsing.come_in(client, user, strong=True)
    for answer in (
        client.get("/en/office/files/%00/"),
        client.get("/en/clubs/?q=%00"),
        client.get("/%00"),
        client.generic("POST", "/en/sign-in/demo/", "person=%00", content_type="application/x-www-form-urlencoded"),
    ):
        assert answer.status_code == 400
        assert texts.say("en", "error.400.h1") in answer.content.decode() or answer.request["PATH_INFO"] == "/\x00"
