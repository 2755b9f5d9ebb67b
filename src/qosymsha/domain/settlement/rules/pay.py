"""What a row is paid, part by part, and which rows a claim takes. Pure. Source: docs/rules/pay.md R-1 to R-9."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from qosymsha.domain.programmes.rules import Pay
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel.money import rounded

PER_LESSON = "per_lesson"
PER_MONTH = "per_month"
PAPER = "paper"


class Attended(NamedTuple):
    """A child's row of a month sheet: units by mark, the tariff of a unit (tiyn), most units of a month.

    Present units are payable now (`present`), perhaps later (`waiting`: held days, days nobody confirmed yet) or never
    (`lost`: an upheld flag or dispute). Of the absences `proved` may be paid now: a second party spoke on the row, and
    a paper stands behind them where the rule asks; `unspoken` may be once somebody speaks.
    """

    present: int
    ill: int
    excused: int
    absent: int
    unit_tariff_tiyn: int
    units_per_month: int
    waiting: int = 0
    lost: int = 0
    proved: int = 0
    unspoken: int = 0

    @property
    def units(self) -> int:
        """All units that the row speaks of."""
        return self.present + self.waiting + self.lost + self.ill + self.excused + self.absent


class Due(NamedTuple):
    """Units counted and tiyn: of a whole row, or of one part of it."""

    units: int
    amount_tiyn: int


NOTHING = Due(0, 0)


def paid_absences(pay: Pay, row: Attended) -> int:
    """Absences that are paid: for a reason the rule names, proved as the rule asks, up to the cap."""
    valid = row.ill * ("ill" in pay.paid_reasons) + row.excused * ("excused" in pay.paid_reasons)
    return min(pay.paid_absences_cap, valid, row.proved)


def due(pay: Pay, row: Attended) -> Due:
    """What a row is paid in all by today's facts, rounded once.

    `per_lesson`: units counted × tariff. `per_month`: where the counted share reaches the threshold the whole month
    (its units, at most `units_per_month`) × tariff, below it the counted share of that. Counted: present and payable,
    and paid absences.
    """
    counted = row.present + paid_absences(pay, row)
    if pay.mode == PER_LESSON:
        units = min(counted, row.units_per_month)
        return Due(units, units * row.unit_tariff_tiyn)
    assert pay.mode == PER_MONTH, "the rule set's schema knows two modes"
    whole = min(row.units, row.units_per_month)
    if counted * 1000 >= row.units * pay.month_threshold_permille:
        return Due(whole, whole * row.unit_tariff_tiyn)
    return Due(min(counted, whole), rounded(whole * row.unit_tariff_tiyn * Fraction(counted, row.units)))


def most(pay: Pay, row: Attended) -> Due:
    """What the row may come to at most: every waiting unit turned out payable, somebody spoke on every absence."""
    if not (row.waiting or row.unspoken):
        return due(pay, row)
    best = row._replace(present=row.present + row.waiting, waiting=0, proved=row.proved + row.unspoken, unspoken=0)
    return due(pay, best)


class Payable(NamedTuple):
    """A row as a claim needs it; `place_tiyn` is what its place account on `line_id` holds, all amounts in tiyn.

    `claimed` is what its live parts have claimed already less what was clawed back, `part` the number of the next one.
    `waits` is a reason known before any sum: a sheet not screened, a sheet that some have not spoken on.
    """

    sheet_row_id: int
    enrolment_id: int
    voucher_id: int
    month: date
    attended: Attended
    is_payable: bool
    is_voucher_live: bool
    place_tiyn: int
    line_id: int = 0
    claimed: Due = NOTHING
    part: int = 1
    waits: str = ""


class Settled(NamedTuple):
    """A row that the claim takes: the part due now, what the place keeps for waiting units; the rest goes back.

    `whole_tiyn` is what the row is due in all by today's facts.
    """

    row: Payable
    due: Due
    keep_tiyn: int = 0
    whole_tiyn: int = 0

    @property
    def rest_tiyn(self) -> int:
        """What goes back to the voucher or its line."""
        return self.row.place_tiyn - self.due.amount_tiyn - self.keep_tiyn


class Held(NamedTuple):
    """A row that waits, with its reason; a later claim tries again."""

    row: Payable
    reason: SettlementRefusal


@dataclass(frozen=True)
class Settlement:
    """A contract's rows of a claim, in the order they came."""

    settled: tuple[Settled, ...]
    held: tuple[Held, ...]

    @cached_property
    def units(self) -> int:
        """Units paid."""
        return sum(s.due.units for s in self.settled)

    @cached_property
    def amount_tiyn(self) -> int:
        """The claim's amount."""
        return sum(s.due.amount_tiyn for s in self.settled)


class _Cumulative(NamedTuple):
    """A row's whole due today and the most it may become."""

    now: Due
    most_tiyn: int


def next_part(row: Payable, now: Due, most_tiyn: int) -> Settled:
    """The row's next part: what is due now beyond what was claimed, never below zero; what waits stays on the place.

    So the parts of a row sum to what its final facts are due, in whatever order they become known.
    """
    amount = max(0, now.amount_tiyn - row.claimed.amount_tiyn)
    settled_tiyn = max(now.amount_tiyn, row.claimed.amount_tiyn)
    keep = min(max(0, most_tiyn - settled_tiyn), max(0, row.place_tiyn - amount))
    return Settled(row, Due(max(0, now.units - row.claimed.units) if amount else 0, amount), keep, now.amount_tiyn)


def settle(rows: Sequence[Payable], pay_by_month: Mapping[date, Pay], volume_left_tiyn: int) -> Settlement:
    """Take the rows of one contract in their order, as far as their places and the contract's volume cover them.

    A row that doesn't fit is held with its reason and does not stop those after it. A row of which nothing is due yet
    and nothing goes back is left alone.
    """
    settled: list[Settled] = []
    held: list[Held] = []
    left = volume_left_tiyn
    known: dict[date, dict[Attended, _Cumulative]] = {month: {} for month in pay_by_month}
    for row in rows:
        sums = known.get(row.month)
        if sums is None or row.waits:
            held.append(Held(row, SettlementRefusal(row.waits or SettlementRefusal.NO_RULES_IN_FORCE)))
            continue
        if not row.is_payable:
            item = Settled(row, NOTHING)
        else:
            found = sums.get(row.attended)
            if found is None:
                found = sums[row.attended] = _cumulative(pay_by_month[row.month], row.attended)
            item = next_part(row, *found)
        amount = item.due.amount_tiyn
        if amount > row.place_tiyn:
            held.append(Held(row, SettlementRefusal.PLACE_NOT_COVERED))
        elif amount > left:
            held.append(Held(row, SettlementRefusal.CONTRACT_VOLUME))
        elif amount or item.rest_tiyn or not item.keep_tiyn:
            left -= amount
            settled.append(item)
    return Settlement(tuple(settled), tuple(held))


def _cumulative(pay: Pay, row: Attended) -> _Cumulative:
    return _Cumulative(due(pay, row), most(pay, row).amount_tiyn)


def offsets(owed: Sequence[tuple[int, int, int]], amount_tiyn: int) -> list[tuple[int, int]]:
    """What a claim keeps back for each (recovery, tiyn left, permille of the plan), oldest first: (recovery, tiyn).

    No more in all than the largest plan's share of the claim, so that something is always paid.
    """
    left = amount_tiyn * max((permille for _, _, permille in owed), default=0) // 1000
    kept = []
    for recovery_id, owed_tiyn, permille in owed:
        tiyn = min(owed_tiyn, amount_tiyn * permille // 1000, left)
        if tiyn > 0:
            kept.append((recovery_id, tiyn))
            left -= tiyn
    return kept


def approvals_needed(bands: Sequence[tuple[int | None, int]], amount_tiyn: int) -> int:
    """How many different officials approve a claim of its band before yet another one releases it; at least one."""
    for upper_tiyn, approvals in bands:
        if upper_tiyn is None or amount_tiyn <= upper_tiyn:
            return max(1, approvals)
    return max([1, *(approvals for _, approvals in bands)])


def approve_step(number: int) -> str:
    """The name of the n-th approval (from 1): `approve`, `approve_2`, …"""
    return "approve" if number == 1 else f"approve_{number}"


RELEASE = "release"
