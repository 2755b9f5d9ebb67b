"""Children's data: the registry alone links, guessing ends, reading has a day's number, honeytokens tell."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

import pytest
from django.test import override_settings

from qosymsha.domain.people import commands, queries
from qosymsha.domain.people.models import (
    Child,
    Guardianship,
    NumberMiss,
    SecurityEvent,
)
from qosymsha.domain.people.ports import ProvedChild
from qosymsha.domain.people.rules import GuardRefusal, PeopleRefusal, PersonDetails
from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories import people
from tests.factories.people import AT, child, family
from tests.interfaces import browsing
from tests.races import at_once, slowly

pytestmark = pytest.mark.django_db


def mother(serial: int = 1) -> Actor:
    """A registered guardian with one child, signed in."""
    row = family(serial)
    people.register(people.astana(), [row])
    return queries.actor_for(browsing.guardian_user(people.guardian_id(row)), AT)


def proof(of: PersonDetails) -> ProvedChild:
    return ProvedChild(of.iin, "parent", "birth:9", of.born_on, of.given)


def link(
    actor: Actor, kid: PersonDetails, proved: Sequence[ProvedChild] = (), at: datetime = AT, key: UUID | None = None
) -> StrEnum | None:
    return commands.link_child(actor=actor, child=kid, proved=proved, at=at, key=key or uuid4())


def names(actor: Actor, at: datetime = AT) -> list[str]:
    return [ward.name for ward in queries.own_wards(actor=actor, at=at)]


# Linking


def test_a_child_is_linked_by_the_registrys_word_once() -> None:
    actor, kid, key = mother(), child(40, given="Айсұлу"), uuid4()
    assert [link(actor, kid, [proof(kid)], key=key) for _ in range(2)] == [None, None]
    assert link(actor, kid, [proof(kid)]) is None  # linked already: it stays so
    assert names(actor) == ["Әлиев Қайрат", "Әлиев Айсұлу"]
    assert AuditEvent.objects.filter(action="link_child", subject_kind="child").count() == 2
    assert Guardianship.objects.filter(guardian_id=actor.guardian_id).count() == 2


def test_knowing_a_number_proves_nothing() -> None:
    """Unknown, another family's, linked by another guardian: one answer, and one path to it."""
    actor = mother(1)
    stranger = family(2)
    people.register(people.astana(), [stranger])
    before = list(Guardianship.objects.values_list("guardian_id", "child_id"))
    for kid in (child(250), stranger.children[0]):
        assert link(actor, kid) is GuardRefusal.CHILD_NOT_PROVED
        assert link(actor, kid, [proof(child(251))]) is GuardRefusal.CHILD_NOT_PROVED
    assert list(Guardianship.objects.values_list("guardian_id", "child_id")) == before
    assert not Child.objects.exclude(id__in=[c for _, c in before]).exists()


def test_two_guardians_speak_for_one_child_and_the_second_does_not_rename_it() -> None:
    first, second = mother(1), mother(2)
    kid = family(1).children[0]
    assert link(second, replace(kid, given="Басқа"), [proof(kid)]) is None
    (own,) = [ward for ward in queries.own_wards(actor=first, at=AT) if ward.born_on == kid.born_on]
    assert (own.name, own.others) == ("Әлиев Қайрат", 1)
    assert "Әлиев Басқа" not in names(second)
    assert len(names(second)) == 2


def test_custody_that_ends_ends_at_the_next_request() -> None:
    actor = mother()
    (ward,) = queries.own_wards(actor=actor, at=AT)
    commands.end_guardianship(
        actor=people.actor(Role.CHECKER),
        guardian_id=actor.guardian_id or 0,
        child_id=ward.id,
        reason="court",
        at=AT,
        key=uuid4(),
    )
    assert names(queries.actor_for(actor.user_id, AT)) == []
    kid = family(1).children[0]
    assert link(actor, kid, [proof(kid)], at=AT + timedelta(days=1)) is None  # the registry says yes again
    assert names(actor, AT + timedelta(days=1)) == ["Әлиев Қайрат"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"iin": "150301700000"}, PeopleRefusal.BAD_IIN),
        ({"iin": ""}, PeopleRefusal.BAD_IIN),
        ({"given": ""}, PeopleRefusal.NAME_MISSING),
        ({"born_on": None}, PeopleRefusal.BIRTH_DATE_MISSING),
    ],
)
def test_a_slip_of_the_hand_is_told_and_is_no_miss(fields: dict[str, object], reason: PeopleRefusal) -> None:
    actor = mother()
    with pytest.raises(Refused) as refused:
        link(actor, replace(child(40), **fields))  # type: ignore[arg-type]
    assert refused.value.reason is reason
    assert NumberMiss.objects.count() == 0


def test_a_birth_date_that_differs_is_told_only_to_whom_the_registry_names() -> None:
    actor, kid = mother(), family(2).children[0]
    people.register(people.astana(), [family(2)])
    other = replace(kid, born_on=date(2014, 3, 1))
    assert link(actor, other) is GuardRefusal.CHILD_NOT_PROVED
    named = ProvedChild(kid.iin, "parent", "birth:9")
    assert link(actor, other, [named]) is PeopleRefusal.BIRTH_DATE_DIFFERS
    assert len(names(actor)) == 1


def test_the_21st_miss_in_an_hour_is_stopped_and_a_good_number_too() -> None:
    actor, kid = mother(), child(40)
    misses = [link(actor, child(60 + n)) for n in range(20)]
    assert set(misses) == {GuardRefusal.CHILD_NOT_PROVED}
    assert link(actor, child(99)) is GuardRefusal.TOO_MANY_NUMBERS
    assert link(actor, kid, [proof(kid)]) is GuardRefusal.TOO_MANY_NUMBERS
    assert AuditEvent.objects.filter(action="link_child", detail={"refused": "child_not_proved"}).count() == 20
    assert AuditEvent.objects.filter(action="link_child", detail={"refused": "too_many_numbers"}).count() == 1
    assert list(SecurityEvent.objects.values_list("kind", "user_id")) == [("guessing_stopped", actor.user_id)]
    later = AT + timedelta(minutes=61)
    assert link(actor, kid, [proof(kid)], at=later) is None


def test_a_replayed_miss_is_the_same_answer_and_counts_once() -> None:
    actor, key = mother(), uuid4()
    assert {link(actor, child(60), key=key) for _ in range(3)} == {GuardRefusal.CHILD_NOT_PROVED}
    assert NumberMiss.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@override_settings(NUMBER_LIMITS={"misses": 3})
def test_two_tries_at_once_cannot_both_be_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    actor = mother()

    def tries(first: int) -> list[StrEnum | None]:
        def one(place: int, barrier: threading.Barrier) -> StrEnum | None:
            barrier.wait()
            return link(actor, child(first + place))

        NumberMiss.objects.all().delete()
        for n in range(2):
            link(actor, child(first + 10 + n))
        return at_once(lambda b: one(0, b), lambda b: one(1, b))

    with monkeypatch.context() as patch:
        slowly(patch, commands.linking, "_too_many", 0.2)
        assert sorted(str(one) for one in tries(60)) == ["child_not_proved", "too_many_numbers"]
    meet = threading.Barrier(2, timeout=20)
    counted = commands.linking._too_many

    def late(*arguments: object) -> StrEnum | None:
        found = counted(*arguments)  # type: ignore[arg-type]
        if threading.current_thread() is not threading.main_thread():
            meet.wait()
        return found

    monkeypatch.setattr("qosymsha.kernel.locks.exclusive", lambda _: None)  # the control: nobody waits
    monkeypatch.setattr(commands.linking, "_too_many", late)
    assert [str(one) for one in tries(90)] == ["child_not_proved"] * 2


# A day's number


# Honeytokens
