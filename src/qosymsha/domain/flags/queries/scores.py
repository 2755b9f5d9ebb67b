"""The scores behind the flags: every child's month and day of a programme's month, judged anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from qosymsha.domain.flags.access import ALLOWED, Action
from qosymsha.domain.flags.queries.months import Subject, chunks, judged, references, subjects, whole
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require


@dataclass(frozen=True, slots=True)
class DayScore:
    """One lesson: its day, the file's own reference of its row, the score in permille, whether its day is flagged."""

    on: date
    ref: str
    score_permille: int
    is_flagged: bool


@dataclass(frozen=True, slots=True)
class MonthScore:
    """A child's month in a group: score in permille, whether it reaches the flag's, and its lessons."""

    who: Subject
    score_permille: int
    is_flagged: bool
    days: tuple[DayScore, ...]


def scores(*, actor: Actor, programme_id: int, month: date, at: datetime, provider: str = "") -> Iterator[MonthScore]:
    """Every child's month by provider, group and child, a chunk of providers in memory at a time; an audited read.

    Raises:
        Forbidden: the actor may not read flags there.
    """
    territory_id = programmes.programme(programme_id).territory_id
    require(actor, Action.READ, ALLOWED, territory_id=territory_id)
    flags = programmes.rules_in_force(programme_id, month).rules.flags
    found = chunks(programme_id, month, provider)
    around = whole(programme_id, territory_id, month, found, flags, is_all=not provider)
    for chunk in found:
        result = judged(programme_id, territory_id, month, chunk, flags, around)
        refs = references(programme_id, month, chunk)
        who = subjects(programme_id, month, chunk)
        reading.saw(
            actor=actor,
            at=at,
            action=Action.READ,
            kind="month",
            ids=[],
            children={one.child_id for one in who.values() if one.child_id is not None},
            territory_id=territory_id,
            about={"month": month.isoformat(), "places": len(result.place)},
        )
        places, cells = result.month.places, result.month.cells
        order = np.argsort(result.month.place, kind="stable")
        bounds = np.searchsorted(result.month.place[order], np.arange(len(result.place) + 1)).tolist()
        for place in range(len(result.place)):
            mine = order[bounds[place] : bounds[place + 1]].tolist()
            yield MonthScore(
                who[int(places["group"][place]), int(places["child"][place])],
                round(1000 * float(result.place[place])),
                bool(result.is_flagged[place]),
                tuple(
                    DayScore(
                        date.fromordinal(int(cells["day"][cell])),
                        refs[cell] if refs else "",
                        round(1000 * float(result.cell[cell])),
                        bool(result.is_flagged_cell[cell]),
                    )
                    for cell in mine
                ),
            )
