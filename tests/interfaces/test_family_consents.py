"""The page of consents: what is asked and whom, a no and a yes by one button each, each guardian's own."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.people import asking
from qosymsha.domain.people.models import Child, Consent
from qosymsha.domain.people.ports import ProvedChild
from qosymsha.domain.people.rules import FamilyRow
from qosymsha.domain.people.states import Role
from qosymsha.integrations.registries import fake
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import people
from tests.factories.people import AT, child, family, guardian
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
PAGE = "/en/family/consents/"
KIDS = "/en/family/children/"


class Family:
    """Two guardians of one child, each at an own browser."""

    def __init__(self) -> None:
        kid = family(1).children[0]
        rows = [FamilyRow(guardian(1), (kid,)), FamilyRow(guardian(2), (kid,))]
        people.register(people.astana(), rows)
        clock.shift_to(AT)
        self.child = Child.objects.get()
        self.one, self.other = (
            browsing.come_in(Client(), browsing.guardian_user(people.guardian_id(row))) for row in rows
        )


@pytest.fixture
def house() -> Family:
    return Family()


def text(client: Client, address: str = PAGE) -> str:
    return unescape(client.get(address).content.decode())


def badge(look: str, key: str) -> str:
    return f'<span class="badge {look}">{texts.say("en", key)}</span>'


def press(client: Client, verb: str, child: Any = "") -> Any:
    """Press a button that stands on the page."""
    action = f"{PAGE}{child}/{verb}/" if child else f"{PAGE}{verb}/"
    form = browsing.form_of(client.get(PAGE).content.decode(), action)
    return client.post(action, form)


def test_a_child_that_came_with_a_roster_may_be_asked_about_until_the_guardian_says_no(house: Family) -> None:
    assert text(house.one).count(badge("ok", "consent.may")) == 2
    assert texts.say("en", "consent.none") in text(house.one)
    assert press(house.one, "withdraw", house.child.uuid)["Location"] == PAGE
    shown = text(house.one)
    assert texts.say("en", "consent.withdrawn") in shown
    assert (shown.count(badge("ok", "consent.may")), shown.count(badge("wait", "consent.may_not"))) == (1, 1)
    assert press(house.one, "give", house.child.uuid)["Location"] == PAGE
    shown = text(house.one)
    assert texts.say("en", "consent.given") in shown
    assert texts.say("en", "consent.way.page") in shown
    assert texts.say("en", "consent.earlier") in shown
    assert texts.say("en", "consent.way.none") in shown


def test_each_guardians_word_is_their_own_and_the_others_no_is_told(house: Family) -> None:
    press(house.one, "withdraw", house.child.uuid)
    shown = text(house.other)
    assert texts.say("en", "consent.other_no") in shown
    assert f"/consents/{house.child.uuid}/withdraw/" in shown
    assert f"/consents/{house.child.uuid}/give/" not in shown, "nobody turns another's no"
    key = {"key": str(browsing.new_key())}
    assert house.other.post(f"{PAGE}{house.child.uuid}/give/", key).status_code == 302
    assert texts.say("en", "consent.other_no") in text(house.other)
    assert Consent.objects.filter(withdrawn_at=None).count() == 1


def test_a_strangers_child_and_an_unknown_one_are_alike_not_found(house: Family) -> None:
    stranger = family(2)
    people.register(people.astana(), [stranger])
    theirs = Child.objects.latest("id").uuid
    for uuid in (theirs, browsing.new_key()):
        for verb in ("give", "withdraw"):
            answer = house.one.post(f"{PAGE}{uuid}/{verb}/", {"key": str(browsing.new_key())})
            assert answer.status_code == 404
    assert not Consent.objects.exists()


def test_an_official_has_no_word_here_nor_a_clerk(house: Family) -> None:
    officials = {role: browsing.come_in(Client(), browsing.official(role)) for role in (Role.CHECKER, Role.CLERK)}
    for role, status in ((Role.CHECKER, 403), (Role.CLERK, 404)):
        assert officials[role].get(PAGE).status_code == 403
        for verb in ("give", "withdraw", f"{house.child.uuid}/give", f"{house.child.uuid}/withdraw"):
            assert officials[role].post(f"{PAGE}{verb}/", {"key": str(browsing.new_key())}).status_code == status
    assert not Consent.objects.exists()


def test_a_guardian_without_children_has_only_oneself_there(house: Family) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM guardianship")
    shown = text(house.one)
    assert texts.say("en", "consent.no_children") in shown
    assert texts.say("en", "consent.what_self") in shown


def ask(client: Client) -> Any:
    kid = child(40)
    said = {"iin": kid.iin, "surname": kid.surname, "given": kid.given, "born_on": "2015-03-01"}
    return client.post(KIDS, said | {"key": str(browsing.new_key())})


def test_after_a_no_the_registry_is_not_asked_for_a_child(house: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def nobody(_: object, iin: str) -> list[ProvedChild]:
        asked.append(iin)
        return []

    monkeypatch.setattr(fake.FakeRegistry, "children_of", nobody)
    assert texts.say("en", "consent.by_button") in text(house.one, KIDS)
    press(house.one, "withdraw")
    answer = ask(house.one)
    assert (answer.status_code, asked) == (409, [])
    assert texts.say("en", "consent.stopped") in unescape(answer.content.decode())
    assert texts.say("en", "children.ask") not in text(house.one, KIDS)
    with monkeypatch.context() as control:
        control.setattr(asking, "_refuse_stopped", lambda _: None)
        assert (ask(house.one).status_code, asked) == (422, [guardian(1).iin])
    press(house.one, "give")
    assert (ask(house.one).status_code, len(asked)) == (422, 2)


def test_more_children_cost_no_more_statements(house: Family) -> None:
    counts = []
    for more in range(2):
        if more:
            people.register(people.astana(), [FamilyRow(guardian(1), tuple(child(100 + n) for n in range(5)))])
        house.one.get(PAGE)
        with CaptureQueriesContext(connection) as seen:
            house.one.get(PAGE)
        counts.append(len(seen))
    assert counts[0] == counts[1]
