"""Rules about where people were: two places at once, away, far from home, too many in a room, a teacher twice."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qosymsha.domain.flags.rules.evidence import Month, Numbers, Shares, codes, counted
from qosymsha.domain.flags.rules.signals import Signal, ramp

_SEEN_HERE = 0.3  # own means saw the child here: the other place is then the likelier lie
ABROAD, HOSPITAL, ILL, SCHOOL, NOTICE = 1, 2, 3, 4, 5  # how a cell's `away` is told; 0: nothing


def two_places(month: Month, limits: Mapping[str, int]) -> Signal:
    """Present here while present in another group, lessons overlapping by more than `overlap_minutes`."""
    cells = np.flatnonzero(month.is_present & (month.cells["ends"] > 0))
    here = np.column_stack(
        [month.of["child"][cells], month.of["group"][cells], month.cells["starts"][cells], month.cells["ends"][cells],
         month.is_seen[cells]]
    ).astype(np.int64)  # fmt: skip
    strength, minutes = np.zeros(len(month.place)), np.zeros(len(month.place), np.int64)
    overlap, other_seen = _overlaps(np.vstack([here, month.beyond.presences]), len(here))
    is_twice = overlap > limits["overlap_minutes"] * 60
    trust = np.where(month.has_own_scan[cells] & (other_seen == 0), _SEEN_HERE, 1.0)
    strength[cells] = np.where(is_twice, trust, 0.0)
    minutes[cells] = np.where(is_twice, overlap // 60, 0)
    return Signal(strength, {"minutes": minutes}, is_cells=True)


def _overlaps(rows: Numbers, mine: int) -> tuple[Numbers, Numbers]:
    """Seconds by which each of the first `mine` rows overlaps a row of the same child in another group, seen or not."""
    found, seen = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    order = np.lexsort((rows[:, 2], rows[:, 0]))
    ordered = rows[order]
    for step in range(1, 4):  # a child in more than four places at one hour is caught by the first of them
        if len(order) <= step:
            break
        one, other = ordered[:-step], ordered[step:]
        is_pair = (one[:, 0] == other[:, 0]) & (one[:, 1] != other[:, 1])
        shared = np.where(is_pair, np.minimum(one[:, 3], other[:, 3]) - other[:, 2], 0).clip(0)
        for here, there, their in ((order[:-step], other, shared), (order[step:], one, shared)):
            better = their > found[here]
            seen[here[better]] = there[better, 4]
            np.maximum.at(found, here, their)
    return found[:mine], seen[:mine]


def away(month: Month, limits: Mapping[str, int]) -> Signal:
    """Present on a day on which another register has the child abroad, in hospital, ill or at school (papers may
    overlap by an hour), or of which the guardian said that it would be missed (plans change).
    """
    kind = np.where(month.is_present, month.cells["away"], 0)
    told = [kind == 0, kind <= HOSPITAL, kind <= SCHOOL]
    strength = np.select(told, [0.0, 1.0, limits["paper_permille"] / 1000], limits["notice_permille"] / 1000)
    return Signal(strength, {"away": kind}, is_cells=True)


def far_home(month: Month, limits: Mapping[str, int]) -> Signal:
    """The home's KATO code lies in another region than the club's: the first `same_digits` digits differ."""
    cut = 10 ** (9 - limits["same_digits"])
    home, club = month.places["home"] // cut, month.places["district"] // cut
    is_far = (home > 0) & (club > 0) & (home != club)
    own = month.per_place(month.has_own_scan & month.is_present) / np.maximum(month.presents, 1)
    strength = np.where(is_far & (month.presents > 0), 1.0 - 0.6 * own, 0.0)
    return Signal(strength, {"lessons": month.presents})


def over_capacity(month: Month, limits: Mapping[str, int]) -> Signal:
    """More children present at a lesson than the room holds, by more than `spare_permille`."""
    present = counted(month.session, month.is_present)
    room = month.of["capacity"]
    excess = np.where((room > 0) & month.is_present, (present - room) * 1000 / np.maximum(room, 1), 0)
    strength = ramp(excess, limits["spare_permille"], limits["full_permille"])
    return Signal(strength, {"present": present, "room": room}, is_cells=True)


def teacher_twice(month: Month, limits: Mapping[str, int]) -> Signal:
    """One teacher holds lessons at two venues, overlapping by more than `overlap_minutes`."""
    known = np.flatnonzero((month.cells["teacher"] != 0) & (month.cells["ends"] > 0) & (month.of["venue"] != 0))
    firsts = known[np.unique(month.session[known], return_index=True)[1]]
    mine = np.column_stack(
        [month.cells["teacher"][firsts], month.of["venue"][firsts], month.cells["starts"][firsts],
         month.cells["ends"][firsts], np.zeros(len(firsts), np.int64)]
    )  # fmt: skip
    others = np.column_stack([month.beyond.lessons, np.zeros(len(month.beyond.lessons), np.int64)])
    overlap, _ = _overlaps(np.vstack([mine, others]), len(mine))
    per_session = np.zeros(int(month.session.max(initial=-1)) + 1, np.int64)
    per_session[month.session[firsts]] = overlap
    minutes = per_session[month.session] // 60
    strength: Shares = np.where(month.is_present & (minutes > limits["overlap_minutes"]), 1.0, 0.0)
    group = codes(month.of["group"])
    twice = np.unique(month.session[strength > 0], return_index=True)[1]
    times = np.bincount(group[strength > 0][twice], minlength=int(group.max(initial=-1)) + 1)
    often = ramp(times, 0, limits["often"])[group]  # once may be a substitute whom nobody wrote down
    return Signal(strength * often, {"minutes": minutes}, is_cells=True)
