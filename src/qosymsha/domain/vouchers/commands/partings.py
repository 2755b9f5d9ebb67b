"""What one of two guardians asked: stopped by either, or done on its day (docs/rules/guardians.md G-5 … G-9)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers import partings, steps
from qosymsha.domain.vouchers.access import ALLOWED, Action
from qosymsha.domain.vouchers.commands.transfers import carry_moves, possible_moves
from qosymsha.domain.vouchers.partings import Parting
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.rules import EnrolRefusal, Move, PartingRefusal, outcomes_of, packed, unpacked
from qosymsha.domain.vouchers.states import PartingKind, PartingState, Topic
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome

AT_ONCE = 1_000


@dataclass(slots=True)
class PartingRun:
    """What a run over words whose day has come did: ids of those done, and of those that could not be done."""

    done: list[int] = field(default_factory=list)
    over: list[int] = field(default_factory=list)


@transaction.atomic(durable=True)
def stop_partings(*, actor: Actor, stops: Sequence[tuple[int, int]], at: datetime, key: UUID) -> list[RowOutcome]:
    """Stop what was asked for vouchers, (voucher, guardian) a row, whoever asked: all stays as it is. Ids are vouchers.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
    """
    require(actor, Action.STOP_PARTING, ALLOWED)
    deed = Deed(actor, Action.STOP_PARTING, at, key)
    seen = steps.begin(deed, [list(one) for one in stops])
    if seen is not None:
        return unpacked(seen)
    _, refused = steps.hear(deed, Action.STOP_PARTING, stops)
    standing = partings.standing([voucher_id for voucher_id, _ in stops], deed.today)
    ids, by = {}, {}
    for row, (voucher_id, guardian_id) in enumerate(stops):
        if row not in refused and voucher_id in standing:
            ids[row] = voucher_id
            by[standing[voucher_id].id] = guardian_id
        else:
            refused.setdefault(row, PartingRefusal.NOTHING_TO_STOP)
    steps.end_partings(deed, PartingState.STOPPED, by, by)
    outcomes = outcomes_of(len(stops), ids, refused)
    steps.keep(deed, packed(outcomes))
    return outcomes


@transaction.atomic(durable=True)
def take_partings(*, actor: Actor, programme_id: int, at: datetime, key: UUID) -> PartingRun:
    """Do what was asked and nobody has stopped in its days. What may not be done any more is over, and told as such.

    Raises:
        Forbidden: the actor is neither a job nor an official of the programme's city.
    """
    territory_id = programmes.programme(programme_id).territory_id
    require(actor, Action.TAKE_PARTINGS, ALLOWED, territory_id=territory_id)
    deed = Deed(actor, Action.TAKE_PARTINGS, at, key)
    seen = steps.begin(deed, [programme_id])
    if seen is not None:
        return PartingRun(seen["done"], seen["over"])
    found = partings.due(programme_id, deed.today, AT_ONCE)
    vouchers = steps.lock_vouchers([one.voucher_id for one in found])
    standing = partings.standing([one.voucher_id for one in found], deed.today)
    still = [one for one in found if standing.get(one.voucher_id) == one]
    run = PartingRun()
    _leave(deed, [one for one in still if one.kind == PartingKind.LEAVE], vouchers)
    moved = _move(deed, [one for one in still if one.kind == PartingKind.MOVE], vouchers)
    run.done = sorted(one.id for one in still if one.kind == PartingKind.LEAVE or one.id in moved)
    run.over = sorted(one.id for one in found if one.id not in run.done)
    steps.end_partings(deed, PartingState.DONE, run.done)
    steps.end_partings(deed, PartingState.OVER, run.over)
    steps.keep(deed, asdict(run))
    return run


def _leave(deed: Deed, due: Sequence[Parting], vouchers: Mapping[int, VoucherFacts]) -> None:
    by_reason: defaultdict[str, list[Parting]] = defaultdict(list)
    for one in due:
        by_reason[one.reason].append(one)
    for reason, same in sorted(by_reason.items()):
        days = {one.voucher_id: max(one.on or deed.today, deed.today) - timedelta(days=1) for one in same}
        steps.release(deed, [vouchers[voucher_id] for voucher_id in days], days, reason)
    if due:
        steps.record(deed, Topic.RELEASED, "voucher", [one.voucher_id for one in due])


def _move(deed: Deed, due: Sequence[Parting], vouchers: Mapping[int, VoucherFacts]) -> set[int]:
    """The words whose moves were made, or wait for another line's money now."""
    moves = [
        Move(one.voucher_id, one.guardian_id, one.group_id or 0, max(one.on or deed.today, deed.today), one.waits)
        for one in due
    ]
    refused: dict[int, StrEnum] = {}
    ids = carry_moves(deed, moves, possible_moves(deed, moves, vouchers, refused), refused)
    steps.record(deed, Topic.TRANSFERRED, "enrolment", sorted(ids.values()))
    queued = {row for row, reason in refused.items() if reason is EnrolRefusal.TRANSFER_WAITS}
    return {due[row].id for row in {*ids, *queued}}
