"""Teachers as users: one known as a teacher is given a user and a right at each provider they teach for."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.steps import Scope
from qosymsha.domain.providers import queries
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.providers.models import Teacher
from qosymsha.domain.providers.rules import ProviderRefusal
from qosymsha.kernel import audit, idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused


@transaction.atomic(durable=True)
def admit_teacher(*, actor: Actor, teacher_id: int, subject: str, at: datetime, key: UUID) -> int:
    """Give a teacher the user whom the identity provider calls `subject`, and a teacher's right at each provider.

    A teacher who has a user keeps it. The right at a provider lasts from today to the last day of the teacher's
    timetable there, and is made longer at a later call. No manager can say who a teacher is: only the number that the
    identity provider proved (or, in a trial, the house) does. Returns the user's id.

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
