"""Coming and going: a guardian gets a user at the first sign-in; every sign-in, sign-out and refusal is an event."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.people import steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.models import Guardian, User
from qosymsha.domain.people.rules import PeopleRefusal
from qosymsha.kernel import audit, idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused


@transaction.atomic(durable=True)
def admit_guardian(*, actor: Actor, guardian_id: int, subject: str, at: datetime, key: UUID) -> int:
    """Give a guardian the user whom the identity provider calls `subject`; one who has a user keeps it.

    A user known already under that subject (a teacher who is a parent too) becomes the guardian's, and a child's own
    account under it ends: who speaks for a child is no child here. Returns its id.

    Raises:
        Forbidden: only the house itself admits.
        Refused: not_the_guardian — there is no such guardian, or the subject is another guardian's.
    """
    require(actor, Action.ADMIT_GUARDIAN, ALLOWED)
    locks.exclusive(f"admit:{subject}")
    body = [guardian_id, subject]
    seen = idempotency.repeat(actor=actor, verb="admit_guardian", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    guardian = Guardian.objects.select_for_update().filter(id=guardian_id).first()
    if guardian is None:
        raise Refused(PeopleRefusal.NOT_THE_GUARDIAN)
    if guardian.user_id is None:
        _link(guardian, subject, at)
        audit.record(
            actor=actor,
            at=at,
            action=Action.ADMIT_GUARDIAN,
            subject_kind="guardian",
            subject_ids=[guardian.id],
            territory_id=guardian.territory_id,
            detail={"user_id": guardian.user_id},
        )
    assert guardian.user_id is not None
    idempotency.keep(actor=actor, verb="admit_guardian", key=key, outcome=guardian.user_id)
    return guardian.user_id


@transaction.atomic(durable=True)
def record_sign_in(*, actor: Actor, by: str, at: datetime) -> None:
    """Write down that the user came in, `by` the identity provider or as a demo person."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE app_user SET last_login = %s WHERE id = %s", [at, actor.user_id])
    _record(actor, at, Action.SIGN_IN, by)


@transaction.atomic(durable=True)
def record_sign_out(*, actor: Actor, at: datetime) -> None:
    """Write down that the user left."""
    _record(actor, at, Action.SIGN_OUT, "")


@transaction.atomic(durable=True)
def record_refused_sign_in(*, actor: Actor, reason: StrEnum, at: datetime) -> None:
    """Write down that somebody was not let in, and why; nothing of the person is kept.

    Raises:
        Forbidden: only the house itself refuses.
    """
    require(actor, Action.REFUSE_SIGN_IN, ALLOWED)
    _record(actor, at, Action.REFUSE_SIGN_IN, reason.value)


def _link(guardian: Guardian, subject: str, at: datetime) -> None:
    user, _ = User.objects.get_or_create(subject=subject, defaults={"language": guardian.language})
    youth = Guardian.objects.filter(user=user, child__isnull=False).first()
    if youth is not None and youth.child_id is not None:
        locks.exclusive(steps.youth_lock(youth.child_id))
        steps.end_youth(youth.child_id, at)
        Guardian.objects.filter(pk=youth.pk).update(user=None)
    if Guardian.objects.filter(user=user).exists():
        raise Refused(PeopleRefusal.NOT_THE_GUARDIAN)
    guardian.user = user
    guardian.save(update_fields=["user"])


def _record(actor: Actor, at: datetime, action: Action, word: str) -> None:
    ids = [actor.user_id] if actor.user_id else []
    detail = {"by": word} if word else {}
    audit.record(actor=actor, at=at, action=action, subject_kind="user", subject_ids=ids, detail=detail)
