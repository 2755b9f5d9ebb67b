"""Figures: waiting lines every five minutes, everything else once a night, a minute's worth a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from time import perf_counter

from qosymsha.domain.figures import commands
from qosymsha.domain.figures.queries import stored
from qosymsha.domain.programmes import queries as programmes
from qosymsha.interfaces.jobs.keys import key_of
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import ZONE, local_day

ACTOR = Actor.system("jobs")
SLOT_MINUTES = 5
NIGHT_BEGINS = 3  # o'clock in Astana; a figure never counted is counted at once
SECONDS = 40  # of counting in one call; the schedule calls again
Count = Callable[..., object]


def count_waiting_lines(at: datetime) -> None:
    """Count who waits for each group, once in five minutes for each programme."""
    slot = at.replace(minute=at.minute - at.minute % SLOT_MINUTES, second=0, microsecond=0)
    for programme in programmes.programmes():
        key = key_of("count_lines", programme.id, slot)
        commands.count_lines(actor=ACTOR, programme_id=programme.id, at=at, key=key)


def count_figures(at: datetime) -> None:
    """Count each figure of this year, and of the last until summer, once a night; the rest waits for the next call."""
    today, began = local_day(at), perf_counter()
    is_night = at.astimezone(ZONE).hour >= NIGHT_BEGINS
    done = {(one.programme_id, one.year, one.name): local_day(one.at) for one in stored.counted()}
    for about, count in _counts(at):
        last = done.get(about)
        if last is not None and (last >= today or not is_night):
            continue
        count(actor=ACTOR, at=at, key=key_of("count_figures", *about, today))
        if perf_counter() - began > SECONDS:
            return


def _counts(at: datetime) -> Iterator[tuple[tuple[int | None, int | None, str], Count]]:
    """(programme, year, name) of every figure and what counts it."""
    today = local_day(at)
    years = [today.year, today.year - 1] if today.month <= 6 else [today.year]
    for programme in programmes.programmes():
        for year in years:
            if programmes.lines(programme.id, year):
                for name in commands.COUNTS:
                    count = partial(commands.count_figure, programme_id=programme.id, year=year, name=name)
                    yield (programme.id, year, name), count
    yield (None, None, commands.MEASURES), commands.measure
    yield (None, None, commands.OPEN), partial(commands.count_open_figures, year=_open_year(years))


def _open_year(years: list[int]) -> int:
    """The newest of the years in which a programme has a budget line; else this year."""
    own = [y for y in years if any(programmes.lines(one.id, y) for one in programmes.programmes())]
    return own[0] if own else years[0]
