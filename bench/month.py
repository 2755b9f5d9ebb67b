"""A city's month from marks to money, against plain SQL over the same marks: `python -m bench.month --children 600000`.

Timed: the sheets frozen from the marks by SQL, then claims (payable rows read, the pure pay function, claims with
their rows and frozen inputs, one balanced posting per claim with each place and voucher it touches), in batches.
Not timed: the making of the city, the guardians' words (written by one statement), acts, PDF and payment files.

The yardstick is what no settlement can do without: the plain aggregate of the month's marks into one row per child, and
COPY of the same marks into a bare table without any key. It is taken before and after, and the less is used. All times
are processor time of the client and of its server backend, so that a busy machine does not count. A stricter yardstick
is printed beside it: the same aggregate, and COPY of only what the month
writes (sheet rows, claim rows, entries), bare again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.machine import print_machine
from qosymsha.runtime.postgres import create_database, running

GOAL = 5
LESSONS, GROUP, GROUPS_OF_PROVIDER = 10, 20, 25
PROVIDERS_PER_BATCH = 20


def main() -> None:
    """Print the month's stages and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=600_000, help="children, ten lessons each (default 600,000)")
    parser.add_argument("--profile", action="store_true", help="print where the client's time goes")
    asked = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory(prefix="qosymsha-bench-") as folder, _database(Path(folder)):
        # The domain reads Django's settings as it is imported: after the database has its address.
        from bench.month_city import City  # noqa: PLC0415

        _play(City(asked.children), asked.profile)


@contextmanager
def _database(state: Path) -> Iterator[None]:
    with running(state) as server:
        create_database(server, "month")
        os.environ |= {"DATABASE_URL": server.url("month"), "QOSYMSHA_MODE": "test"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "qosymsha.config.settings"
        yield


def _play(city: object, is_profiled: bool) -> None:
    from bench.month_city import City  # noqa: PLC0415

    assert isinstance(city, City)
    made = _seconds(city.make)
    print(f"{city.children:,} children, {city.marks:,} marks, {city.providers:,} providers; made in {made:.0f} s")
    first = _seconds(city.aggregate), _seconds(city.copy_marks)
    before = _server_bytes()
    frozen = _seconds(_profiled(city.freeze) if is_profiled else city.freeze)
    city.speak()
    claimed = _seconds(_profiled(city.claim) if is_profiled else city.claim)
    grown = _server_bytes() - before
    aggregate, copied = (
        min(a, b) for a, b in zip(first, (_seconds(city.aggregate), _seconds(city.copy_marks)), strict=True)
    )
    written = _seconds(city.copy_written)
    city.check()
    print(f"  yardstick: aggregate {aggregate:.1f} s + COPY of the marks {copied:.1f} s = {aggregate + copied:.1f} s")
    print(f"  freeze {frozen:.1f} s + claims and postings {claimed:.1f} s = {frozen + claimed:.1f} s")
    print(f"  ratio {(frozen + claimed) / (aggregate + copied):.2f}, goal <= {GOAL}")
    strict = aggregate + written
    print(f"  stricter: aggregate + COPY of what is written ({written:.1f} s): ratio {(frozen + claimed) / strict:.1f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"  {1e6 * (frozen + claimed) / city.marks:.1f} µs a mark; client's peak {peak} MB; files +{grown:,} MB")
    print(json.dumps(city.figures()), flush=True)


def _profiled(work: Callable[[], object]) -> Callable[[], object]:
    import cProfile  # noqa: PLC0415 - only when asked for
    import pstats  # noqa: PLC0415

    from django.db import connection  # noqa: PLC0415

    spent: Counter[str] = Counter()

    def timed(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        start = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            spent[" ".join(sql.split())[:110]] += int(1000 * (time.perf_counter() - start))

    def run() -> None:
        profile = cProfile.Profile()
        with connection.execute_wrapper(timed):
            profile.runcall(work)
        pstats.Stats(profile, stream=sys.stdout).sort_stats("tottime").print_stats(12)
        for statement, milliseconds in spent.most_common(12):
            print(f"  {milliseconds:>8} ms {statement}")

    return run


def _server_bytes() -> int:
    """The database's size in MB."""
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database()) / 1000000")
        return int(cursor.fetchone()[0])


def _seconds(work: Callable[[], object]) -> float:
    """Processor time of this process and of its server's backend: what others do on the machine does not count."""
    start = _cpu()
    work()
    return _cpu() - start


def _cpu() -> float:
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    fields = Path(f"/proc/{backend}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
