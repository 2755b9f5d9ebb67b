"""Sealing a day's money, and drawing a month's claims again from their frozen inputs (H6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.access import ALLOWED, Action, Topic
from qosymsha.domain.settlement.models import MoneyDay
from qosymsha.domain.settlement.rules.explained import digest
from qosymsha.kernel import audit, idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day


@dataclass(frozen=True, slots=True)
class Sealed:
    """A day's explanation as stored."""

    id: int
    day: date
    hash: bytes
    differences: int


def explain_money(*, actor: Actor, programme_id: int, at: datetime, key: UUID) -> Sealed:
    """Explain every tenge of a programme today and seal it, once a day; differences are stored, not raised.

    The reading runs outside the storing transaction, so that minutes of it hold no lock.

    Raises:
        Forbidden: the actor is neither the system nor an official here.
        Refused: `unknown_programme`.
    """
    programme = queries.programme_of(programme_id)
    require(actor, Action.EXPLAIN_MONEY, ALLOWED, territory_id=programme.territory_id)
    summary = queries.explained(programme_id, at).summary()
    with transaction.atomic(durable=True):
        body = [programme_id, local_day(at).isoformat()]
        seen = idempotency.repeat(actor=actor, verb="explain_money", key=key, body=body, at=at)
        stored = MoneyDay.objects.filter(programme_id=programme_id, day=local_day(at)).first()
        if stored is None:
            stored = MoneyDay.objects.create(
                programme_id=programme_id,
                day=local_day(at),
                at=at,
                hash=digest(summary),
                summary=summary,
                differences=summary["differences"],
            )
            audit.record(
                actor=actor,
                at=at,
                action=Action.EXPLAIN_MONEY,
                subject_kind="money_day",
                subject_ids=[stored.id],
                territory_id=programme.territory_id,
                detail={"differences": stored.differences},
            )
            outbox.tell(topic=Topic.MONEY_EXPLAINED, subject_kind="money_day", subject_ids=[stored.id], at=at)
        if seen is None:
            idempotency.keep(actor=actor, verb="explain_money", key=key, outcome=stored.id)
    return Sealed(stored.id, stored.day, bytes(stored.hash), stored.differences)
