"""What may happen to a voucher and a place, and what it costs: pure. Source: docs/rules/enrolment.md."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from qosymsha.domain.vouchers.states import PartingKind, VoucherState
from qosymsha.kernel.clock import next_month
from qosymsha.kernel.errors import RowOutcome


class VoucherRefusal(StrEnum):
    """Why a voucher's row of a batch is refused (docs R-1 … R-7)."""

    UNKNOWN_VOUCHER = "unknown_voucher"
    NAMED_TWICE = "named_twice"
    NOT_GUARDIAN = "not_guardian"
    WRONG_STATE = "wrong_state"
    ACCEPT_LATE = "accept_late"
    VOUCHER_LIVE = "voucher_live"
    REASON_MISSING = "reason_missing"
    DAY_PAST = "day_past"


class EnrolRefusal(StrEnum):
    """Why a place is refused (docs R-8 … R-24)."""

    VOUCHER_NOT_FREE = "voucher_not_free"
    NOT_ACTIVE = "not_active"
    UNKNOWN_GROUP = "unknown_group"
    SAME_GROUP = "same_group"
    START_PAST = "start_past"
    OUTSIDE_VOUCHER = "outside_voucher"
    GROUP_CLOSED = "group_closed"
    NOT_ACCREDITED = "not_accredited"
    OTHER_LINE = "other_line"
    WRONG_KIND = "wrong_kind"
    WRONG_AGE = "wrong_age"
    DEARER_THAN_VOUCHER = "dearer_than_voucher"
    HELD_TOO_LITTLE = "held_too_little"
    NO_FREE_MONEY = "no_free_money"
    GROUP_FULL = "group_full"
    CHOICE_FIRST = "choice_first"
    TRANSFER_WAITS = "transfer_waits"
    TRANSFER_ASKED = "transfer_asked"
    TRANSFER_NOT_WAITING = "transfer_not_waiting"
    PLACE_GIVEN_UP = "place_given_up"
    CHANGED_MEANWHILE = "changed_meanwhile"


class PartingRefusal(StrEnum):
    """Why a guardian's word is not done at once where another speaks for the child too (docs/rules/guardians.md)."""

    OTHER_MAY_STOP = "other_may_stop"  # it is stored and waits
    OTHER_ASKED = "other_asked"
    ASKED_BEFORE = "asked_before"
    NOTHING_TO_STOP = "nothing_to_stop"


_REASONS: dict[str, StrEnum] = {reason.value: reason for reason in (*VoucherRefusal, *EnrolRefusal, *PartingRefusal)}


@dataclass(frozen=True, slots=True)
class Award:
    """What an allocation gives a child: a voucher of a slot and kind, committed on a budget line."""

    child_id: int
    application_id: int | None
    slot: str
    kind: str
    line_id: int


@dataclass(frozen=True, slots=True)
class VoucherAnswer:
    """A guardian's yes or no to an issued voucher."""

    voucher_id: int
    guardian_id: int


@dataclass(frozen=True, slots=True)
class EnrolWish:
    """A guardian's wish for a place from a day on."""

    voucher_id: int
    guardian_id: int
    group_id: int
    starts_on: date


@dataclass(frozen=True, slots=True)
class PlaceWish:
    """The same wish by the names that stand in addresses and forms."""

    voucher: UUID
    guardian_id: int
    group: UUID
    starts_on: date


@dataclass(frozen=True, slots=True)
class Move:
    """A guardian's wish to change groups; `on` is the first day in the next one.

    `waits`: where the other line has no free money the family waits for it, a seat kept, the present place too (R-20).
    """

    voucher_id: int
    guardian_id: int
    to_group_id: int
    on: date
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """Giving a place up, the voucher kept; `on` is the first day without it. No guardian where the office decides."""

    voucher_id: int
    guardian_id: int | None
    on: date


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """What decides on a place: the group on its first day, the child's age on it, the money in tiyn."""

    is_group_open: bool
    is_accredited: bool
    is_kind_allowed: bool
    age: int | None
    age_min: int
    age_max: int
    month_price_tiyn: int
    month_tiyn: int
    held_tiyn: int
    place_tiyn: int


def refuse_answer(state: str, accept_by: date, today: date) -> VoucherRefusal | None:
    """The first reason against accepting: only an issued voucher, up to its day (R-3, R-4)."""
    if state != VoucherState.ISSUED:
        return VoucherRefusal.WRONG_STATE
    return VoucherRefusal.ACCEPT_LATE if today > accept_by else None


def refuse_place(facts: PlaceFacts) -> EnrolRefusal | None:
    """The first reason against a place in a group, or None; days and seats are judged elsewhere (R-11 … R-16)."""
    checks = (
        (not facts.is_group_open, EnrolRefusal.GROUP_CLOSED),
        (not facts.is_accredited, EnrolRefusal.NOT_ACCREDITED),
        (not facts.is_kind_allowed, EnrolRefusal.WRONG_KIND),
        (facts.age is None or not facts.age_min <= facts.age <= facts.age_max, EnrolRefusal.WRONG_AGE),
        (facts.month_price_tiyn > facts.month_tiyn, EnrolRefusal.DEARER_THAN_VOUCHER),
        (facts.place_tiyn > facts.held_tiyn, EnrolRefusal.HELD_TOO_LITTLE),
    )
    return next((reason for is_against, reason in checks if is_against), None)


def refuse_day(starts_on: date, today: date, first_month: date, last_month: date) -> EnrolRefusal | None:
    """Why a place may not begin on this day: it has passed, or the voucher does not cover it (R-9, R-10)."""
    if starts_on < today:
        return EnrolRefusal.START_PAST
    return None if first_month <= starts_on < next_month(last_month) else EnrolRefusal.OUTSIDE_VOUCHER


def parts_on(kind: PartingKind, last_day: date, on: date | None) -> date:
    """The day on which one guardian's word is done, unless the other stops it up to `last_day` (guardians G-6).

    A place is given up on its own day, so that it can be stopped until then; a move is made as soon as it may be.
    """
    after = last_day + timedelta(days=1)
    return max(after, on) if kind is PartingKind.LEAVE and on is not None else after


def whole_years(born_on: date, on: date) -> int:
    """Age in whole years on a day."""
    return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))


def month_end(month: date) -> date:
    """The last day of the month that `month` lies in."""
    return next_month(month.replace(day=1)) - timedelta(days=1)


def months_from(first: date, last: date) -> int:
    """How many months from `first`'s to `last`'s, both counted; 0 where `last` is earlier."""
    return max(0, (last.year - first.year) * 12 + last.month - first.month + 1)


def units_between(lessons: Sequence[date], first: date, last: date, cap: int) -> int:
    """Lessons from `first` to `last`, both counted, at most `cap`. `lessons` is sorted (R-17)."""
    return min(cap, max(0, bisect_right(lessons, last) - bisect_left(lessons, first)))


def place_tiyn(tariff_tiyn: int, lessons: Sequence[date], starts_on: date, cap: int) -> int:
    """What a place costs from a day to the end of its month: tariff × lessons left, at most a month's units (R-17)."""
    return tariff_tiyn * units_between(lessons, starts_on, month_end(starts_on), cap)


def packed(outcomes: Sequence[RowOutcome]) -> dict[str, Any]:
    """Outcomes as JSON to keep under an idempotency key; details are not kept."""
    return {
        "ids": [o.id for o in outcomes],
        "no": {str(o.row): o.reason.value for o in outcomes if o.reason is not None},
    }


def unpacked(kept: Mapping[str, Any], reasons: Mapping[str, StrEnum] = _REASONS) -> list[RowOutcome]:
    """The outcomes of `packed`."""
    refused = kept["no"]
    return [
        RowOutcome(row, number, reasons[refused[str(row)]] if str(row) in refused else None)
        for row, number in enumerate(kept["ids"])
    ]


def reason_of(code: str) -> StrEnum:
    """The reason of a kept code."""
    return _REASONS[code]


def outcomes_of(rows: int, ids: Mapping[int, int], refused: Mapping[int, StrEnum]) -> list[RowOutcome]:
    """One outcome per row: its id where it was done, else its reason."""
    return [RowOutcome(row, ids.get(row), refused.get(row)) for row in range(rows)]


def repeated(values: Iterable[int]) -> set[int]:
    """The positions whose value stood at an earlier position already."""
    seen: set[int] = set()
    return {i for i, value in enumerate(values) if value in seen or seen.add(value)}  # type: ignore[func-returns-value]
