"""What an attacker brings to the pages: scripts in texts, extra fields, big bodies, foreign sites, hints at a category.

RELIABILITY.md T16, T21, T22, T23, T25; each with its control run. The table of all threats: docs/reference/threats.md.
"""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable, Iterator
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from qosymsha.domain.people.access import Action
from qosymsha.domain.people.models import ChildStatus
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.interfaces.ui.signed import allowed_post
from qosymsha.kernel import clock
from qosymsha.kernel.models import AuditEvent
from tests.architecture.test_signed_urls import signed
from tests.architecture.test_wall import IS_WHOLE, PEOPLE, asked, here, is_closed, sent, thing_of
from tests.factories import wall
from tests.factories.payloads import PAYLOADS, poison
from tests.factories.vouchers import YEAR
from tests.interfaces import browsing
from tests.journeys import eyes

__all__ = ["here"]
pytestmark = pytest.mark.django_db


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


def pages(here: wall.Wall, roles: frozenset[Role] = frozenset(PEOPLE)) -> Iterator[tuple[str, Any]]:
    """(address and role, answer) of each page as its owner sees it."""
    for address, view in signed().items():
        known, _, whose, _, missing = thing_of(here, address)
        if missing or "GET" not in view.roles:
            continue
        for role in asked(address, sorted(set(view.roles["GET"]) & roles & wall.owners(address))):
            client = here.client(role, "own", whose)
            if client is not None and not is_closed(address, "GET", role):
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


MADE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def answers(here: wall.Wall, more: dict[str, str]) -> dict[str, tuple[int, str, int]]:
    """What each POST does with an empty form and these fields more: status, words, rows written."""
    found = {}
    for address, view in signed().items():
        known, _, whose, _, missing = thing_of(here, address)
        if missing or "POST" not in view.roles:
            continue
        for role in asked(address, sorted(set(view.roles["POST"]) & set(PEOPLE) & wall.owners(address))):
            client = here.client(role, "own", whose)
            if client is None:
                continue
            with wall.undone(client):
                before = AuditEvent.objects.count()
                said = client.post(f"/en/{known}", {"key": "00000000-0000-4000-8000-0000000000aa", **more})
                events = AuditEvent.objects.count() - before
            where = MADE.sub("…", said.headers.get("Location", ""))  # of a thing made just now: another each time
            found[f"{address} {role}"] = (said.status_code, where, events)
    return found


def changed(here: wall.Wall) -> tuple[int, list[str]]:
    """(how many POSTs were tried, those that do something else where fields are added that no form has)."""
    plain, more = answers(here, {}), answers(here, EXTRA)
    return len(plain), [what for what in plain if plain[what] != more[what]]


def test_fields_that_no_form_has_change_nothing(here: wall.Wall) -> None:
    tried, found = changed(here)
    assert found == []
    assert tried > 40


@allowed_post(Action.SET_PREFERENCES)
def planted(request: HttpRequest) -> HttpResponse:
    """A form that stores whatever it is sent."""
    return HttpResponse(status=204 if "status" in request.POST else 200)


urlpatterns = [path("en/family/planted/", planted)]


@override_settings(ROOT_URLCONF="tests.interfaces.test_threats")
def test_a_form_that_takes_any_field_is_seen(here: wall.Wall) -> None:
    """The control run."""
    assert changed(here) == (1, ["family/planted/ youth"])


def test_every_post_without_the_pages_own_secret_is_refused(here: wall.Wall, caplog: pytest.LogCaptureFixture) -> None:
    """T25, with its control run. Each is refused for that secret, not for a right that is missing as well."""
    wrong, lenient = {}, 0
    for address, view in signed().items():
        if "POST" not in view.roles:
            continue
        role = next(role for role in PEOPLE if role in view.roles["POST"])
        known, _, whose, _, _ = thing_of(here, address)
        browser = here.client(role, "own", whose) or here.client(role, "foreign", whose)
        assert browser is not None
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = copy.deepcopy(browser.cookies)
        with wall.undone(browser), caplog.at_level(logging.WARNING, "django.security.csrf"):
            caplog.clear()
            answer = strict.post(f"/en/{known}", {"key": str(uuid4())}, headers={"origin": "https://evil.example"})
            asked_for = sum(one.name == "django.security.csrf" for one in caplog.records)
            if lenient < 3:  # the control run: a client that is not asked for the secret gets further
                lenient += browser.post(f"/en/{known}", {"key": str(uuid4())}).status_code != 403
        if (answer.status_code, asked_for) != (403, 1):
            wrong[address] = answer.status_code, asked_for
    assert wrong == {}
    assert lenient == 3


_FILES = "default-src 'none'; sandbox"  # of papers that people sent: no page at all


def is_shut(answer: Any) -> bool:
    """Whether a browser shows an answer in no foreign frame, runs no foreign script on it, and keeps nothing of it."""
    framed = answer.headers.get("X-Frame-Options") == "DENY"
    policy = answer.headers.get("Content-Security-Policy", "")
    is_strict = "frame-ancestors 'none'" in policy and "unsafe" not in policy and "script-src 'self'" in policy
    is_file = "attachment" in answer.headers.get("Content-Disposition", "") and policy == _FILES
    return framed and (is_strict or is_file) and answer.headers.get("Cache-Control") == "no-store"


def test_no_page_stands_in_a_foreign_frame_or_is_kept(here: wall.Wall) -> None:
    found = list(pages(here))
    assert {what: dict(answer.headers) for what, answer in found if not is_shut(answer)} == {}
    assert len(found) > 60


@pytest.mark.parametrize("kind", ["XFrame", "csp"])
def test_without_its_middleware_a_page_that_may_be_framed_is_seen(kind: str, settings: Any) -> None:
    """The control run."""
    client = browsing.come_in(Client(), browsing.official(Role.PAYER))
    assert is_shut(client.get("/en/office/"))
    kept = [one for one in settings.MIDDLEWARE if kind not in one]
    assert len(kept) == len(settings.MIDDLEWARE) - 1
    settings.MIDDLEWARE = kept
    assert not is_shut(browsing.come_in(Client(), browsing.official(Role.PAYER)).get("/en/office/"))


# T22: two worlds that differ in nothing but the children's categories look the same to a provider.

_LINKS = re.compile(r'href="(/en/provider/[^"#]*\?[^"#]*)"')
_CHANGES = re.compile(
    rb"/(?:CreationDate|ModDate|ID|Producer)[^/>]*|<xmp:.*?Date>[^<]*|<xmpMM:[^>]*>[^<]*|trailer.*", re.S
)


_TICKS = {"provider/lessons/<uuid:session_uuid>/code/"}  # another code each half minute, in either world


def _told(here: wall.Wall) -> dict[str, str]:
    """Every page and file of a club, and each page again in every filter, order and part that it links to."""
    found = {}
    for address, view in signed().items():
        known, _, whose, _, missing = thing_of(here, address)
        if missing or "GET" not in view.roles or not address.startswith("provider/") or address in _TICKS:
            continue
        for role in sorted(set(view.roles["GET"]) & wall.owners(address)):
            client = here.client(role, "own", whose)
            if client is not None:
                found[f"{address} {role}"] = shown = _words(sent(client, "GET", known))
                for link in sorted({unescape(link) for link in _LINKS.findall(shown)})[:12]:
                    found[f"{browsing.masked(link)} {role}"] = _words(sent(client, "GET", link.removeprefix("/en/")))
    return found


def _words(answer: Any) -> str:
    """All that an answer says: its status, its kind, its words, a file's content without its own dates."""
    content = b"".join(answer) if answer.streaming else answer.content
    kind = answer.headers.get("Content-Type", "")
    if kind.startswith("application/pdf"):
        content = _CHANGES.sub(b"", content)
    content = re.sub(rb'data-now="\d+"', b"", content)  # the server's clock, in either world
    return browsing.masked(f"{answer.status_code} {kind} {len(content)} {content.decode('utf-8', 'replace')}")


def _certify(here: wall.Wall) -> None:
    """Every second child of the club is a child with a disability, an orphan, or of a family with many children.

    Every application, place in a draw, reserve and named case says so too.
    """
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
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND column_name IN ('category', 'claims', 'how') AND table_name IN ('application', 'category_case',"
            " 'outcome', 'choice_outcome', 'choice_list') AND data_type = 'text'"
        )
        columns = cursor.fetchall()
        for table, column in columns:
            cursor.execute(f"UPDATE {table} SET {column} = 'orphan'")  # noqa: S608 - our own names
        cursor.execute("SET session_replication_role = DEFAULT")
    assert len(columns) >= 2


def both_worlds(here: wall.Wall, told: Callable[[wall.Wall], dict[str, str]] = _told) -> set[str]:
    """The pages on which the two worlds differ."""
    before = told(here)
    with wall.undone():
        _certify(here)
        after = told(here)
    assert len(before) >= 2
    return {what for what in before | after if before.get(what) != after.get(what)}


def test_no_page_list_filter_order_count_or_file_of_a_club_gives_a_bit_about_a_category(here: wall.Wall) -> None:
    seen: set[str] = set()

    def told(here: wall.Wall) -> dict[str, str]:
        seen.update(found := _told(here))
        return found

    assert both_worlds(here, told) == set()
    for part in ("contracts/", "papers/", "measured", "controls/", "statement.pdf", "act.json", "contract.pdf", "?"):
        assert any(part in one for one in seen), part


def test_a_list_that_only_sorts_by_category_is_seen(here: wall.Wall) -> None:
    """The control run: no category stands on this page, but its order tells."""

    def leaky(here: wall.Wall) -> dict[str, str]:
        certified = set(ChildStatus.objects.values_list("child_id", flat=True))
        places = Enrolment.objects.filter(group__provider_id=here.of.city.provider_id)
        rows = sorted(places, key=lambda place: (place.child_id not in certified, -place.pk))
        return {"leaky": HttpResponse(str([place.pk for place in rows])).content.decode(), "other": ""}

    assert both_worlds(here, leaky) == {"leaky"}


# T16. By day each word holds one attack, by night each holds every one in turn.
TURNS = range(0, len(PAYLOADS), 7) if IS_WHOLE else range(1)


_POISONED: dict[int, list[tuple[str, int, str, Any]]] = {}


def poisoned(here: wall.Wall, turn: int) -> list[tuple[str, int, str, Any]]:
    """(address and role, status, text, headers) of each page where every word is an attack; made once."""
    if turn not in _POISONED:
        with wall.undone():
            assert poison(turn) >= 30
            _POISONED[turn] = [(what, one.status_code, text_of(one), one.headers) for what, one in pages(here)]
    return _POISONED[turn]


@pytest.mark.parametrize("turn", TURNS)
def test_no_words_of_people_run_on_any_page(here: wall.Wall, turn: int) -> None:
    answers = poisoned(here, turn)
    assert {what: faults(text)[:3] for what, status, text, _ in answers if status >= 500 or faults(text)} == {}
    shown = sum(any(escape(payload) in text for payload in PAYLOADS) for _, _, text, _ in answers)
    assert shown >= 20, "or the corpus stands on no page"


@pytest.mark.journey
@pytest.mark.parametrize("turn", TURNS)
def test_no_words_of_people_run_in_a_browser(here: wall.Wall, browser_path: Path, turn: int) -> None:
    """Chromium opens every page that shows them (by day one in twelve): nothing runs, the policy stops nothing."""
    answers = [(what, text, headers) for what, _, text, headers in poisoned(here, turn) if text]
    chosen = answers if IS_WHOLE else answers[::12]
    assert opened(browser_path, chosen) == {}
    assert len(chosen) >= (100 if IS_WHOLE else 8)


def opened(browser_path: Path, answers: list[tuple[str, str, Any]]) -> dict[str, list[str]]:
    """What ran, or was stopped by the policy, on each of these answers in Chromium; nothing leaves this machine."""
    found: dict[str, list[str]] = {}
    with eyes.browser(browser_path) as browser:
        page = browser.new_context().new_page()
        told: list[str] = []
        page.expose_binding("xss", lambda _: told.append("ran"))
        page.expose_binding("stopped", lambda _, what: told.append(what))
        page.add_init_script("addEventListener('securitypolicyviolation', e => stopped(e.violatedDirective))")
        page.on("dialog", lambda dialog: (told.append("dialog"), dialog.dismiss()))
        bodies: dict[str, tuple[str, Any]] = {}
        page.route("**/*", lambda route: _served(route, bodies, told))
        for n, (what, text, headers) in enumerate(answers):
            told.clear()
            bodies[f"{ORIGIN}/en/{n}"] = text, headers
            page.goto(f"{ORIGIN}/en/{n}", wait_until="load")
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
            if told:
                found[what] = sorted(set(told))
    return found


ORIGIN = "http://house.example"


def _served(route: Any, bodies: dict[str, tuple[str, Any]], told: list[str]) -> None:
    """A page as it was answered, with its own headers; a style or script of the house; nothing else."""
    address = route.request.url
    if address in bodies:
        text, headers = bodies[address]
        kept = {name: value for name, value in headers.items() if name.lower() != "content-length"}
        route.fulfill(status=200, body=text, headers=kept)
        return
    own = finders.find(address.removeprefix(f"{ORIGIN}/static/")) if address.startswith(f"{ORIGIN}/static/") else None
    if own is not None:
        route.fulfill(path=str(own))
        return
    if not address.startswith(ORIGIN):
        told.append(f"asks for {address}")
    route.fulfill(status=204)


@pytest.mark.journey
def test_what_runs_is_seen_in_the_browser(browser_path: Path) -> None:
    """The control run: the same words unescaped run, with a policy they are stopped and that is told."""
    bare = [(payload, f"<!doctype html><p>{payload}</p>", {"Content-Type": "text/html"}) for payload in PAYLOADS[25::5]]
    policy = {"Content-Type": "text/html", "Content-Security-Policy": "default-src 'self'"}
    assert len(opened(browser_path, bare)) >= 8
    held = opened(browser_path, [(payload, text, policy) for payload, text, _ in bare])
    assert len(held) >= 8
    assert not any("ran" in what for what in held.values())
