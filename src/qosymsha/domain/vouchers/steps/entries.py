"""A batch of wishes for places: judged by facts and money, then entered, each with its posting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum

from qosymsha.domain.ledger.steps import post
from qosymsha.domain.providers.rules import GroupFacts
from qosymsha.domain.vouchers.queries import VoucherFacts, left_over
from qosymsha.domain.vouchers.rules import EnrolRefusal, PlaceFacts, refuse_day, refuse_place
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.domain.vouchers.steps.deeds import Deed
from qosymsha.domain.vouchers.steps.lives import move_vouchers
from qosymsha.domain.vouchers.steps.places import open_enrolments
from qosymsha.domain.vouchers.steps.terms import Terms, Wish, entering, rules_by_set, terms_of

CHOICE_FIRST = "choice_first"
_MAY_ENROL = frozenset({VoucherState.ACCEPTED, VoucherState.RELEASED})


def judge(wishes: Sequence[Wish], refused: dict[int, StrEnum]) -> tuple[list[Wish], dict[int, int]]:
    """The wishes that may have a place, seats apart, and what each costs (row → tiyn); the others go to `refused`."""
    terms = terms_of(wishes)
    judged, prices = [], {}
    for wish in wishes:
        facts = facts_of(terms, wish)
        reason = refuse_place(facts)
        if reason is None:
            judged.append(wish)
            prices[wish.row] = facts.place_tiyn
        else:
            refused[wish.row] = reason
    return judged, prices


def facts_of(terms: Terms, wish: Wish) -> PlaceFacts:
    """What decides on a first place: the voucher's own money and kind."""
    voucher = wish.voucher
    return terms.facts(
        wish,
        month_tiyn=voucher.month_tiyn,
        held_tiyn=terms.held[voucher.id],
        is_kind_allowed=wish.group.kind == voucher.kind,
    )


def refuse_wish(voucher: VoucherFacts, group: GroupFacts | None, starts_on: date, today: date) -> EnrolRefusal | None:
    """The first reason that the rows themselves give: the voucher's state, the group, the day, the line."""
    if voucher.state not in _MAY_ENROL:
        return EnrolRefusal.VOUCHER_NOT_FREE
    if group is None:
        return EnrolRefusal.UNKNOWN_GROUP
    reason = refuse_day(starts_on, today, voucher.first_month, voucher.last_month)
    if reason is None and group.line_id != voucher.line_id:
        return EnrolRefusal.OTHER_LINE
    return reason


def enter(deed: Deed, wishes: Sequence[Wish], prices: Mapping[int, int]) -> dict[int, int]:
    """Open the places of judged wishes whose seats are taken; vouchers become active, money goes held → place.

    Answers row → enrolment id.
    """
    cause = deed.action.value
    places = [(w.voucher.id, w.group.id, w.starts_on) for w in wishes]
    opened = open_enrolments(places, cause=cause, actor=deed.actor, at=deed.at)
    move_vouchers([w.voucher.id for w in wishes], VoucherState.ACTIVE, cause=cause, actor=deed.actor, at=deed.at)
    post([d for w in wishes for d in entering(w, opened[w.voucher.id], prices[w.row])], at=deed.at)
    return {w.row: opened[w.voucher.id] for w in wishes}


def refuse_before_choice(wishes: Sequence[Wish], refused: dict[int, StrEnum]) -> list[Wish]:
    """Under the opening `choice_first` only what a choice round left over is taken directly (R-19); the others remain.

    The rule set is the one the voucher was issued under.
    """
    rules = rules_by_set([w.voucher for w in wishes])
    bound = [w for w in wishes if rules[w.voucher.rule_set_id].choice.opening == CHOICE_FIRST]
    open_groups = left_over(sorted({w.group.id for w in bound})) if bound else set()
    refused |= {w.row: EnrolRefusal.CHOICE_FIRST for w in bound if w.group.id not in open_groups}
    return [w for w in wishes if w.row not in refused]
