"""Consents of guardians, for themselves or for a child, and their withdrawal."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.people import queries
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.models import Consent
from qosymsha.domain.people.rules import PeopleRefusal
from qosymsha.domain.people.states import Role
from qosymsha.kernel import audit, idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden, Refused


@transaction.atomic(durable=True)
def give_consent(  # noqa: PLR0913 - who speaks, for whom, for what, when, once
    *, actor: Actor, guardian_id: int, child_id: int | None, purpose: str, at: datetime, key: UUID
) -> int:
    """Store a guardian's consent for a purpose; one that stands already is returned as it is.

    Raises:
        Forbidden: the actor neither is this guardian nor carries guardians' words.
        Refused: not_the_guardian — of that child, today.
    """
    _require(actor, Action.GIVE_CONSENT, guardian_id)
    body = [guardian_id, child_id, purpose]
    locks.exclusive(f"consent:{guardian_id}")
    seen = idempotency.repeat(actor=actor, verb="give_consent", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    if child_id is not None and not queries.wards([(guardian_id, child_id)], local_day(at)):
        raise Refused(PeopleRefusal.NOT_THE_GUARDIAN)
    standing = Consent.objects.filter(guardian_id=guardian_id, purpose=purpose, withdrawn_at=None)
    consent = next((c for c in standing if c.child_id == child_id), None)
    if consent is None:
        consent = Consent.objects.create(guardian_id=guardian_id, child_id=child_id, purpose=purpose, given_at=at)
        _record(actor, at, Action.GIVE_CONSENT, consent)
    idempotency.keep(actor=actor, verb="give_consent", key=key, outcome=consent.id)
    return consent.id


@transaction.atomic(durable=True)
def withdraw_consent(*, actor: Actor, consent_id: int, at: datetime, key: UUID) -> None:
    """Withdraw a consent: it holds no longer from this instant; withdrawing twice keeps the first instant.

    Raises:
        Forbidden: the actor neither is this guardian nor carries guardians' words.
        Refused: consent_unknown.
    """
    require(actor, Action.WITHDRAW_CONSENT, ALLOWED)
    if idempotency.repeat(actor=actor, verb="withdraw_consent", key=key, body=[consent_id], at=at) is not None:
        return
    consent = Consent.objects.select_for_update().filter(id=consent_id).first()
    if consent is None:
        raise Refused(PeopleRefusal.CONSENT_UNKNOWN)
    _require(actor, Action.WITHDRAW_CONSENT, consent.guardian_id)
    if consent.withdrawn_at is None:
        consent.withdrawn_at = at
        consent.save(update_fields=["withdrawn_at"])
        _record(actor, at, Action.WITHDRAW_CONSENT, consent)
    idempotency.keep(actor=actor, verb="withdraw_consent", key=key, outcome=True)


def _require(actor: Actor, action: Action, guardian_id: int) -> None:
    require(actor, action, ALLOWED)
    carries_words = actor.holds(ALLOWED[action] - {Role.GUARDIAN})
    if not carries_words and actor.guardian_id != guardian_id:
        raise Forbidden(action)


def _record(actor: Actor, at: datetime, action: Action, consent: Consent) -> None:
    audit.record(
        actor=actor,
        at=at,
        action=action,
        subject_kind="guardian",
        subject_ids=[consent.guardian_id],
        detail={"consent_id": consent.id, "purpose": consent.purpose},
    )
