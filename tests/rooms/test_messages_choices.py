"""What a person keeps to the page: told there all the same, sent no more; what is delicate is always sent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qosymsha.domain.messages.commands import choose_themes
from qosymsha.domain.messages.models import Notice, NoticeChoice, NoticeDelivery
from qosymsha.domain.messages.queries import switched_off
from qosymsha.domain.messages.states import Door
from qosymsha.domain.people.commands import set_preferences
from qosymsha.domain.people.rules import Preferences
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.states import Topic as People
from qosymsha.domain.programmes.states import Topic as Programmes
from qosymsha.domain.providers.states import Topic as Providers
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import BadInput, Forbidden
from qosymsha.kernel.models import AuditEvent
from tests.factories.families import named
from tests.factories.notices import CLOCK, make, over, tell
from tests.factories.vouchers import AT, City, add_group, enrolled, key, make_city
from tests.interfaces import browsing

__all__ = ["over"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("over")]


def sent(kind: str) -> set[str]:
    """The ways by which the latest notice of a kind goes out; it stands on the page in any case."""
    notice = Notice.objects.filter(kind=kind).latest("id")
    return set(NoticeDelivery.objects.filter(notice=notice).values_list("channel", flat=True))


def wants(user: int, *channels: str) -> Actor:
    """The person told by which ways."""
    actor = browsing.actor(user)
    wish = Preferences("kk", frozenset(channels), "saule@example.kz")
    set_preferences(actor=actor, wish=wish, at=AT, key=key())
    return actor


def choose(actor: Actor, door: Door, *wanted: str) -> None:
    choose_themes(actor=actor, door=door, wanted=wanted, at=AT, key=key())


def club_news(city: City) -> None:
    """The city's contract with the club is signed (may be off), then ended (delicate)."""
    contract = city.contracts["sport"]
    tell(Providers.CONTRACT_SIGNED, "contract", [contract], AT)
    tell(Providers.CONTRACT_ENDED, "contract", [contract], AT)
    make(AT)


def test_a_club_keeps_to_the_page_what_is_not_delicate() -> None:
    city = make_city()
    manager = wants(browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id, name="c:1"), "email")
    other = wants(browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id, name="c:2"), "email")
    choose(manager, Door.PROVIDER, "guests")
    assert switched_off(manager, Door.PROVIDER) == {"sheets", "money", "papers"}
    club_news(city)
    told = {
        (one.kind, one.user_id): set(one.deliveries.values_list("channel", flat=True)) for one in Notice.objects.all()
    }
    assert told == {
        ("city_contract_signed", manager.user_id): set(),
        ("city_contract_signed", other.user_id): {"email"},
        ("city_contract_ended", manager.user_id): {"email"},
        ("city_contract_ended", other.user_id): {"email"},
    }


def test_an_official_chooses_among_what_the_role_is_told() -> None:
    city = make_city()
    officer = wants(browsing.official(Role.PROGRAMME_OFFICER, territory_id=city.territory_id, name="o:1"), "email")
    with pytest.raises(BadInput):
        choose(officer, Door.OFFICE, "files")  # a checker's
    choose(officer, Door.OFFICE)
    tell(Programmes.RULES_APPROVED, "rule_set", [city.rule_set_id], AT)
    make(AT)
    assert sent("rules_approved") == set()
    choose(officer, Door.OFFICE, "rules")
    tell(Programmes.RULES_APPROVED, "rule_set", [city.rule_set_id], AT + timedelta(minutes=1))
    make(AT)
    assert sent("rules_approved") == {"email"}, "chosen again"


def test_a_family_keeps_lessons_to_the_page_and_hears_of_its_rights_all_the_same() -> None:
    city = make_city()
    group = add_group(city)
    ((_, guardian, _),) = enrolled(city, group)
    named(("guardian", guardian, "Әлиева", "Сәуле"))
    mother = wants(browsing.guardian_user(guardian), "sms", "email")
    choose(mother, Door.FAMILY, "money")
    tell(Providers.TIMETABLE_CHANGED, "group", [group], AT)
    tell(Providers.GROUP_CHANGED, "group", [group], AT)
    tell(People.GUARDIANSHIP_ENDED, "child", [1], AT, guardian_id=guardian)
    make(AT)
    assert (sent("timetable_changed"), sent("group_changed")) == (set(), set())
    assert sent("guardianship_ended") == {"sms", "email"}
    choose(mother, Door.FAMILY, "money", "group")
    tell(Providers.TIMETABLE_CHANGED, "group", [group], AT + timedelta(minutes=1))
    make(AT)
    assert sent("timetable_changed") == {"sms", "email"}, "the control"


def test_what_is_chosen_at_one_door_is_not_chosen_at_another() -> None:
    city = make_city()
    user = browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id, name="c:1")
    assert browsing.official(Role.CHECKER, territory_id=city.territory_id, name="c:1") == user
    both = wants(user, "email")
    choose(both, Door.OFFICE)
    assert switched_off(both, Door.OFFICE) == {"files", "controls"}
    assert switched_off(both, Door.PROVIDER) == frozenset()
    club_news(city)
    assert sent("city_contract_signed") == {"email"}


def test_a_choice_is_kept_once_and_only_ones_own() -> None:
    city = make_city()
    manager = wants(browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id, name="c:1"), "email")
    again = key()
    for _ in range(2):
        choose_themes(actor=manager, door=Door.PROVIDER, wanted=["guests"], at=AT, key=again)
    event = AuditEvent.objects.get(action="choose_notices")
    assert event.detail == {"door": "provider", "off": ["money", "papers", "sheets"]}
    assert NoticeChoice.objects.filter(user_id=manager.user_id).count() == 4
    for door, wanted in ((Door.FAMILY, "lessons"), (Door.PROVIDER, "control_found"), (Door.OFFICE, "rules")):
        with pytest.raises(BadInput):
            choose(manager, door, wanted)
    with pytest.raises(Forbidden):
        choose(CLOCK, Door.PROVIDER)
