"""From scores to flags: whose month, which days, and what each rule saw; what a person judged before is left out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from qosymsha.domain.flags.rules.evidence import Numbers
from qosymsha.domain.flags.rules.scoring import Scored, Setting

FAINT = 0.05
Said = tuple[str, date | None]


@dataclass(frozen=True, slots=True)
class ReasonDraft:
    """What one rule said: days it spoke about (none: the month as a whole), its strength, the figures it saw."""

    code: str
    days: tuple[date, ...]
    strength_permille: int
    weight_permille: int
    figures: dict[str, float]

    @property
    def said(self) -> frozenset[Said]:
        """The evidence as what may be judged once: (rule, day), or (rule, None) for a whole month."""
        return frozenset((self.code, day) for day in self.days) or frozenset({(self.code, None)})


@dataclass(frozen=True, slots=True)
class FlagDraft:
    """A flagged month of (group, child) as the arrays number them."""

    group: int
    child: int
    score_permille: int
    days: tuple[date, ...]
    reasons: tuple[ReasonDraft, ...]


def drafts(result: Scored, settings: Sequence[Setting]) -> Iterator[FlagDraft]:
    """A flag for every flagged place, its reasons strongest first."""
    month = result.month
    order = np.argsort(month.place, kind="stable")
    bounds = np.searchsorted(month.place[order], np.arange(len(month.group) + 1))
    weights = {s.code: s.weight_permille for s in settings}
    for place in np.flatnonzero(result.is_flagged).tolist():
        cells = order[bounds[place] : bounds[place + 1]]
        reasons = sorted(
            _reasons(result, place, cells, weights), key=lambda r: -r.strength_permille * r.weight_permille
        )
        yield FlagDraft(
            int(month.places["group"][place]),
            int(month.places["child"][place]),
            round(1000 * float(result.place[place])),
            _days(month.cells["day"][cells[result.is_flagged_cell[cells]]]),
            tuple(reasons),
        )


def _reasons(result: Scored, place: int, cells: Numbers, weights: dict[str, int]) -> Iterator[ReasonDraft]:
    for code, signal in result.signals.items():
        where = cells if signal.is_cells else np.array([place])
        strength = signal.strength[where]
        spoke = where[strength > FAINT]
        if not len(spoke):
            continue
        best = int(where[int(np.argmax(strength))])
        yield ReasonDraft(
            code,
            _days(result.month.cells["day"][spoke]) if signal.is_cells else (),
            round(1000 * float(strength.max())),
            weights[code],
            {name: _plain(float(values[best])) for name, values in signal.figures.items()},
        )


def _plain(value: float) -> float:
    return int(value) if value == int(value) else round(value, 1)


def _days(ordinals: Numbers) -> tuple[date, ...]:
    return tuple(date.fromordinal(day) for day in sorted(set(ordinals.tolist())))


def unjudged(draft: FlagDraft, judged: Collection[Said], flag_permille: int) -> FlagDraft | None:
    """What of a flag nobody has judged yet; None where that alone does not reach the score of a flag."""
    if not judged:
        return draft
    known = frozenset(judged)
    fresh = []
    for reason in draft.reasons:
        days = tuple(day for day in reason.days if (reason.code, day) not in known)
        if reason.said - known:
            fresh.append(replace(reason, days=days))
    doubt = 1.0
    for reason in fresh:
        doubt *= 1 - reason.strength_permille * reason.weight_permille / 1_000_000
    score = round(1000 * (1 - doubt))
    if score < flag_permille:
        return None
    spoken = {day for reason in fresh for day in reason.days}
    kept = tuple(day for day in draft.days if day in spoken)
    return replace(draft, score_permille=score, days=kept or draft.days, reasons=tuple(fresh))
