"""Money: whole tiyn, one rounding, shown as people write it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.kernel.money import Money, rounded

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("exact", "whole"),
    [
        (Fraction(1, 2), 1),
        (Fraction(-1, 2), -1),
        (Fraction(3, 2), 2),
        (Fraction(5, 2), 3),
        (Fraction(49, 100), 0),
        (Fraction(-149, 100), -1),
        (Fraction(-151, 100), -2),
        (7, 7),
        (0, 0),
    ],
)
def test_halves_go_away_from_zero(exact: Fraction | int, whole: int) -> None:
    assert rounded(exact) == whole


@given(st.fractions())
def test_rounding_is_never_off_by_more_than_half_and_has_no_side(exact: Fraction) -> None:
    assert abs(rounded(exact) - exact) <= Fraction(1, 2)
    assert rounded(-exact) == -rounded(exact)


@pytest.mark.parametrize(
    ("money", "shown"),
    [
        (Money.tenge(12_500), f"12{NBSP}500{NBSP}₸"),
        (Money(1_250_050), f"12{NBSP}500,50{NBSP}₸"),
        (Money(5), f"0,05{NBSP}₸"),
        (Money(-1_05), f"−1,05{NBSP}₸"),
        (Money.tenge(1_234_567), f"1{NBSP}234{NBSP}567{NBSP}₸"),
        (Money(0), f"0{NBSP}₸"),
    ],
)
def test_money_is_shown_as_people_write_it(money: Money, shown: str) -> None:
    assert str(money) == shown


@given(st.integers(), st.integers(), st.integers())
def test_money_adds_exactly(a: int, b: int, times: int) -> None:
    assert (Money(a) + Money(b) - Money(b)) * times == Money(a * times)
    assert -Money(a) == Money(-a)
    assert (Money(a) < Money(b)) == (a < b)
    assert (Money(a) >= Money(b)) == (a >= b)
    assert len({Money(a), Money(a)}) == 1


@pytest.mark.parametrize("amount", [1.5, "1", True, None, Fraction(1)])
def test_money_takes_nothing_but_whole_tiyn(amount: object) -> None:
    with pytest.raises(TypeError):
        Money(amount)  # type: ignore[arg-type]


def test_money_mixes_with_nothing_else() -> None:
    with pytest.raises(TypeError):
        Money(1) + 1  # type: ignore[operator]
    with pytest.raises(TypeError):
        Money(1) - 1.0  # type: ignore[operator]
    with pytest.raises(TypeError):
        _ = Money(1) < 2  # type: ignore[operator]
    with pytest.raises(TypeError):
        Money(1) * 0.5  # type: ignore[operator]
    assert Money(1) != 1
