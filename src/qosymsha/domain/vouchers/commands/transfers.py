"""Moving a voucher from one group to another, in mid-month and across budget lines (LEDGER.md 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers import steps
from qosymsha.domain.vouchers.access import ALLOWED, Action
from qosymsha.domain.vouchers.queries import VoucherFacts, lines_waited_for, waiting_of
from qosymsha.domain.vouchers.rules import EnrolRefusal, Move, outcomes_of, refuse_day, unpacked
from qosymsha.domain.vouchers.states import PartingKind, PartingState, Topic, VoucherState
from qosymsha.domain.vouchers.steps import Asked, Deed, Moving, Wish
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome

_LOOKAHEAD_DAYS = 366


@transaction.atomic(durable=True)
def transfer(*, actor: Actor, moves: Sequence[Move], at: datetime, key: UUID) -> list[RowOutcome]:
    """Move vouchers to other groups from a day on; ids are the places opened there.

    The old place keeps the money of its lessons before the day, the rest goes back to held; the next place takes its
    lessons from the day on. To another line: held goes to released there, and the other line's free money is committed
    at its planning tariff for the months left. Where it does not reach, or others wait for it already, a move that
    `waits` takes its seat and is queued (`transfer_waits`), nothing else moves; else it is refused `no_free_money`.
    Where another guardian speaks for the child, the word waits for that one first (`other_may_stop`).

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
    """
    require(actor, Action.TRANSFER, ALLOWED)
    deed = Deed(actor, Action.TRANSFER, at, key)
    body = [[m.voucher_id, m.guardian_id, m.to_group_id, m.on.isoformat(), m.waits] for m in moves]
    seen = steps.begin(deed, body)
    if seen is not None:
        return unpacked(seen)
    vouchers, refused = steps.hear(deed, Action.TRANSFER, [(m.voucher_id, m.guardian_id) for m in moves])
    said = [
        steps.Said(row, vouchers[m.voucher_id], m.guardian_id, m.to_group_id, m.on, waits=m.waits)
        for row, m in enumerate(moves)
        if row not in refused
    ]
    wishes = possible_moves(deed, moves, vouchers, refused)
    unheard, agreed = steps.hear_others(deed, PartingKind.MOVE, [one for one in said if one.row not in refused])
    refused |= unheard
    ids = carry_moves(deed, moves, [wish for wish in wishes if wish.row not in refused], refused)
    heard = {*ids, *(row for row, reason in refused.items() if reason is EnrolRefusal.TRANSFER_WAITS)}
    steps.end_partings(deed, PartingState.DONE, [parting for row, parting in agreed.items() if row in heard])
    by = [move.guardian_id for move in moves]
    return steps.conclude(deed, Topic.TRANSFERRED, "enrolment", outcomes_of(len(moves), ids, refused), by=by)


def carry_moves(
    deed: Deed, moves: Sequence[Move], possible: Sequence[Wish], refused: dict[int, StrEnum]
) -> dict[int, int]:
    """Make the moves that are possible: row → the place opened; who cannot gets its reason, or waits queued."""
    wishes = steps.refuse_before_choice(possible, refused)
    leavings = steps.leavings({w.voucher.id: w.starts_on - timedelta(days=1) for w in wishes})
    judged = steps.judge_moves(wishes, leavings, refused)
    waiting = _without_money(judged, moves)
    refused |= {row: EnrolRefusal.NO_FREE_MONEY for row in waiting if not moves[row].waits}
    seated = _seat([m for m in judged if m.wish.row not in refused], refused)
    ids = steps.carry_out(deed, [m for m in seated if m.wish.row not in waiting])
    _queue(deed, [m for m in seated if m.wish.row in waiting], moves)
    refused |= {m.wish.row: EnrolRefusal.TRANSFER_WAITS for m in seated if m.wish.row in waiting}
    return ids


def possible_moves(
    deed: Deed, moves: Sequence[Move], vouchers: Mapping[int, VoucherFacts], refused: dict[int, StrEnum]
) -> list[Wish]:
    """The moves that nothing in themselves forbids; the others get their reason."""
    groups = providers.group_facts(sorted({m.to_group_id for m in moves}))
    asked_before = waiting_of([m.voucher_id for m in moves])
    possible = []
    for row, move in enumerate(moves):
        if row in refused:
            continue
        voucher, group = vouchers[move.voucher_id], groups.get(move.to_group_id)
        reason = refuse_day(move.on, deed.today, voucher.first_month, voucher.last_month)
        if voucher.state != VoucherState.ACTIVE:
            refused[row] = EnrolRefusal.NOT_ACTIVE
        elif voucher.id in asked_before:
            refused[row] = EnrolRefusal.TRANSFER_ASKED
        elif group is None:
            refused[row] = EnrolRefusal.UNKNOWN_GROUP
        elif reason is not None:
            refused[row] = reason
        else:
            possible.append(Wish(row, voucher, group, move.on))
    return possible


def _without_money(judged: Sequence[Moving], moves: Sequence[Move]) -> set[int]:
    """Rows whose other line has no free money for them: it does not reach, or others wait for it already (R-20)."""
    free = _free_money([m.wish for m in judged])
    waited_for = lines_waited_for(list(free))
    lacking = set()
    for one in judged:
        line, row = one.wish.group.line_id, one.wish.row
        if not one.wish.is_other_line or not one.needed_tiyn:
            continue
        if line not in waited_for and one.needed_tiyn <= free[line]:
            free[line] -= one.needed_tiyn
            continue
        lacking.add(row)
        if moves[row].waits:
            waited_for.add(line)
    return lacking


def _free_money(wishes: Sequence[Wish]) -> dict[int, int]:
    return steps.lock_free([w.group.line_id for w in wishes if w.is_other_line])


def _seat(judged: Sequence[Moving], refused: dict[int, StrEnum]) -> list[Moving]:
    steps.lock_seats([g for m in judged for g in (m.wish.group.id, m.leaving.enrolment.group_id)])
    seated = []
    granted = steps.take_seats([m.wish.group.id for m in judged], directly=True)
    for one, has_seat in zip(judged, granted, strict=True):
        if has_seat:
            seated.append(one)
        else:
            refused[one.wish.row] = EnrolRefusal.GROUP_FULL
    return seated


def _queue(deed: Deed, waiting: Sequence[Moving], moves: Sequence[Move]) -> None:
    until: dict[tuple[int, int], date] = {}
    asked = []
    for one in waiting:
        voucher = one.wish.voucher
        place = voucher.territory_id, voucher.rule_set_id
        if place not in until:
            until[place] = _last_day(deed.today, *place)
        asked.append(Asked(one.wish, one.needed_tiyn, moves[one.wish.row].guardian_id, until[place]))
    steps.ask_transfers(deed, asked)


def _last_day(today: date, territory_id: int, rule_set_id: int) -> date:
    calendar = programmes.calendar(territory_id, today, today + timedelta(days=_LOOKAHEAD_DAYS))
    return calendar.add_working_days(today, programmes.rules_of(rule_set_id).rules.timers.transfer_wait_working_days)
