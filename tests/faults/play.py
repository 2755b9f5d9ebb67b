"""A run on a set stage: the families are let in, processes killed, commits lost, the verdict asked."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.db import OperationalError, connection

from bench import rush_city
from bench.traffic import Outcome, closed_loop
from qosymsha.runtime.postgres import Server
from qosymsha.runtime.processes import wait_until, working_in
from tests.faults import proxy, stage
from tests.faults.controls import CONTROLS, WHOLE, Play
from tests.faults.families import Crowd
from tests.faults.killer import FIVE, Kill, Killer, Kind, Scene, end_at_once, plan, silences
from tests.faults.proxy import Cuts
from tests.faults.stage import Site
from tests.faults.verdict import judge

SHARE_OF_REPLIES, SHARE_OF_WORDS = 0.05, 0.01
CLIENTS = 24
SEATS_PER_HOLDER = 0.8  # a fifth of the holders will be told no
FAMILIES_PER_REQUEST = 0.86  # the rest are second wishes and second keys: a seventh at least, by what they are told
_WORKERS = 2
_MANY_KILLS = 100  # then `qosymsha serve` itself is killed too, though only five kinds are promised
_EXAMPLES = 5
Report = dict[str, Any]


def chosen(control: str, requests: int) -> Play:
    """The opening day with so many requests, or the small play of a control by its name, or `whole`."""
    return opening_day(requests) if not control else WHOLE if control == WHOLE.name else CONTROLS[control]


def opening_day(requests: int) -> Play:
    """So many requests by keys: half of the families file, half take places, of which there are too few."""
    families = int(FAMILIES_PER_REQUEST * requests)
    holders, groups = families // 2, max(4, families // 50)
    return Play(
        cuts=Cuts(SHARE_OF_REPLIES, SHARE_OF_WORDS),
        applicants=families - holders,
        holders=holders,
        groups=groups,
        seats=max(1, int(SEATS_PER_HOLDER * holders / groups)),
        hot_seats=max(1, holders // 50),
        clients=CLIENTS,
    )


def run(play: Play, server: Server, folder: Path, seed: int, kills: int) -> Report:
    """Make the city, let the families in, kill, cut, judge: the report."""
    if play.prepare is not None:
        play.prepare(folder / "state" / "data")
    sizes = rush_city.Sizes(play.applicants, play.holders, play.groups, play.seats, play.hot_seats)
    crowd = Crowd(rush_city.found(sizes), seed, play.habits)
    connection.close()  # ours would be a victim too
    kinds = tuple(Kind) if kills >= _MANY_KILLS else FIVE
    planned = plan(seed, play.applicants + play.holders, kills, kinds)
    told = _played(play, crowd, planned, server, folder, seed)
    findings = {name: _shortened(found) for name, found in judge(crowd.asks).items()}
    return told | _figures(crowd) | {"findings": findings}


def _played(play: Play, crowd: Crowd, kills: Sequence[Kill], server: Server, folder: Path, seed: int) -> Report:
    with proxy.between(folder / "proxy", server.socket_dir, play.cuts, seed) as between:
        url = replace(server, socket_dir=between.folder).url(stage.DATABASE)
        port = stage.free_port()
        data = folder / "state" / "data"
        with Site(
            _argv(play, port), stage.environment(url) | {"FAULTS_CONTROL": play.wsgi}, port, folder / "log"
        ) as site:
            killer = Killer(Scene(site, data), kills, lambda: crowd.settled, lambda: len(crowd.heard))
            (between.folder / "blade").touch()
            began = time.monotonic()
            killer.start()
            beside = threading.Thread(target=play.meanwhile, args=(crowd,)) if play.meanwhile else None
            if beside is not None:
                beside.start()
            outcomes = closed_loop((stage.HOST, port), crowd, play.clients, again=crowd.again)
            wall = time.monotonic() - began
            deaths = killer.finish()
            if beside is not None:
                beside.join()
            (between.folder / "blade").unlink()
            if play.ends_in_blackout:
                _black_out(data, server)
            starts = site.starts
        silent = wait_until(site.is_silent, 5)
    tally = between.tally()
    return {
        "wall": round(wall, 1),
        "kills": dict(Counter(death.kind.value for death in deaths)),
        "longest silence": {kind.value: round(s, 2) for kind, s in silences(deaths, crowd.heard).items()},
        "fault of the killer": killer.fault,
        "site starts": starts,
        "orphans on the port": not silent,
        "commits": tally.commits,
        "commits by hot functions": tally.hot,
        "replies cut": tally.replies_cut,
        "words cut": tally.words_cut,
        "seconds": _seconds(outcomes),
        "log": site.said(),
    }


def _argv(play: Play, port: int) -> list[str]:
    """The product as it is served; a sabotaged build, and the product beside it, in a bare server of one process."""
    if not play.wsgi:
        return [sys.executable, "-m", "qosymsha", "serve", "--port", str(port), "--workers", str(_WORKERS)]
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", stage.HOST, "--port", str(port)),
        *("--blocking-threads", "8", "--no-ws", "--log-level", "warning", "tests.faults.sabotage:application"),
    ]


def _black_out(data: Path, server: Server) -> None:
    """All of PostgreSQL dies in one moment, as by a power cut; its keeper brings it back."""
    connection.close()
    end_at_once(working_in(data, "postgres"))

    def is_back() -> bool:
        try:
            connection.ensure_connection()
        except OperationalError:
            return False
        return True

    assert wait_until(is_back, stage.PATIENCE), "PostgreSQL did not come back"


def _seconds(outcomes: Sequence[Outcome]) -> dict[str, float]:
    seconds = sorted(outcome.seconds for outcome in outcomes)
    parts = {"p50": 0.5, "p99": 0.99, "most": 1.0}
    return {name: round(seconds[min(len(seconds) - 1, int(part * len(seconds)))], 2) for name, part in parts.items()}


def _figures(crowd: Crowd) -> Report:
    last = Counter(ask.words[-1][0].value for ask in crowd.asks if ask.words)
    tries = sum(crowd.statuses.values())
    return {
        "keys": len(crowd.asks),
        "tries": tries,
        "tries again": tries - sum(len(ask.words) for ask in crowd.asks),
        "statuses": {str(status): n for status, n in sorted(crowd.statuses.items())},
        "yes": last["yes"],
        "no": last["no"],
    }


def _shortened(found: list[str]) -> list[str]:
    return [f"{len(found)} in all", *found[:_EXAMPLES]] if found else []
