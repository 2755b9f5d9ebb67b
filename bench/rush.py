"""Opening day in figures: `python -m bench.rush`. The verbs, through HTTP: to file an application, to take a place.

Figures (`--requests` each, sixteen clients, each sends when it has its answer): requests a second, processor time of
the application and of PostgreSQL per request, statements per request; beside pgbench sending the same statements, and
beside the same verb without our care (`bench/rush_control.py`); places over 1,000 groups and in one hot group.

Acceptance (`--families` at `--rate` a second, leaving at their planned times): every family answered, p99 at most 2 s,
no 5xx; where the machine can't, the highest rate at which it can. Beyond twice that rate the server sheds: 503 with
Retry-After, at once. A search of the catalogue goes on beside it, against its p99 on a quiet server.

Client, application and PostgreSQL share this machine's cores, as in `qosymsha serve` on one computer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg

from bench import rush_floor, traffic
from bench.machine import bar, print_machine
from bench.rush_meter import Log, Meter, Spent
from qosymsha.runtime.binaries import find_binaries
from qosymsha.runtime.places import places_of
from qosymsha.runtime.postgres import create_database, postmaster_pid, running

CLIENTS = 16
STATEMENTS, CPU_RATIO, HOT, OF_PGBENCH, MOONSHOT_P99, SEARCH = 8, 6.0, 0.5, 0.25, 2.0, 1.2
SEARCH_RATE = 20
_WORDS = ("дзюдо", "жүзу", "бокс", "плавание", "swimming", "суйындык", "студия 7", "дзудо")
Jobs = Sequence[traffic.Job]


@dataclass(slots=True)
class Figures:
    """One case, per request; processor time in microseconds."""

    case: str
    rate: float
    app_us: float
    database_us: float
    client_us: float
    p99: float
    statuses: dict[int, int]
    statements: int = 0
    pgbench_rate: float = 0.0
    pgbench_us: float = 0.0
    control_rate: float = 0.0
    control_app_us: float = 0.0
    control_database_us: float = 0.0


@dataclass(slots=True)
class Report:
    """All that a run found."""

    machine: dict[str, Any] = field(default_factory=dict)
    figures: list[Figures] = field(default_factory=list)
    acceptance: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    """Print the figures, then the acceptance run."""
    asked = _asked()
    print_machine()
    report = Report(machine={"cores": os.cpu_count(), "load": os.getloadavg()[0]})
    with tempfile.TemporaryDirectory(prefix="qosymsha-rush-") as folder, _database(Path(folder)) as here:
        # The domain reads Django's settings as it is imported: after the database has its address.
        from bench.rush_city import Sizes, found, migrate  # noqa: PLC0415

        migrate()
        families = max(asked.families, 2 * asked.requests)
        city, started = None, time.perf_counter()
        city = found(Sizes(families, max(2 * asked.requests, 1000), asked.groups))
        print(f"{families:,} families, {asked.groups:,} groups; founded in {time.perf_counter() - started:.0f} s\n")
        if asked.only != "acceptance":
            report.figures = [_case(here, city, case, asked.requests) for case in ("file", "spread", "hot")]
            _print_bars(report.figures)
        if asked.only != "figures":
            report.acceptance = _acceptance(here, city, asked)
    if asked.report:
        Path(f"{asked.report}.json").write_text(json.dumps(asdict(report), indent=1) + "\n", "utf-8")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=3_000, help="requests of each case of the figures")
    parser.add_argument("--groups", type=int, default=1_000, help="groups that places are spread over")
    parser.add_argument("--families", type=int, default=25_000, help="families of the acceptance run")
    parser.add_argument("--rate", type=float, default=400, help="requests a second of the acceptance run")
    parser.add_argument("--workers", type=int, default=2, help="processes that serve pages")
    parser.add_argument("--only", choices=["figures", "acceptance"], help="one half alone")
    parser.add_argument("--report", help="write what was found to this name, .json")
    asked = parser.parse_args()
    os.environ["RUSH_WORKERS"] = str(asked.workers)
    return asked


@dataclass(frozen=True, slots=True)
class Here:
    """The database of this run: its address, the server's pid, log and pgbench."""

    url: str
    postmaster: int
    log: Log
    pgbench: Path


@contextmanager
def _database(state: Path) -> Iterator[Here]:
    with running(state) as server:
        create_database(server, "rush")
        os.environ |= {"DATABASE_URL": server.url("rush"), "QOSYMSHA_MODE": "test"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "qosymsha.config.settings"
        pid = postmaster_pid(state)
        assert pid is not None, "it runs"
        places = places_of(state)
        pgbench = find_binaries(places).folder / "pgbench"
        yield Here(server.url("rush"), pid, Log(server.url("rush"), places.log), pgbench)


@contextmanager
def serving(url: str, application: str | None = None) -> Iterator[tuple[traffic.Address, int]]:
    """The page server on a free port, and its pid; with every worker warm."""
    from qosymsha.interfaces.cli import serve  # noqa: PLC0415 - reads the settings

    port = serve.free_port("127.0.0.1", 0)
    workers = int(os.environ.get("RUSH_WORKERS", "2"))
    command = serve.page_server("127.0.0.1", port, workers, url, application or serve.APPLICATION)
    root = Path(__file__).parents[1]
    env = os.environ | dict(command.env)
    env["PYTHONPATH"] = os.pathsep.join([str(root), str(root / "src"), env["PYTHONPATH"]])
    process = subprocess.Popen(list(command.argv), env=env)
    try:
        _wait_for(port)
        yield ("127.0.0.1", port), process.pid
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int) -> None:
    for attempt in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ru/", timeout=30).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            if attempt == 199:
                raise
            time.sleep(0.1)
        else:
            return


def _case(here: Here, city: Any, case: str, requests: int) -> Figures:
    """One case: ours, the floor, the control."""
    from bench.rush_city import forget  # noqa: PLC0415

    jobs = jobs_of(city, case)
    with serving(here.url) as (address, pid):
        traffic.closed_loop(address, jobs[-450:-50], CLIENTS)  # warm: caches, connections, plans
        found = _measured(case, address, Meter(pid, here.postmaster), jobs[:requests])
        seen = _seen(here, address, city, case, jobs)
    found.statements = len(seen[0].statements)
    forget()
    _floor(here, city, seen, found, requests)
    forget()
    with serving(here.url, "bench.rush_control:application") as (address, pid):
        traffic.closed_loop(address, jobs[-450:-50], CLIENTS)
        bare = _measured(case, address, Meter(pid, here.postmaster), jobs[:requests])
    found.control_rate, found.control_app_us, found.control_database_us = bare.rate, bare.app_us, bare.database_us
    forget()
    print(
        f"{case:>7}: {found.rate:6.0f}/s, p99 {1000 * found.p99:4.0f} ms, {found.statements} statements;"
        f" application {found.app_us:5.0f} µs, PostgreSQL {found.database_us:5.0f} µs, client {found.client_us:4.0f} µs"
        f" {found.statuses}\n"
        f"   pgbench {found.pgbench_rate:6.0f}/s, PostgreSQL {found.pgbench_us:5.0f} µs ·"
        f" without care {bare.rate:6.0f}/s, application {bare.app_us:5.0f} µs, PostgreSQL {bare.database_us:5.0f} µs"
        f" {bare.statuses}",
        flush=True,
    )
    return found


def jobs_of(city: Any, case: str) -> list[traffic.Job]:
    """A request for each family that can make it: `file`, or a place over all groups (`spread`) or in the `hot` one."""
    if case == "file":
        return [_form(city.application(f, uuid4()), f) for f in city.applicants]
    groups = [city.hot] if case == "hot" else city.groups
    return [_form(city.place(f, uuid4(), groups[i * 617 % len(groups)]), f) for i, f in enumerate(city.holders)]


def _form(told: tuple[str, dict[str, str]], family: Any) -> traffic.Job:
    path, fields = told
    return traffic.post(path, fields, family.cookies)


def _measured(case: str, address: traffic.Address, meter: Meter, jobs: Jobs) -> Figures:
    then = meter.read()
    outcomes = traffic.closed_loop(address, jobs, CLIENTS)
    spent = meter.since(then)
    told = traffic.summary(outcomes)
    if set(told.statuses) != {302}:
        strange = next(o for o in outcomes if o.status != 302)
        print(f"{case}: {told.statuses}, first {strange.status} {strange.location}", file=sys.stderr)

    def each(seconds: float) -> float:
        return 1e6 * seconds / len(outcomes)

    return Figures(case, told.rate, each(spent.app), each(spent.database), each(spent.client), told.p99, told.statuses)


def _seen(here: Here, address: traffic.Address, city: Any, case: str, jobs: Jobs) -> list[rush_floor.Seen]:
    """Two requests as the log has them: of the last families, one after the other."""
    from bench.rush_city import GROUP, GROUPS_OF_PROVIDER, PROVIDER  # noqa: PLC0415

    families = city.applicants if case == "file" else city.holders
    seen = []
    with here.log.kept():
        for back in (20, 19, 18, 17):  # the first ones fill what each worker keeps from then on
            mark = here.log.mark()
            outcome = traffic.closed_loop(address, [jobs[-back]], 1)[0]
            assert outcome.status == 302, f"{outcome.status} {outcome.location}"
            time.sleep(0.2)
            nth = 0 if case == "hot" else (len(jobs) - back) * 617 % len(city.groups)
            numbers = {
                "fam_id": families[-back].id,
                "grp_id": GROUP + nth,
                "prv_id": PROVIDER + nth // GROUPS_OF_PROVIDER,
            }
            seen.append(rush_floor.Seen(here.log.statements(mark), numbers))
    least = min(len(one.statements) for one in seen)
    return [one for one in seen if len(one.statements) == least][-2:]


def _floor(here: Here, city: Any, seen: list[rush_floor.Seen], found: Figures, requests: int) -> None:
    """pgbench's turn; what it wrote is counted, so that a script that does nothing is seen."""
    from bench.rush_city import GROUP, GROUPS_OF_PROVIDER, PROVIDER  # noqa: PLC0415

    case = found.case
    families = city.applicants if case == "file" else city.holders
    sets = [
        f"\\set fam_id {families[0].id} + :turn_no",
        f"\\set nth_no random(0, {len(city.groups) - 1})",
        f"\\set grp_id {GROUP} + :nth_no",
        f"\\set prv_id {PROVIDER} + :nth_no / {GROUPS_OF_PROVIDER}",
    ]
    text = rush_floor.script(seen[0], seen[1], sets)
    if folder := os.environ.get("RUSH_SCRIPTS"):
        Path(folder, f"{case}.sql").write_text(text, "utf-8")
    meter = Meter(0, here.postmaster)
    then = meter.read()
    floor = rush_floor.run(here.pgbench, here.url, text, requests)
    spent = meter.since(then)
    with psycopg.connect(here.url) as connection:
        written = connection.execute(f"SELECT count(*) FROM {'application' if case == 'file' else 'enrolment'}")
        row = written.fetchone()
    assert row == (floor.done,), f"pgbench: {floor.done} transactions wrote {row} rows"
    found.pgbench_rate, found.pgbench_us = floor.rate, 1e6 * spent.database / floor.done


def _print_bars(figures: Sequence[Figures]) -> None:
    by_case = {one.case: one for one in figures}
    print()
    for one in figures:
        bar(f"{one.case}: statements per request", one.statements, STATEMENTS)
        bar(f"{one.case}: application / PostgreSQL, processor time", one.app_us / one.database_us, CPU_RATIO)
        bar(f"{one.case}: of pgbench (moonshot)", one.rate / one.pgbench_rate, OF_PGBENCH, at_least=True)
        bar(f"{one.case}: of the same verb without care", one.rate / one.control_rate)
    bar("a place: hot / spread", by_case["hot"].rate / by_case["spread"].rate, HOT, at_least=True)
    print(flush=True)


def _acceptance(here: Here, city: Any, asked: argparse.Namespace) -> dict[str, Any]:
    """The run at the asked rate, else the highest rate that holds; shedding beyond; the search beside."""
    from bench.rush_city import forget  # noqa: PLC0415

    jobs = jobs_of(city, "file")
    tried: list[dict[str, Any]] = []
    with serving(here.url) as (address, pid):
        meter = Meter(pid, here.postmaster)
        traffic.closed_loop(address, jobs[:400], CLIENTS)
        quiet = _searched(address, 30)
        forget()
        rate = float(asked.rate)
        while True:
            held, told = _rush(address, meter, jobs[: asked.families], rate)
            tried.append(told)
            forget()
            if held or len(tried) == 6:
                break
            rate = round(0.95 * min(0.9 * rate, told["answered_a_second"]))
        told["search_p99_quiet"] = quiet
        bar(f"at {rate:.0f}/s: p99, seconds", told["p99"], MOONSHOT_P99)
        bar(f"at {rate:.0f}/s: 5xx or no answer", told["bad"], 0)
        bar("search p99, rush / quiet", told["search_p99"] / quiet, SEARCH)
        shed = _beyond(address, jobs, 2.2 * rate)
        forget()
    return {"tried": tried, "highest_rate": rate if held else None, "beyond": shed, "search_quiet_p99": quiet}


def _searches(count: int) -> list[traffic.Job]:
    return [traffic.get(f"/ru/clubs/?q={quote(_WORDS[n % len(_WORDS)])}", label="search") for n in range(count)]


def _searched(address: traffic.Address, seconds: int) -> float:
    traffic.closed_loop(address, _searches(40), 2)
    told = traffic.summary(traffic.open_loop(address, _searches(SEARCH_RATE * seconds), SEARCH_RATE))
    print(f"search on a quiet server: p50 {1000 * told.p50:.0f} ms, p99 {1000 * told.p99:.0f} ms {told.statuses}")
    return told.p99


def _rush(address: traffic.Address, meter: Meter, jobs: Jobs, rate: float) -> tuple[bool, dict[str, Any]]:
    seconds = len(jobs) / rate
    then, load = meter.read(), os.getloadavg()[0]
    filed, searched = traffic.mixed_loop(address, [(jobs, rate), (_searches(int(SEARCH_RATE * seconds)), SEARCH_RATE)])
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
        "p50": told.p50,
        "p99": told.p99,
        "bad": bad,
        "statuses": told.statuses,
        "search_p99": search.p99,
        "cores": {"app": spent.app / spent.wall, "database": spent.database / spent.wall},
    }
    is_filed = set(told.statuses) == {302}
    return is_filed and bad == 0 and told.p99 <= MOONSHOT_P99, found


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


if __name__ == "__main__":
    main()
