"""The acceptance run of `bench.rush`: a city's families at a rate, more than that, and a search beside them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

from bench import traffic
from bench.machine import bar
from bench.rush_meter import Meter, Spent
from bench.rush_served import Here, Jobs, jobs_of, serving

CLIENTS = 16
WARM = 500  # families at the end of the lists, for warming up and for a look at the log
LONGEST_P99, SEARCH = 2.0, 1.2
SEARCH_RATE = 20
_WORDS = ("дзюдо", "жүзу", "бокс", "плавание", "swimming", "суйындык", "студия 7", "дзудо")


def acceptance(here: Here, city: Any, asked: argparse.Namespace) -> dict[str, Any]:
    """The run at the asked rate, else the highest rate that holds; shedding beyond; the search beside."""
    from bench.rush_city import forget  # noqa: PLC0415

    jobs = jobs_of(city, "file")
    tried: list[dict[str, Any]] = []
    with ExitStack() as servers:
        address, pid = servers.enter_context(serving(here.url, nice=10 if asked.apart else 0))
        lookers = servers.enter_context(serving(here.url, workers=1))[0] if asked.apart else address
        meter = Meter(pid, here.postmaster)
        quiet = _searched(lookers, 30)
        rate = float(asked.rate)
        while True:
            forget()
            traffic.closed_loop(address, jobs[-WARM:], CLIENTS)  # emptied tables: plans are made anew
            held, told = _rush(address, lookers, meter, jobs[: asked.families], rate)
            tried.append(told)
            if held or len(tried) == 6:
                break
            rate = round(0.95 * min(0.9 * rate, told["done_a_second"]))
        told["search_p99_quiet"] = quiet
        bar(f"at {rate:.0f}/s: p99, seconds", told["p99"], LONGEST_P99)
        bar(f"at {rate:.0f}/s: 5xx or no answer", told["bad"], 0)
        bar("search p99, rush / quiet", told["search_p99"] / quiet, SEARCH)
        forget()
        capacity = traffic.summary(traffic.closed_loop(address, jobs[-WARM:], CLIENTS)).rate
        shed = _beyond(address, jobs[:-WARM], 2.2 * max(rate, capacity))
    return {"tried": tried, "highest_rate": rate if held else None, "beyond": shed, "search_quiet_p99": quiet}


def _searches(count: int) -> list[traffic.Job]:
    return [traffic.get(f"/ru/clubs/?q={quote(_WORDS[n % len(_WORDS)])}", label="search") for n in range(count)]


def _searched(address: traffic.Address, seconds: int) -> float:
    traffic.closed_loop(address, _searches(40), 2)
    told = traffic.summary(traffic.open_loop(address, _searches(SEARCH_RATE * seconds), SEARCH_RATE))
    print(f"search on a quiet server: p50 {1000 * told.p50:.0f} ms, p99 {1000 * told.p99:.0f} ms {told.statuses}")
    return told.p99


def _rush(
    address: traffic.Address, lookers: traffic.Address, meter: Meter, jobs: Jobs, rate: float
) -> tuple[bool, dict[str, Any]]:
    seconds = len(jobs) / rate
    then, load = meter.read(), os.getloadavg()[0]
    filed, searched = traffic.mixed_loop(
        [(address, jobs, rate), (lookers, _searches(int(SEARCH_RATE * seconds)), SEARCH_RATE)]
    )
    spent = meter.since(then)
    told, search = traffic.summary(filed), traffic.summary(searched)
    bad = sum(1 for o in [*filed, *searched] if not 0 < o.status < 500)
    print(
        f"{len(jobs):,} families at {rate:.0f}/s: answered {told.rate:.0f}/s, p50 {1000 * told.p50:.0f} ms,"
        f" p99 {told.p99:.2f} s, most {told.most:.2f} s {told.statuses}; search p99 {1000 * search.p99:.0f} ms"
        f" {search.statuses}; {_busy(spent)}, load before {load:.1f}",
        flush=True,
    )
    found = {
        "rate": rate,
        "answered_a_second": told.rate,
        "done_a_second": told.rate * told.statuses.get(302, 0) / told.count,
        "p50": told.p50,
        "p99": told.p99,
        "bad": bad,
        "statuses": told.statuses,
        "search_p99": search.p99,
        "cores": {"app": spent.app / spent.wall, "database": spent.database / spent.wall},
    }
    is_filed = set(told.statuses) == {302}
    return is_filed and bad == 0 and told.p99 <= LONGEST_P99, found


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
