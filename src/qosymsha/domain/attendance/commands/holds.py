"""Days that guardians dispute: a checker decides each on evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import queries, steps
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries.departments import of_others
from qosymsha.domain.attendance.rules import (
    SHEET_REASONS,
    AttendanceRefusal,
    HoldDecision,
    SheetRefusal,
    refuse_day_decision,
)
from qosymsha.domain.attendance.states import HoldState
from qosymsha.domain.vouchers.rules import outcomes_of, packed, repeated, unpacked
from qosymsha.domain.vouchers.steps import Deed, begin, keep
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome


@transaction.atomic(durable=True)
def decide_days(*, actor: Actor, decisions: Sequence[HoldDecision], at: datetime, key: UUID) -> list[RowOutcome]:
    """A checker clears disputed days (payable again) or upholds the dispute (never payable). Ids are holds.

    Days held by a red flag are resolved with their flag, not here.

    Raises:
        Forbidden: the actor is no checker.
    """
    require(actor, Action.DECIDE_DAYS, ALLOWED)
    deed = Deed(actor, Action.DECIDE_DAYS, at, key)
    seen = begin(deed, [[d.hold_id, d.is_payable, d.evidence] for d in decisions])
    if seen is not None:
        return unpacked(seen, SHEET_REASONS)
    steps.lock_holds([d.hold_id for d in decisions])
    others = of_others(actor, ALLOWED[Action.DECIDE_DAYS], "day_hold", [d.hold_id for d in decisions])
    holds = queries.holds([d.hold_id for d in decisions if d.hold_id not in others])
    refused: dict[int, StrEnum] = dict.fromkeys(repeated(d.hold_id for d in decisions), AttendanceRefusal.NAMED_TWICE)
    for row, decision in enumerate(decisions):
        territory_id, state = holds.get(decision.hold_id, (None, None))
        is_mine = territory_id is not None and actor.holds(ALLOWED[Action.DECIDE_DAYS], territory_id=territory_id)
        reason = refuse_day_decision(decision.evidence, state) if is_mine else SheetRefusal.UNKNOWN_HOLD
        if reason is not None:
            refused.setdefault(row, reason)
    chosen = {row: d for row, d in enumerate(decisions) if row not in refused}
    for state, is_payable in ((HoldState.CLEARED, True), (HoldState.UPHELD, False)):
        steps.decide_disputed(
            deed, state, [(d.hold_id, d.evidence) for d in chosen.values() if d.is_payable is is_payable]
        )
    outcomes = outcomes_of(len(decisions), {row: d.hold_id for row, d in chosen.items()}, refused)
    keep(deed, packed(outcomes))
    return outcomes
