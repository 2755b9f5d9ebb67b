"""What an attacker brings to the pages: scripts in texts, extra fields, big bodies, foreign sites, hints at a category.

RELIABILITY.md T16, T21, T22, T23, T25; each with its control run. The table of all threats: docs/reference/threats.md.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from html import escape
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from qosymsha.domain.people.models import Child, ChildStatus, Guardian, User
from qosymsha.domain.people.rules import PersonDetails, person_json
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.architecture.test_signed_urls import signed
from tests.architecture.test_wall import NOT_OPENED, PEOPLE, here, sent, thing_of
from tests.factories import wall
from tests.factories.vouchers import YEAR
from tests.interfaces import browsing

__all__ = ["here"]
pytestmark = pytest.mark.django_db

PAYLOADS = (
    "<script>xss()</script>", "<img src=x onerror=xss()>", "<svg/onload=xss()>", "\"><script src=//xss></script>",
    "' onmouseover='xss()", "\" autofocus onfocus=\"xss()", "<iframe srcdoc='<script>xss()</script>'>",
    "</title><script>xss()</script>", "</textarea><script>xss()</script>", "<a href=javascript:xss()>x</a>",
    "<math><mtext><style><img src onerror=xss()></style>", "<!--><script>xss()</script-->", "{{ xss }}{% xss %}",
    "<body onload=xss()>", "<form action=//xss><input autofocus onfocus=xss()>", "<details open ontoggle=xss()>",
    "<link rel=stylesheet href=//xss>", "<meta http-equiv=refresh content='0;url=javascript:xss()'>",
    "<object data=javascript:xss()>", "<b style='background:url(javascript:xss())'>x</b>", "<base href=//xss>",
    "\u003cscript\u003exss()\u003c/script\u003e", "%3Cscript%3Exss()%3C/script%3E", "<ScRiPt>xss()</sCrIpT>", "<xss>",
)  # fmt: skip
# Free words of people, wherever they stand: (table, column).
WORDS = (
    ("provider", "name"), ("venue", "address_kk"), ("venue", "address_ru"), ("territory", "name_kk"),
    ("territory", "name_en"), ("programme", "name_kk"), ("programme", "name_ru"), ("department", "name_kk"),
    ("offering", "title_kk"), ("offering", "title_ru"), ("offering", "title_en"), ("red_flag", "reason"),
    ("red_flag", "evidence"), ("recovery", "reason"), ("recovery", "evidence"), ("absence_case", "objection"),
    ("absence_case", "evidence"), ("passkey", "name"), ("app_user", "subject"), ("club_group", "name"),
)  # fmt: skip


class Seen(HTMLParser):
    """What of a page a browser would run or fetch for an attacker."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = [f"{name}={value}" for name, value in attrs if _runs(name, value or "")]
        if said or tag in ("iframe", "object", "base", "xss", "math") or tag == "script" and not dict(attrs).get("src"):
            self.faults.append(f"<{tag} {' '.join(said)}>")


def _runs(name: str, value: str) -> bool:
    leads = name in ("href", "src", "action", "data", "srcdoc")
    return name.startswith("on") or name == "style" or leads and ("javascript:" in value or value.startswith("//"))


def faults(body: str) -> list[str]:
    """Tags and attributes that would run."""
    seen = Seen()
    seen.feed(body)
    return seen.faults


def poisoned() -> int:
    """Every free word becomes an attack; returns how many columns there were."""
    payload = iter(PAYLOADS * 10)
    changed = 0
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # words that a trigger keeps are poisoned too
        cursor.execute("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")
        there = set(cursor.fetchall())
        for table, column in WORDS:
            if (table, column) in there:
                cursor.execute(f"UPDATE {table} SET {column} = %s || id", [next(payload)])  # noqa: S608 - our own names
                changed += cursor.rowcount > 0
        cursor.execute("SET session_replication_role = DEFAULT")
    for kind, model in (("child", Child), ("guardian", Guardian)):
        for one in model.objects.all():
            plain = PersonDetails(None, next(payload), next(payload), phone="+77770000001")
            seal(kind, [SecretRow(one.pk, person_json(plain))])
    return changed


def pages(here: wall.Wall, roles: frozenset[Role] = frozenset(PEOPLE)) -> Iterator[tuple[str, Any]]:
    """(address and role, answer) of each page as its owner sees it."""
    for address, view in signed().items():
        known, _, whose, _, missing = thing_of(here, address)
        if missing or "GET" not in view.roles or (address, "GET") in NOT_OPENED:
            continue
        for role in sorted(set(view.roles["GET"]) & roles & wall.owners(address)):
            client = here.client(role, "own", whose)
            if client is not None:
                yield f"{address} {role}", sent(client, "GET", known)


def text_of(answer: Any) -> str:
    """A page's text; nothing where the answer is a file."""
    is_page = answer.headers.get("Content-Type", "").startswith("text/html") and not answer.streaming
    return answer.content.decode() if is_page else ""


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_page_that_would_run_a_payload_is_seen(payload: str) -> None:
    """The control run: the same words unescaped are found, in a text or in an attribute; escaped ones are not."""
    if not payload.startswith(("%3C", "{{", "<!--", "<link", "<meta")):  # these run nothing by themselves under our CSP
        assert (
            faults(f"<p>{payload}</p>") or faults(f"<input value='{payload}'>") or faults(f'<input value="{payload}">')
        )
    assert faults(f"<p>{escape(payload)}</p><input value='{escape(payload)}'>") == []


EXTRA = dict.fromkeys(
    (
        *("status", "state", "amount", "amount_tiyn", "owner", "user", "user_id", "role", "priority", "category"),
        *("approved_by", "decided_by", "territory", "territory_id", "provider_id", "is_active", "is_superuser"),
        *("id", "pk", "uuid", "guardian_id", "child_id", "at", "actor"),
    ),
    "1",
)


def answers(here: wall.Wall, more: dict[str, str]) -> dict[str, tuple[int, str, int]]:
    """What each POST does with an empty form and these fields more: status, words, rows written."""
    found = {}
    for address, view in signed().items():
        known, _, whose, _, missing = thing_of(here, address)
        if missing or "POST" not in view.roles:
            continue
        for role in sorted(set(view.roles["POST"]) & set(PEOPLE) & wall.owners(address)):
            client = here.client(role, "own", whose)
            if client is None:
                continue
            with wall.undone(client):
                before = AuditEvent.objects.count()
                said = client.post(f"/en/{known}", {"key": "00000000-0000-4000-8000-0000000000aa", **more})
                events = AuditEvent.objects.count() - before
            found[f"{address} {role}"] = (said.status_code, said.headers.get("Location", ""), events)
    return found


def test_fields_that_no_form_has_change_nothing(here: wall.Wall) -> None:
    plain, more = answers(here, {}), answers(here, EXTRA)
    assert {what: (plain[what], more[what]) for what in plain if plain[what] != more[what]} == {}
    assert len(plain) > 40


def test_every_post_without_the_pages_own_secret_is_refused(here: wall.Wall) -> None:
    """T25; the other tests' clients, which are not asked for it, are the control run."""
    wrong = {}
    for address, view in signed().items():
        if "POST" not in view.roles:
            continue
        role = next(role for role in PEOPLE if role in view.roles["POST"])
        known, _, whose, _, _ = thing_of(here, address)
        browser = here.client(role, "own", whose) or here.client(role, "foreign", whose)
        assert browser is not None
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = copy.deepcopy(browser.cookies)
        with wall.undone(browser):
            answer = strict.post(f"/en/{known}", {"key": str(uuid4())}, headers={"origin": "https://evil.example"})
        status = answer.status_code
        if status != 403:
            wrong[address] = status
    assert wrong == {}


def test_no_page_stands_in_a_foreign_frame_or_is_kept(here: wall.Wall) -> None:
    wrong = {}
    for what, answer in pages(here):
        framed = answer.headers.get("X-Frame-Options") == "DENY"
        policy = answer.headers.get("Content-Security-Policy", "")
        is_strict = "frame-ancestors 'none'" in policy and "unsafe" not in policy and "script-src 'self'" in policy
        if not (framed and is_strict and answer.headers.get("Cache-Control") == "no-store"):
            wrong[what] = dict(answer.headers)
    assert wrong == {}


def test_a_visits_name_planted_before_signing_in_is_worth_nothing_after_it() -> None:
    user = browsing.official(Role.PAYER, name="demo:payer")
    client = browsing.come_in(Client(), browsing.official(Role.CHECKER))
    planted = client.cookies["visit"].value
    client.post("/en/sign-in/demo/", {"person": str(User.objects.get(pk=user).uuid)})
    assert client.cookies["visit"].value != planted
    thief = Client()
    thief.cookies["visit"] = planted
    assert thief.get("/en/office/").headers["Location"].startswith("/en/sign-in/")


@pytest.mark.parametrize("body", [{"reason": "x" * 3_000_000}, {f"f{n}": "1" for n in range(1_500)}])
def test_a_body_beyond_all_measure_is_not_read(body: dict[str, str], settings: Any) -> None:
    client = browsing.come_in(Client(), browsing.official(Role.PAYER), strong=True)
    address = "/en/office/claims/release/?c=C-1"
    assert client.post(address, body).status_code == 400
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = None
    assert client.post(address, body).status_code != 400, "the control run"


def test_no_statement_of_a_request_runs_for_ever() -> None:
    with connection.cursor() as cursor:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"SHOW {name}")
            (value,) = cursor.fetchone()
            assert value not in ("0", ""), name


# T22: two worlds that differ in nothing but the children's categories look the same to a provider.


def _told(here: wall.Wall) -> dict[str, str]:
    club = frozenset({Role.TEACHER, Role.PROVIDER_MANAGER})
    return {what: browsing.masked(text_of(answer)) for what, answer in pages(here, club)}


def _certify(here: wall.Wall) -> None:
    """Every second child of the club is a child with a disability, an orphan, or of a family with many children."""
    places = Enrolment.objects.filter(group__provider_id=here.of.city.provider_id).order_by("id")
    for n, place in enumerate(places):
        if n % 2 == 0:
            for category in ("disability", "orphan", "large_family"):
                ChildStatus.objects.create(
                    child_id=place.child_id, category=category, source="register", evidence="E", state="certified",
                    valid=YEAR, certified_at=clock.read(), certified_by=1,
                )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE application SET category = 'orphan'")
        cursor.execute("SET session_replication_role = DEFAULT")


def both_worlds(here: wall.Wall, told: Callable[[wall.Wall], dict[str, str]] = _told) -> set[str]:
    """The pages on which the two worlds differ."""
    before = told(here)
    with wall.undone():
        _certify(here)
        after = told(here)
    assert len(before) >= 2
    return {what for what in before if before[what] != after[what]}


def test_no_page_of_a_club_gives_a_bit_about_a_category(here: wall.Wall) -> None:
    assert both_worlds(here) == set()


def test_a_list_that_only_sorts_by_category_is_seen(here: wall.Wall) -> None:
    """The control run: no category stands on this page, but its order tells."""

    def leaky(here: wall.Wall) -> dict[str, str]:
        certified = set(ChildStatus.objects.values_list("child_id", flat=True))
        places = Enrolment.objects.filter(group__provider_id=here.of.city.provider_id)
        rows = sorted(places, key=lambda place: (place.child_id not in certified, -place.pk))
        return {"leaky": HttpResponse(str([place.pk for place in rows])).content.decode(), "other": ""}

    assert both_worlds(here, leaky) == {"leaky"}


def test_no_words_of_people_run_on_any_page(here: wall.Wall) -> None:
    found, shown = {}, 0
    with wall.undone():
        assert poisoned() >= 15
        for what, answer in pages(here):
            body = text_of(answer)
            is_bare = any(
                kind.is_bare for kind in here.kinds(what.rpartition(" ")[0])
            )  # no page is drawn from such rows
            if (answer.status_code >= 500 and not is_bare) or faults(body):
                found[what] = (answer.status_code, faults(body)[:3])
            shown += any(escape(payload) in body for payload in PAYLOADS)
    assert found == {}
    assert shown >= 10, "or the corpus stands on no page"
