"""Who works here: users and their dated roles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.models import Membership, User
from qosymsha.domain.people.rules import PeopleRefusal
from qosymsha.domain.people.states import Role
from qosymsha.kernel import audit, idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

_GIVEN_BY_NOBODY = frozenset({Role.SYSTEM, Role.GUARDIAN})  # the one is the house itself, the other a registry's word


@dataclass(frozen=True, slots=True)
class Appointment:
    """A role for the user whom the identity provider calls `subject`; None in a scope means not bound to it.

    `first` is the first day (None: today), `last` the last (None: open).
    """

    subject: str
    role: str
    territory_id: int | None = None
    department_id: int | None = None
    provider_id: int | None = None
    first: date | None = None
    last: date | None = None
    language: str = "kk"


@transaction.atomic(durable=True)
def appoint(*, actor: Actor, appointment: Appointment, at: datetime, key: UUID) -> int:
    """Give a role; the user is made on first sight. A right that stands is kept. Returns the user's id.

    Raises:
        Forbidden: the actor may not, here.
        Refused: role_unknown; validity_reversed.
    """
    require(actor, Action.APPOINT, ALLOWED, territory_id=appointment.territory_id, provider_id=appointment.provider_id)
    first = appointment.first or local_day(at)
    body = [str(value) for value in (appointment, first)]
    seen = idempotency.repeat(actor=actor, verb="appoint", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    if appointment.role not in set(Role) - _GIVEN_BY_NOBODY:
        raise Refused(PeopleRefusal.ROLE_UNKNOWN, role=appointment.role)
    if appointment.last is not None and appointment.last < first:
        raise Refused(PeopleRefusal.VALIDITY_REVERSED)
    user, _ = User.objects.get_or_create(subject=appointment.subject, defaults={"language": appointment.language})
    membership_id = _store(user.id, appointment, first)
    audit.record(
        actor=actor,
        at=at,
        action=Action.APPOINT,
        subject_kind="user",
        subject_ids=[user.id],
        territory_id=appointment.territory_id,
        detail={"role": appointment.role, "membership_id": membership_id},
    )
    idempotency.keep(actor=actor, verb="appoint", key=key, outcome=user.id)
    return user.id


@transaction.atomic(durable=True)
def dismiss(*, actor: Actor, membership_id: int, at: datetime, key: UUID) -> None:
    """End a role at once: from today on it gives no right.

    Raises:
        Forbidden: the actor may not, here.
        Refused: membership_unknown.
    """
    require(actor, Action.DISMISS, ALLOWED)
    if idempotency.repeat(actor=actor, verb="dismiss", key=key, body=[membership_id], at=at) is not None:
        return
    membership = Membership.objects.select_for_update().filter(id=membership_id).first()
    if membership is None:
        raise Refused(PeopleRefusal.MEMBERSHIP_UNKNOWN)
    require(actor, Action.DISMISS, ALLOWED, territory_id=membership.territory_id, provider_id=membership.provider_id)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE membership SET valid = valid * daterange(NULL, %s) WHERE id = %s", [local_day(at), membership_id]
        )
    audit.record(
        actor=actor,
        at=at,
        action=Action.DISMISS,
        subject_kind="user",
        subject_ids=[membership.user_id],
        territory_id=membership.territory_id,
        detail={"role": membership.role, "membership_id": membership_id},
    )
    idempotency.keep(actor=actor, verb="dismiss", key=key, outcome=True)


def _store(user_id: int, appointment: Appointment, first: date) -> int:
    scope: list[int | str | date | None] = [
        user_id,
        appointment.role,
        appointment.territory_id,
        appointment.department_id,
        appointment.provider_id,
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM membership WHERE user_id = %s AND role = %s AND territory_id IS NOT DISTINCT FROM %s"
            " AND department_id IS NOT DISTINCT FROM %s AND provider_id IS NOT DISTINCT FROM %s"
            " AND valid @> daterange(%s, %s, '[]')",
            [*scope, first, appointment.last],
        )
        row = cursor.fetchone()
        if row is None:
            cursor.execute(
                "INSERT INTO membership (user_id, role, territory_id, department_id, provider_id, valid)"
                " VALUES (%s, %s, %s, %s, %s, daterange(%s, %s, '[]')) RETURNING id",
                [*scope, first, appointment.last],
            )
            row = cursor.fetchone()
    return int(row[0])
