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
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench import rush_floor, traffic
from bench.machine import bar, print_machine
from bench.rush_day import CLIENTS, WARM, acceptance
from bench.rush_meter import Meter
from bench.rush_served import Here, Jobs, database, jobs_of, serving

STATEMENTS, CPU_RATIO, HOT, OF_PGBENCH = 8, 6.0, 0.5, 0.25


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
    with tempfile.TemporaryDirectory(prefix="qosymsha-rush-") as folder, database(Path(folder)) as here:
        # The domain reads Django's settings as it is imported: after the database has its address.
        from bench.rush_city import Sizes, found, migrate  # noqa: PLC0415

        migrate()
        families = max(asked.families, asked.requests) + 2 * WARM
        started = time.perf_counter()
        city = found(Sizes(families, asked.requests + 2 * WARM, asked.groups))
        print(f"{families:,} families, {asked.groups:,} groups; founded in {time.perf_counter() - started:.0f} s\n")
        if asked.only != "acceptance":
            report.figures = [_case(here, city, case, asked.requests) for case in ("file", "spread", "hot")]
            _print_bars(report.figures)
        if asked.only != "figures":
            report.acceptance = acceptance(here, city, asked)
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
    parser.add_argument("--apart", action="store_true", help="searches go to a server of their own, the other is niced")
    parser.add_argument("--report", help="write what was found to this name, .json")
    asked = parser.parse_args()
    os.environ["RUSH_WORKERS"] = str(asked.workers)
    return asked


def _case(here: Here, city: Any, case: str, requests: int) -> Figures:
    """One case: ours, the floor, the control."""
    from bench.rush_city import forget  # noqa: PLC0415

    jobs = jobs_of(city, case)
    with serving(here.url) as (address, pid):
        traffic.closed_loop(address, jobs[-WARM:-50], CLIENTS)  # warm: caches, connections, plans
        found = _measured(case, address, Meter(pid, here.postmaster), jobs[:requests])
        seen = _seen(here, address, city, case, jobs)
    found.statements = len(seen[0].statements)
    forget()
    _floor(here, city, seen, found, requests)
    forget()
    with serving(here.url, "bench.rush_control:application") as (address, pid):
        traffic.closed_loop(address, jobs[-WARM:-50], CLIENTS)
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


if __name__ == "__main__":
    main()
