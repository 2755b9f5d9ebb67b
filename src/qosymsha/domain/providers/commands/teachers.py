"""Teachers as users: told by a manager, let in by their number, ended by the manager, wherever they teach."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from qosymsha.domain.people import queries as people
from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.people.rules import PersonDetails, refuse_person, tidy
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.steps import Scope
from qosymsha.domain.providers import queries, steps
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.providers.models import Engagement, Teacher
from qosymsha.domain.providers.queries.staff import staff_of
from qosymsha.domain.providers.rules import ProviderRefusal
from qosymsha.domain.providers.states import Topic
from qosymsha.kernel import audit, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused


@transaction.atomic(durable=True)
def admit_teacher(*, actor: Actor, teacher_id: int, subject: str, at: datetime, key: UUID) -> int:
    """Give a teacher the user whom the identity provider calls `subject`, and a teacher's right at each provider.

    A teacher who has a user keeps it. The right at a provider lasts from today to the last day of the teacher's
    timetable there, and is made longer at a later call; where a manager invited them, until it is ended. Where one
    ended it, nothing is given. No manager can say who a teacher is: only the number that the identity provider proved
    (or, in a trial, the house) does. Returns the user's id.

    Raises:
        Forbidden: neither the house itself nor the operator.
        Refused: teaches_nowhere — unknown, or without a lesson from today on and without a user.
    """
    require(actor, Action.ADMIT_TEACHER, ALLOWED)
    body = [teacher_id, subject]
    seen = idempotency.repeat(actor=actor, verb="admit_teacher", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    teacher = Teacher.objects.select_for_update().filter(id=teacher_id).first()
    places = queries.teaching(teacher_id, local_day(at))
    if teacher is None or not (places or teacher.user_id):
        raise Refused(ProviderRefusal.TEACHES_NOWHERE)
    if teacher.user_id is None:
        teacher.user_id = people_steps.user_called(subject)
        teacher.save(update_fields=["user"])
    user_id = teacher.user_id
    for provider_id, last in places:
        people_steps.give_role(user_id, Scope(Role.TEACHER, provider_id=provider_id), local_day(at), last)
    audit.record(
        actor=actor,
        at=at,
        action=Action.ADMIT_TEACHER,
        subject_kind="teacher",
        subject_ids=[teacher_id],
        detail={"user_id": user_id, "providers": [provider_id for provider_id, _ in places]},
    )
    idempotency.keep(actor=actor, verb="admit_teacher", key=key, outcome=user_id)
    return user_id


@transaction.atomic(durable=True)
def invite_teacher(*, actor: Actor, provider_id: int, person: PersonDetails, at: datetime, key: UUID) -> int:
    """Tell that somebody teaches here from today on, by number and name; also who was ended here may come back.

    With an account the right is given at once; without, at the first sign-in, when the identity provider proves the
    number. Returns the teacher's id.

    Raises:
        Forbidden: the actor is not this provider's manager.
        Refused: teacher_unreadable — the number, or no name; teacher_there — works here already.
    """
    require(actor, Action.INVITE_TEACHER, ALLOWED, provider_id=provider_id)
    person, today = tidy(person), local_day(at)
    seen = idempotency.repeat(actor=actor, verb="invite_teacher", key=key, body=[provider_id, _told(person)], at=at)
    if seen is not None:
        return int(seen)
    fault = refuse_person(person, today=today, synthetic_allowed=settings.SYNTHETIC_PEOPLE_ALLOWED)
    if fault is not None or person.iin is None or not person.surname:
        raise Refused(ProviderRefusal.TEACHER_UNREADABLE)
    locks.exclusive(f"staff:{provider_id}")
    teacher_id = steps.store_teacher(person)
    if Engagement.objects.filter(provider_id=provider_id, teacher_id=teacher_id, ended_at=None).exists():
        raise Refused(ProviderRefusal.TEACHER_THERE)
    steps.engage(provider_id, teacher_id, today, actor=actor, at=at)
    user_id = queries.user_of_teacher(teacher_id)
    if user_id is not None:
        people_steps.give_role(user_id, Scope(Role.TEACHER, provider_id=provider_id), today, None)
    _record(
        actor, at, Action.INVITE_TEACHER, teacher_id, {"provider_id": provider_id, "is_let_in": user_id is not None}
    )
    outbox.tell(topic=Topic.TEACHER_INVITED, subject_kind="teacher", subject_ids=[teacher_id], at=at)
    idempotency.keep(actor=actor, verb="invite_teacher", key=key, outcome=teacher_id)
    return teacher_id


def _told(person: PersonDetails) -> str:
    """What a key stands for, without the person in it: a key's body is kept as a hash, and so is the number."""
    return people.iin_lookup(steps.TEACHER, person.iin or "").hex() + person.full_name


@transaction.atomic(durable=True)
def end_teacher(  # noqa: PLR0913 - where, who, why; by whom, when, once
    *, actor: Actor, provider_id: int, teacher_id: int, reason: str, at: datetime, key: UUID
) -> int:
    """End a teacher's right at a provider at once: the next request sees none, the next sign-in gives none.

    The timetable keeps naming them until it is changed: their lessons wait for another teacher. Returns how many
    rights ended.

    Raises:
        Forbidden: the actor is not this provider's manager.
        Refused: reason_missing; teacher_unknown — never was here; teacher_gone — ended already.
    """
    require(actor, Action.END_TEACHER, ALLOWED, provider_id=provider_id)
    body = [provider_id, teacher_id, reason]
    seen = idempotency.repeat(actor=actor, verb="end_teacher", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    if not reason.strip():
        raise Refused(ProviderRefusal.REASON_MISSING)
    locks.exclusive(f"staff:{provider_id}")
    staff = {one.id: one for one in staff_of(actor=actor, provider_id=provider_id, on=local_day(at))}
    if teacher_id not in staff:
        raise Refused(ProviderRefusal.TEACHER_UNKNOWN)
    if staff[teacher_id].is_gone:
        raise Refused(ProviderRefusal.TEACHER_GONE)
    steps.disengage(provider_id, teacher_id, local_day(at), reason.strip(), actor=actor, at=at)
    user_id, ended = queries.user_of_teacher(teacher_id), 0
    if user_id is not None:
        ended = people_steps.end_role(user_id, Scope(Role.TEACHER, provider_id=provider_id), local_day(at))
    _record(actor, at, Action.END_TEACHER, teacher_id, {"provider_id": provider_id, "rights": ended})
    outbox.tell(topic=Topic.TEACHER_ENDED, subject_kind="teacher", subject_ids=[teacher_id], at=at)
    idempotency.keep(actor=actor, verb="end_teacher", key=key, outcome=ended)
    return ended


def _record(actor: Actor, at: datetime, action: Action, teacher_id: int, detail: dict[str, object]) -> None:
    audit.record(actor=actor, at=at, action=action, subject_kind="teacher", subject_ids=[teacher_id], detail=detail)
