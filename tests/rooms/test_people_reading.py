"""A day's number of children, the second person who lifts a stop, honeytokens; each with its control."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from qosymsha.domain.people import commands, queries, steps, watched
from qosymsha.domain.people.models import (
    Child,
    Guardian,
    Guardianship,
    Honeytoken,
    ReadChild,
    ReadingDay,
    SecurityEvent,
    User,
)
from qosymsha.domain.people.rules import GuardRefusal, PersonDetails, person_of, reading_limit
from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories import people
from tests.factories.people import AT, TODAY, child, family, number
from tests.races import at_once
from tests.rooms.test_people_guard import link, mother
from tests.sql import altered

pytestmark = pytest.mark.django_db


def reader(*roles: Role, name: str = "reader") -> Actor:
    user = User.objects.create(subject=name)
    return Actor(user.pk, f"user:{user.pk}", tuple(Grant(role) for role in roles or (Role.CHECKER,)))


def read(actor: Actor, *child_ids: int, at: datetime = AT) -> bool:
    """True where the records may be shown."""
    try:
        with transaction.atomic():
            steps.spend_reading(actor=actor, child_ids=child_ids, at=at)
    except Refused as refused:
        if refused.reason is GuardRefusal.READING_OVER:
            return False
        raise
    return True


def test_a_walk_stops_at_200_children_and_what_was_read_stays_open() -> None:
    actor = reader()
    assert [read(actor, n) for n in range(1, 201)] == [True] * 200
    assert not read(actor, 201)
    assert not read(actor, 1, 201)
    assert read(actor, 1, 200)  # read today already: no further child
    assert watched.own_day(actor=actor, at=AT) == (200, 200)
    assert read(actor, 201, at=AT + timedelta(days=1))


def test_a_page_that_would_pass_the_number_counts_nothing() -> None:
    actor = reader()
    assert read(actor, *range(1, 151))
    assert not read(actor, *range(151, 251))
    assert watched.own_day(actor=actor, at=AT).children == 150
    assert read(actor, *range(151, 201))


def test_own_children_do_not_count_and_jobs_and_guardians_have_no_number() -> None:
    parent = mother()
    official = replace(parent, grants=(*parent.grants, Grant(Role.CHECKER)))
    (own,) = [ward.id for ward in queries.own_wards(actor=parent, at=AT)]
    assert read(official, own, 9001)
    assert watched.own_day(actor=official, at=AT).children == 1
    assert read(parent, *range(1, 500))
    assert read(Actor.system("jobs"), *range(1, 500))
    assert ReadChild.objects.count() == 1


@pytest.mark.parametrize(
    ("roles", "limit"),
    [
        ({"checker"}, 200),
        ({"teacher"}, 1000),
        ({"teacher", "checker"}, 200),
        ({"guardian"}, None),
        ({"guardian", "teacher"}, 1000),
        ({"system"}, None),
        ({"auditor", "payer"}, 50),
    ],
)
def test_the_number_is_the_least_of_ones_roles(roles: set[str], limit: int | None) -> None:
    assert reading_limit(roles, {"payer": 50}) == limit


# The day's number is held by its row's lock; the control reads it, and later writes what it read and one more.
_LOCKED = 'PERFORM FROM reading_day d WHERE d.user_id = p_user AND d."on" = p_on FOR UPDATE;'
_READ = 'SELECT d.children INTO remaining FROM reading_day d WHERE d.user_id = p_user AND d."on" = p_on;'
_COUNTED, _BELIEVED = "d.children + cardinality(fresh)", "remaining + cardinality(fresh)"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_control", [False, True])
def test_two_reads_at_once_cannot_both_take_the_last_children(is_control: bool) -> None:
    actor = reader()
    assert read(actor, *range(1, 200))

    def take(child_id: int, barrier: threading.Barrier) -> bool:
        try:
            with transaction.atomic():
                barrier.wait()
                steps.spend_reading(actor=actor, child_ids=[child_id], at=AT)
        except Refused:
            return False
        return True

    held, counted = (_READ, _BELIEVED) if is_control else (_LOCKED, _COUNTED)
    with (
        altered("reading_spend", _LOCKED, f"{held} PERFORM pg_sleep(0.3);"),
        altered("reading_spend", _COUNTED, counted),
    ):
        answers = at_once(lambda b: take(201, b), lambda b: take(202, b))
    assert sorted(answers) == ([True, True] if is_control else [False, True])


def test_a_stop_is_told_once_and_lifted_by_a_second_person_with_a_reason() -> None:
    actor, chief = reader(), reader(Role.PROGRAMME_OFFICER, name="chief")
    uuid = User.objects.get(pk=actor.user_id).uuid
    read(actor, *range(1, 201))
    for _ in range(2):
        commands.stop_reading(actor=actor, at=AT)
    assert AuditEvent.objects.filter(action="stop_reading").count() == 1
    assert [(s.subject, s.children) for s in watched.stopped_accounts(actor=chief, at=AT)] == [("reader", 200)]

    def grant(giver: Actor, children: int = 30, reason: str = "closing the month", user: UUID = uuid) -> None:
        commands.grant_reading(actor=giver, user_uuid=user, children=children, reason=reason, at=AT, key=uuid4())

    own = reader(Role.PROGRAMME_OFFICER, name="own")
    for wrong, reason in (
        (lambda: grant(own, user=User.objects.get(pk=own.user_id).uuid), GuardRefusal.GRANT_TO_ONESELF),
        (lambda: grant(chief, reason=" "), GuardRefusal.GRANT_WITHOUT_REASON),
        (lambda: grant(chief, children=501), GuardRefusal.GRANT_TOO_LARGE),
        (lambda: grant(chief, children=0), GuardRefusal.GRANT_TOO_LARGE),
        (lambda: grant(chief, user=uuid4()), GuardRefusal.ACCOUNT_UNKNOWN),
    ):
        with pytest.raises(Refused) as refused:
            wrong()
        assert refused.value.reason is reason
    with pytest.raises(Forbidden):
        grant(actor)
    grant(chief)
    assert watched.stopped_accounts(actor=chief, at=AT) == []
    assert read(actor, *range(201, 231))
    assert not read(actor, 231)
    auditor = reader(Role.AUDITOR, name="auditor")
    assert [(g.subject, g.giver, g.children) for g in watched.grants(actor=auditor)] == [("reader", "chief", 30)]
    assert AuditEvent.objects.filter(action="grant_reading").count() == 1
    assert "closing" not in str(list(AuditEvent.objects.values_list("detail", flat=True)))


def test_nobody_grants_to_oneself_in_the_table_either() -> None:
    actor = reader()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO reading_grant (user_id, "on", children, reason, granted_by_id, at)'
            " VALUES (%(u)s, %(d)s, 1, 'x', %(u)s, %(at)s)",
            {"u": actor.user_id, "d": TODAY, "at": AT},
        )


def test_a_honeytoken_read_raises_an_alarm_that_only_the_auditor_sees(
    caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: object
) -> None:
    people.register(people.astana(), [family(1), family(2)])
    token, plain = Child.objects.order_by("id")
    hand = people.actor(Role.OPERATOR)
    commands.lay_honeytoken(actor=hand, child_uuid=token.uuid, at=AT)
    actor = reader()
    assert read(actor, plain.pk)
    assert SecurityEvent.objects.count() == 0  # the control: another child raises none
    with caplog.at_level(logging.ERROR), django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert read(actor, plain.pk, token.pk)  # shown like any other
    (alarm,) = watched.alarms(actor=reader(Role.AUDITOR, name="auditor"))
    assert (alarm.kind, alarm.subject) == ("honeytoken_read", "reader")
    assert "honeytoken_read" in caplog.text
    assert str(token.uuid) not in caplog.text
    with pytest.raises(Forbidden):
        watched.alarms(actor=actor)
    assert watched.honeytokens(actor=hand) == [token.uuid]
    with pytest.raises(Refused):
        commands.lay_honeytoken(actor=hand, child_uuid=token.uuid, at=AT)
    with pytest.raises(Forbidden):
        commands.lay_honeytoken(actor=actor, child_uuid=plain.uuid, at=AT)


def test_no_table_tells_an_official_which_child_is_a_honeytoken() -> None:
    people.register(people.astana(), [family(1)])
    token = Child.objects.get()
    commands.lay_honeytoken(actor=people.actor(Role.OPERATOR), child_uuid=token.uuid, at=AT)
    assert bytes(Honeytoken.objects.get().mark) == queries.honey_mark(token.pk)
    (event,) = AuditEvent.objects.filter(action="lay_honeytoken").values_list("subject_ids", "detail")
    assert event == ([], {})


def test_a_guardian_who_gets_at_a_honeytoken_raises_it_too_and_a_job_does_not() -> None:
    parent = mother()
    token = Child.objects.get()
    Guardianship.objects.all().delete()
    commands.lay_honeytoken(actor=people.actor(Role.OPERATOR), child_uuid=token.uuid, at=AT)
    assert read(Actor.system("jobs"), token.pk)
    assert SecurityEvent.objects.count() == 0
    assert read(parent, token.pk)
    assert SecurityEvent.objects.get().user_id == parent.user_id


def test_counters_are_forgotten_after_their_time() -> None:
    actor = mother()
    read(reader(), 1, 2)
    link(actor, child(60))
    system = Actor.system("jobs")
    assert commands.forget_readings(actor=system, at=AT + timedelta(days=29)) == 0
    assert commands.forget_readings(actor=system, at=AT + timedelta(days=31)) == 3
    assert ReadingDay.objects.count() == 1
    assert Guardian.objects.count() == 1
    assert person_of(queries.unseal("child", [Child.objects.get().pk])[Child.objects.get().pk]).iin == number(4)


def test_an_invented_honeytoken_is_found_by_name_and_by_nothing_else() -> None:
    hand, territory = people.actor(Role.OPERATOR), people.astana()
    person = PersonDetails(number(40), "Сапаров", "Тұрар", born_on=date(2016, 4, 9))
    uuid = commands.invent_honeytoken(actor=hand, territory_id=territory, person=person, at=AT)
    assert watched.honeytokens(actor=hand) == [uuid]
    assert queries.by_iin("child", [number(40)]) == {}  # an invented child has no number, whatever was typed
    (found,) = queries.persons_named(actor=people.actor(Role.CHECKER), kind="child", text="сапаров", at=AT)
    assert Child.objects.get(uuid=uuid).pk == found
