"""From signals to scores: each rule's weight is what it would say alone; together they leave ever less doubt.

score = 1 − Π (1 − weight × strength), over the rules of a child's month and, for a day, over that day's cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qosymsha.domain.flags.rules import hours, means, patterns, scans, whereabouts
from qosymsha.domain.flags.rules.evidence import Month, Shares, Truths
from qosymsha.domain.flags.rules.signals import Signal

Rule = Callable[[Month, Mapping[str, int]], Signal]
RULES: Mapping[str, Rule] = {
    rule.__name__: rule
    for rule in (
        whereabouts.two_places,
        whereabouts.away,
        whereabouts.far_home,
        whereabouts.over_capacity,
        whereabouts.teacher_twice,
        hours.odd_hour,
        hours.marked_early,
        hours.marked_at_night,
        hours.added_later,
        hours.made_in_one_go,
        means.confirmed_on_marking_device,
        means.confirmed_on_marking_network,
        means.shared_confirming_device,
        means.confirmed_in_burst,
        means.scanned_on_marking_device,
        means.shared_scanning_device,
        means.never_by_own_means,
        scans.scans_in_cluster,
        scans.scans_like_clockwork,
        scans.scanned_from_home,
        scans.scanned_off_hours,
        scans.unseen_where_others_scan,
        patterns.full_group,
        patterns.too_even,
        patterns.copied_rows,
        patterns.copied_group,
        patterns.copied_month,
    )
}
CODES = tuple(RULES)
_CERTAIN = frozenset({"two_places", "away", "confirmed_on_marking_device", "scanned_on_marking_device"})
_MANY_PROVIDERS = 20


class Setting(Protocol):
    """One rule of the rule set: its code, whether it is on, its weight in permille, its thresholds by name."""

    @property
    def code(self) -> str:
        """Which rule."""
        ...

    @property
    def on(self) -> bool:
        """Whether it is used."""
        ...

    @property
    def weight_permille(self) -> int:
        """What it says alone."""
        ...

    @property
    def thresholds(self) -> Mapping[str, int]:
        """Its thresholds."""
        ...


@dataclass(frozen=True)
class Scored:
    """Scores per place and per cell, each rule's signal, and which are flagged: a flagged place names its days."""

    month: Month
    place: Shares
    cell: Shares
    signals: Mapping[str, Signal]
    is_flagged: Truths
    is_flagged_cell: Truths

    def strength(self, code: str) -> Shares:
        """A rule's strength per place: the strongest of its cells."""
        signal = self.signals[code]
        return self.month.most(signal.strength) if signal.is_cells else signal.strength


@dataclass(frozen=True, slots=True)
class Common:
    """A month taken whole: how many providers, and by rule the share of children's months it speaks of."""

    providers: int
    share: Mapping[str, float]


def how_common(parts: Iterable[Month], settings: Sequence[Setting]) -> Common:
    """Count over a month's parts, each of whole providers, what share of children's months each rule speaks of."""
    providers, places = 0, 0
    spoken: dict[str, int] = {setting.code: 0 for setting in settings if setting.on}
    for month in parts:
        providers += len(np.unique(month.places["provider"]))
        places += len(month.group)
        for setting in settings:
            if setting.on:
                spoken[setting.code] += int(_speaks(month, RULES[setting.code](month, setting.thresholds)).sum())
    return Common(providers, {code: many / max(places, 1) for code, many in spoken.items()})


def _speaks(month: Month, signal: Signal) -> Truths:
    found: Truths = np.greater(month.most(signal.strength) if signal.is_cells else signal.strength, 0.5)
    return found


def scored(
    month: Month,
    settings: Sequence[Setting],
    flag_permille: int,
    common_permille: int,
    common: Common | None = None,
) -> Scored:
    """Judge a month by the rules that are on. A place is flagged from `flag_permille` on, and then its days are those
    which reach it too, or where none does alone, those that any rule of days speaks about, or else all present days.

    A rule that speaks of more than `common_permille` of a month with many providers tells how things are written down
    there, not who lies: its weight falls, to nothing at twice that share. Hard contradictions are never common. Where
    `month` is a part, `common` tells of the whole.
    """
    signals: dict[str, Signal] = {}
    doubt_place, doubt_own, doubt_cell = np.ones(len(month.group)), np.ones(len(month.group)), np.ones(len(month.place))
    for setting in settings:
        if not setting.on:
            continue
        signal = signals[setting.code] = RULES[setting.code](month, setting.thresholds)
        weight = setting.weight_permille / 1000 * _rarity(month, setting.code, signal, common_permille, common)
        if signal.is_cells:
            doubt_cell *= 1 - weight * signal.strength
            doubt_place *= 1 - weight * month.most(signal.strength)
        else:
            doubt_own *= 1 - weight * signal.strength
    place = 1 - doubt_place * doubt_own
    is_flagged = place * 1000 >= flag_permille
    cell = np.where(month.is_present, 1 - doubt_cell * doubt_own[month.place], 0.0)
    return Scored(month, place, cell, signals, is_flagged, _days(month, is_flagged, cell, doubt_cell, flag_permille))


def _rarity(month: Month, code: str, signal: Signal, common_permille: int, common: Common | None) -> float:
    if code in _CERTAIN:
        return 1.0
    providers = common.providers if common else len(np.unique(month.places["provider"]))
    if providers < _MANY_PROVIDERS:
        return 1.0
    share = common.share[code] if common else float(np.mean(_speaks(month, signal)))
    return float(np.clip(2 - 1000 * share / common_permille, 0.0, 1.0))


def _days(month: Month, is_flagged: Truths, cell: Shares, doubt: Shares, flag_permille: int) -> Truths:
    mine = is_flagged[month.place] & month.is_present
    sure = mine & (cell * 1000 >= flag_permille)
    spoken = mine & (doubt < 1.0)
    has_sure = (month.per_place(sure) > 0)[month.place]
    has_spoken = (month.per_place(spoken) > 0)[month.place]
    return np.where(has_sure, sure, np.where(has_spoken, spoken, mine))
