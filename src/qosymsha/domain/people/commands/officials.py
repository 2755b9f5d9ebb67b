"""Who works here: users and their dated roles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from qosymsha.domain.people import queries, steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.models import Membership
from qosymsha.domain.people.rules import PeopleRefusal, PersonDetails, person_json
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.steps import Scope
from qosymsha.kernel import audit, idempotency, iin, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

USER = "user"
_GIVEN_BY_NOBODY = frozenset({Role.SYSTEM, Role.GUARDIAN})  # the one is the house itself, the other a registry's word


@dataclass(frozen=True, slots=True)
class Appointment:
    """A role for the user whom the identity provider calls `subject`; None in a scope means not bound to it.

    `first` is the first day (None: today), `last` the last (None: open). With an `iin` the user is known by it at the
    first sign-in, whatever the provider calls them; it is kept in the table of secrets alone.
    """

    subject: str
    role: str
    territory_id: int | None = None
    department_id: int | None = None
    provider_id: int | None = None
    first: date | None = None
    last: date | None = None
    language: str = "kk"
    iin: str | None = None


@transaction.atomic(durable=True)
def appoint(*, actor: Actor, appointment: Appointment, at: datetime, key: UUID) -> int:
    """Give a role; the user is made on first sight. A right that stands is kept. Returns the user's id.

    Raises:
        Forbidden: the actor may not, here.
        Refused: role_unknown; validity_reversed; bad_iin; number_taken — by another user.
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
    user_id = steps.user_called(appointment.subject, appointment.language)
    if appointment.iin is not None:
        _make_known(user_id, appointment.iin)
    scope = Scope(appointment.role, appointment.territory_id, appointment.department_id, appointment.provider_id)
    membership_id = steps.give_role(user_id, scope, first, appointment.last)
    audit.record(
        actor=actor,
        at=at,
        action=Action.APPOINT,
        subject_kind="user",
        subject_ids=[user_id],
        territory_id=appointment.territory_id,
        detail={"role": appointment.role, "membership_id": membership_id},
    )
    idempotency.keep(actor=actor, verb="appoint", key=key, outcome=user_id)
    return user_id


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


def _make_known(user_id: int, number: str) -> None:
    try:
        number = iin.person(number, synthetic_allowed=settings.SYNTHETIC_PEOPLE_ALLOWED)
    except iin.NumberError:
        raise Refused(PeopleRefusal.BAD_IIN) from None
    locks.exclusive(f"user:{queries.iin_lookup(USER, number).hex()}")
    if queries.by_iin(USER, [number]).get(number, user_id) != user_id:
        raise Refused(PeopleRefusal.NUMBER_TAKEN)
    plain = person_json(PersonDetails(number, "", ""))
    steps.seal(USER, [steps.SecretRow(user_id, plain, queries.iin_lookup(USER, number))])
