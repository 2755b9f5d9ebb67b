"""Priority keys: each wish as one whole number, so that sorting plain uint64 sorts by group, then by priority there.

    key = group | standing          smaller is better; the lowest bits of the standing name the child

so that no index travels along with a sort. Two makers, one meaning:

- `SharedKeys`: one lottery number per child. Standing = the criteria's bits, then the child's dense rank by (lottery,
  id). Made on the fly, nothing is stored per entry.
- `RankedKeys`: everything else (a number per child and group, priority lists, equal lotteries that later criteria must
  part, fields too wide for 64 bits). Standing = the entry's place among all entries sorted by (group, priority).

No number is ever cut: sorting packs as many leading bits as fit and re-sorts whatever they leave equal by the whole.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qosymsha.domain.allocation.market import (
    NOT_LISTED,
    UNKNOWN,
    Bools,
    Criterion,
    Ints,
    Keys,
    Market,
    SmallInts,
)

NEVER = (1 << 64) - 1
"""The key of a pair that must not meet (age, not on the list): under no cut-off."""

_CHUNK = 1 << 17
_Column = NDArray[np.generic]


class PriorityKeys(Protocol):
    """How pairs of child and group become keys, and keys children again."""

    @property
    def bits(self) -> int:
        """The group stands above this many bits."""

    @property
    def names(self) -> int:
        """Mask of the bits that name the child."""

    @property
    def child_of(self) -> SmallInts:
        """The child behind each name, int32."""

    def many(self, children: Ints, entries: Ints, groups: SmallInts) -> Keys:
        """Return the keys of these entries, NEVER where the pair must not meet."""

    def one(self) -> Callable[[int, int, int], int]:
        """Return `many` for a single (child, entry, group), as a function that is quick on plain numbers."""


def make_keys(market: Market) -> PriorityKeys:
    """Return the cheapest maker of keys that is exact for this market."""
    return _shared_keys(market) or _ranked_keys(market)


# --- one number per child -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class SharedKeys:
    """Keys made on the fly from columns of children and groups.

    Attributes:
        bits: the group stands above this many bits; `names`: mask of the rank; `child_of`: int32, child by rank.
        child_part: uint64 (N), the bits that depend on the child alone.
        sibling_bit, district_bit: where these criteria stand; None where they are not asked.
    """

    market: Market
    bits: int
    names: int
    child_of: SmallInts
    child_part: Keys
    sibling_bit: int | None
    district_bit: int | None

    def many(self, children: Ints, entries: Ints, groups: SmallInts) -> Keys:
        """Return the keys of these entries, NEVER where the pair must not meet."""
        market, keys = self.market, self.child_part[children]
        if self.sibling_bit is not None and market.siblings is not None:
            keys |= (~market.siblings[entries]).astype(np.uint64) << np.uint64(self.sibling_bit)
        if self.district_bit is not None and market.child_districts is not None:
            keys |= _is_elsewhere(market, children, groups).astype(np.uint64) << np.uint64(self.district_bit)
        keys |= groups.astype(np.uint64) << np.uint64(self.bits)
        if market.child_ages is not None:
            keys[_is_wrong_age(market, children, groups)] = NEVER
        return keys

    def one(self) -> Callable[[int, int, int], int]:
        """Return `many` for a single (child, entry, group), as a function that is quick on plain numbers."""
        market, bits, sibling_bit, district_bit = self.market, self.bits, self.sibling_bit, self.district_bit
        part, siblings = self.child_part.data, _view(market.siblings)
        home, there = _view(market.child_districts), _view(market.group_districts)
        ages, bounds = _view(market.child_ages), _view(market.group_ages)

        def key_of(child: int, entry: int, group: int) -> int:
            key: int = part[child] | group << bits
            if sibling_bit is not None and not siblings[entry]:
                key |= 1 << sibling_bit
            if district_bit is not None and (home[child] == UNKNOWN or home[child] != there[group]):
                key |= 1 << district_bit
            if ages and ages[child] != UNKNOWN and not bounds[group, 0] <= ages[child] <= bounds[group, 1]:
                return NEVER
            return key

        return key_of


def _shared_keys(market: Market) -> SharedKeys | None:
    """Return keys of one number per child, or None where they would not be exact."""
    if market.lottery_per_entry or market.listed is not None:
        return None
    words = _words(market.lottery)
    order = order_rows(words)
    asked = _before_lottery(market.criteria)
    if set(market.criteria) - {Criterion.LOTTERY, *asked} and _has_ties(words, order):
        return None  # children with equal numbers are parted by criteria that stand after the lottery
    name_bits = market.children.bit_length()  # one value more than there are ranks: all ones name nobody
    shifts, bits = _layout(market, asked, name_bits)
    if bits + market.capacities.size.bit_length() > 63:
        return None
    child_part = np.empty(market.children, np.uint64)
    child_part[order] = np.arange(market.children, dtype=np.uint64)
    if Criterion.TIER in shifts and market.tiers is not None:
        child_part |= _dense(market.tiers).astype(np.uint64) << np.uint64(shifts[Criterion.TIER])
    sibling_bit, district_bit = shifts.get(Criterion.SIBLING), shifts.get(Criterion.DISTRICT)
    names = (1 << name_bits) - 1
    return SharedKeys(market, bits, names, order.astype(np.int32), child_part, sibling_bit, district_bit)


def _layout(market: Market, asked: Sequence[Criterion], bits: int) -> tuple[dict[Criterion, int], int]:
    """Return the shift of each criterion, the last one lowest, above so many bits; and the bits in all."""
    widths: dict[Criterion, int] = {}
    if market.tiers is not None:
        widths[Criterion.TIER] = int(_dense(market.tiers).max(initial=0)).bit_length()
    if market.siblings is not None:
        widths[Criterion.SIBLING] = 1
    if market.child_districts is not None:
        widths[Criterion.DISTRICT] = 1
    shifts: dict[Criterion, int] = {}
    for criterion in reversed(asked):
        if criterion in widths:
            shifts[criterion] = bits
            bits += widths[criterion]
    return shifts, bits


# --- a place of its own for each entry ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class RankedKeys:
    """Keys read from a table: each entry's place among all entries sorted by (group, priority).

    Attributes:
        bits: the group stands above this many bits; `names`: mask of the place; `child_of`: int32, child by place.
        places: uint32 (E).
        refused: bool (E), entries that must not meet; None where there are none.
    """

    bits: int
    names: int
    child_of: SmallInts
    places: NDArray[np.uint32]
    refused: Bools | None

    def many(self, children: Ints, entries: Ints, groups: SmallInts) -> Keys:
        """Return the keys of these entries, NEVER where the pair must not meet."""
        keys = groups.astype(np.uint64) << np.uint64(self.bits)
        keys |= self.places[entries]
        if self.refused is not None:
            keys[self.refused[entries]] = NEVER
        return keys

    def one(self) -> Callable[[int, int, int], int]:
        """Return `many` for a single (child, entry, group), as a function that is quick on plain numbers."""
        bits, places, refused = self.bits, self.places.data, _view(self.refused)

        def key_of(child: int, entry: int, group: int) -> int:
            return NEVER if refused and refused[entry] else group << bits | places[entry]

        return key_of


def _ranked_keys(market: Market) -> RankedKeys:
    order, entries = order_entries(market), market.groups.size
    places = np.empty(entries, np.uint32)
    for part in chunks(entries):
        places[order[part]] = np.arange(part.start, part.stop, dtype=np.uint32)
    del order
    child_of = np.empty(entries, np.int32)
    child_of[places] = market.entry_children
    bits, refused = entries.bit_length(), refused_entries(market)
    return RankedKeys(bits, (1 << bits) - 1, child_of, places, refused)


def order_entries(market: Market) -> Ints:
    """Return all entries, int64 (E), sorted by group, inside a group by priority, equal ones by the child's number."""
    columns: list[_Column] = [market.groups]
    if market.listed is not None:
        columns.append(np.maximum(market.listed, 0))  # where a group has a list nothing after it decides
    for criterion in dict.fromkeys((*market.criteria, Criterion.LOTTERY)):
        columns += _entry_columns(market, criterion)
    return order_rows(columns)


def refused_entries(market: Market) -> Bools | None:
    """Return which entries must not meet (wrong age, not on the group's list), bool (E); None where none may be so."""
    refused: Bools | None = None
    if market.listed is not None:
        refused = market.listed == NOT_LISTED
    if market.child_ages is not None:
        wrong = _is_wrong_age(market, market.entry_children, market.groups)
        refused = wrong if refused is None else refused | wrong
    return refused if refused is not None and refused.any() else None


def _entry_columns(market: Market, criterion: Criterion) -> list[_Column]:
    """Return this criterion as columns of small whole numbers, one row per entry."""
    lengths = np.diff(market.offsets)
    if criterion is Criterion.TIER and market.tiers is not None:
        return [np.repeat(_dense(market.tiers), lengths)]
    if criterion is Criterion.SIBLING and market.siblings is not None:
        return [~market.siblings]
    if criterion is Criterion.DISTRICT and market.child_districts is not None:
        owners, elsewhere = market.entry_children, np.empty(market.groups.size, np.bool_)
        for part in chunks(elsewhere.size):
            elsewhere[part] = _is_elsewhere(market, owners[part], market.groups[part])
        return [elsewhere]
    if criterion is Criterion.LOTTERY and market.lottery_per_entry:
        return list(_words(market.lottery))
    if criterion is Criterion.LOTTERY:
        return [np.repeat(dense_ranks(_words(market.lottery)), lengths)]
    return []


# --- exact orders ---------------------------------------------------------------------------------------------------


def order_rows(columns: Sequence[_Column]) -> Ints:
    """Return the order of rows by these columns of whole numbers >= 0, the first one first, equal rows by index.

    One sort of as many leading bits as fit beside the row's index in 64; rows that these leave equal are then
    compared by the whole columns, so nothing is cut.
    """
    rows = len(columns[0])
    index_bits = max(1, (rows - 1).bit_length()) if rows else 1
    widths = [int(column.max(initial=0)).bit_length() for column in columns]
    packed = np.empty(rows, np.uint64)
    for part in chunks(rows):
        packed[part] = _pack([column[part] for column in columns], widths, 64 - index_bits)
        packed[part] <<= np.uint64(index_bits)
        packed[part] |= np.arange(part.start, part.stop, dtype=np.uint64)
    packed.sort()
    tied = None if sum(widths) <= 64 - index_bits else _tied(packed, index_bits)
    packed &= np.uint64((1 << index_bits) - 1)
    order = packed.view(np.int64)
    if tied is not None and tied.size:
        _part_ties(order, tied, columns, widths, 64 - index_bits)
    return order


def dense_ranks(columns: Sequence[_Column]) -> NDArray[np.uint32]:
    """Return each row's dense rank by these columns, uint32; equal rows share one rank."""
    order = order_rows(columns)
    steps = np.zeros(order.size, np.uint32)
    for column in columns:
        values = column[order]
        steps[1:] |= values[1:] != values[:-1]
    ranks = np.empty(order.size, np.uint32)
    ranks[order] = np.cumsum(steps, dtype=np.uint32)
    return ranks


def _pack(columns: Sequence[_Column], widths: Sequence[int], room: int) -> Keys:
    """Return the leading `room` bits of the columns written side by side."""
    packed = np.zeros(len(columns[0]), np.uint64)
    for column, width in zip(columns, widths, strict=True):
        taken = min(width, room)
        packed <<= np.uint64(taken)
        packed |= column.astype(np.uint64) >> np.uint64(width - taken) if taken else np.uint64(0)
        room -= taken
    return packed


def _tied(packed: Keys, index_bits: int) -> Ints:
    """Return the positions of sorted rows whose kept bits equal those of a neighbour."""
    same = np.zeros(packed.size + 1, np.bool_)
    for part in chunks(packed.size - 1):
        after = packed[part.start + 1 : part.stop + 1]
        same[part.start + 1 : part.stop + 1] = (after ^ packed[part]) >> np.uint64(index_bits) == 0
    return np.flatnonzero(same[1:] | same[:-1])


def _part_ties(order: Ints, tied: Ints, columns: Sequence[_Column], widths: Sequence[int], room: int) -> None:
    """Put tied rows in the order of the whole columns, in place; runs keep their places."""
    rows = order[tied]
    kept = _pack([column[rows] for column in columns], widths, room)
    order[tied] = rows[np.lexsort((rows, *(column[rows] for column in reversed(columns)), kept))]


def _has_ties(words: Sequence[_Column], order: Ints) -> bool:
    same = np.ones(max(order.size - 1, 0), np.bool_)
    for word in words:
        values = word[order]
        same &= values[1:] == values[:-1]
    return bool(same.any())


def _words(lottery: Keys) -> list[Keys]:
    return [lottery] if lottery.ndim == 1 else list(lottery.T)


def _before_lottery(criteria: Sequence[Criterion]) -> list[Criterion]:
    """Return the criteria that stand before the lottery, each once."""
    named = list(dict.fromkeys(criteria))
    return named[: named.index(Criterion.LOTTERY)] if Criterion.LOTTERY in named else named


def _dense(tiers: NDArray[np.integer]) -> NDArray[np.unsignedinteger]:
    """Return the tiers as small numbers >= 0 in the same order, in few bytes each."""
    low, high = int(tiers.min(initial=0)), int(tiers.max(initial=0))
    if high - low < 1 << 16:
        smallest: type[np.unsignedinteger] = np.uint8 if high - low < 1 << 8 else np.uint16
        return (tiers.astype(np.int64) - low).astype(smallest)
    ranks: NDArray[np.intp] = np.unique(tiers, return_inverse=True)[1]
    return ranks.astype(np.uint32)


def _is_elsewhere(market: Market, children: Ints | SmallInts, groups: SmallInts) -> Bools:
    assert market.child_districts is not None
    assert market.group_districts is not None
    home = market.child_districts[children]
    elsewhere: Bools = (home != market.group_districts[groups]) | (home == UNKNOWN)
    return elsewhere


def _is_wrong_age(market: Market, children: Ints | SmallInts, groups: SmallInts) -> Bools:
    assert market.child_ages is not None
    assert market.group_ages is not None
    age, bounds = market.child_ages[children], market.group_ages[groups]
    wrong: Bools = ((age < bounds[:, 0]) | (age > bounds[:, 1])) & (age != UNKNOWN)
    return wrong


def _view(column: NDArray[Any] | None) -> Any:
    """Return a column as a memoryview, which hands out plain Python numbers faster than NumPy does."""
    return () if column is None else column.data


def chunks(rows: int) -> Iterator[slice]:
    """Yield slices that cover 0..rows, each small enough to stay in the cache."""
    for start in range(0, rows, _CHUNK):
        yield slice(start, min(rows, start + _CHUNK))
