"""Synthetic choice rounds: the instance of ALLOCATION.md II.2, and the chain that is the worst case for rounds.

II.2: N children, N / 33 groups, districts of 500 groups, popularity by Zipf 0.8 inside a district, 85 % of the choices
in the own district, 3 to 10 choices (6.5 on average), places for 90 % of the children; priority: five tiers, a sibling
enrolled, the own district, a lottery number of 256 bits. Ours to fix: groups of 10 to 50 places before scaling, a
sibling at 1 % of the wishes, categories held by 10 %, 5 % and 3 % of the children.
"""

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.market import NO_LIST, Criterion, Market, Reserves
from qosymsha.domain.allocation.round_terms import ReserveRule

_MOST_WISHES = 10
_DISTRICT = 500
_ROWS = 200_000
_CATEGORY_SHARES = (0.10, 0.05, 0.03)


def draw_market(
    children: int, *, seed: int = 1, per_entry: bool = False, rule: ReserveRule | None = None, words: int = 4
) -> Market:
    """Return the instance of II.2.

    Args:
        children: N.
        seed: the same seed gives the same instance.
        per_entry: one lottery number per child and group (64 bits) instead of one per child.
        rule: with it, every group keeps a tenth of its places for a category.
        words: 64-bit words of a child's lottery number.
    """
    random = np.random.default_rng(seed)
    groups = max(1, children // 33)
    placed = random.permutation(groups).astype(np.int32)  # (district, popularity) -> group
    districts = np.empty(groups, np.int32)
    districts[placed] = np.arange(groups, dtype=np.int32) // _DISTRICT
    homes = random.integers(0, int(districts.max()) + 1, children).astype(np.int32)
    offsets, wished = _draw_wishes(random, homes, placed)
    capacities = random.integers(10, 51, groups)
    capacities = np.maximum(1, np.round(capacities * (0.9 * children / capacities.sum()))).astype(np.int64)
    shape = (wished.size,) if per_entry else (children,) if words == 1 else (children, words)
    return Market(
        offsets=offsets,
        groups=wished,
        capacities=capacities,
        lottery=random.integers(0, 1 << 64, shape, dtype=np.uint64),
        lottery_per_entry=per_entry,
        criteria=(Criterion.TIER, Criterion.SIBLING, Criterion.DISTRICT, Criterion.LOTTERY),
        tiers=random.integers(0, 5, children).astype(np.int8),
        siblings=random.random(wished.size) < 0.01,
        child_districts=homes,
        group_districts=districts,
        reserves=None if rule is None else _draw_reserves(random, capacities, children, rule),
    )


def _draw_wishes(
    random: np.random.Generator, homes: NDArray[np.int32], placed: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    counts = np.zeros(homes.size + 1, np.int64)
    pieces = []
    for start in range(0, homes.size, _ROWS):
        home = homes[start : start + _ROWS]
        table = _draw_groups(random, home, placed)
        for _ in range(6):  # a repeated wish is drawn again; what still repeats is dropped
            again = _repeats(table)
            table[again] = _draw_groups(random, home, placed)[again]
        kept = ~_repeats(table) & (np.arange(_MOST_WISHES) < random.integers(3, _MOST_WISHES + 1, home.size)[:, None])
        counts[start + 1 : start + 1 + home.size] = kept.sum(axis=1)
        pieces.append(table[kept])
    return np.cumsum(counts), np.concatenate(pieces)


def _draw_groups(random: np.random.Generator, home: NDArray[np.int32], placed: NDArray[np.int32]) -> NDArray[np.int32]:
    shape, districts = (home.size, _MOST_WISHES), -(-placed.size // _DISTRICT)
    district = np.where(random.random(shape) < 0.85, home[:, None], random.integers(0, districts, shape))
    size = np.minimum(_DISTRICT, placed.size - district * _DISTRICT)
    weights = np.cumsum(1 / np.arange(1, _DISTRICT + 1) ** 0.8)
    drawn = np.searchsorted(weights, random.random(shape) * weights[size - 1], side="right")
    groups: NDArray[np.int32] = placed[district * _DISTRICT + np.minimum(drawn, size - 1)]
    return groups


def _repeats(table: NDArray[np.int32]) -> NDArray[np.bool_]:
    found = np.zeros(table.shape, np.bool_)
    for column in range(1, table.shape[1]):
        found[:, column] = (table[:, :column] == table[:, column : column + 1]).any(axis=1)
    return found


def _draw_reserves(
    random: np.random.Generator, capacities: NDArray[np.int64], children: int, rule: ReserveRule
) -> Reserves:
    groups = capacities.size
    claims = np.stack([random.random(children) < share for share in _CATEGORY_SHARES], axis=1)
    categories = random.integers(0, len(_CATEGORY_SHARES), groups).astype(np.int32)
    return Reserves(rule, np.arange(groups + 1), categories, np.maximum(1, capacities // 10), claims)


def chain_market(length: int) -> Market:
    """Return a market in which the last child to knock sets off `length` displacements, one after the other.

    Child i sits first in group i and then in group i + 1, where it stands before child i + 1; the newcomer, child
    `length`, stands first in group 0. One place each.
    """
    owners = np.arange(length, dtype=np.int32)
    groups = np.concatenate([np.stack([owners, owners + 1], axis=1).ravel(), [0]]).astype(np.int32)
    offsets = np.append(np.arange(length + 1) * 2, 2 * length + 1)
    listed = np.full(groups.size, NO_LIST, np.int32)
    listed[0:-1:2], listed[1:-1:2], listed[-1] = 1, 0, 0
    return Market(offsets, groups, np.ones(length + 1, np.int64), np.zeros(length + 1, np.uint64), listed=listed)
