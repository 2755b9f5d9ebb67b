"""The programme year from the first rule to the last payment, step by step, each timed; then every check."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from qosymsha.demo import (
    agreeing,
    controlling,
    desks,
    figures,
    founding,
    intake,
    months,
    next_year,
    places,
    presence,
    report,
    supply,
    telling,
)
from qosymsha.demo.world import YEAR, World
from qosymsha.domain.settlement.commands import closes
from qosymsha.domain.settlement.commands.closes import December, DecemberDecision
from qosymsha.kernel import clock, entropy, schema

Step = Callable[[World], None]
LESSON_MONTHS = tuple(date(YEAR, month, 1) for month in range(3, 13))
MOVING_DAYS = {date(YEAR, 5, 1): date(YEAR, 5, 14), date(YEAR, 10, 1): date(YEAR, 10, 14)}
CUT_OFF = date(YEAR, 12, 31)


def play(world: World, folder: Path) -> dict[str, Any]:
    """Play the year in the connected database and return the report (keys: see `report.collect`).

    `folder` receives the published files of the round. Deterministic: the same seed and size give the same report, but
    for seconds and memory.
    """
    seconds: dict[str, float] = {}
    schema.make_months(clock.month_of(founding.FOUNDED), 20)
    with entropy.seeded(world.seed):
        for name, step in _steps(folder):
            with _timed(seconds, name):
                step(world)
        with _timed(seconds, "checks"):
            schema.count_anew()
            collected = report.collect(world)
        with _timed(seconds, "next year"):
            next_year.begin(world, folder / next_year.FOLDER)
            desks.take_up(world)
        with _timed(seconds, "notices"):
            telling.tell(world)
        with _timed(seconds, "checks"):
            collected["invariants"] = report.checked(world)
    collected["seconds"] = {name: round(spent, 3) for name, spent in seconds.items()}
    collected["peak_rss_bytes"] = _peak_rss_bytes()
    return collected


def _peak_rss_bytes() -> int:
    """This process's peak of resident memory; `ru_maxrss` would keep the peak of whoever started it across exec."""
    status = Path("/proc/self/status").read_text("ascii", errors="replace")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * 1024


def _steps(folder: Path) -> Iterator[tuple[str, Step]]:
    """The year's steps with the name under which their seconds are counted."""
    yield "rules", founding.found
    yield "rules", founding.rules
    yield "providers", supply.open_city
    yield "families", intake.plan_and_open
    yield "families", intake.take_in
    yield "draw", partial(intake.decide, folder=folder)
    yield "vouchers", places.answer
    yield "choice", partial(places.choose, folder=folder)
    yield "vouchers", places.move_up
    yield "agreements", agreeing.agree
    for month in LESSON_MONTHS[:-1]:
        yield "lessons", partial(_lessons, month=month)
        if month == LESSON_MONTHS[0]:
            yield "lessons", lambda _: schema.count_anew()
        yield "settlement", partial(months.settle, month=month)
    yield "controls", controlling.control
    yield "lessons", partial(months.begin, month=LESSON_MONTHS[-1])
    yield "year end", _year_end
    yield "figures", figures.count


def _lessons(world: World, month: date) -> None:
    months.begin(world, month)
    if month in MOVING_DAYS:
        places.move_some(world, MOVING_DAYS[month])
    presence.scan(world, month)
    months.teach(world, month)
    months.confirm(world, month)


def _year_end(world: World) -> None:
    """The cut-off: vouchers end, what nobody earned lapses; December is paid in January by a named decision."""
    december = LESSON_MONTHS[-1]
    places.close_all(world, CUT_OFF)
    closes.close_year(
        actor=world.actors["payer"],
        programme_id=world.programme_id,
        year=YEAR,
        december=DecemberDecision(December.PAY, "demo order 12"),
        at=world.at(CUT_OFF, 18),
        key=world.key("close year"),
    )
    months.teach(world, december)
    months.confirm(world, december)
    presence.screen(world, december)
    months.decide_rest(world, LESSON_MONTHS)
    months.settle(world, december)
    months.pay_rest(world, december + timedelta(days=62))


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.monotonic() - began
