"""Running the checker, keeping what it found and how far it has looked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from qosymsha.domain.insights.access import ALLOWED, Action
from qosymsha.domain.insights.models import InvariantMark, InvariantRun
from qosymsha.domain.insights.queries import checked
from qosymsha.domain.insights.queries.marks import Moment
from qosymsha.domain.insights.rules import PROMISES, InvariantResult, Span
from qosymsha.kernel import audit, idempotency
from qosymsha.kernel.actor import Actor, require

EVERY = tuple(promise.id for promise in PROMISES)
KEPT = timedelta(days=365)
GREEN_MINUTES_KEPT = timedelta(days=3)


def run_invariants(  # noqa: PLR0913 - what is checked, over what, for how long
    *,
    actor: Actor,
    at: datetime,
    key: UUID,
    span: Span = Span.FULL,
    invariants: Sequence[str] = EVERY,
    seconds: float = inf,
) -> list[InvariantResult]:
    """Check invariants, then store one row per check that was made; red ones are answered, not raised.

    `Span.MINUTE` looks at what was touched since each invariant's last green run, and at everything where there was
    none. Once `seconds` have passed no further check is begun: what was left out keeps the mark it had.
    The checks run outside the storing transaction, so that minutes of reading hold no lock and no snapshot.

    Raises:
        Forbidden: the actor is neither operator, auditor nor the system.
    """
    require(actor, Action.RUN_INVARIANTS, ALLOWED)
    made, ends = [], monotonic() + seconds
    for one in checked(span, at, invariants):
        made.append(one)
        if monotonic() > ends:
            break
    results = [result for result, _ in made]
    keep_runs(actor=actor, span=span, made=made, at=at, key=key)
    return results


@transaction.atomic(durable=True)
def keep_runs(
    *, actor: Actor, span: Span, made: Sequence[tuple[InvariantResult, Moment]], at: datetime, key: UUID
) -> None:
    """Store what checks have found, and where each green one's next increment begins; once for a key.

    Raises:
        Forbidden: the actor is neither operator, auditor nor the system.
    """
    require(actor, Action.RUN_INVARIANTS, ALLOWED)
    if idempotency.repeat(actor=actor, verb="run_invariants", key=key, body=span.value, at=at) is not None:
        return
    looked = [(result, began) for result, began in made if not result.not_applicable]
    red = [result.id for result, _ in looked if not result.ok]
    stored = InvariantRun.objects.bulk_create(_run(result, span, at) for result, _ in looked)
    InvariantMark.objects.bulk_create(
        (_mark(result, began) for result, began in looked if result.ok),
        update_conflicts=True,
        unique_fields=["invariant"],
        update_fields=["at", "cluster", "horizon", "marked_from", "reached"],
    )
    audit.record(
        actor=actor,
        at=at,
        action=Action.RUN_INVARIANTS,
        subject_kind="invariant_run",
        subject_ids=[row.id for row in stored],
        detail={"span": span.value, "red": red},
    )
    idempotency.keep(actor=actor, verb="run_invariants", key=key, outcome=red)


def _run(result: InvariantResult, span: Span, at: datetime) -> InvariantRun:
    return InvariantRun(
        at=at,
        invariant=result.id,
        span=span,
        violations=result.violations,
        examples=result.examples,
        seconds=result.seconds,
    )


def _mark(result: InvariantResult, began: Moment) -> InvariantMark:
    return InvariantMark(
        invariant=result.id,
        at=began.at,
        cluster=began.cluster,
        horizon=began.horizon,
        marked_from=began.marked_from,
        reached=result.reached,
    )


@transaction.atomic(durable=True)
def forget_runs(*, actor: Actor, at: datetime) -> int:
    """Delete runs past their retention; what is gone is gone, so no key is asked. Return how many.

    Raises:
        Forbidden: the actor is neither operator, auditor nor the system.
    """
    require(actor, Action.RUN_INVARIANTS, ALLOWED)
    green_minutes = Q(span=Span.MINUTE, violations=0, at__lt=at - GREEN_MINUTES_KEPT)
    gone, _ = InvariantRun.objects.filter(green_minutes | Q(at__lt=at - KEPT)).delete()
    return gone
