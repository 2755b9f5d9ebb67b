"""The wall: every signed-in address × method × role × own, foreign and formerly own object, from the URL table.

What is another's, or was once one's own, is answered exactly as what does not exist; a role without the right is
refused; other methods are 405. The objects stand in `tests/factories/wall.py`; the table is published as
`docs/reference/access-matrix.md`.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote
from uuid import uuid4

import pytest
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from qosymsha.config.urls import handler404, handler500
from qosymsha.config.urls import urlpatterns as real
from qosymsha.domain.assistance.access import Action as Assisting
from qosymsha.domain.people.models import Child
from qosymsha.domain.people.states import FAMILY, Role
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.family.urls import urlpatterns as of_family
from qosymsha.interfaces.ui import drafts
from qosymsha.interfaces.ui.signed import allowed
from tests.architecture import family_forms, family_scenes
from tests.architecture.test_signed_urls import addresses, filled, signed
from tests.factories import wall
from tests.interfaces import browsing
from tests.journeys import every_page

pytestmark = pytest.mark.django_db
__all__ = ["handler404", "handler500", "urlpatterns"]
PLACE = re.compile(r"<(?:(\w+):)?(\w+)>")
PEOPLE = [role for role in Role if role not in (Role.SYSTEM, Role.CHANNEL)]
# By day one role plays the stranger at each address, by night every role that may come there.
IS_WHOLE = os.environ.get("WALL") == "whole"
# Addresses that their owner cannot open at this moment (of one role alone where a role is named), each with its reason.
# The stranger and the former owner are asked all the same; one that opens after all is a fault of this table.
NOT_OPENED: dict[tuple[str, ...], str] = {
    ("provider/lessons/<uuid:session_uuid>/code/", "GET", "teacher"): "a teacher shows codes of lessons of her own",
    ("provider/lessons/<uuid:session_uuid>/cards/", "GET", "teacher"): "a teacher reads cards at lessons of her own",
    ("provider/lessons/<uuid:session_uuid>/cards/", "POST", "teacher"): "a teacher reads cards at lessons of her own",
    ("provider/lessons/<uuid:session_uuid>/here/", "GET", "teacher"): "a teacher sees who is at lessons of her own",
    ("provider/lesson/<uuid:session_uuid>/cancel/", "POST", "teacher"): "a teacher cancels lessons of her own",
    ("provider/lessons/", "POST"): "a day's list without a lesson named in the form",
    ("provider/objections/", "POST"): "no objection is named in the form",
    ("office/money/seal/", "POST", "auditor"): "an auditor looks; others seal",
    ("office/transfers/take/", "POST"): "no transfer waits for money here",
    ("family/notices/<uuid:notice_uuid>/open/", "POST", "youth"): "this notice is the guardian's",
}


def is_closed(address: str, method: str, role: str) -> bool:
    """Whether the table says that its owner in this role cannot open it."""
    return (address, method) in NOT_OPENED or (address, method, role) in NOT_OPENED


@allowed(Look.HOME)
def planted(request: HttpRequest, child_uuid: object) -> HttpResponse:
    """A page that forgets to ask whose child it is."""
    return HttpResponse(
        f"child {child_uuid}" if _exists(child_uuid) else "", status=200 if _exists(child_uuid) else 404
    )


def _exists(child_uuid: object) -> bool:
    return Child.objects.filter(uuid=child_uuid).exists()


@allowed(Assisting.BEGIN_VISIT)
def carelessly(request: HttpRequest, child_uuid: object) -> HttpResponse:
    """A clerk's page that forgets to ask for a visit."""
    return HttpResponse(status=200 if _exists(child_uuid) else 404)


urlpatterns = [
    path("en/family/planted/<uuid:child_uuid>/", planted),
    path("en/family/carelessly/<uuid:child_uuid>/", carelessly),
    *real,
]


@pytest.fixture(scope="module")
def here(django_db_setup: None, django_db_blocker: Any) -> Iterator[wall.Wall]:
    """The objects and the people, made once for this module and undone after it."""
    with django_db_blocker.unblock(), wall.undone():
        yield wall.build()


def thing_of(here: wall.Wall, address: str) -> tuple[str, str, wall.Owned, bool, list[str]]:
    """(address with the objects, with unknown ones, whose they are, whether all are public, places without a line)."""
    known, unknown, missing = address, address, []
    whose, is_public = wall.Owned(""), True
    for field, kind in wall.NAMED.get(address, {}).items():
        found = here.owned(kind)
        sign = "&" if "?" in known else "?"
        known += f"{sign}{field}={quote(found.value)}"
        unknown += f"{sign}{field}={wall.UNKNOWN['uuid'] if len(found.value) == 36 else 'unknown'}"
        whose, is_public = found.joined(whose), False
    for converter, place in PLACE.findall(address):
        kind = here.kind(address, place)
        if kind is None:
            missing.append(place)
            continue
        mark = f"<{converter}:{place}>" if converter else f"<{place}>"
        found = here.owned(kind)
        known = known.replace(mark, found.value or wall.UNKNOWN[converter or "str"])
        unknown = unknown.replace(mark, (found.value or "x") if kind.is_public else wall.UNKNOWN[converter or "str"])
        if not kind.is_public:
            whose, is_public = found.joined(whose), False
    return known, unknown, whose, is_public, missing


def sent(client: Client, method: str, address: str, key: str = "") -> Any:
    """One request that leaves nothing behind."""
    with wall.undone(client):
        typed = {"key": key or str(uuid4()), **dict(parse_qsl(address.partition("?")[2]))}
        return client.post(f"/en/{address}", typed) if method == "POST" else client.get(f"/en/{address}")


def body(answer: Any, *names: str) -> str:
    """An answer without what differs by itself, and without what the asker wrote into the address."""
    text = (
        b"".join(answer).decode("utf-8", "replace") if answer.streaming else answer.content.decode("utf-8", "replace")
    )
    for name in names:
        for said in (name, *(value for _, value in parse_qsl(name.partition("?")[2]))):
            text = text.replace(said, "…")
    return browsing.masked(text)


def asked(address: str, people: list[Role]) -> list[Role]:
    """By day one of the roles that may come to an address, by night all of them."""
    return people if IS_WHOLE else people[zlib.crc32(address.encode()) % max(len(people), 1) :][:1]


def holes(here: wall.Wall, views: Mapping[str, Any]) -> Iterator[str]:
    """Every difference that a stranger or a former owner can see, every own page that does not open."""
    for address, view in views.items():
        known, unknown, whose, is_public, missing = thing_of(here, address)
        if missing:
            yield f"{address}: no object for {missing} in tests/factories/wall.py"
            continue
        for method, roles in view.roles.items():
            if method == "HEAD":
                continue
            people = sorted(set(roles) & set(PEOPLE))
            yield from closed(here, (address, method, known), whose, people)
            for role in [] if is_public else asked(address, people):
                yield from differences(here, f"{method} {address} {role}", (method, known, unknown), whose)


def closed(here: wall.Wall, what: tuple[str, str, str], whose: wall.Owned, people: list[Role]) -> Iterator[str]:
    """An own page that does not open, or one that opens though the table says that it does not."""
    address, method, known = what
    for role in asked(address, [role for role in people if role in wall.owners(address)]):
        mine = here.client(role, "own", whose)
        if mine is None:
            continue
        status = sent(mine, method, known).status_code
        is_open = status == 200 if method == "GET" else status not in (403, 404, 405) and status < 500
        if is_open == is_closed(address, method, role):
            yield f"{method} {address} {role}: its owner gets {status}"


def differences(here: wall.Wall, what: str, asking: tuple[str, str, str], whose: wall.Owned) -> Iterator[str]:
    """What strangers and former owners learn from asking for the object instead of for one that does not exist."""
    method, known, unknown = asking
    nothing: tuple[int, str] | None = None
    for who in wall.STRANGERS:
        client = here.client(what.rpartition(" ")[2], who, whose)
        if client is None:
            continue
        key = str(uuid4())
        theirs = said(sent(client, method, known, key), known)
        if theirs != nothing:  # what another of them was told of nothing is no measure where a page names its reader
            nothing = said(sent(client, method, unknown, key), unknown)
        if theirs == nothing:
            continue
        if theirs[0] == nothing[0]:
            yield f"{what} {who}: words differ ({theirs[0]})"
        else:
            passes = theirs[0] in (200, 302)
            yield f"{what} {who}: " + (f"passes with {theirs[0]}" if passes else f"{theirs[0]}, unknown {nothing[0]}")


def said(answer: Any, *names: str) -> tuple[int, str]:
    """What an answer tells: its status and its words."""
    return answer.status_code, body(answer, *names)


@override_settings(ROOT_URLCONF="tests.architecture.test_wall")
def test_a_planted_hole_is_found(here: wall.Wall) -> None:
    """The control run."""
    views = {address: view for address, view in addresses(urlpatterns[:1]) if hasattr(view, "deeds")}
    found = sorted(holes(here, {address.removeprefix("en/"): view for address, view in views.items()}))
    address = "family/planted/<uuid:child_uuid>/"
    people = asked(address, sorted(FAMILY))
    assert found == [f"GET {address} {role} {who}: passes with 200" for role in people for who in ("foreign", "former")]


def test_a_new_place_without_an_object_is_found(here: wall.Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run of the registry."""
    monkeypatch.delitem(wall.OBJECTS, ("office/", "flag_uuid"))
    views = {address: view for address, view in signed().items() if "flag_uuid" in address}
    assert {one.partition(":")[2] for one in (hole.partition(">")[2] for hole in holes(here, views))} == {
        " no object for ['flag_uuid'] in tests/factories/wall.py"
    }


# Each address is asked by one wrong role in test_signed_urls; by day three more are tried here, by night all.
@pytest.mark.parametrize("role", PEOPLE if IS_WHOLE else [Role.GUARDIAN, Role.YOUTH, Role.TEACHER, Role.CLERK])
def test_a_role_without_the_right_is_refused_whatever_it_names(role: Role, here: wall.Wall) -> None:
    client = here.client(role, "own", wall.Owned(""))
    assert client is not None
    wrong = {}
    for address, view in signed().items():
        for method, roles in view.roles.items():
            if role not in roles and method != "HEAD":
                status = sent(client, method, filled(address)).status_code
                if status != 403:
                    wrong[method, address] = status
    assert wrong == {}


def answered(client: Client, taken: Mapping[str, Collection[str]]) -> dict[tuple[str, str], int]:
    """(method, address) → status, where a method that an address does not take is answered with anything but 405."""
    wrong = {}
    for address, methods in taken.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - set(methods):
            status = client.generic(method, f"/en/{filled(address)}").status_code
            if status != 405:
                wrong[method, address] = status
    return wrong


def test_other_methods_are_refused_to_everybody_even_trace(here: wall.Wall) -> None:
    client = here.client(Role.PAYER, "own", wall.Owned(""))
    assert client is not None
    taken = {address: set(view.deeds) for address, view in signed().items()}
    assert len(taken) > 100
    assert answered(client, taken) == {}


def plain(request: HttpRequest) -> HttpResponse:
    """A view without our gate: it answers every method, TRACE too."""
    return HttpResponse("plain")


@override_settings(ROOT_URLCONF=type("urls", (), {"urlpatterns": [path("en/plain/", plain)]}))
def test_a_plain_view_that_answers_every_method_is_seen() -> None:
    """The control run of the methods."""
    others = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
    assert answered(Client(), {"plain/": {"GET"}}) == {(method, "plain/"): 200 for method in others}


def clerks_see(here: wall.Wall, who: str, views: Mapping[str, Any]) -> Iterator[str]:
    """Every address at which this clerk learns that a family's thing is there, also from within a visit of his own."""
    client, own = here.clerk(who)
    for address, view in views.items():
        known, unknown, whose, is_public, _ = thing_of(here, address)
        if is_public or (whose.child_id is None and whose.user_id is None):
            continue  # not a family's: what the city's officials share
        ways = [("", known, unknown)]
        if own and who != "elsewhere" and address.count("<uuid:") > 1:
            ways.append(("in a visit of his own, ", *here.within(own, address, known, unknown)))
        for method in set(view.deeds) - {"HEAD"}:
            for how, asks, nothing in ways if Role.CLERK in view.roles[method] else ():
                key = str(uuid4())
                theirs = said(sent(client, method, asks, key), asks)
                none = said(sent(client, method, nothing, key), nothing)
                if theirs != none:
                    yield f"{method} {address} {how}clerk {who}: {theirs[0]}, unknown {none[0]}"


@pytest.mark.parametrize("who", wall.CLERKS)
def test_a_clerk_learns_nothing_of_families_that_did_not_ask_for_help(here: wall.Wall, who: str) -> None:
    views = {address: view for address, view in signed().items() if any(Role.CLERK in r for r in view.roles.values())}
    assert len(views) > 10
    assert list(clerks_see(here, who, views)) == []


@override_settings(ROOT_URLCONF="tests.architecture.test_wall")
def test_a_page_that_asks_no_clerk_for_a_visit_is_seen(here: wall.Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run: a planted page; and the product's own pages with the visit's rule switched off."""
    views = {a.removeprefix("en/"): view for a, view in addresses(urlpatterns[1:2])}
    assert len(list(clerks_see(here, "none", views))) == 1
    monkeypatch.setattr("qosymsha.domain.assistance.queries.refuse_visit", lambda *_: None)
    views = {address: view for address, view in signed().items() if address.startswith("office/assist/")}
    assert list(clerks_see(here, "over", views))


@pytest.mark.parametrize("door", ["family", "provider", "office", "security"])
def test_there_is_no_hole(here: wall.Wall, door: str) -> None:
    views = {a: view for a, view in signed().items() if a.startswith(f"{door}/")}
    found = sorted(holes(here, views))
    assert views
    assert found == [], "\n".join(found)


@pytest.fixture(scope="module")
def walk(here: wall.Wall, django_db_blocker: Any) -> every_page.Walk:
    """Every page of the table, as its owner gets it."""
    with django_db_blocker.unblock():
        return every_page.walked(here)


def test_every_page_of_the_table_is_looked_at_and_light(walk: every_page.Walk) -> None:
    """A page that nobody here can open is no page that was looked at: it is named with its reason."""
    assert walk.not_seen == {}
    assert len(walk.answers) >= 60
    assert every_page.heavy(walk) == {}


@pytest.mark.journey
def test_axe_finds_nothing_on_any_page_and_a_narrow_phone_shows_it_whole(
    walk: every_page.Walk, browser_path: Path
) -> None:
    assert every_page.seen(walk, browser_path) == []


@pytest.mark.journey
def test_control_a_faulty_page_is_seen(browser_path: Path) -> None:
    said = " ".join(every_page.seen(every_page.FAULTY, browser_path))
    assert [fault for fault in every_page.FAULTS if fault not in said] == []


@pytest.fixture(scope="module")
def forms(here: wall.Wall, django_db_blocker: Any) -> Iterator[dict[str, family_forms.Sending]]:
    """Every form of the family's door, filled, by the name of the address it sends to."""
    with django_db_blocker.unblock(), wall.undone():
        found = family_forms.standing(here)
        yield {name: (one, family_forms.filled(one, family_scenes.GIVEN.get(name, {}))) for name, one in found.items()}


def told(forms: Mapping[str, family_forms.Sending], ask: Callable[[family_forms.Sending], str]) -> dict[str, str]:
    """The forms of which something is said."""
    return {name: said for name, one in forms.items() if (said := ask(one))}


def test_every_form_of_the_family_is_found_and_does_its_work(forms: dict[str, family_forms.Sending]) -> None:
    posts = {str(one.name) for one in of_family if "POST" in getattr(one.callback, "deeds", {})}
    assert posts ^ set(forms) == set(family_scenes.NOT_STANDING)
    refused = told(forms, family_forms.done)
    assert set(refused) == set(family_scenes.NOT_DONE), refused


def test_a_double_click_and_a_lost_answer_do_nothing_twice_and_say_the_same(
    forms: dict[str, family_forms.Sending],
) -> None:
    assert told(forms, family_forms.twice) == {}


def test_a_second_tab_and_the_back_button_do_nothing_twice(forms: dict[str, family_forms.Sending]) -> None:
    tabs = forms if IS_WHOLE else {name: forms[name] for name in family_scenes.AGAIN}
    again = told(tabs, lambda one: family_forms.twice(one, family_forms.other_key()))
    assert set(again) == set(family_scenes.AGAIN), "the control, too: under another key it is another sending"
    assert told(forms, lambda one: family_forms.twice(one, family_forms.changed(one))) == {}


def test_a_visit_that_ran_out_loses_nothing_that_was_typed(
    forms: dict[str, family_forms.Sending], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(forms, family_forms.late) == {}
    monkeypatch.setattr(drafts, "keep", lambda *_: None)
    some = {name: forms[name] for name in ("family-absences", "family-apply", "family-case")}
    assert set(told(some, family_forms.late)) == set(some), "the control: a draft that is not kept is missed"


def test_bad_input_comes_back_as_typed_with_its_field_marked(
    forms: dict[str, family_forms.Sending], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled = [(name, *one) for name, sending in forms.items() for one in family_forms.spoiled(sending)]
    assert len(spoiled) > 30

    received = {(name, field): family_forms.ill_received(one, field) for name, field, one in spoiled}
    assert {where for where, said in received.items() if said} == set(family_scenes.TAKES_LESS), received
    monkeypatch.setattr(BoundField, "errors", [])
    name, field, one = spoiled[-1]
    assert family_forms.ill_received(one, field), f"the control: {name} does not mark {field}, and it is missed"
