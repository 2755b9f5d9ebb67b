"""A child of 14 to 18 with an account of its own: it looks and checks in, and decides nothing (decision 0062)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from qosymsha.domain.people import queries, steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.models import Child, Guardian, User
from qosymsha.domain.people.rules import SignInRefusal, birthday, refuse_youth
from qosymsha.domain.people.states import SELF, Role, Topic
from qosymsha.domain.people.steps import Scope
from qosymsha.kernel import audit, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

_TIE = """
INSERT INTO guardianship (guardian_id, child_id, kind, evidence, valid)
VALUES (%s, %s, %s, 'signed in with its own number', daterange(%s, %s)) ON CONFLICT DO NOTHING"""


@transaction.atomic(durable=True)
def admit_youth(*, actor: Actor, child_id: int, subject: str, at: datetime, key: UUID) -> int:
    """Give a child its own account until it comes of age, under what the identity provider calls it; its user's id.

    The provider has proved that the child's number is its own; its age is the record's, never the number's. An account
    that ended with the last guardianship opens again once somebody speaks for the child. The guardians are told.

    Raises:
        Forbidden: only the house itself admits.
        Refused: person_unknown — no such child, another account bears the name, or there are no own accounts here;
            youth_too_young; youth_of_age; youth_without_guardian.
    """
    require(actor, Action.ADMIT_YOUTH, ALLOWED)
    locks.exclusive(f"admit:{subject}")  # in this order wherever both are held
    locks.exclusive(steps.youth_lock(child_id))
    seen = idempotency.repeat(actor=actor, verb="admit_youth", key=key, body=[child_id, subject], at=at)
    if seen is not None:
        return int(seen)
    born_on = queries.birth_dates([child_id]).get(child_id)
    refusal = _refuse(child_id, at)
    if refusal is not None or born_on is None or settings.YOUTH_AGES is None:
        raise Refused(refusal or SignInRefusal.PERSON_UNKNOWN)
    account = _account(child_id, subject, at)
    user_id, ends = account.user_id, birthday(born_on, settings.YOUTH_AGES[1])
    assert user_id is not None, "linked above"
    if not queries.actor_for(user_id, at).holds({Role.YOUTH}):
        today = local_day(at)
        with connection.cursor() as cursor:
            cursor.execute(_TIE, [account.id, child_id, SELF, today, ends])
        steps.give_role(user_id, Scope(Role.YOUTH), today, ends - timedelta(days=1))
        audit.record(
            actor=actor,
            at=at,
            action=Action.ADMIT_YOUTH,
            subject_kind="child",
            subject_ids=[child_id],
            territory_id=account.territory_id,
            detail={"user_id": user_id},
        )
        outbox.tell(topic=Topic.YOUTH_ADMITTED, subject_kind="child", subject_ids=[child_id], at=at)
    idempotency.keep(actor=actor, verb="admit_youth", key=key, outcome=user_id)
    return user_id


def _refuse(child_id: int, at: datetime) -> StrEnum | None:
    today = local_day(at)
    return refuse_youth(
        queries.birth_dates([child_id]).get(child_id),
        ages=settings.YOUTH_AGES,
        has_guardian=bool(queries.guardians_of([child_id], today)),
        today=today,
    )


def _account(child_id: int, subject: str, at: datetime) -> Guardian:
    """The child's row, made or found; its user is the one it had, else the one called so, who is nobody's guardian.

    Raises:
        Refused: person_unknown.
    """
    account = Guardian.objects.select_for_update().filter(child_id=child_id).first()
    if account is not None and account.user_id is not None:
        return account
    guardians = queries.guardians_of([child_id], local_day(at))[child_id]
    language = Guardian.objects.get(pk=guardians[0]).language
    user, _ = User.objects.get_or_create(subject=subject, defaults={"language": language})
    if Guardian.objects.filter(user=user).exists():
        raise Refused(SignInRefusal.PERSON_UNKNOWN)
    if account is None:
        home = Child.objects.get(pk=child_id).territory_id
        account = Guardian(child_id=child_id, territory_id=home, language=language, created_at=at)
    account.user = user
    account.save()
    return account
