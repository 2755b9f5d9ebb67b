"""The programme year from the first rule to the last payment, step by step, each timed; then every check."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from qosymsha.demo import founding, intake, months, places, report, supply
from qosymsha.demo.world import YEAR, World
from qosymsha.domain.settlement.commands import closes
from qosymsha.domain.settlement.commands.closes import December, DecemberDecision
from qosymsha.kernel import clock, entropy, schema

LESSON_MONTHS = tuple(date(YEAR, month, 1) for month in range(3, 13))
MOVING_DAYS = {date(YEAR, 5, 1): date(YEAR, 5, 14), date(YEAR, 10, 1): date(YEAR, 10, 14)}
CUT_OFF = date(YEAR, 12, 31)


def play(world: World, folder: Path) -> dict[str, Any]:
    """Play the year in the connected database and return the report (keys: see `report.collect`).

    `folder` receives the published files of the round. Deterministic: the same seed and size give the same report, but
    for seconds and memory.
    """
    seconds: dict[str, float] = {}
    schema.make_months(clock.month_of(founding.FOUNDED), 16)
    with entropy.seeded(world.seed):
        for name, step in _steps(world, folder):
            with _timed(seconds, name):
                step()
        with _timed(seconds, "checks"):
            collected = report.collect(world)
    collected["seconds"] = {name: round(spent, 3) for name, spent in seconds.items()}
    collected["peak_rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return collected


def _steps(world: World, folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "rules", lambda: (founding.found(world), founding.rules(world))[1]
    yield "providers", lambda: supply.open_city(world)
    yield "families", lambda: (intake.plan_and_open(world), intake.take_in(world))[1]
    yield "draw", lambda: intake.decide(world, folder)
    yield "vouchers", lambda: places.answer(world)
    for month in LESSON_MONTHS[:-1]:
        yield "lessons", lambda month=month: _lessons(world, month)
        yield "settlement", lambda month=month: months.settle(world, month)
    yield "lessons", lambda: months.teach(world, LESSON_MONTHS[-1])
    yield "year end", lambda: _year_end(world)


def _lessons(world: World, month: date) -> None:
    if month in MOVING_DAYS:
        places.move_some(world, MOVING_DAYS[month])
    months.teach(world, month)
    months.confirm(world, month)


def _year_end(world: World) -> None:
    """The cut-off: what nobody earned lapses; December's lessons are paid in January by an officer's named decision."""
    december = LESSON_MONTHS[-1]
    closes.close_year(
        actor=world.actors["payer"],
        programme_id=world.programme_id,
        year=YEAR,
        december=DecemberDecision(December.PAY, "demo order 12"),
        at=world.at(CUT_OFF, 18),
        key=world.key("close year"),
    )
    months.confirm(world, december)
    months.settle(world, december)
    months.pay_rest(world, december + timedelta(days=62))


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.monotonic() - began
