"""A rating by what was measured: no stars, no opinions. Source: docs/rules/figures.md F-5 (PRODUCT.md C6)."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST_LESSONS = 16  # planned lessons, two months of the usual two a week: below, a figure says more of chance
FEWEST_CHILDREN = 10  # children behind marks and stays: below, a share would tell of one child


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted of a group or a provider over the last twelve months.

    `planned` lessons whose day has passed and `held` of them (a moved or made-up lesson counts where it went); `marked`
    present-marks on sheets that were sent and `confirmed` of them by family or scan and not held to be false since;
    `came` children who took a place and could have stayed three months, `stayed` of them; `upheld` days that an
    official held to be false.
    """

    planned: int
    held: int
    marked: int
    confirmed: int
    children: int
    came: int
    stayed: int
    upheld: int


@dataclass(frozen=True, slots=True)
class Rating:
    """Shares in permille, None where too few stand behind; `upheld` objections."""

    lessons_permille: int | None
    confirmed_permille: int | None
    stayed_permille: int | None
    upheld: int


def rate(measured: Measured) -> Rating | None:
    """The rating, or None where fewer lessons were planned than say anything."""
    if measured.planned < FEWEST_LESSONS:
        return None
    many = measured.children >= FEWEST_CHILDREN
    return Rating(
        lessons_permille=permille(measured.held, measured.planned),
        confirmed_permille=permille(measured.confirmed, measured.marked) if many else None,
        stayed_permille=permille(measured.stayed, measured.came) if measured.came >= FEWEST_CHILDREN else None,
        upheld=measured.upheld,
    )


def permille(part: int, whole: int) -> int | None:
    """The share in permille, half up; None of nothing."""
    return (2000 * part + whole) // (2 * whole) if whole else None
