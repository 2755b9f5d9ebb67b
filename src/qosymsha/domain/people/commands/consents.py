"""Consents of guardians, for themselves or for a child, and their withdrawal."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.people import queries, steps
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.models import Consent
from qosymsha.domain.people.rules import PeopleRefusal
from qosymsha.domain.people.states import ConsentWay, Purpose, Role
from qosymsha.kernel import idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Forbidden, Refused


@transaction.atomic(durable=True)
def give_consent(  # noqa: PLR0913 - who speaks, for whom, for what, when, once
    *, actor: Actor, guardian_id: int, child_id: int | None, purpose: str, at: datetime, key: UUID
) -> int:
    """Store a guardian's consent for a purpose (`states.Purpose`); one that stands already is returned as it is.

    Raises:
        Forbidden: the actor neither is this guardian nor carries guardians' words.
        BadInput: no such purpose.
        Refused: not_the_guardian — of that child, today.
    """
    _require(actor, Action.GIVE_CONSENT, guardian_id)
    locks.exclusive(f"consent:{guardian_id}")
    body = [guardian_id, child_id, purpose]
    seen = idempotency.repeat(actor=actor, verb="give_consent", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    known = _purpose(purpose)
    _require_ward(guardian_id, child_id, at)
    consent = _standing(guardian_id, child_id, known)
    if consent is None:
        way = ConsentWay.PAGE if actor.guardian_id == guardian_id else ConsentWay.CARRIED
        consent = Consent.objects.create(
            guardian_id=guardian_id, child_id=child_id, purpose=known, way=way, given_at=at
        )
        steps.record_consent(actor, at, Action.GIVE_CONSENT, guardian_id, consent.id)
    idempotency.keep(actor=actor, verb="give_consent", key=key, outcome=consent.id)
    return consent.id


@transaction.atomic(durable=True)
def withdraw_consent(  # noqa: PLR0913 - who speaks, for whom, for what, when, once
    *, actor: Actor, guardian_id: int, child_id: int | None, purpose: str, at: datetime, key: UUID
) -> None:
    """Withdraw a consent: it holds no longer from this instant; withdrawing twice keeps the first instant.

    Where none was ever given (a child that came with a roster), the guardian's no is stored all the same.

    Raises:
        Forbidden: the actor neither is this guardian nor carries guardians' words.
        BadInput: no such purpose.
        Refused: not_the_guardian — of that child, today, and no consent for it stands.
    """
    _require(actor, Action.WITHDRAW_CONSENT, guardian_id)
    locks.exclusive(f"consent:{guardian_id}")
    body = [guardian_id, child_id, purpose]
    if idempotency.repeat(actor=actor, verb="withdraw_consent", key=key, body=body, at=at) is not None:
        return
    known = _purpose(purpose)
    consent = _standing(guardian_id, child_id, known)
    if consent is not None:
        Consent.objects.filter(id=consent.id).update(withdrawn_at=max(at, consent.given_at))
    else:
        _require_ward(guardian_id, child_id, at)
        consent = _no(guardian_id, child_id, known, at)
    if consent is not None:
        steps.record_consent(actor, at, Action.WITHDRAW_CONSENT, guardian_id, consent.id)
    idempotency.keep(actor=actor, verb="withdraw_consent", key=key, outcome=True)


def _no(guardian_id: int, child_id: int | None, purpose: Purpose, at: datetime) -> Consent | None:
    """A no where nothing was said before; None: it was withdrawn earlier, and that instant counts."""
    if _words(guardian_id, child_id, purpose):
        return None
    return Consent.objects.create(
        guardian_id=guardian_id, child_id=child_id, purpose=purpose, way=ConsentWay.NONE, given_at=at, withdrawn_at=at
    )


def _standing(guardian_id: int, child_id: int | None, purpose: Purpose) -> Consent | None:
    return next((c for c in _words(guardian_id, child_id, purpose) if c.withdrawn_at is None), None)


def _words(guardian_id: int, child_id: int | None, purpose: Purpose) -> list[Consent]:
    of_guardian = Consent.objects.filter(guardian_id=guardian_id, purpose=purpose)
    return [consent for consent in of_guardian if consent.child_id == child_id]


def _purpose(told: str) -> Purpose:
    if told not in set(Purpose):
        raise BadInput("purpose", "name a purpose of the list")
    return Purpose(told)


def _require_ward(guardian_id: int, child_id: int | None, at: datetime) -> None:
    if child_id is not None and not queries.wards([(guardian_id, child_id)], local_day(at)):
        raise Refused(PeopleRefusal.NOT_THE_GUARDIAN)


def _require(actor: Actor, action: Action, guardian_id: int) -> None:
    require(actor, action, ALLOWED)
    carries_words = actor.holds(ALLOWED[action] - {Role.GUARDIAN})
    if not carries_words and actor.guardian_id != guardian_id:
        raise Forbidden(action)
