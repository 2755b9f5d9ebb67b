"""Parts of a row: whatever the order in which facts become known, they sum to what the final facts are due."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qosymsha.domain.programmes.rules import Pay
from qosymsha.domain.settlement.rules.compact import compact
from qosymsha.domain.settlement.rules.formula import MonthRule
from qosymsha.domain.settlement.rules.frozen import ClaimInput, digest, draw, frozen, thawed
from qosymsha.domain.settlement.rules.pay import NOTHING, Attended, Due, Payable, due, most, settle
from qosymsha.domain.settlement.rules.postings import claim_entries
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel.canonical import canonical_json
from tests.rules.test_pay import JANUARY, LESSON, MONTH, attended, pays, rows

TARIFF, CAP, TENGE = 100_001, 8, 100


@dataclass
class Place:
    """A row with its place account while claims are drawn from it."""

    pay: Pay
    facts: Attended
    tiyn: int
    claimed: Due = NOTHING
    part: int = 1
    paid_back: int = 0

    def claim(self) -> int:
        """Draw the next claim; the part's amount."""
        row = Payable(1, 1, 1, JANUARY, self.facts, True, True, self.tiyn, 1, self.claimed, self.part)
        taken = settle([row], {JANUARY: self.pay}, 10**12)
        assert not taken.held, "the place always covers what it kept money for"
        for item in taken.settled:
            assert item.due.amount_tiyn >= 0
            assert item.rest_tiyn >= 0
            self.tiyn = item.keep_tiyn
            self.paid_back += item.rest_tiyn
            self.claimed = Due(self.claimed.units + item.due.units, self.claimed.amount_tiyn + item.due.amount_tiyn)
            self.part += 1
        return taken.amount_tiyn


EVENTS = st.lists(st.sampled_from(["cleared", "upheld", "claim", "spoken"]), max_size=24)


@example(
    pay=replace(MONTH, month_threshold_permille=143),
    first=attended(1)._replace(unit_tariff_tiyn=1, units_per_month=1, lost=6, absent=0),
    events=[],
)
@given(pays, rows, EVENTS)
def test_parts_sum_to_what_the_final_facts_are_due_in_any_order(pay: Pay, first: Attended, events: list[str]) -> None:
    promised = first.units_per_month * first.unit_tariff_tiyn
    place = Place(pay, first, promised)
    for event in events:
        facts = place.facts
        if event == "claim":
            place.claim()
        elif event == "spoken":
            place.facts = facts._replace(proved=facts.proved + facts.unspoken, unspoken=0)
        elif facts.waiting and event == "cleared":
            place.facts = facts._replace(waiting=facts.waiting - 1, present=facts.present + 1)
        elif facts.waiting:
            place.facts = facts._replace(waiting=facts.waiting - 1, lost=facts.lost + 1)
    place.facts = place.facts._replace(waiting=0, lost=place.facts.lost + place.facts.waiting, unspoken=0)
    place.claim()
    assert place.claimed.amount_tiyn == due(pay, place.facts).amount_tiyn
    if first.unit_tariff_tiyn >= TENGE:  # of less, a share may round to no money at all: no part carries its units
        assert place.claimed.units == due(pay, place.facts).units
    assert (place.tiyn, place.paid_back + place.claimed.amount_tiyn) == (0, promised)
    assert place.claim() == 0


@given(pays, rows, EVENTS, st.integers(1, 12))
def test_days_lost_after_payment_are_never_paid_again_and_clawed_back_once(
    pay: Pay, first: Attended, events: list[str], lost: int
) -> None:
    place = Place(pay, first, first.units_per_month * first.unit_tariff_tiyn)
    place.claim()
    gone = min(lost, place.facts.present)
    place.facts = place.facts._replace(present=place.facts.present - gone, lost=place.facts.lost + gone)
    for event in events:
        if event == "claim":
            before, paid = place.claimed.amount_tiyn, place.claim()
            assert paid == max(0, due(pay, place.facts).amount_tiyn - before)
    over = max(0, place.claimed.amount_tiyn - due(pay, place.facts).amount_tiyn)
    place.claimed = Due(0, place.claimed.amount_tiyn - over)  # the receivable's decision
    assert place.claim() == 0
    assert place.claimed.amount_tiyn == due(pay, place.facts).amount_tiyn


@given(pays, rows)
def test_what_may_still_come_is_never_below_what_is_due(pay: Pay, row: Attended) -> None:
    assert most(pay, row).amount_tiyn >= due(pay, row).amount_tiyn


def test_a_row_on_which_everything_waits_is_left_alone_and_its_money_with_it() -> None:
    row = Payable(1, 1, 1, JANUARY, attended(0)._replace(waiting=8), True, True, 1_600_000)
    taken = settle([row], {JANUARY: LESSON}, 10**9)
    assert (taken.settled, taken.held) == ((), ())


def test_a_row_that_waits_by_its_sheet_is_held_with_that_reason() -> None:
    row = Payable(1, 1, 1, JANUARY, attended(8), True, True, 1_600_000, waits="not_screened")
    assert settle([row], {JANUARY: LESSON}, 10**9).held[0].reason is SettlementRefusal.NOT_SCREENED


payables = st.builds(
    Payable,
    sheet_row_id=st.integers(1, 10**6),
    enrolment_id=st.integers(1, 10**6),
    voucher_id=st.integers(1, 10**6),
    month=st.sampled_from([JANUARY, date(2026, 2, 1), date(2026, 3, 1)]),
    attended=rows,
    is_payable=st.booleans(),
    is_voucher_live=st.booleans(),
    place_tiyn=st.integers(0, 10**10),
    line_id=st.just(7),
    claimed=st.builds(Due, st.integers(0, 9), st.integers(0, 10**8)),
    part=st.integers(1, 4),
    waits=st.sampled_from(["", "", "", "not_screened"]),
)


@given(st.lists(payables, max_size=20), pays, st.booleans(), st.integers(0, 10**9))
def test_a_claim_drawn_again_from_its_frozen_input_has_the_same_bytes(
    given_rows: list[Payable], pay: Pay, is_over: bool, volume: int
) -> None:
    rules = {JANUARY: MonthRule(pay, "ab" * 32), date(2026, 2, 1): MonthRule(replace(LESSON), "cd" * 32, "day")}
    asked = ClaimInput("C-000001-X", 5, 7, JANUARY, volume, is_over, rules, tuple(given_rows))
    content = frozen(asked)
    again = thawed(content)
    assert frozen(again) == content
    assert (draw(again).hash, draw(again).formula) == (draw(asked).hash, draw(asked).formula)
    assert claim_entries(draw(again), 9) == claim_entries(draw(asked), 9)
    assert sum(amount for _, amount in claim_entries(draw(asked), 9)) == 0
    assert len(digest(content)) == 32


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.from_regex(r"[a-z_0-9-]{0,8}", fullmatch=True), inner),
    max_leaves=20,
)


@given(json_values)
def test_the_fast_writer_writes_what_rfc_8785_asks(document: object) -> None:
    assert compact(document) == canonical_json(document)


@pytest.mark.parametrize("pay", [LESSON, MONTH])
def test_a_prior_recovery_lets_a_row_be_topped_up_when_its_days_are_cleared_after_all(pay: Pay) -> None:
    row = Payable(1, 1, 1, JANUARY, attended(8), True, True, 400_000, 1, Due(6, 1_200_000), 2)
    (item,) = settle([row], {JANUARY: pay}, 10**9).settled
    assert (item.due, item.row.part) == (Due(2, 400_000), 2)
