"""A month of evidence as arrays: cells (a child at a lesson), places (a child in a group), and what rules share.

All whole numbers (int64). Instants are seconds since 1970, days are ordinals, devices and networks keyed hashes; 0 says
"nothing known" everywhere, and no rule ever judges by what is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

ABSENT, PRESENT, ILL, EXCUSED = 0, 1, 2, 3
OF_CELL = ("day", "starts", "ends", "value", "marked_at", "recorded_at", "mark_device", "mark_network", "scan_at",
           "scan_device", "scan_network", "is_card", "is_scan_point", "away", "teacher")  # fmt: skip
OF_PLACE = ("provider", "group", "child", "family", "home", "venue", "district", "capacity",
            "confirmed_at", "confirm_device", "confirm_network", "is_confirm_point", "earlier")  # fmt: skip
COLUMNS = (*OF_PLACE, *OF_CELL)
FEW_FAMILIES = 3  # as many families as one grandmother's phone may serve without being anybody's shared device


@dataclass(frozen=True)
class Beyond:
    """What other providers' rows say about these: presences of the same children elsewhere (columns child, group,
    starts, ends, is_seen), lessons of the same teachers elsewhere (teacher, venue, starts, ends), how many providers'
    families each device has confirmed for, and all confirmations' instants of the month, sorted.
    """

    presences: Numbers = field(default_factory=lambda: np.zeros((0, 5), np.int64))
    lessons: Numbers = field(default_factory=lambda: np.zeros((0, 4), np.int64))
    reach: Mapping[int, int] = field(default_factory=dict)
    pulse: Numbers | None = None


@dataclass(frozen=True)
class Month:
    """Cells point to their place by `place`; `places` and `cells` hold one array per column."""

    places: Mapping[str, Numbers]
    cells: Mapping[str, Numbers]
    place: Numbers
    rest_days: frozenset[int] = frozenset()
    beyond: Beyond = field(default_factory=Beyond)

    @cached_property
    def of(self) -> Mapping[str, Numbers]:
        """Place columns spread over the cells."""
        return {name: values[self.place] for name, values in self.places.items()}

    @cached_property
    def is_present(self) -> Truths:
        """Cells marked present."""
        return np.equal(self.cells["value"], PRESENT)

    @cached_property
    def is_seen(self) -> Truths:
        """Cells that anything but the provider's word supports: a scan or a card."""
        return (self.cells["scan_at"] > 0) | (self.cells["is_card"] > 0)

    @cached_property
    def session(self) -> Numbers:
        """Cells' lesson: one number per group and beginning."""
        return codes(self.of["group"], self.cells["day"], self.cells["starts"])

    @cached_property
    def lessons(self) -> Numbers:
        """Places' number of marked lessons."""
        return self.per_place(np.ones(len(self.place), np.bool_))

    @cached_property
    def presents(self) -> Numbers:
        """Places' number of lessons marked present."""
        return self.per_place(self.is_present)

    @cached_property
    def group(self) -> Numbers:
        """Places' group as 0, 1, 2, …"""
        return codes(self.places["group"])

    @cached_property
    def provider_devices(self) -> Numbers:
        """(provider, device) pairs that marked lessons, as sorted pair codes."""
        used = self.cells["mark_device"] != 0
        return np.unique(pairs(self.of["provider"][used], self.cells["mark_device"][used]))

    @cached_property
    def provider_networks(self) -> Numbers:
        """(provider, network) pairs from which lessons were marked."""
        used = self.cells["mark_network"] != 0
        return np.unique(pairs(self.of["provider"][used], self.cells["mark_network"][used]))

    def marks(self, provider: Numbers, device: Numbers) -> Truths:
        """Whether the device marks lessons for the provider."""
        found: Truths = np.logical_and(device != 0, np.isin(pairs(provider, device), self.provider_devices))
        return found

    @cached_property
    def has_own_scan(self) -> Truths:
        """Cells scanned by a device that no lesson was marked with and that serves few families."""
        device = self.cells["scan_device"]
        shared = distinct(device, self.of["family"], known=device != 0) > FEW_FAMILIES
        theirs = (device != 0) & ~shared & ~self.marks(self.of["provider"], device)
        found: Truths = np.logical_and(self.cells["scan_at"] > 0, theirs | (device == 0))
        return found

    @cached_property
    def own_confirmation(self) -> Truths:
        """Places confirmed by a device with which the same family scanned by its own means on other days."""
        cells = self.has_own_scan & (self.cells["scan_device"] != 0)
        known = np.unique(pairs(self.of["family"][cells], self.cells["scan_device"][cells]))
        device = self.places["confirm_device"]
        found: Truths = np.logical_and(device != 0, np.isin(pairs(self.places["family"], device), known))
        return found

    def per_place(self, cells: Truths) -> Numbers:
        """How many of the cells each place has."""
        return np.bincount(self.place[cells], minlength=len(self.group)).astype(np.int64)

    def most(self, cells: Shares) -> Shares:
        """The largest value among each place's cells, 0 where there is none."""
        found = np.zeros(len(self.group))
        np.maximum.at(found, self.place, cells)
        return found


def assemble(columns: Mapping[str, Numbers], rest_days: frozenset[int], beyond: Beyond | None = None) -> Month:
    """A month from rows of `COLUMNS`, one per child and lesson; a place takes the largest value told of it.

    A child without a known guardian is a family of its own.
    """
    key = codes(columns["group"], columns["child"])
    many = int(key.max()) + 1 if len(key) else 0
    places = {}
    for name in OF_PLACE:
        found = np.full(many, np.iinfo(np.int64).min, np.int64)
        np.maximum.at(found, key, columns[name])
        places[name] = found
    places["family"] = np.where(places["family"] == 0, -places["child"], places["family"])
    return Month(places, {name: columns[name] for name in OF_CELL}, key, rest_days, beyond or Beyond())


def codes(*columns: Numbers) -> Numbers:
    """Equal rows get equal numbers 0, 1, 2, …"""
    if len(columns) == 1:
        return np.unique(columns[0], return_inverse=True)[1].astype(np.int64).reshape(-1)
    first = codes(columns[0])
    for column in columns[1:]:
        nxt = codes(column)
        first = np.unique(first * (int(nxt.max(initial=0)) + 1) + nxt, return_inverse=True)[1].astype(np.int64)
    return first.reshape(-1)


def pairs(one: Numbers, other: Numbers) -> Numbers:
    """A 64-bit mix of two columns: equal pairs are equal; others collide once in 2^64."""
    with np.errstate(over="ignore"):
        mixed = one.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + other.astype(np.uint64)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return mixed.astype(np.int64)


def distinct(keys: Numbers, values: Numbers, known: Truths | None = None) -> Numbers:
    """For each element, how many different values its key has among the `known` elements; 0 for the others."""
    mask = np.ones(len(keys), np.bool_) if known is None else known
    found = np.zeros(len(keys), np.int64)
    if mask.any():
        key = codes(keys[mask])
        firsts = np.unique(pairs(key, values[mask]), return_index=True)[1]
        found[mask] = np.bincount(key[firsts], minlength=int(key.max()) + 1)[key]
    return found


def counted(keys: Numbers, mask: Truths) -> Numbers:
    """For each element, how many elements of the mask share its key."""
    key = codes(keys)
    return np.bincount(key[mask], minlength=int(key.max(initial=-1)) + 1).astype(np.int64)[key]


def near(keys: Numbers, at: Numbers, seconds: int) -> Numbers:
    """For each element, how many elements of the same key lie within so many seconds of it, itself among them."""
    if not len(at):
        return np.zeros(0, np.int64)
    span = int(at.max() - at.min()) + 2 * seconds + 2
    line = codes(keys) * span + (at - at.min())
    ordered = np.sort(line)
    high = np.searchsorted(ordered, line + seconds, "right")
    found: Numbers = high - np.searchsorted(ordered, line - seconds, "left")
    return found


def window(at: Numbers, seconds: int) -> tuple[int, int]:
    """(seconds, families more than usual) to look for a cluster with: where minutes are kept only, one minute, and two
    families more.
    """
    return (seconds, 0) if is_to_the_second(at) else (0, 2)


def is_to_the_second(at: Numbers) -> bool:
    """Whether instants are kept to the second: rules about seconds say nothing of a file that knows minutes only."""
    known = at[at > 0]
    return bool(len(known)) and float(np.mean(known % 60 == 0)) < 0.5
