"""Every page of the family's door, walked: no category without a second factor, nothing once custody has ended."""

from __future__ import annotations

from html import unescape

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from qosymsha.domain.admission.models import Application
from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.people import commands
from qosymsha.domain.people.models import Child
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.programmes import classifiers
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.interfaces.family.urls import urlpatterns
from qosymsha.interfaces.ui import visits
from qosymsha.kernel import clock
from tests.factories import lives
from tests.factories.families import KIDS
from tests.factories.lives import Life
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
CATEGORY = "large-family"
NAME = KIDS[0][1]
DELICATE = {"family-application", "family-categories"}  # tell a category, after a second factor


@pytest.fixture
def life() -> Life:
    """A child of a category with everything: an application, a voucher, a place, a month."""
    found = lives.gone([CATEGORY])
    clock.shift_to(lives.MARCH_OVER)
    return found


def visitor(life: Life, *, strong: bool = False) -> Client:
    return browsing.come_in(Client(), browsing.guardian_user(life.guardian), strong=strong)


def addresses(life: Life) -> dict[str, str]:
    """Name → address of every page of the door whose ids are known here; the others have tests of their own."""
    (child,) = life.children
    ids = {
        "child_uuid": Child.objects.get(pk=child).uuid,
        "round_uuid": life.the_round.uuid,
        "group_uuid": ClubGroup.objects.get(pk=life.group).uuid,
        "voucher_uuid": Voucher.objects.get(child_id=child).uuid,
        "row_uuid": SheetRow.objects.get(child_id=child).uuid,
        "application_uuid": Application.objects.get(child_id=child).uuid,
    }
    found = {}
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        asked = set(pattern.pattern.converters)
        if asked <= set(ids) and "GET" in getattr(pattern.callback, "deeds", {"GET": None}):
            found[str(pattern.name)] = reverse(str(pattern.name), kwargs={name: ids[name] for name in asked})
    assert len(found) >= 24, "the door's pages are walked, not left out"
    return found


def told(client: Client, life: Life, words: tuple[str, ...]) -> set[str]:
    """Names of the pages that tell one of these words."""
    shown = {name: client.get(address) for name, address in addresses(life).items()}
    bodies = {name: b"" if answer.streaming else answer.content for name, answer in shown.items()}
    return {
        name for name, body in bodies.items() if any(word in unescape(body.decode(errors="replace")) for word in words)
    }


def names_of_the_category() -> tuple[str, ...]:
    (found,) = [one for one in classifiers.categories() if one.code == CATEGORY]
    return (found.name_kk, found.name_ru, found.name_en, CATEGORY)


def ended(life: Life) -> None:
    """The registry says that the guardian is no guardian any more."""
    commands.end_guardianship(
        actor=browsing.SYSTEM,
        guardian_id=life.guardian,
        child_id=life.children[0],
        reason="court",
        at=clock.read(),
        key=browsing.new_key(),
    )


def test_no_page_tells_a_category_before_a_second_factor(life: Life) -> None:
    assert told(visitor(life), life, names_of_the_category()) == set()


def test_control_after_a_second_factor_it_is_told_where_it_explains_something(life: Life) -> None:
    assert told(visitor(life, strong=True), life, names_of_the_category()) == DELICATE


def test_control_a_door_that_takes_any_proof_would_be_seen(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Proof(lives.MARCH_OVER, "code")
    monkeypatch.setattr(visits.Visit, "fresh_proof", lambda *_: old)
    assert told(visitor(life), life, names_of_the_category()) == DELICATE


def test_custody_that_ends_takes_every_page_away_at_the_next_request(life: Life) -> None:
    client = visitor(life, strong=True)
    before = told(client, life, (NAME,))
    assert {
        "family-home",
        "family-children",
        "family-months",
        "family-month",
        "family-vouchers",
        "family-money",
    } <= before
    (child,) = life.children
    ended(life)
    assert told(client, life, (NAME,)) == set()
    for name in ("family-month", "family-application", "family-receipt", "family-readers", "family-leave"):
        assert client.get(addresses(life)[name]).status_code == 404, name


def test_two_guardians_see_the_same_and_the_end_of_one_leaves_the_others(life: Life) -> None:
    father = lives.second_guardian(life)
    both = [visitor(life), browsing.come_in(Client(), browsing.guardian_user(father))]
    seen = [told(one, life, (NAME,)) for one in both]
    assert seen[0] == seen[1]
    ended(life)
    assert told(both[0], life, (NAME,)) == set()
    assert "family-month" in told(both[1], life, (NAME,))
