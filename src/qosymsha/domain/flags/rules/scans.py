"""Rules about the code at the door: read in a cluster, like clockwork, from afar, or not read by one who is "there"."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qosymsha.domain.flags.rules.evidence import (
    FEW_FAMILIES,
    Month,
    Numbers,
    Shares,
    Truths,
    codes,
    counted,
    distinct,
    is_to_the_second,
    near,
    pairs,
    window,
)
from qosymsha.domain.flags.rules.signals import Signal, ramp

_FEWEST_OTHERS = 3


def scans_in_cluster(month: Month, limits: Mapping[str, int]) -> Signal:
    """Families read one lesson's code within `seconds` of each other, on several days: a code passed around."""
    at = month.cells["scan_at"]
    scans = np.flatnonzero(at > 0)
    width, more = window(at, limits["seconds"])
    once = scans[np.unique(pairs(month.session[scans], month.of["family"][scans]), return_index=True)[1]]
    together = np.zeros(len(at), np.int64)
    together[once] = near(month.session[once], at[once], width)
    close = ramp(together - more, limits["families"] - 1, 2 * limits["families"])
    days = month.per_place(close > 0)
    often = ramp(days, 0, limits["lessons"])[month.place]
    return Signal(close * often, {"families": together, "lessons": days[month.place]}, is_cells=True)


def scans_like_clockwork(month: Month, limits: Mapping[str, int]) -> Signal:
    """The child's code was read at the same second of each lesson: no way to a hall is as regular."""
    has = (month.cells["scan_at"] > 0) & (month.cells["starts"] > 0) & is_to_the_second(month.cells["scan_at"])
    offset = np.where(has, month.cells["scan_at"] - month.cells["starts"], 0).astype(np.float64)
    count = np.maximum(month.per_place(has), 1)
    mean = np.bincount(month.place, offset * has, len(month.group)) / count
    spread = np.sqrt(np.bincount(month.place, has * (offset - mean[month.place]) ** 2, len(month.group)) / count)
    enough = month.per_place(has) >= limits["lessons"]
    strength = np.where(enough, 1 - ramp(spread, limits["seconds"] / 2, limits["seconds"]), 0.0)
    return Signal(strength, {"seconds": np.round(spread, 1), "lessons": count})


def scanned_from_home(month: Month, limits: Mapping[str, int]) -> Signal:
    """The code was read from the network the family confirms from, where the group's others read it on the venue's."""
    network, home = month.cells["scan_network"], month.of["confirm_network"]
    scans = (month.cells["scan_at"] > 0) & (network != 0)
    at_venue = scans & np.isin(pairs(month.of["provider"], network), month.provider_networks)
    usual = _others(month, at_venue) / np.maximum(_others(month, scans), 1)
    is_home = scans & ~at_venue & (network == home)
    share = month.per_place(is_home) / np.maximum(month.per_place(scans), 1)
    fits = (usual[month.place] * 1000 >= limits["usual_permille"]) & (share[month.place] >= 0.5)
    return Signal(
        np.where(is_home & fits, 1.0, 0.0), {"usual_percent": np.round(100 * usual)[month.place]}, is_cells=True
    )


def scanned_off_hours(month: Month, limits: Mapping[str, int]) -> Signal:
    """The code was read more than `minutes` before the lesson began or after it ended: it is not shown then."""
    at, starts, ends = (month.cells[name] for name in ("scan_at", "starts", "ends"))
    known = month.is_present & (at > 0) & (starts > 0) & (ends > 0)
    off = np.where(known, np.maximum(starts - at, at - ends) // 60, 0).clip(0)
    return Signal(ramp(off, limits["minutes"], 2 * limits["minutes"]), {"minutes": off}, is_cells=True)


def _others(month: Month, cells: Truths) -> Shares:
    """How many of these cells the other places of the group have."""
    own = month.per_place(cells)
    of_group = np.bincount(month.group, own)
    return (of_group[month.group] - own).astype(np.float64)


def unseen_where_others_scan(month: Month, limits: Mapping[str, int]) -> Signal:
    """Present, but no code or card was read, at lessons where the others of the group were seen; too often for chance.

    One who never reads a code may have no phone: then it speaks fully only with a month without absence, or where the
    family has confirmed with a phone of its own.
    """
    asked = month.is_present & (_share_seen_of_others(month) * 1000 >= limits["usual_permille"])
    unseen = asked & ~month.is_seen
    asked_of, unseen_of = month.per_place(asked), month.per_place(unseen)
    miss = _usual_miss(month, asked_of, unseen_of, limits)
    rare = -np.log10(np.maximum(_tail(asked_of, unseen_of, miss), 1e-12))
    strength = ramp(rare, limits["rare_from"] / 100, limits["rare_full"] / 100)
    never = (asked_of >= limits["lessons"]) & (unseen_of == asked_of)
    strength = np.where(
        never & ~_speaks_for_itself(month), np.minimum(strength, limits["no_phone_permille"] / 1000), strength
    )
    strength = np.where(asked_of >= limits["lessons"], strength, 0.0)
    figures = {
        "unseen": unseen_of[month.place],
        "lessons": asked_of[month.place],
        "usual_percent": np.round(100 * miss)[month.place],
    }
    return Signal(np.where(unseen, strength[month.place], 0.0), figures, is_cells=True)


def _speaks_for_itself(month: Month) -> Truths:
    """A phone of the family's own has confirmed; or nobody has, and no lesson was missed."""
    device = month.places["confirm_device"]
    families = distinct(device, month.places["family"], known=device != 0)
    has_phone = (device != 0) & (month.places["is_confirm_point"] == 0) & (families <= FEW_FAMILIES)
    is_silent = (month.places["confirmed_at"] == 0) & (month.lessons == month.presents)
    found: Truths = has_phone | is_silent | month.marks(month.places["provider"], device)
    return found


def _share_seen_of_others(month: Month) -> Shares:
    """Among the families at the same lesson that ever scan, the share that was seen, this one left out."""
    ever = (month.per_place(month.is_seen & month.is_present) > 0)[month.place]
    present, seen = month.is_present & ever, month.is_present & month.is_seen
    others = counted(month.session, present) - present
    share = (counted(month.session, seen) - seen) / np.maximum(others, 1)
    everybody = counted(month.session, month.is_present) - month.is_present
    enough = (others >= _FEWEST_OTHERS) & (others * 3 >= everybody)
    return np.where(enough, share, 0.0)


def _usual_miss(month: Month, asked: Numbers, unseen: Numbers, limits: Mapping[str, int]) -> Shares:
    """How often the group's other scanning families miss: never below what any group misses."""
    scanning = (unseen < asked).astype(np.float64)
    group = codes(month.group)
    asked_all, unseen_all = (np.bincount(group, scanning * v)[group] - scanning * v for v in (asked, unseen))
    floor = limits["least_miss_permille"] / 1000
    return np.clip((unseen_all + 10 * floor) / (asked_all + 10), floor, 0.6)


def _tail(tries: Numbers, hits: Numbers, chance: Shares) -> Shares:
    """P(at least so many hits in so many tries)."""
    tail, most = np.zeros(len(tries)), int(tries.max(initial=0))
    term = (1 - chance) ** tries
    for k in range(most + 1):
        tail += np.where((k >= hits) & (k <= tries), term, 0.0)
        term = term * np.maximum(tries - k, 0) / (k + 1) * chance / (1 - chance)
    return np.minimum(tail, 1.0)
