"""Rules about patterns: a group that never misses, numbers too even, the same month written for many."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qosymsha.domain.flags.rules.evidence import Month, Numbers, Shares, codes, distinct, pairs
from qosymsha.domain.flags.rules.signals import Signal, ramp


def full_group(month: Month, limits: Mapping[str, int]) -> Signal:
    """Nobody of the group missed a lesson all month: the more lessons, the less likely; a small group says little."""
    lessons, present = (np.bincount(month.group, v) for v in (month.lessons, month.presents))
    expected = lessons * limits["usual_absence_permille"] / 1000
    strength = np.where(lessons == present, ramp(expected, limits["expected_from"], limits["expected_full"]), 0.0)
    figures = {"lessons": lessons[month.group], "expected": np.round(expected)[month.group]}
    return Signal(strength[month.group], figures)


def too_even(month: Month, limits: Mapping[str, int]) -> Signal:
    """Some are absent, but each lesson has nearly the same number of children: less scatter than chance leaves."""
    first = np.unique(month.session, return_index=True)[1]
    group = month.group[month.place]
    size = np.bincount(month.session).astype(np.float64)
    present = np.bincount(month.session, month.is_present).astype(np.float64)
    of_group = group[first]
    many = np.maximum(np.bincount(of_group), 1)
    mean_size = np.bincount(of_group, size) / many
    mean = np.bincount(of_group, present) / many
    scatter = np.bincount(of_group, (present - mean[of_group]) ** 2) / np.maximum(many - 1, 1)
    chance = mean * (1 - mean / np.maximum(mean_size, 1))
    ratio = scatter / np.maximum(chance, 1e-9)
    fits = (many >= limits["lessons"]) & (chance >= limits["least_scatter_permille"] / 1000)
    strength = np.where(fits, 1 - ramp(1000 * ratio, limits["ratio_permille"] / 2, limits["ratio_permille"]), 0.0)
    figures = {"percent": np.round(100 * ratio)[month.group], "lessons": many[month.group]}
    return Signal(strength[month.group], figures)


def _patterns(month: Month) -> tuple[Numbers, Numbers]:
    """Each place's presences in the order of lessons as one number, and by the lessons' days."""
    order = np.lexsort((month.cells["starts"], month.cells["day"], month.place))
    place = month.place[order]
    sizes = np.bincount(place, minlength=len(month.group))
    rank = np.arange(len(place)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    bit = np.left_shift(np.int64(1), np.minimum(rank, 61)) * month.is_present[order]
    value = np.bincount(place, bit.astype(np.float64), len(month.group)).astype(np.int64)
    return value + (np.int64(1) << np.minimum(sizes, 61)), sizes


def copied_rows(month: Month, limits: Mapping[str, int]) -> Signal:
    """Children of different families in one group miss exactly the same lessons, more of them than chance leaves."""
    pattern, lessons = _patterns(month)
    missed = lessons - month.presents
    fits = (missed >= limits["missed"]) & (month.presents >= limits["missed"])
    key = pairs(month.group, pattern)
    alike = distinct(key, month.places["family"], known=fits)
    families = distinct(month.group, month.places["family"])
    chance = _chance_alike(lessons, missed, limits["usual_absence_permille"] / 1000)
    surprise = (alike - 1) * -np.log10(np.maximum(chance * np.maximum(families - 1, 1), 1e-9))
    strength = np.where(
        alike >= limits["families"], ramp(surprise, limits["rare_from"] / 100, limits["rare_full"] / 100), 0.0
    )
    return Signal(strength, {"families": alike, "missed": missed})


def _chance_alike(lessons: Numbers, missed: Numbers, usual: float) -> Shares:
    """The chance that another child misses exactly these lessons, where each is missed as often as usual."""
    chance: Shares = np.exp(missed * np.log(usual) + (lessons - missed) * np.log1p(-usual))
    return chance


def copied_group(month: Month, limits: Mapping[str, int]) -> Signal:
    """Two groups of one provider have the same month, child by child, though some children missed lessons."""
    pattern, lessons = _patterns(month)
    missed = lessons - month.presents
    size = np.bincount(month.group)
    with np.errstate(over="ignore"):
        mixed = pairs(pattern, np.full(len(pattern), 7, np.int64))
        total = np.zeros(len(size), np.int64)
        np.add.at(total, month.group, mixed)
    provider = np.zeros(len(size), np.int64)
    provider[month.group] = month.places["provider"]
    misses = np.bincount(month.group, missed)
    kinds = np.bincount(month.group[np.unique(pairs(month.group, pattern), return_index=True)[1]], minlength=len(size))
    fits = (misses >= limits["missed"]) & (size >= limits["children"]) & (kinds >= 2)
    twins = distinct(pairs(provider, total), np.arange(len(size)), known=fits)
    strength = np.where(twins >= 2, ramp(misses, limits["missed"] - 2, limits["missed"]), 0.0)
    return Signal(strength[month.group], {"groups": twins[month.group], "missed": misses[month.group]})


def copied_month(month: Month, limits: Mapping[str, int]) -> Signal:
    """The group's month repeats the month before, child by child, though children missed lessons."""
    pattern, lessons = _patterns(month)
    missed, earlier = lessons - month.presents, month.places["earlier"]
    fits = (earlier != 0) & (missed >= 1)
    same = fits & (earlier == pattern)
    many, alike = (np.bincount(month.group, mask).astype(np.int64)[month.group] for mask in (fits, same))
    share = alike / np.maximum(many, 1)
    strength = np.where(same & (alike >= limits["children"]), ramp(1000 * share, limits["share_permille"], 1000), 0.0)
    return Signal(strength, {"alike": alike, "children": many})


def month_patterns(month: Month) -> Numbers:
    """Each place's pattern, to be compared with the next month's (`earlier`)."""
    return codes(np.zeros(0, np.int64)) if not len(month.group) else _patterns(month)[0]
