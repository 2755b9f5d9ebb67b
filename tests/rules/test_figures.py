"""What figures may tell of few children, ratings by what was measured, how long money lasts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.figures.queries.months import merged_months
from qosymsha.domain.figures.rules.burn import burn
from qosymsha.domain.figures.rules.ratings import Measured, Rating, rate
from qosymsha.domain.figures.rules.telling import FEWEST, told, told_shares

Table = Mapping[str, Mapping[str, int]]
Base = tuple[str, str]  # row, column
Shown = frozenset[Base]  # a number that was told, as the cells it adds up
COLUMNS = ("creative", "sport", "educational")


def spans(shown: Iterable[Shown], target: Shown, cells: Sequence[Base]) -> bool:
    """Whether sums and differences of what was shown give the target: Gauss over the rationals."""
    rows = [[Fraction(cell in one) for cell in cells] for one in shown]
    wanted = [Fraction(cell in target) for cell in cells]
    for column in range(len(cells)):
        pivot = next((row for row in rows if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        scale = pivot[column]
        rows = [[a - b * row[column] / scale for a, b in zip(row, pivot, strict=True)] for row in rows]
        wanted = [a - b * wanted[column] / scale for a, b in zip(wanted, pivot, strict=True)]
    return not any(wanted)


def with_margins(cells: Sequence[Shown], table: Table) -> list[Shown]:
    """The cells shown, and every total a page or a reader may make of them: by row, by column, over all."""
    by_row = [frozenset((row, c) for c in COLUMNS) for row in table]
    whole = frozenset((row, c) for row in table for c in COLUMNS)
    rows = {frozenset().union(*(one for one in cells if one & line)) for line in by_row}
    return [*cells, *rows, whole, *(frozenset((row, c) for row in table) for c in COLUMNS)]


def leaks(shown: Iterable[Shown], table: Table) -> list[Base]:
    """Single cells of one to nine children that follow from what was shown."""
    every = [(row, column) for row in table for column in COLUMNS]
    shown = list(shown)
    few = [cell for cell in every if 0 < table[cell[0]][cell[1]] < FEWEST]
    return [cell for cell in few if spans(shown, frozenset({cell}), every)]


def ours(table: Table) -> list[Shown]:
    """What the rule tells."""
    return [frozenset((r, c) for r in cell.row for c in cell.column) for cell in told(table)]


def blotted(table: Table) -> list[Shown]:
    """The control: small cells are blotted out, totals stand as they are."""
    fine = [(r, c) for r in table for c in COLUMNS if not 0 < table[r][c] < FEWEST]
    return [frozenset({cell}) for cell in fine]


SMALL = {
    "orphan": {"creative": 3, "sport": 14, "educational": 11},
    "large": {"creative": 40, "sport": 50, "educational": 20},
    "general": {"creative": 200, "sport": 300, "educational": 90},
}


def test_a_blotted_cell_is_given_away_by_the_totals_and_a_merged_one_is_not() -> None:
    """The control leaks: the orphans of creative clubs are the row's total without the others."""
    assert leaks(with_margins(blotted(SMALL), SMALL), SMALL) == [("orphan", "creative")]
    assert leaks(with_margins(ours(SMALL), SMALL), SMALL) == []


def test_small_categories_join_the_next_smallest_and_keep_their_order() -> None:
    cells = {(cell.row, cell.column): cell.children for cell in told(SMALL)}
    assert cells[("orphan", "large"), ("creative",)] == 43
    assert cells[("general",), ("sport",)] == 300
    assert sum(cells.values()) == sum(n for row in SMALL.values() for n in row.values())


def test_a_kind_of_few_children_is_told_with_another_and_a_table_of_few_not_at_all() -> None:
    table = {"a": {"creative": 4, "sport": 30}, "b": {"creative": 2, "sport": 20}}
    assert {cell.column for cell in told(table)} == {("creative", "sport")}
    assert told({"a": {"creative": 4}}) == []
    assert told({}) == []


@given(
    st.dictionaries(
        st.sampled_from("abcd"),
        st.fixed_dictionaries({column: st.one_of(st.integers(0, 14), st.integers(0, 300)) for column in COLUMNS}),
        min_size=1,
    )
)
def test_no_sum_and_no_difference_of_what_is_told_shows_a_cell_of_few(table: Table) -> None:
    cells = told(table)
    assert all(cell.children == 0 or cell.children >= FEWEST for cell in cells)
    if cells:
        assert sum(cell.children for cell in cells) == sum(n for row in table.values() for n in row.values())
        assert leaks(ours(table), table) == []


COUNTS = st.integers(0, 60)


@given(st.dictionaries(st.sampled_from("abcde"), st.tuples(COUNTS, COUNTS, COUNTS), min_size=1))
def test_shares_tell_neither_few_hit_nor_few_spared(drawn: Mapping[str, tuple[int, int, int]]) -> None:
    counted = {g: (n, {"absent": min(a, n), "flagged": min(f, n)}) for g, (n, a, f) in drawn.items()}
    shares = told_shares(counted)
    for one in shares:
        for hit in one.hit.values():
            assert hit == 0 or hit >= FEWEST
            assert one.children - hit >= FEWEST
    groups = [group for one in shares for group in one.groups]
    assert len(groups) == len(set(groups))
    if shares:
        assert sum(one.children for one in shares) == sum(n for n, _ in counted.values())


def test_the_complement_of_a_small_group_is_not_told_either() -> None:
    """Of 2 + 13 = 15 hit children both halves would be given away by the total: they are told together."""
    counted = {"special": (40, {"absent": 2}), "others": (400, {"absent": 13})}
    (only,) = told_shares(counted)
    assert (only.groups, only.children, only.hit) == (("special", "others"), 440, {"absent": 15})
    assert len(told_shares({"special": (40, {"absent": 12}), "others": (400, {"absent": 13})})) == 2


def test_a_small_month_joins_its_kinds_smallest_until_ten_rows_stand_behind_it() -> None:
    def month(n: int, rows: int, kind: str = "sport") -> tuple[object, ...]:
        return (date(2026, n, 1), kind, rows, rows, 0, rows)

    assert [(m["month"], m["lessons"]) for m in merged_months([month(1, 12), month(2, 4)])] == [(None, 16)]
    found = merged_months([month(1, 30), month(2, 4), month(3, 12)])
    assert [(m["month"], m["lessons"]) for m in found] == [("2026-01-01", 30), (None, 16)]
    assert merged_months([month(1, 4), month(1, 40, "creative")])[0]["kind"] == "creative"
    assert len(merged_months([month(1, 4), month(2, 3)], fewest=1)) == 2, (
        "the control: with no least number all is told"
    )


FULL = Measured(planned=40, held=38, marked=200, confirmed=150, children=12, came=12, stayed=9, upheld=1)


def test_a_rating_is_its_shares_and_nobodys_opinion() -> None:
    assert rate(FULL) == Rating(950, 750, 750, 1)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"planned": 15, "held": 15}, None),
        ({"children": 9}, Rating(950, None, 750, 1)),
        ({"came": 9, "stayed": 9}, Rating(950, 750, None, 1)),
        ({"marked": 0, "confirmed": 0}, Rating(950, None, 750, 1)),
    ],
)
def test_too_little_is_not_rated(changed: dict[str, int], expected: Rating | None) -> None:
    fields = {name: getattr(FULL, name) for name in Measured.__slots__}
    assert rate(Measured(**(fields | changed))) == expected


def test_the_forecast_is_the_mean_of_three_months_times_the_months_left() -> None:
    lasts = burn([100, 300, 300, 300], 1000, date(2026, 10, 1))
    assert lasts is not None
    assert (lasts.months, lasts.speed_tiyn, lasts.months_left, lasts.rest_tiyn, lasts.ends) == (3, 300, 3, 100, None)
    short = burn([300], 400, date(2026, 10, 1))
    assert short is not None
    assert (short.rest_tiyn, short.ends) == (-500, date(2026, 11, 1))
    assert burn([], 400, date(2026, 10, 1)) is None
    idle = burn([0, 0], 400, date(2026, 12, 1))
    assert idle is not None
    assert (idle.rest_tiyn, idle.ends) == (400, None)
