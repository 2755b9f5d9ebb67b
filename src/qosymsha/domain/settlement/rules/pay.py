"""What a confirmed row is paid, and which rows a claim takes. Pure. Source: docs/rules/pay.md R-1 to R-6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from qosymsha.domain.programmes.rules import Pay
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel.money import rounded

PER_LESSON = "per_lesson"
PER_MONTH = "per_month"


@dataclass(frozen=True, slots=True)
class Attended:
    """A child's row of a month sheet: lessons by mark, the tariff per lesson (tiyn) and most lessons of a month."""

    present: int
    ill: int
    excused: int
    absent: int
    unit_tariff_tiyn: int
    units_per_month: int

    @property
    def lessons(self) -> int:
        """All lessons that the row speaks of."""
        return self.present + self.ill + self.excused + self.absent


@dataclass(frozen=True, slots=True)
class Due:
    """What a row is paid: lessons counted and tiyn."""

    units: int
    amount_tiyn: int


NOTHING = Due(0, 0)


def due(pay: Pay, row: Attended) -> Due:
    """What one confirmed row is paid, rounded once.

    `per_lesson`: lessons counted × tariff. `per_month`: where the counted share reaches the threshold the whole month
    (its lessons, at most `units_per_month`) × tariff, below it the counted share of that. Counted: present, and
    absences for a valid reason up to the cap.
    """
    counted = row.present + min(pay.paid_absences_cap, row.ill + row.excused)
    if pay.mode == PER_LESSON:
        units = min(counted, row.units_per_month)
        return Due(units, units * row.unit_tariff_tiyn)
    assert pay.mode == PER_MONTH, "the rule set's schema knows two modes"
    month_units = min(row.lessons, row.units_per_month)
    if counted * 1000 >= row.lessons * pay.month_threshold_permille:
        return Due(month_units, month_units * row.unit_tariff_tiyn)
    share = Fraction(counted, row.lessons)
    return Due(min(counted, month_units), rounded(month_units * row.unit_tariff_tiyn * share))


@dataclass(frozen=True, slots=True)
class Payable:
    """A confirmed, decided or rejected row as a claim needs it; `place_tiyn` is what its place account holds."""

    sheet_row_id: int
    enrolment_id: int
    voucher_id: int
    month: date
    attended: Attended
    is_payable: bool
    is_voucher_live: bool
    place_tiyn: int


@dataclass(frozen=True, slots=True)
class Settled:
    """A row that the claim takes, with what it is due; the rest of its place goes back."""

    row: Payable
    due: Due

    @property
    def rest_tiyn(self) -> int:
        """What its place account still holds afterwards."""
        return self.row.place_tiyn - self.due.amount_tiyn


@dataclass(frozen=True, slots=True)
class Held:
    """A row that waits, with its reason; a later claim tries again."""

    row: Payable
    reason: SettlementRefusal


@dataclass(frozen=True, slots=True)
class Settlement:
    """A contract's rows of a claim, in the order they came."""

    settled: tuple[Settled, ...]
    held: tuple[Held, ...]

    @property
    def units(self) -> int:
        """Lessons paid."""
        return sum(s.due.units for s in self.settled)

    @property
    def amount_tiyn(self) -> int:
        """The claim's amount."""
        return sum(s.due.amount_tiyn for s in self.settled)


def settle(rows: Sequence[Payable], pay_by_month: dict[date, Pay], volume_left_tiyn: int) -> Settlement:
    """Take the rows of one contract in their order, as far as their places and the contract's volume cover them.

    A row that doesn't fit is held with its reason and does not stop those after it.
    """
    settled: list[Settled] = []
    held: list[Held] = []
    left = volume_left_tiyn
    for row in rows:
        pay = pay_by_month.get(row.month)
        if pay is None:
            held.append(Held(row, SettlementRefusal.NO_RULES_IN_FORCE))
            continue
        owed = due(pay, row.attended) if row.is_payable else NOTHING
        if owed.amount_tiyn > row.place_tiyn:
            held.append(Held(row, SettlementRefusal.PLACE_NOT_COVERED))
        elif owed.amount_tiyn > left:
            held.append(Held(row, SettlementRefusal.CONTRACT_VOLUME))
        else:
            left -= owed.amount_tiyn
            settled.append(Settled(row, owed))
    return Settlement(tuple(settled), tuple(held))


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
