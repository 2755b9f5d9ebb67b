"""Running the checker and keeping what it found."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.insights.access import ALLOWED, Action
from qosymsha.domain.insights.models import InvariantRun
from qosymsha.domain.insights.queries import check_invariants
from qosymsha.domain.insights.rules import InvariantResult
from qosymsha.kernel import audit, idempotency
from qosymsha.kernel.actor import Actor, require


def run_invariants(*, actor: Actor, at: datetime, key: UUID) -> list[InvariantResult]:
    """Check every invariant, then store one row per check that was made; red ones are answered, not raised.

    The checks run outside the storing transaction, so that minutes of reading hold no lock and no snapshot.

    Raises:
        Forbidden: the actor is neither operator, auditor nor the system.
    """
    require(actor, Action.RUN_INVARIANTS, ALLOWED)
    results = check_invariants(at)
    _store(actor, results, at, key)
    return results


@transaction.atomic(durable=True)
def _store(actor: Actor, results: list[InvariantResult], at: datetime, key: UUID) -> None:
    if idempotency.repeat(actor=actor, verb="run_invariants", key=key, body="run", at=at) is not None:
        return
    made = [r for r in results if not r.not_applicable]
    stored = InvariantRun.objects.bulk_create(
        InvariantRun(at=at, invariant=r.id, violations=r.violations, examples=r.examples, seconds=r.seconds)
        for r in made
    )
    audit.record(
        actor=actor,
        at=at,
        action=Action.RUN_INVARIANTS,
        subject_kind="invariant_run",
        subject_ids=[row.id for row in stored],
        detail={"red": [r.id for r in made if not r.ok]},
    )
    idempotency.keep(actor=actor, verb="run_invariants", key=key, outcome=[r.id for r in made if not r.ok])
