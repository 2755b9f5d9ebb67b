"""Rules about when: lessons on rest days or by night, marks before the lesson, added later, a month made in one go."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qosymsha.domain.flags.rules.evidence import Month, Numbers, Truths, codes, counted, near
from qosymsha.domain.flags.rules.signals import Signal, ramp

HOUR = 3600
_ZONE = 5 * HOUR  # Asia/Almaty since 1 March 2024


def told_at(month: Month) -> Numbers:
    """When a mark was made: by the device's clock where that lies before the server's, as with a mark sent later."""
    recorded, marked = month.cells["recorded_at"], month.cells["marked_at"]
    return np.where((recorded > 0) & ((recorded <= marked) | (marked == 0)), recorded, marked)


def odd_hour(month: Month, limits: Mapping[str, int]) -> Signal:
    """A lesson on a public holiday, or beginning before `first_hour` or from `last_hour` on."""
    rests = np.isin(month.cells["day"], np.fromiter(month.rest_days, np.int64, len(month.rest_days)))
    hour = (month.cells["starts"] + _ZONE) % (24 * HOUR) // HOUR
    by_night = (month.cells["starts"] > 0) & ((hour < limits["first_hour"]) | (hour >= limits["last_hour"]))
    strength = np.where(month.is_present & (rests | by_night), 1.0, 0.0)
    return Signal(strength, {"hour": hour, "holiday": rests.astype(np.int64)}, is_cells=True)


def marked_early(month: Month, limits: Mapping[str, int]) -> Signal:
    """Marked present more than `early_minutes` before the lesson began."""
    told, starts = told_at(month), month.cells["starts"]
    early = np.where((told > 0) & (starts > 0), (starts - told) // 60, 0)
    strength = np.where(month.is_present, ramp(early, limits["early_minutes"], 4 * limits["early_minutes"]), 0.0)
    return Signal(strength, {"minutes": early.clip(0)}, is_cells=True)


def marked_at_night(month: Month, limits: Mapping[str, int]) -> Signal:
    """The mark itself was made between `from_hour` and `to_hour` of the night."""
    told = told_at(month)
    hour = (told + _ZONE) % (24 * HOUR) // HOUR
    strength = np.where(
        month.is_present & (told > 0) & (hour >= limits["from_hour"]) & (hour < limits["to_hour"]), 1, 0
    )
    share = month.per_place(strength > 0) / np.maximum(month.presents, 1)
    return Signal(strength * share[month.place], {"hour": hour}, is_cells=True)


def added_later(month: Month, limits: Mapping[str, int]) -> Signal:
    """Marked present `later_hours` after the others of the same lesson were, and not seen at the door."""
    told = told_at(month)
    usual = _median_of_session(month, told)
    hours = np.where((told > 0) & (usual > 0), (told - usual) // HOUR, 0)
    unseen = month.is_present & ~month.is_seen
    strength = np.where(unseen, ramp(hours, limits["later_hours"] / 2, limits["later_hours"]), 0.0)
    return Signal(strength, {"hours": hours.clip(0)}, is_cells=True)


def _median_of_session(month: Month, told: Numbers) -> Numbers:
    order = np.lexsort((told, month.session))
    sizes = np.bincount(month.session)
    middle = np.cumsum(sizes) - sizes + (sizes - 1) // 2
    found: Numbers = told[order][middle][month.session]
    return found


def made_in_one_go(month: Month, limits: Mapping[str, int]) -> Signal:
    """Many lessons of the group were marked within `burst_minutes`, more than `late_hours` after they ended.

    Marks that a device without network kept and sent later speak only where the device does not say when it made them.
    """
    told = told_at(month)
    ends = np.where(month.cells["ends"] > 0, month.cells["ends"], (month.cells["day"] - 719163 + 1) * 24 * HOUR - _ZONE)
    late: Truths = (told > 0) & (told - ends > limits["late_hours"] * HOUR)
    group = codes(month.of["group"])
    first = _first_of_session(month)
    sessions = first[late[first]]
    together = np.zeros(len(told), np.int64)
    together[sessions] = near(group[sessions], told[sessions], limits["burst_minutes"] * 60)
    in_burst = np.zeros(len(told), np.bool_)
    in_burst[sessions] = together[sessions] >= limits["lessons"]
    all_sessions = np.zeros(len(told), np.bool_)
    all_sessions[first] = True
    share = counted(group, in_burst) / np.maximum(counted(group, all_sessions), 1)
    seen = counted(group, month.is_seen & month.is_present) / np.maximum(counted(group, month.is_present), 1)
    cells = share * (1 - seen)
    return Signal(month.most(cells), {"lessons": month.most(counted(group, in_burst).astype(np.float64))})


def _first_of_session(month: Month) -> Numbers:
    return np.unique(month.session, return_index=True)[1].astype(np.int64)
