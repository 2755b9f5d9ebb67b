"""Social categories as registers and officers certify them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.people import certifying, queries
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.ports import StatusAnswer
from qosymsha.domain.people.rules import PeopleRefusal, refuse_status
from qosymsha.kernel import audit, idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome


@transaction.atomic(durable=True)
def record_statuses(*, actor: Actor, answers: Sequence[StatusAnswer], at: datetime, key: UUID) -> list[RowOutcome]:
    """Store what registers certified; each outcome's id is the child's. A source's later word replaces its earlier one.

    Raises:
        Forbidden: the actor may not.
        Refused: key_reused.
    """
    require(actor, Action.RECORD_STATUSES, ALLOWED)
    seen = idempotency.repeat(actor=actor, verb="record_statuses", key=key, body=[str(a) for a in answers], at=at)
    if seen is not None:
        return idempotency.outcomes_of(seen, PeopleRefusal)
    children = queries.by_iin("child", {a.child_iin.strip() for a in answers})
    outcomes = [_judged(row, answer, children) for row, answer in enumerate(answers)]
    stored = [(o.id, answers[o.row]) for o in outcomes if o.id is not None]
    if stored:
        certifying.certify(stored, actor=actor, at=at)
    touched = sorted({child_id for child_id, _ in stored})
    audit.record(actor=actor, at=at, action=Action.RECORD_STATUSES, subject_kind="child", subject_ids=touched)
    idempotency.keep(actor=actor, verb="record_statuses", key=key, outcome=idempotency.outcome_rows(outcomes))
    return outcomes


def _judged(row: int, answer: StatusAnswer, children: dict[str, int]) -> RowOutcome:
    child_id = children.get(answer.child_iin.strip())
    reason = refuse_status(answer) or (PeopleRefusal.CHILD_UNKNOWN if child_id is None else None)
    return RowOutcome(row, reason=reason) if reason else RowOutcome(row, id=child_id)
