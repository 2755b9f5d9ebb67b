"""Transfers judged, weighed against the money of other lines, and carried out (LEDGER.md 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.ledger.steps import lock_commitments, post
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.vouchers.rules import EnrolRefusal, months_from, refuse_place
from qosymsha.domain.vouchers.steps.deeds import Deed
from qosymsha.domain.vouchers.steps.endings import returned
from qosymsha.domain.vouchers.steps.lives import change_lines
from qosymsha.domain.vouchers.steps.places import Leaving, end_enrolments, open_enrolments, remainders
from qosymsha.domain.vouchers.steps.terms import Terms, Wish, allowed_kinds, entering, rules_by_set, terms_of
from qosymsha.kernel.clock import next_month


@dataclass(frozen=True, slots=True)
class Moving:
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


def judge_moves(wishes: Sequence[Wish], leavings: Mapping[int, Leaving], refused: dict[int, StrEnum]) -> list[Moving]:
    """The moves that may happen by every rule but seats and other lines' money; the others go to `refused`.

    `leavings` are the vouchers' present places by voucher id, ending the day before.
    """
    terms = terms_of(wishes)
    back = remainders(list(leavings.values()))
    rules = rules_by_set([w.voucher for w in wishes])
    judged = []
    for wish in wishes:
        one = _priced(wish, leavings[wish.voucher.id], back, terms, rules[wish.voucher.rule_set_id])
        reason = _refuse(one, terms, rules[wish.voucher.rule_set_id])
        if reason is None:
            judged.append(one)
        else:
            refused[wish.row] = reason
    return judged


def _priced(
    wish: Wish,
    leaving: Leaving,
    back: Mapping[int, Sequence[tuple[AccountKey, int]]],
    terms: Terms,
    rules: Rules,
) -> Moving:
    coming_back = tuple(back[leaving.enrolment.id])
    return Moving(
        wish=wish,
        leaving=leaving,
        back=coming_back,
        held_tiyn=terms.held[wish.voucher.id] + sum(amount for _, amount in coming_back),
        price_tiyn=terms.price(wish),
        month_tiyn=rules.planning_tariff.get(wish.group.kind, 0) if wish.is_other_line else wish.voucher.month_tiyn,
    )


def _refuse(one: Moving, terms: Terms, rules: Rules) -> EnrolRefusal | None:
    wish = one.wish
    if one.leaving.enrolment.group_id == wish.group.id:
        return EnrolRefusal.SAME_GROUP
    return refuse_place(
        terms.facts(
            wish,
            month_tiyn=one.month_tiyn,
            held_tiyn=one.price_tiyn if wish.is_other_line else one.held_tiyn,
            is_kind_allowed=wish.group.kind in allowed_kinds(rules, wish.voucher.slot),
        )
    )


def lock_free(line_ids: Sequence[int]) -> dict[int, int]:
    """Hold the one lock of these lines' free money and read it: line → tiyn."""
    lines = sorted(set(line_ids))
    lock_commitments(lines)
    keys = {line: AccountKey(AccountKind.FREE, line) for line in lines}
    balances = ledger.balances(list(keys.values()))
    return {line: balances[key] for line, key in keys.items()}


def carry_out(deed: Deed, moves: Sequence[Moving]) -> dict[int, int]:
    """End the present places, open the next ones (their seats are taken) and move the money; row → enrolment id."""
    cause = deed.action.value
    end_enrolments([m.leaving for m in moves], reason="transferred", cause=cause, actor=deed.actor, at=deed.at)
    places = [(m.wish.voucher.id, m.wish.group.id, m.wish.starts_on) for m in moves]
    opened = open_enrolments(places, cause=cause, actor=deed.actor, at=deed.at)
    over = [m for m in moves if m.wish.is_other_line]
    change_lines([(m.wish.voucher.id, m.wish.group.line_id, m.wish.group.kind, m.month_tiyn) for m in over])
    post([d for m in moves for d in _drafts(m, opened[m.wish.voucher.id])], at=deed.at)
    return {m.wish.row: opened[m.wish.voucher.id] for m in moves}


def _drafts(one: Moving, enrolment_id: int) -> list[Draft]:
    voucher, line = one.wish.voucher, one.wish.group.line_id
    drafts = returned(one.leaving, one.back)
    if one.wish.is_other_line:
        held = AccountKey(AccountKind.HELD, voucher.line_id, voucher.id)
        released = AccountKey(AccountKind.RELEASED, voucher.line_id)
        free, committed = AccountKey(AccountKind.FREE, line), AccountKey(AccountKind.HELD, line, voucher.id)
        drafts += _draft("transfer_out", enrolment_id, held, released, one.held_tiyn)
        drafts += _draft("transfer_in", enrolment_id, free, committed, one.needed_tiyn)
    return drafts + entering(one.wish, enrolment_id, one.price_tiyn)


def _draft(cause: str, enrolment_id: int, off: AccountKey, onto: AccountKey, amount: int) -> list[Draft]:
    return [Draft(cause, str(enrolment_id), ((off, -amount), (onto, amount)))] if amount else []
