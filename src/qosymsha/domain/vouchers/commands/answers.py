"""A guardian's yes or no to a voucher, and the clock's no."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers import steps
from qosymsha.domain.vouchers.access import ALLOWED, Action
from qosymsha.domain.vouchers.queries import unanswered
from qosymsha.domain.vouchers.rules import VoucherAnswer, VoucherRefusal, outcomes_of, refuse_answer, unpacked
from qosymsha.domain.vouchers.states import CloseReason, PartingKind, PartingState, Topic, VoucherState
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import RowOutcome

_MAY_REFUSE = frozenset({VoucherState.ISSUED, VoucherState.ACCEPTED, VoucherState.RELEASED})
CHUNK = 10_000


@transaction.atomic(durable=True)
def accept_vouchers(*, actor: Actor, answers: Sequence[VoucherAnswer], at: datetime, key: UUID) -> list[RowOutcome]:
    """Accept issued vouchers up to their day; each row names the guardian who says so. Ids are vouchers.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
    """
    require(actor, Action.ACCEPT, ALLOWED)
    deed = steps.Deed(actor, Action.ACCEPT, at, key)
    seen = steps.begin(deed, [[a.voucher_id, a.guardian_id] for a in answers])
    if seen is not None:
        return unpacked(seen)
    vouchers, refused = steps.hear(deed, Action.ACCEPT, [(a.voucher_id, a.guardian_id) for a in answers])
    ids = {}
    for row, answer in enumerate(answers):
        if row in refused:
            continue
        voucher = vouchers[answer.voucher_id]
        reason = refuse_answer(voucher.state, voucher.accept_by, deed.today)
        if reason is None:
            ids[row] = voucher.id
        else:
            refused[row] = reason
    steps.move_vouchers(list(ids.values()), VoucherState.ACCEPTED, cause=Action.ACCEPT.value, actor=actor, at=at)
    by = [answer.guardian_id for answer in answers]
    return steps.conclude(deed, Topic.ACCEPTED, "voucher", outcomes_of(len(answers), ids, refused), by=by)


@transaction.atomic(durable=True)
def refuse_vouchers(*, actor: Actor, answers: Sequence[VoucherAnswer], at: datetime, key: UUID) -> list[RowOutcome]:
    """Say no to vouchers that have no place: they are closed, their money goes held → released. Ids are vouchers.

    Of two guardians both must say so (`other_may_stop` until then); else the voucher's own days decide.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
    """
    require(actor, Action.REFUSE, ALLOWED)
    deed = steps.Deed(actor, Action.REFUSE, at, key)
    seen = steps.begin(deed, [[a.voucher_id, a.guardian_id] for a in answers])
    if seen is not None:
        return unpacked(seen)
    vouchers, refused = steps.hear(deed, Action.REFUSE, [(a.voucher_id, a.guardian_id) for a in answers])
    ids = {}
    for row, answer in enumerate(answers):
        if row in refused:
            continue
        if vouchers[answer.voucher_id].state in _MAY_REFUSE:
            ids[row] = answer.voucher_id
        else:
            refused[row] = VoucherRefusal.WRONG_STATE
    said = [steps.Said(row, vouchers[i], answers[row].guardian_id) for row, i in ids.items()]
    unheard, agreed = steps.hear_others(deed, PartingKind.REFUSE, said)
    refused |= unheard
    ids = {row: i for row, i in ids.items() if row not in unheard}
    steps.close(deed, [vouchers[i] for i in ids.values()], CloseReason.REFUSED)
    steps.end_partings(deed, PartingState.DONE, agreed.values())
    by = [answer.guardian_id for answer in answers]
    return steps.conclude(deed, Topic.CLOSED, "voucher", outcomes_of(len(answers), ids, refused), by=by)


@transaction.atomic(durable=True)
def expire_vouchers(*, actor: Actor, territory_id: int, on: date, at: datetime, key: UUID) -> int:
    """Close the territory's vouchers whose day has passed by `on`; return how many.

    An issued voucher expires after its day of acceptance; one without a place, after the rule set's working days for
    choosing, counted from the day it was accepted or released (R-5). Works in chunks, so memory stays bounded. While
    nobody speaks for a child its days stand still.

    Raises:
        Forbidden: the actor is neither a job nor an official of the territory.
    """
    require(actor, Action.EXPIRE, ALLOWED, territory_id=territory_id)
    deed = steps.Deed(actor, Action.EXPIRE, at, key)
    seen = steps.begin(deed, [territory_id, on.isoformat()])
    if seen is not None:
        return int(seen["expired"])
    steps.keep_answerable(territory_id, on)
    after, expired = 0, 0
    while waiting := unanswered(territory_id, on, after, CHUNK):
        after = waiting[-1][0]
        states = {voucher_id: state for voucher_id, state, *_ in waiting}
        locked = steps.lock_vouchers(_due(territory_id, waiting, on))
        still = [v for v in locked.values() if v.state == states[v.id]]  # somebody may have answered meanwhile
        steps.close(deed, still, CloseReason.EXPIRED)
        steps.record(deed, Topic.CLOSED, "voucher", [v.id for v in still], territory_id)
        expired += len(still)
    if not after:  # a day on which nobody had to be looked at has its line in the audit too (INV-12)
        steps.record(deed, Topic.CLOSED, "voucher", [], territory_id)
    steps.keep(deed, {"expired": expired})
    return expired


def _due(territory_id: int, waiting: Sequence[tuple[int, str, date, datetime, int]], on: date) -> list[int]:
    first = min(local_day(since) for _, _, _, since, _ in waiting)
    calendar = programmes.calendar(territory_id, min(first, on), on)
    choose_by: dict[tuple[date, int], date] = {}
    due = []
    for voucher_id, state, accept_by, since, rule_set_id in waiting:
        day = local_day(since)
        if state == VoucherState.ISSUED:
            last = accept_by
        elif (day, rule_set_id) in choose_by:
            last = choose_by[day, rule_set_id]
        else:
            timers = programmes.rules_of(rule_set_id).rules.timers
            last = choose_by[day, rule_set_id] = calendar.add_working_days(day, timers.choose_working_days)
        if last < on:
            due.append(voucher_id)
    return due
