"""Which cells of a table may be told, so that no sum and no difference of told cells shows a cell of few children.

Cells are never blotted out beside a total that gives them away: small ones are merged with others, the same way in
every row and column, and only merged cells are stored. Whatever is added or taken away is a sum of whole merged cells.
Source: docs/rules/figures.md F-1 to F-4 (PRODUCT.md, duties to children; k = 10).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

FEWEST = 10
_ALL = "all children"
Block = tuple[str, ...]
Counts = Mapping[str, int]
Table = Mapping[str, Mapping[str, int]]  # row → column → children


@dataclass(frozen=True, slots=True)
class Cell:
    """Children of a merged row in a merged column."""

    row: Block
    column: Block
    children: int


def enough(counts: Counts, fewest: int = FEWEST) -> bool:
    """True where nobody or at least ten stand in each of the columns."""
    return all(n == 0 or n >= fewest for n in counts.values())


def merged_rows(table: Table, may_tell: Callable[[Counts], bool] = enough) -> tuple[Block, ...]:
    """The rows in blocks that may be told one by one; () where not even all together may.

    The smallest block that may not be told joins the smallest other, again and again; rows keep their order in blocks.
    """
    order = {row: n for n, row in enumerate(table)}
    blocks: list[Block] = [(row,) for row in table]
    while closed := [block for block in blocks if not may_tell(_sum(table, block))]:
        if len(blocks) == 1:
            return ()
        first = min(closed, key=lambda block: _size(table, block, order))
        other = min((b for b in blocks if b != first), key=lambda block: _size(table, block, order))
        joined = tuple(sorted((*first, *other), key=order.__getitem__))
        blocks = [b for b in blocks if b not in (first, other)] + [joined]
    return tuple(sorted(blocks, key=lambda block: order[block[0]]))


def told(table: Table, fewest: int = FEWEST) -> list[Cell]:
    """The table's cells as they may be told: first columns too small in all are merged, then rows.

    Every cell that is answered holds nobody or at least ten; their sums by row, by column and over all may be told too.
    """
    columns = list(dict.fromkeys(column for counts in table.values() for column in counts))
    by_column = {c: {"all": sum(counts.get(c, 0) for counts in table.values())} for c in columns}
    column_blocks = merged_rows(by_column, lambda counts: enough(counts, fewest))
    if not column_blocks:
        return []
    wide = {row: {_name(b): sum(counts.get(c, 0) for c in b) for b in column_blocks} for row, counts in table.items()}
    row_blocks = merged_rows(wide, lambda counts: enough(counts, fewest))
    return [Cell(r, c, sum(wide[row][_name(c)] for row in r)) for r in row_blocks for c in column_blocks]


@dataclass(frozen=True, slots=True)
class Share:
    """Of the children of a group of families, how many each rule hit."""

    groups: Block
    children: int
    hit: Mapping[str, int]


def told_shares(counted: Mapping[str, tuple[int, Mapping[str, int]]], fewest: int = FEWEST) -> list[Share]:
    """Group → (children, rule → hit) as it may be told; groups are disjoint, and all together are told as well.

    Of a block each rule hits nobody or at least ten, and at least ten are spared: nor must "all of them" be read off a
    line. The blocks are the same for every rule: two ways to merge would give sizes away.
    """

    def may_tell(counts: Counts) -> bool:
        hits = {rule: n for rule, n in counts.items() if rule != _ALL}
        return enough(hits, fewest) and all(counts[_ALL] - n >= fewest for n in (0, *hits.values()))

    table = {group: {_ALL: children, **hits} for group, (children, hits) in counted.items() if children}
    blocks = merged_rows(table, may_tell) if table else ()
    told_sums = [(block, _sum(table, block)) for block in blocks]
    return [
        Share(block, sums[_ALL], {rule: n for rule, n in sums.items() if rule != _ALL}) for block, sums in told_sums
    ]


def _sum(table: Table, block: Sequence[str]) -> dict[str, int]:
    columns = dict.fromkeys(column for row in block for column in table[row])
    return {column: sum(table[row].get(column, 0) for row in block) for column in columns}


def _size(table: Table, block: Block, order: Mapping[str, int]) -> tuple[int, int]:
    return sum(_sum(table, block).values()), order[block[0]]


def _name(block: Block) -> str:
    return "\0".join(block)
