"""The acceptance run of `bench.rush`: a city's families at a rate, more than that, and a search beside them."""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bench import traffic
from bench.machine import bar, pace, told_pace
from bench.rush_meter import Meter, Spent
from bench.rush_served import Here, Jobs, jobs_of, serving

CLIENTS = 16
WARM = 500  # families at the end of the lists, for warming up and for a look at the log
LONGEST_P99, SEARCH = 2.0, 1.2
SEARCH_RATE = 20
_WORDS = ("дзюдо", "жүзу", "бокс", "плавание", "swimming", "суйындык", "студия 7", "дзудо")


@dataclass(frozen=True, slots=True)
class Day:
    """Where families file, where others look, the meter, the families that warm up, a search's p99 when quiet."""

    address: traffic.Address
    lookers: traffic.Address
    meter: Meter
    warm: Jobs
    quiet: float


def acceptance(here: Here, city: Any, asked: argparse.Namespace) -> dict[str, Any]:
    """The run at the asked rate, else the highest rate that holds; the highest at which a search stays quick, too."""
    jobs = jobs_of(city, "file")
    with ExitStack() as servers:
        address, pid = servers.enter_context(serving(here.url, nice=10 if asked.apart else 0))
        lookers = servers.enter_context(serving(here.url, workers=1))[0] if asked.apart else address
        day = Day(address, lookers, Meter(pid, here.postmaster), jobs[-WARM:], _searched(lookers, 30))
        held = _highest(day, jobs[: asked.families], float(asked.rate), lambda told: bool(told["held"]))
        told = held[-1]
        bar(f"at {told['rate']:.0f}/s: p99, seconds", told["p99"], LONGEST_P99)
        bar(f"at {told['rate']:.0f}/s: 5xx or no answer", told["bad"], 0)
        bar("search p99, rush / quiet", told["search"], SEARCH)
        quick = held if told["search"] <= SEARCH else _highest(day, jobs[: 20 * WARM], 0.8 * told["rate"], _is_quick)
        print(f"a search stays quick up to {quick[-1]['rate']:.0f}/s ({quick[-1]['search']:.1f} of its quiet p99)")
        _forgotten(day)
        capacity = traffic.summary(traffic.closed_loop(address, jobs[:WARM], CLIENTS)).rate
        shed = _beyond(address, jobs[WARM:-WARM], 2.2 * max(told["rate"], capacity))
    return {"tried": held, "quick": quick, "beyond": shed, "search_quiet_p99": day.quiet}


def _is_quick(told: dict[str, Any]) -> bool:
    return bool(told["held"]) and bool(told["search"] <= SEARCH)


def _highest(
    day: Day, jobs: Jobs, rate: float, does_hold: Callable[[dict[str, Any]], bool], tries: int = 7
) -> list[dict[str, Any]]:
    """All runs from `rate` down, the last of them the first that holds: twenty seconds first, then all the families."""
    tried: list[dict[str, Any]] = []
    while len(tried) < tries:
        for some in (jobs[: int(20 * rate)], jobs):
            _forgotten(day)
            tried.append(_rush(day, some, rate))
            if not does_hold(tried[-1]):
                break
            if len(some) == len(jobs):
                return tried
        rate = round(0.85 * rate)
    return tried


def _forgotten(day: Day) -> None:
    from bench.rush_city import forget  # noqa: PLC0415

    forget()
    traffic.closed_loop(day.address, day.warm, CLIENTS)  # emptied tables: plans are made anew


def _searches(count: int) -> list[traffic.Job]:
    """Eight words for children of twelve ages: no two of a hundred alike."""
    asked = ((_WORDS[n % len(_WORDS)], 5 + n // len(_WORDS) % 12) for n in range(count))
    return [traffic.get(f"/ru/clubs/?q={quote(word)}&age={age}", label="search") for word, age in asked]


def _searched(address: traffic.Address, seconds: int) -> float:
    traffic.closed_loop(address, _searches(96), 2)
    told = traffic.summary(traffic.open_loop(address, _searches(SEARCH_RATE * seconds), SEARCH_RATE))
    print(f"search on a quiet server: p50 {1000 * told.p50:.0f} ms, p99 {1000 * told.p99:.0f} ms {told.statuses}")
    return told.p99


def _rush(day: Day, jobs: Jobs, rate: float) -> dict[str, Any]:
    seconds = len(jobs) / rate
    then, load = day.meter.read(), os.getloadavg()[0]
    with pace() as seen:
        filed, searched = traffic.mixed_loop(
            [(day.address, jobs, rate), (day.lookers, _searches(int(SEARCH_RATE * seconds)), SEARCH_RATE)]
        )
    spent = day.meter.since(then)
    told, search = traffic.summary(filed), traffic.summary(searched)
    bad = sum(1 for o in [*filed, *searched] if not 0 < o.status < 500)
    print(
        f"{len(jobs):,} families at {rate:.0f}/s: answered {told.rate:.0f}/s, p50 {1000 * told.p50:.0f} ms,"
        f" p99 {told.p99:.2f} s, most {told.most:.2f} s {told.statuses}; search p99 {1000 * search.p99:.0f} ms"
        f" ({search.p99 / day.quiet:.1f} of quiet) {search.statuses}; {_busy(spent)}, load before {load:.1f};"
        f" {told_pace(seen, _best(seen))}",
        flush=True,
    )
    return {
        "rate": rate,
        "families": len(jobs),
        "held": set(told.statuses) == {302} and bad == 0 and told.p99 <= LONGEST_P99,
        "answered_a_second": told.rate,
        "p50": told.p50,
        "p99": told.p99,
        "bad": bad,
        "statuses": told.statuses,
        "search_p99": search.p99,
        "search": search.p99 / day.quiet,
        "cores": {"app": spent.app / spent.wall, "database": spent.database / spent.wall},
        "pace": statistics.median(seen),
    }


_fastest: list[float] = []


def _best(seen: list[float]) -> float:
    """The least time that the small piece of work took in any run so far."""
    _fastest[:] = [min([*_fastest, *seen])]
    return _fastest[0]


def _busy(spent: Spent) -> str:
    return (
        f"cores: application {spent.app / spent.wall:.2f}, PostgreSQL {spent.database / spent.wall:.2f},"
        f" client {spent.client / spent.wall:.2f}"
    )


def _beyond(address: traffic.Address, jobs: Jobs, rate: float) -> dict[str, Any]:
    """More than the server can do: who is let in is answered in time, who is not is told so at once."""
    outcomes = traffic.open_loop(address, jobs[: int(15 * rate)], rate)
    told = traffic.summary(outcomes)
    done = [o for o in outcomes if o.status == 302]
    shed = [o for o in outcomes if o.status == 503]
    p99 = _p99_of(done, lambda o: o.seconds)
    found = {
        "rate": rate,
        "statuses": told.statuses,
        "done_a_second": len(done) / max(o.left + o.seconds - outcomes[0].left for o in outcomes),
        "p99_done": p99,
        "p99_shed": _p99_of(shed, lambda o: o.seconds),
        "without_retry_after": sum(not o.retry_after for o in shed),
    }
    print(
        f"beyond, at {rate:.0f}/s: {told.statuses}; done {found['done_a_second']:.0f}/s with p99 {p99:.2f} s,"
        f" sent away within {found['p99_shed']:.2f} s (p99), {found['without_retry_after']} without Retry-After",
        flush=True,
    )
    return found


def _p99_of(outcomes: Sequence[traffic.Outcome], key: Callable[[traffic.Outcome], float]) -> float:
    ordered = sorted(map(key, outcomes))
    return ordered[int(0.99 * len(ordered))] if ordered else 0.0
