"""How long a line's money lasts at the speed of its last months. Source: docs/rules/figures.md F-6 (PRODUCT.md I5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

LOOKED_BACK = 3


@dataclass(frozen=True, slots=True)
class Burn:
    """`speed_tiyn` a month, over `months` last months; `rest_tiyn` expected at the year's end, below zero: it is short.

    `ends` is the month in which the money would end, None where it lasts to the year's end.
    """

    months: int
    speed_tiyn: int
    left_tiyn: int
    months_left: int
    rest_tiyn: int
    ends: date | None


def burn(earned: Sequence[int], left_tiyn: int, next_month: date) -> Burn | None:
    """The forecast from what providers earned month by month (tiyn, oldest first); None where no month is known.

    The mean of at most three last months, times the months from `next_month` to December, against what is not yet
    earned. Simple on purpose: anyone can check it on paper. Lapses, holidays and new rounds are not in it.
    """
    last = list(earned)[-LOOKED_BACK:]
    if not last:
        return None
    speed = sum(last) // len(last)
    months_left = 13 - next_month.month
    lasts = left_tiyn // speed if speed else months_left
    ends = date(next_month.year, next_month.month + lasts, 1) if lasts < months_left else None
    return Burn(len(last), speed, left_tiyn, months_left, left_tiyn - speed * months_left, ends)
