"""The clock's verbs of this room besides absences: reminders of silent rows, and traces whose time is over."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import queries, steps
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.rules import reminder
from qosymsha.domain.attendance.states import Topic
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.steps import Deed, begin, keep, record
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import month_of

_NEWS = {"remind": Topic.REMINDED, "ask": Topic.ASKED}


@transaction.atomic(durable=True)
def remind_guardians(*, actor: Actor, programme_id: int, on: date, at: datetime, key: UUID) -> int:
    """On the rule's days of the month after, tell of each row nobody has spoken on; how many.

    On the day after the last of them the rows go to the list of the consultation point and the phone line. Silence
    stays silence: nothing is confirmed here.

    Raises:
        Forbidden: the actor is not the clock.
    """
    require(actor, Action.REMIND, ALLOWED)
    deed = Deed(actor, Action.REMIND, at, key)
    seen = begin(deed, [programme_id, on.isoformat()])
    if seen is not None:
        return int(seen["told"])
    month = month_of(month_of(on) - timedelta(days=1))
    due = reminder(on, programmes.rules_in_force(programme_id, month).rules.confirmation.reminder_days)
    rows = queries.rows_to_remind(programme_id, month) if due is not None else []
    record(deed, _NEWS[due or "remind"], "sheet_row", rows, month=month.isoformat())
    keep(deed, {"told": len(rows)})
    return len(rows)


@transaction.atomic(durable=True)
def forget_traces(*, actor: Actor, on: date, at: datetime) -> int:
    """Drop the months of traces and refused check-ins that ended more than 90 days ago; how many went. Needs no key.

    Raises:
        Forbidden: the actor is not the clock.
    """
    require(actor, Action.FORGET, ALLOWED)
    gone = steps.forget_months("trace", "month", on) + steps.forget_months("check_in_refusal", "at", on)
    if gone:
        audit.record(
            actor=actor, at=at, action=Action.FORGET, subject_kind="trace", subject_ids=[], detail={"months": gone}
        )
    return gone
