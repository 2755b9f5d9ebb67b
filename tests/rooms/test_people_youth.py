"""A child's own account: who gets one, what it may, when it ends; it speaks for nobody, whoever carries its word."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from enum import StrEnum
from importlib import import_module
from pkgutil import iter_modules
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha import domain
from qosymsha.domain.people import commands, queries
from qosymsha.domain.people.commands import youths as verb
from qosymsha.domain.people.models import Guardian, Guardianship, Membership, PersonSecret
from qosymsha.domain.people.rules import PersonDetails, SignInRefusal, YouthRefusal
from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day, local_instant
from qosymsha.kernel.errors import Forbidden, Refused
from qosymsha.kernel.models import AuditEvent, Outbox
from tests.factories import people, youths
from tests.factories.people import AT, TODAY
from tests.races import at_once, meeting

SYSTEM = Actor.system("test")
BORN = date(2010, 6, 1)  # 15 years old on `TODAY`
OF_AGE = local_instant(date(2028, 6, 1))


def family(born_on: date = BORN, guardians: int = 1) -> tuple[int, list[int]]:
    """(child, guardians) of a family that a clerk registered."""
    place, kid = people.astana(), people.child(4, born_on=born_on)
    rows = [people.FamilyRow(people.guardian(n + 1), (kid,)) for n in range(guardians)]
    people.register(place, rows)
    return queries.by_iin("child", [kid.iin or ""])[kid.iin or ""], [people.guardian_id(row) for row in rows]


def admit(child_id: int, subject: str = "sub-y", at: Any = AT) -> int:
    return commands.admit_youth(actor=SYSTEM, child_id=child_id, subject=subject, at=at, key=uuid4())


def end(guardian_id: int, child_id: int, at: Any = AT) -> None:
    actor = people.actor(Role.CHECKER)
    commands.end_guardianship(
        actor=actor, guardian_id=guardian_id, child_id=child_id, reason="court", at=at, key=uuid4()
    )


def roles(user_id: int, at: Any = AT) -> set[str]:
    return {grant.role for grant in queries.actor_for(user_id, at).grants}


def reason_of(act: Callable[[], object]) -> StrEnum:
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.reason


# Who gets one


@pytest.mark.django_db
def test_a_child_of_fifteen_gets_its_own_account_once_and_its_guardians_are_told() -> None:
    child, (mother,) = family()
    user = admit(child)
    actor = queries.actor_for(user, AT)
    assert roles(user) == {"youth"}
    assert actor.guardian_id == Guardian.objects.get(child_id=child).pk
    own = queries.own_record(actor)
    assert own is not None
    assert (own.given, own.born_on) == ("Қайрат", BORN)
    assert admit(child) == admit(child, "another-name") == user
    assert Guardianship.objects.filter(child_id=child, kind="self").count() == 1
    assert Membership.objects.filter(user_id=user).count() == 1
    event = AuditEvent.objects.get(action="admit_youth")
    assert (event.subject_ids, event.detail) == ([child], {"user_id": user})
    assert Outbox.objects.filter(topic="youth_admitted", subject_id=child).count() == 1
    assert not PersonSecret.objects.filter(subject_kind="guardian", subject_id=actor.guardian_id).exists()
    assert queries.by_iin("guardian", [own.iin or ""]) == {}, "nobody finds a child as a guardian by its number"
    assert roles(mother_user(mother)) == {"guardian"}


def mother_user(guardian_id: int) -> int:
    return commands.admit_guardian(actor=SYSTEM, guardian_id=guardian_id, subject="sub-m", at=AT, key=uuid4())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("born_on", "ends", "reason"),
    [
        (date(2012, 1, 13), False, YouthRefusal.TOO_YOUNG),
        (date(2008, 1, 12), False, YouthRefusal.OF_AGE),
        (BORN, True, YouthRefusal.WITHOUT_GUARDIAN),
    ],
)
def test_others_get_none_and_nothing_is_stored(born_on: date, ends: bool, reason: StrEnum) -> None:
    child, (mother,) = family(born_on)
    if ends:
        end(mother, child)
    assert reason_of(lambda: admit(child)) is reason
    assert queries.user_by_subject("sub-y") is None
    assert Guardian.objects.filter(child_id=child).count() == 0


@pytest.mark.django_db
def test_where_the_installation_has_no_own_accounts_a_child_is_unknown(settings: Any) -> None:
    child, _ = family()
    settings.YOUTH_AGES = None
    assert reason_of(lambda: admit(child)) is SignInRefusal.PERSON_UNKNOWN
    assert reason_of(lambda: admit(0)) is SignInRefusal.PERSON_UNKNOWN
    settings.YOUTH_AGES = (14, 18)  # the control
    assert admit(child)


@pytest.mark.django_db
def test_only_the_house_admits_and_nobody_appoints_a_youth() -> None:
    child, _ = family()
    with pytest.raises(Forbidden):
        commands.admit_youth(actor=people.actor(Role.OPERATOR), child_id=child, subject="sub-y", at=AT, key=uuid4())
    appointment = commands.Appointment("sub-y", Role.YOUTH)
    refused = reason_of(lambda: commands.appoint(actor=SYSTEM, appointment=appointment, at=AT, key=uuid4()))
    assert refused.value == "role_unknown"


@pytest.mark.django_db(transaction=True)
def test_two_sign_ins_at_once_make_one_account(monkeypatch: pytest.MonkeyPatch) -> None:
    child, _ = family()

    def come(barrier: threading.Barrier) -> int:
        barrier.wait()
        return admit(child)

    users = at_once(come, come)
    assert users[0] == users[1]
    assert Membership.objects.filter(role="youth").count() == 1
    Guardianship.objects.filter(kind="self").delete()
    Membership.objects.filter(role="youth").delete()
    Guardian.objects.filter(child_id=child).delete()
    monkeypatch.setattr(verb.locks, "exclusive", lambda *_: None)  # the control run
    meeting(monkeypatch, verb, "_refuse")
    found = at_once(come, come)
    assert any(isinstance(one, IntegrityError | Refused) for one in found), "one of the two was turned away"


@pytest.mark.django_db
def test_a_child_has_one_account_even_where_a_verb_forgot() -> None:
    child, _ = family()
    admit(child)
    place = Guardian.objects.earliest("id").territory_id
    with pytest.raises(IntegrityError, match="guardian_of_oneself_once"), transaction.atomic():
        Guardian.objects.create(territory_id=place, created_at=AT, child_id=child)


# When it ends


@pytest.mark.django_db
def test_it_ends_by_itself_on_the_birthday_and_is_no_guardians_account_afterwards() -> None:
    child, _ = family()
    user = admit(child)
    assert roles(user, OF_AGE - timedelta(seconds=1)) == {"youth"}
    after = queries.actor_for(user, OF_AGE)
    assert (after.grants, after.guardian_id) == ((), None)
    assert queries.own_child_ids(Guardian.objects.get(child_id=child).pk, local_day(OF_AGE)) == []


@pytest.mark.django_db
def test_it_ends_with_the_last_guardianship_and_opens_again_with_the_next() -> None:
    child, (mother, father) = family(guardians=2)
    user = admit(child)
    end(mother, child)
    assert roles(user) == {"youth"}, "somebody still speaks for the child"
    end(father, child)
    assert roles(user) == set()
    assert reason_of(lambda: admit(child)) is YouthRefusal.WITHOUT_GUARDIAN
    people.register(people.astana(), [people.FamilyRow(people.guardian(9), (people.child(4, born_on=BORN),))])
    later = AT + timedelta(days=1)
    assert admit(child, at=later) == user
    assert roles(user, later) == {"youth"}


@pytest.mark.django_db
def test_nobody_ends_a_childs_tie_to_itself() -> None:
    child, _ = family()
    user = admit(child)
    account = Guardian.objects.get(child_id=child).pk
    assert reason_of(lambda: end(account, child)).value == "not_the_guardian"
    assert roles(user) == {"youth"}


@pytest.mark.django_db
def test_a_youth_whom_a_registry_names_a_parent_becomes_a_guardian_under_the_same_name() -> None:
    child, _ = family()
    user = admit(child)
    own = people.guardian(30, iin=people.child(4).iin, born_on=BORN)
    baby = people.child(40, born_on=date(2025, 12, 1))
    row = people.FamilyRow(own, (baby,))
    people.register(people.astana(), [row])
    guardian = people.guardian_id(row)
    commands.admit_guardian(actor=SYSTEM, guardian_id=guardian, subject="sub-y", at=AT, key=uuid4())
    actor = queries.actor_for(user, AT)
    assert (roles(user), actor.guardian_id) == ({"guardian"}, guardian)
    assert [one.given for one in map(person, queries.own_child_ids(guardian, TODAY))] == [baby.given]


def person(child_id: int) -> PersonDetails:
    return queries.person_of(queries.unseal("child", [child_id])[child_id])


# What it may: a closed list, and nothing of it speaks for the child


MAY = {
    "attendance.check_in_children", "attendance.read_own_lessons", "vouchers.read_own_vouchers",
    "insights.read_readers", "messages.read_notices", "messages.mark_notices", "messages.choose_notices",
    "people.sign_in", "people.sign_out", "people.send_code", "people.prove_again", "people.stop_reading",
    "people.set_preferences",
}  # fmt: skip


def test_the_verbs_of_a_youth_are_these_and_no_others() -> None:
    found = set()
    for room in iter_modules(domain.__path__):
        try:
            table: dict[StrEnum, frozenset[str]] = import_module(f"qosymsha.domain.{room.name}.access").ALLOWED
        except (ModuleNotFoundError, AttributeError):
            continue
        found |= {f"{room.name}.{action.value}" for action, held in table.items() if Role.YOUTH in held}
    assert found == MAY


@pytest.mark.django_db
def test_a_self_tie_is_no_guardianship_to_any_other_room() -> None:
    child, (mother,) = family()
    admit(child)
    account = youths.account(child)
    assert queries.guardians_of([child], TODAY) == {child: [mother]}
    pairs = [(mother, child), (account, child)]
    assert queries.wards(pairs, TODAY) == {(mother, child)}
    assert queries.wards(pairs, TODAY, with_self=True) == set(pairs)  # the control: the row is there
    parent = queries.actor_for(mother_user(mother), AT)
    (ward,) = queries.own_wards(actor=parent, at=AT)
    assert (ward.others, ward.account_since) == (0, TODAY)
    with connection.cursor() as cursor:
        cursor.execute("SELECT role FROM rights_of(%s, %s)", [queries.user_by_subject("sub-y"), TODAY])
        assert cursor.fetchall() == [("youth",)]
        cursor.execute("SELECT guardian_id FROM rights_of(%s, %s)", [queries.user_by_subject("sub-y"), TODAY])
        assert cursor.fetchall() == [(None,)], "a version before, which asks this function, takes it for no guardian"
