"""Who works here: users and their dated roles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from qosymsha.domain.people import queries, steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.models import Membership, RoleProposal
from qosymsha.domain.people.rules import POWERFUL, PeopleRefusal, PersonDetails, person_json
from qosymsha.domain.people.states import FAMILY, Role
from qosymsha.domain.people.steps import Scope
from qosymsha.kernel import audit, idempotency, iin, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden, Refused

USER = "user"
_GIVEN_BY_NOBODY = FAMILY | {Role.SYSTEM}  # the house itself; a registry's word, a child's own number and age


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
        Refused: role_unknown; validity_reversed; bad_iin; number_taken — by another user; right_to_oneself;
            second_person_needed — a powerful role: `propose_role`. The house itself (a shell, the demo) is not asked.
    """
    _require_within(actor, Action.APPOINT, appointment.territory_id)
    first = appointment.first or local_day(at)
    body = [str(value) for value in (appointment, first)]
    seen = idempotency.repeat(actor=actor, verb="appoint", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    if appointment.role not in set(Role) - _GIVEN_BY_NOBODY:
        raise Refused(PeopleRefusal.ROLE_UNKNOWN, role=appointment.role)
    if appointment.last is not None and appointment.last < first:
        raise Refused(PeopleRefusal.VALIDITY_REVERSED)
    if actor.user_id and appointment.role in POWERFUL:
        raise Refused(PeopleRefusal.SECOND_PERSON_NEEDED)
    user_id = steps.user_called(appointment.subject, appointment.language)
    if user_id == actor.user_id:
        raise Refused(PeopleRefusal.RIGHT_TO_ONESELF)
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
def propose_role(*, actor: Actor, appointment: Appointment, at: datetime, key: UUID) -> UUID:
    """Propose a powerful role for somebody; it is no right until another operator gives it. Returns the proposal.

    Raises:
        Forbidden: the actor may not.
        Refused: role_unknown; validity_reversed; bad_iin; number_taken; right_to_oneself.
    """
    _require_within(actor, Action.APPOINT, appointment.territory_id)
    first = appointment.first or local_day(at)
    seen = idempotency.repeat(
        actor=actor, verb="propose_role", key=key, body=[str(appointment), first.isoformat()], at=at
    )
    if seen is not None:
        return UUID(str(seen))
    if appointment.role not in POWERFUL:
        raise Refused(PeopleRefusal.ROLE_UNKNOWN, role=appointment.role)
    if appointment.last is not None and appointment.last < first:
        raise Refused(PeopleRefusal.VALIDITY_REVERSED)
    user_id = steps.user_called(appointment.subject, appointment.language)
    if user_id == actor.user_id:
        raise Refused(PeopleRefusal.RIGHT_TO_ONESELF)
    if appointment.iin is not None:
        _make_known(user_id, appointment.iin)
    proposal = RoleProposal.objects.create(
        user_id=user_id, role=appointment.role, territory_id=appointment.territory_id,
        department_id=appointment.department_id, first=first, last=appointment.last, proposed_by=actor.user_id,
        proposed_at=at,
    )  # fmt: skip
    detail: dict[str, object] = {"proposed": proposal.role, "territory_id": proposal.territory_id}
    _record(actor, at, Action.APPOINT, user_id, detail)
    idempotency.keep(actor=actor, verb="propose_role", key=key, outcome=str(proposal.uuid))
    return proposal.uuid


@transaction.atomic(durable=True)
def decide_role(*, actor: Actor, proposal_uuid: UUID, is_given: bool, at: datetime) -> None:
    """Give or refuse what another operator proposed. Needs no key: a decided proposal is unknown here.

    Raises:
        Forbidden: the actor may not.
        Refused: proposal_unknown; proposed_by_oneself; right_to_oneself.
    """
    require(actor, Action.GIVE_ROLE, ALLOWED)
    waiting = RoleProposal.objects.select_for_update().filter(uuid=proposal_uuid, state="proposed").first()
    if waiting is None:
        raise Refused(PeopleRefusal.PROPOSAL_UNKNOWN)
    _require_within(actor, Action.GIVE_ROLE, waiting.territory_id)
    if waiting.proposed_by == actor.user_id:
        raise Refused(PeopleRefusal.PROPOSED_BY_ONESELF)
    if waiting.user_id == actor.user_id:
        raise Refused(PeopleRefusal.RIGHT_TO_ONESELF)
    waiting.state, waiting.decided_by, waiting.decided_at = "given" if is_given else "refused", actor.user_id, at
    waiting.save(update_fields=["state", "decided_by", "decided_at"])
    if is_given:
        scope = Scope(waiting.role, waiting.territory_id, waiting.department_id, None)
        steps.give_role(waiting.user_id, scope, max(waiting.first, local_day(at)), waiting.last)
    detail: dict[str, object] = {"role": waiting.role, "given": is_given, "proposed_by": waiting.proposed_by}
    _record(actor, at, Action.GIVE_ROLE, waiting.user_id, detail)


@transaction.atomic(durable=True)
def record_ended_visits(*, actor: Actor, user_id: int, at: datetime) -> None:
    """Write down that an operator ends a person's visits at every browser; the door then deletes them.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.END_VISITS, ALLOWED)
    _record(actor, at, Action.END_VISITS, user_id, {})


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
    _require_within(actor, Action.DISMISS, membership.territory_id)
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


def _require_within(actor: Actor, action: Action, territory_id: int | None) -> None:
    """A right may be given or ended only inside one's own: who is bound to a city moves none that is bound to none.

    Rights at a provider are bound to no territory, so that they too need somebody who is bound to none.
    """
    require(actor, action, ALLOWED, territory_id=territory_id)
    is_unbound = any(g.territory_ids is None and g.role in ALLOWED[action] for g in actor.grants)
    if territory_id is None and not is_unbound:
        raise Forbidden(action)


def _record(actor: Actor, at: datetime, action: Action, user_id: int, detail: dict[str, object]) -> None:
    audit.record(actor=actor, at=at, action=action, subject_kind="user", subject_ids=[user_id], detail=detail)


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
