"""Money as integer tiyn (1 tenge = 100 tiyn) and the one rounding function of the house."""

from __future__ import annotations

from fractions import Fraction
from functools import total_ordering
from typing import Self

TIYN_PER_TENGE = 100
NBSP = "\u00a0"


def rounded(amount: Fraction | int) -> int:
    """Return `amount` tiyn as a whole number, half away from zero; used once per sheet row (LEDGER.md, last line)."""
    exact = Fraction(amount)
    whole = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return whole if exact >= 0 else -whole


@total_ordering
class Money:
    """An exact amount in tiyn. Adds, subtracts and compares with Money only; multiplies by whole numbers."""

    __slots__ = ("tiyn",)

    def __init__(self, tiyn: int) -> None:
        if type(tiyn) is not int:
            raise TypeError("Money takes whole tiyn")
        self.tiyn = tiyn

    @classmethod
    def tenge(cls, amount: int) -> Self:
        """Whole tenge as Money."""
        return cls(amount * TIYN_PER_TENGE)

    def __add__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.tiyn + other.tiyn)

    def __sub__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.tiyn - other.tiyn)

    def __neg__(self) -> Money:
        return Money(-self.tiyn)

    def __mul__(self, times: int) -> Money:
        return Money(self.tiyn * times)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and self.tiyn == other.tiyn

    def __lt__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.tiyn < other.tiyn

    def __hash__(self) -> int:
        return hash((Money, self.tiyn))

    def __repr__(self) -> str:
        return f"Money({self.tiyn})"

    def __str__(self) -> str:
        """`12 500 ₸`, or `12 500,50 ₸` where tiyn are left; groups stand off by no-break spaces (DOMAIN.md 9)."""
        tenge, tiyn = divmod(abs(self.tiyn), TIYN_PER_TENGE)
        sign = "−" if self.tiyn < 0 else ""
        cents = f",{tiyn:02d}" if tiyn else ""
        return f"{sign}{tenge:,}".replace(",", NBSP) + f"{cents}{NBSP}₸"
