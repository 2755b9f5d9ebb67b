"""Transfers that wait for another line's money: taken when it is there, expired, withdrawn (R-20 … R-24)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers import steps
from qosymsha.domain.vouchers.access import ALLOWED, Action
from qosymsha.domain.vouchers.queries import VoucherFacts, Waiting, waiting_of, waiting_transfers
from qosymsha.domain.vouchers.rules import (
    EnrolRefusal,
    VoucherRefusal,
    outcomes_of,
    packed,
    refuse_day,
    unpacked,
)
from qosymsha.domain.vouchers.states import Topic, TransferState, VoucherState
from qosymsha.domain.vouchers.steps import Deed, Moving, Wish
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome

A_LINE_AT_ONCE = 2_000


@dataclass(slots=True)
class TransferRun:
    """What a run over the waiting transfers came to: ids of requests, and (id, reason) of the refused."""

    taken: list[int] = field(default_factory=list)
    expired: list[int] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


@transaction.atomic(durable=True)
def withdraw_transfers(
    *, actor: Actor, withdrawals: Sequence[tuple[int, int]], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Take waiting transfers back, (voucher, guardian) a row; the seat kept is freed. Ids are vouchers.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
    """
    require(actor, Action.WITHDRAW_TRANSFER, ALLOWED)
    deed = Deed(actor, Action.WITHDRAW_TRANSFER, at, key)
    seen = steps.begin(deed, [list(one) for one in withdrawals])
    if seen is not None:
        return unpacked(seen)
    _, refused = steps.hear(deed, Action.WITHDRAW_TRANSFER, withdrawals)
    waiting = waiting_of([voucher_id for voucher_id, _ in withdrawals])
    ids = {}
    for row, (voucher_id, _) in enumerate(withdrawals):
        if row not in refused and voucher_id in waiting:
            ids[row] = voucher_id
        else:
            refused.setdefault(row, EnrolRefusal.TRANSFER_NOT_WAITING)
    steps.end_requests(
        deed,
        TransferState.WITHDRAWN,
        [(waiting[v], "withdrawn", None) for v in ids.values()],
        dict(withdrawals),
    )
    outcomes = outcomes_of(len(withdrawals), ids, refused)
    steps.keep(deed, packed(outcomes))
    return outcomes


@transaction.atomic(durable=True)
def take_transfers(*, actor: Actor, programme_id: int, at: datetime, key: UUID) -> TransferRun:
    """Carry out waiting transfers that their line's free money covers now, in the order of asking, nobody overtaken.

    Those whose last day has passed expire first; those that a rule forbids by now are refused. Both are news to the
    family, free the seat kept, and leave the present place as it is. The move begins tomorrow at the earliest.

    Raises:
        Forbidden: the actor is neither a job nor an official of the programme's city.
    """
    territory_id = programmes.programme(programme_id).territory_id
    require(actor, Action.TAKE_TRANSFERS, ALLOWED, territory_id=territory_id)
    deed = Deed(actor, Action.TAKE_TRANSFERS, at, key)
    seen = steps.begin(deed, [programme_id])
    if seen is not None:
        return TransferRun(seen["taken"], seen["expired"], [(i, reason) for i, reason in seen["refused"]])
    found = waiting_transfers(programme_id, deed.today, A_LINE_AT_ONCE)
    vouchers = steps.lock_vouchers([one.voucher_id for one in found])
    still = sorted(waiting_of([one.voucher_id for one in found]).values(), key=lambda one: one.id)
    over = [one for one in still if one.until < deed.today]
    queue = [one for one in still if one.until >= deed.today]
    moves, refused = _judged(deed, queue, vouchers)
    covered = _covered(moves)
    steps.lock_seats([one.group_id for one in still] + [m.leaving.enrolment.group_id for m in covered])
    places = steps.carry_out(deed, covered)
    steps.end_requests(deed, TransferState.EXPIRED, [(one, "expired", None) for one in over])
    no = sorted(refused.items())
    steps.end_requests(deed, TransferState.REFUSED, [(queue[row], reason.value, None) for row, reason in no])
    steps.end_requests(deed, TransferState.DONE, [(queue[row], "", place) for row, place in sorted(places.items())])
    steps.record(deed, Topic.TRANSFERRED, "enrolment", sorted(places.values()))
    run = TransferRun(
        [queue[row].id for row in sorted(places)],
        [one.id for one in over],
        [(queue[row].id, reason.value) for row, reason in no],
    )
    steps.keep(deed, asdict(run))
    return run


def _judged(
    deed: Deed, queue: Sequence[Waiting], vouchers: Mapping[int, VoucherFacts]
) -> tuple[list[Moving], dict[int, StrEnum]]:
    """The moves that may happen today, and those that may not any more. A suspended voucher waits on."""
    groups = providers.group_facts(sorted({one.group_id for one in queue}))
    wards = people.wards([(one.guardian_id, vouchers[one.voucher_id].child_id) for one in queue], deed.today)
    refused: dict[int, StrEnum] = {}
    wishes = []
    for row, one in enumerate(queue):
        voucher = vouchers[one.voucher_id]
        starts_on = max(one.starts_on, deed.today + timedelta(days=1))
        reason = refuse_day(starts_on, deed.today, voucher.first_month, voucher.last_month)
        if voucher.state == VoucherState.SUSPENDED:
            continue
        if (one.guardian_id, voucher.child_id) not in wards:
            refused[row] = VoucherRefusal.NOT_GUARDIAN
        elif voucher.state != VoucherState.ACTIVE or reason is not None:
            refused[row] = reason or EnrolRefusal.NOT_ACTIVE
        else:
            wishes.append(Wish(row, voucher, groups[one.group_id], starts_on))
    leavings = steps.leavings({w.voucher.id: w.starts_on - timedelta(days=1) for w in wishes})
    return steps.judge_moves(wishes, leavings, refused), refused


def _covered(moves: Sequence[Moving]) -> list[Moving]:
    """Per line the first moves that its free money reaches; behind one that it does not reach, all wait on."""
    by_line: defaultdict[int, list[Moving]] = defaultdict(list)
    for one in moves:
        by_line[one.wish.group.line_id].append(one)
    free = _free_money(list(by_line))
    covered = []
    for line, queue in sorted(by_line.items()):
        for one in queue:
            needed = one.needed_tiyn if one.wish.is_other_line else 0
            if needed > free[line]:
                break
            free[line] -= needed
            covered.append(one)
    return covered


def _free_money(line_ids: Sequence[int]) -> dict[int, int]:
    return steps.lock_free(line_ids)
