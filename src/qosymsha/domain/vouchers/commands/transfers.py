"""Moving a voucher from one group to another, in mid-month and across budget lines (LEDGER.md 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.ledger.steps import lock_commitments, post
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers import steps
from qosymsha.domain.vouchers.access import ALLOWED, Action
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.rules import (
    EnrolRefusal,
    Move,
    months_from,
    outcomes_of,
    refuse_day,
    refuse_place,
    unpacked,
)
from qosymsha.domain.vouchers.states import Topic, VoucherState
from qosymsha.domain.vouchers.steps import Deed, Leaving, Terms, Wish
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import next_month
from qosymsha.kernel.errors import RowOutcome


@dataclass(frozen=True, slots=True)
class _Transfer:
    """A move that may happen: what it leaves, what comes back from there, what the next place costs. Tiyn."""

    wish: Wish
    leaving: Leaving
    back: tuple[tuple[AccountKey, int], ...]
    held_tiyn: int
    price_tiyn: int
    month_tiyn: int

    @property
    def needed_tiyn(self) -> int:
        """What the other line must hold: this month's place, and the planning tariff for the months after it."""
        later = months_from(next_month(self.wish.starts_on.replace(day=1)), self.wish.voucher.last_month)
        return self.price_tiyn + self.month_tiyn * later


@transaction.atomic(durable=True)
def transfer(*, actor: Actor, moves: Sequence[Move], at: datetime, key: UUID) -> list[RowOutcome]:
    """Move vouchers to other groups from a day on; ids are the places opened there.

    The old place keeps the money of its lessons before the day, the rest goes back to held; the next place takes its
    lessons from the day on. To another line: held goes to released there, and the other line's free money is committed
    at its planning tariff for the months left, or the move is refused `no_free_money`.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
    """
    require(actor, Action.TRANSFER, ALLOWED)
    deed = Deed(actor, Action.TRANSFER, at, key)
    seen = steps.begin(deed, [[m.voucher_id, m.guardian_id, m.to_group_id, m.on.isoformat()] for m in moves])
    if seen is not None:
        return unpacked(seen)
    vouchers, refused = steps.hear(deed, Action.TRANSFER, [(m.voucher_id, m.guardian_id) for m in moves])
    wishes = steps.refuse_before_choice(_possible(deed, moves, vouchers, refused), refused)
    leavings = steps.leavings({w.voucher.id: w.starts_on - timedelta(days=1) for w in wishes})
    judged = _judge(wishes, leavings, refused)
    steps.lock_seats([g for t in judged for g in (t.wish.group.id, t.leaving.enrolment.group_id)])
    seated = []
    for one, has_seat in zip(judged, steps.take_seats([t.wish.group.id for t in judged]), strict=True):
        if has_seat:
            seated.append(one)
        else:
            refused[one.wish.row] = EnrolRefusal.GROUP_FULL
    ids = _store(deed, seated)
    return steps.conclude(deed, Topic.TRANSFERRED, "enrolment", outcomes_of(len(moves), ids, refused))


def _possible(
    deed: Deed, moves: Sequence[Move], vouchers: Mapping[int, VoucherFacts], refused: dict[int, StrEnum]
) -> list[Wish]:
    groups = providers.group_facts(sorted({m.to_group_id for m in moves}))
    possible = []
    for row, move in enumerate(moves):
        if row in refused:
            continue
        voucher, group = vouchers[move.voucher_id], groups.get(move.to_group_id)
        reason = refuse_day(move.on, deed.today, voucher.first_month, voucher.last_month)
        if voucher.state != VoucherState.ACTIVE:
            refused[row] = EnrolRefusal.NOT_ACTIVE
        elif group is None:
            refused[row] = EnrolRefusal.UNKNOWN_GROUP
        elif reason is not None:
            refused[row] = reason
        else:
            possible.append(Wish(row, voucher, group, move.on))
    return possible


def _judge(wishes: Sequence[Wish], leavings: Mapping[int, Leaving], refused: dict[int, StrEnum]) -> list[_Transfer]:
    terms = steps.terms_of(wishes)
    back = steps.remainders(list(leavings.values()))
    rules = steps.rules_by_set([w.voucher for w in wishes])
    free = _free_money(wishes)
    judged = []
    for wish in wishes:
        one = _priced(wish, leavings[wish.voucher.id], back, terms, rules[wish.voucher.rule_set_id])
        reason = _refuse(one, terms, rules[wish.voucher.rule_set_id], free)
        if reason is None:
            judged.append(one)
        else:
            refused[wish.row] = reason
    return judged


def _free_money(wishes: Sequence[Wish]) -> dict[int, int]:
    lines = sorted({w.group.line_id for w in wishes if w.is_other_line})
    lock_commitments(lines)
    keys = {line: AccountKey(AccountKind.FREE, line) for line in lines}
    balances = ledger.balances(list(keys.values()))
    return {line: balances[key] for line, key in keys.items()}


def _priced(
    wish: Wish,
    leaving: Leaving,
    back: Mapping[int, Sequence[tuple[AccountKey, int]]],
    terms: Terms,
    rules: Rules,
) -> _Transfer:
    coming_back = tuple(back[leaving.enrolment.id])
    return _Transfer(
        wish=wish,
        leaving=leaving,
        back=coming_back,
        held_tiyn=terms.held[wish.voucher.id] + sum(amount for _, amount in coming_back),
        price_tiyn=terms.price(wish),
        month_tiyn=rules.planning_tariff.get(wish.group.kind, 0) if wish.is_other_line else wish.voucher.month_tiyn,
    )


def _refuse(one: _Transfer, terms: Terms, rules: Rules, free: dict[int, int]) -> EnrolRefusal | None:
    wish, line = one.wish, one.wish.group.line_id
    if one.leaving.enrolment.group_id == wish.group.id:
        return EnrolRefusal.SAME_GROUP
    reason = refuse_place(
        terms.facts(
            wish,
            month_tiyn=one.month_tiyn,
            held_tiyn=one.price_tiyn if wish.is_other_line else one.held_tiyn,
            is_kind_allowed=wish.group.kind in steps.allowed_kinds(rules, wish.voucher.slot),
        )
    )
    if reason is not None or not wish.is_other_line:
        return reason
    if one.needed_tiyn > free[line]:
        return EnrolRefusal.NO_FREE_MONEY
    free[line] -= one.needed_tiyn
    return None


def _store(deed: Deed, transfers: Sequence[_Transfer]) -> dict[int, int]:
    cause = deed.action.value
    leaving = [t.leaving for t in transfers]
    steps.end_enrolments(leaving, reason="transferred", cause=cause, actor=deed.actor, at=deed.at)
    places = [(t.wish.voucher.id, t.wish.group.id, t.wish.starts_on) for t in transfers]
    opened = steps.open_enrolments(places, cause=cause, actor=deed.actor, at=deed.at)
    over = [t for t in transfers if t.wish.is_other_line]
    steps.change_lines([(t.wish.voucher.id, t.wish.group.line_id, t.wish.group.kind, t.month_tiyn) for t in over])
    post([d for t in transfers for d in _drafts(t, opened[t.wish.voucher.id])], at=deed.at)
    return {t.wish.row: opened[t.wish.voucher.id] for t in transfers}


def _drafts(one: _Transfer, enrolment_id: int) -> list[Draft]:
    voucher, line = one.wish.voucher, one.wish.group.line_id
    drafts = steps.returned(one.leaving, one.back)
    if one.wish.is_other_line:
        held = AccountKey(AccountKind.HELD, voucher.line_id, voucher.id)
        released = AccountKey(AccountKind.RELEASED, voucher.line_id)
        free, committed = AccountKey(AccountKind.FREE, line), AccountKey(AccountKind.HELD, line, voucher.id)
        drafts += _draft("transfer_out", enrolment_id, held, released, one.held_tiyn)
        drafts += _draft("transfer_in", enrolment_id, free, committed, one.needed_tiyn)
    return drafts + steps.entering(one.wish, enrolment_id, one.price_tiyn)


def _draft(cause: str, enrolment_id: int, off: AccountKey, onto: AccountKey, amount: int) -> list[Draft]:
    return [Draft(cause, str(enrolment_id), ((off, -amount), (onto, amount)))] if amount else []
