"""How much of children's data one account reaches: stopped at its day's number, let on by a second person, watched."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.people import queries, steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.models import Child, Honeytoken, NumberMiss, ReadChild, ReadingDay, ReadingGrant, User
from qosymsha.domain.people.rules import (
    GuardRefusal,
    PeopleRefusal,
    PersonDetails,
    refuse_grant,
    refuse_person,
    tidy,
)
from qosymsha.domain.people.states import Alarm
from qosymsha.kernel import audit, entropy, idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

_KEPT_DAYS = 30  # as the models say
_DAYS_KEPT = 365  # counters of whole days


@transaction.atomic(durable=True)
def spend_reading(*, actor: Actor, child_ids: Collection[int], at: datetime) -> None:
    """Count what a page has read, before the page leaves; a replay counts nothing twice, so it takes no key.

    Raises:
        Refused: reading_over — the page must stay here.
    """
    steps.spend_reading(actor=actor, child_ids=child_ids, at=at)


@transaction.atomic(durable=True)
def stop_reading(*, actor: Actor, at: datetime) -> None:
    """Write down that the actor was stopped at its day's number; said once a day, however often it tries again.

    Raises:
        Forbidden: the actor is nobody who signs in.
    """
    require(actor, Action.STOP_READING, ALLOWED)
    with connection.cursor() as cursor:
        cursor.execute(
            'UPDATE reading_day SET stopped_at = %s WHERE user_id = %s AND "on" = %s AND stopped_at IS NULL'
            " RETURNING children",
            [at, actor.user_id, local_day(at)],
        )
        stopped = cursor.fetchone()
        if stopped is None:
            cursor.execute(
                'INSERT INTO reading_day (user_id, "on", stopped_at) VALUES (%s, %s, %s)'
                ' ON CONFLICT (user_id, "on") DO NOTHING RETURNING children',
                [actor.user_id, local_day(at), at],
            )
            stopped = cursor.fetchone()
    if stopped is not None:
        detail = {"children": stopped[0]}
        _record(actor, at, Action.STOP_READING, [actor.user_id], detail)
        steps.alarm(Alarm.READING_STOPPED, actor.user_id, [], at)


@transaction.atomic(durable=True)
def grant_reading(  # noqa: PLR0913 - who, whom, how many, why, when, once
    *, actor: Actor, user_uuid: UUID, children: int, reason: str, at: datetime, key: UUID
) -> None:
    """Let another account read so many children more today; the reason and both names are kept.

    Raises:
        Forbidden: the actor may not.
        Refused: grant_to_oneself, grant_without_reason, grant_too_large, account_unknown.
    """
    require(actor, Action.GRANT_READING, ALLOWED)
    body = [str(user_uuid), children, reason]
    if idempotency.repeat(actor=actor, verb="grant_reading", key=key, body=body, at=at) is not None:
        return
    taker = User.objects.filter(uuid=user_uuid, is_active=True).first()
    if taker is None:
        raise Refused(GuardRefusal.ACCOUNT_UNKNOWN)
    refusal = refuse_grant(giver=actor.user_id, taker=taker.pk, children=children, reason=reason)
    if refusal is not None:
        raise Refused(refusal)
    today = local_day(at)
    given = ReadingGrant.objects.create(
        user=taker, on=today, children=children, reason=reason.strip(), granted_by_id=actor.user_id, at=at
    )
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO reading_day (user_id, "on", granted) VALUES (%s, %s, %s) ON CONFLICT (user_id, "on")'
            " DO UPDATE SET granted = reading_day.granted + excluded.granted, stopped_at = NULL",
            [taker.pk, today, children],
        )
    _record(actor, at, Action.GRANT_READING, [taker.pk], {"grant_id": given.pk, "children": children})
    idempotency.keep(actor=actor, verb="grant_reading", key=key, outcome=given.pk)


@transaction.atomic(durable=True)
def lay_honeytoken(*, actor: Actor, child_uuid: UUID, at: datetime) -> None:
    """Mark a child whom nobody has a reason to read: whoever reads it raises an alarm, and sees nothing of that.

    Only a keyed hash is stored, and the event does not say which child.

    Raises:
        Forbidden: the actor may not.
        Refused: child_unknown; honeytoken_there.
    """
    require(actor, Action.LAY_HONEYTOKEN, ALLOWED)
    child = Child.objects.filter(uuid=child_uuid).first()
    if child is None:
        raise Refused(PeopleRefusal.CHILD_UNKNOWN)
    _mark(actor, child.pk, at)


@transaction.atomic(durable=True)
def invent_honeytoken(*, actor: Actor, territory_id: int, person: PersonDetails, at: datetime) -> UUID:
    """Make an invented child, of nobody and without a number, and mark it. Said again it makes another. Its outside id.

    Raises:
        Forbidden: the actor may not, here.
        Refused: the name or the birth date cannot be a person's.
    """
    require(actor, Action.LAY_HONEYTOKEN, ALLOWED, territory_id=territory_id)
    invented = replace(tidy(person), iin=None)
    fault = refuse_person(invented, today=local_day(at), synthetic_allowed=True)
    if fault is not None:
        raise Refused(fault)
    lookup = entropy.token(32)  # found by nothing that anybody could type
    (child_id,) = steps.store_persons("child", "child", {lookup: invented}).made
    steps.insert_children([child_id], [None], territory_id, at)
    _mark(actor, child_id, at)
    return Child.objects.get(pk=child_id).uuid


def _mark(actor: Actor, child_id: int, at: datetime) -> None:
    _, is_new = Honeytoken.objects.get_or_create(mark=queries.honey_mark(child_id), defaults={"laid_at": at})
    if not is_new:
        raise Refused(GuardRefusal.HONEYTOKEN_THERE)
    audit.record(actor=actor, at=at, action=Action.LAY_HONEYTOKEN, subject_kind="honeytoken", subject_ids=[])


@transaction.atomic(durable=True)
def forget_readings(*, actor: Actor, at: datetime) -> int:
    """Delete counters of reads and of missed numbers older than their retention; returns how many. Gone is gone.

    Raises:
        Forbidden: only the house itself forgets.
    """
    require(actor, Action.FORGET_TRIES, ALLOWED)
    read, _ = ReadChild.objects.filter(on__lt=local_day(at) - timedelta(days=_KEPT_DAYS)).delete()
    days, _ = ReadingDay.objects.filter(on__lt=local_day(at) - timedelta(days=_DAYS_KEPT)).delete()
    missed, _ = NumberMiss.objects.filter(at__lt=at - timedelta(days=_KEPT_DAYS)).delete()
    return read + days + missed


def _record(actor: Actor, at: datetime, action: Action, user_ids: list[int], detail: dict[str, object]) -> None:
    audit.record(actor=actor, at=at, action=action, subject_kind="user", subject_ids=user_ids, detail=detail)
