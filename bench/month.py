"""A city's month from marks to money, against plain SQL over the same marks: `python -m bench.month --children 600000`.

Timed: the sheets frozen from the marks by SQL, then claims (payable rows read, the pure pay function, claims with
their rows and frozen inputs, one balanced posting per claim with each place and voucher it touches), in batches.
Not timed: the making of the city, the guardians' words (written by one statement), acts, PDF and payment files.

The yardstick is what no settlement can do without: the plain aggregate of the month's marks into one row per child and
group, and COPY of the same rows. "The same rows" can be read in two ways, so both are taken and the dearer ratio is the
one that is judged (decision 0032):

- the rows that the month writes, and the accounts it changes, into empty tables with the same keys and indexes;
- the month's marks, into an empty table with the marks' key.

Only COPY FROM is timed; the rows lie in a file before. No foreign key, check or trigger there. The same into tables
without any key is printed beside it, but no month could be found in them again. All times are processor time of the
client and of its server backend, so that a busy machine does not count; of two turns the less is used.
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
    aggregate = _least(city.aggregate)
    marks = city.marks_copy()
    copies = {"the marks": (_least(marks.keyed), _least(marks.bare))}
    before = _server_bytes()
    frozen = _seconds(_profiled(city.freeze) if is_profiled else city.freeze)
    city.speak()
    claimed = _seconds(_profiled(city.claim) if is_profiled else city.claim)
    grown = _server_bytes() - before
    city.check()
    written = city.written_copies()
    copies["the rows written"] = (sum(_least(c.keyed) for c in written), sum(_least(c.bare) for c in written))
    month = frozen + claimed
    print(f"  freeze {frozen:.1f} s + claims and postings {claimed:.1f} s = {month:.1f} s; aggregate {aggregate:.1f} s")
    for name, (keyed, bare) in copies.items():
        print(
            f"  COPY of {name}: {keyed:.1f} s, ratio {month / (aggregate + keyed):.1f};"
            f" without keys {bare:.1f} s, {month / (aggregate + bare):.1f}"
        )
    judged = max(month / (aggregate + keyed) for keyed, _ in copies.values())
    print(
        f"  judged by the dearer ratio, with keys: {judged:.1f}, bar {GOAL}: {'met' if judged <= GOAL else 'NOT MET'}"
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"  {1e6 * month / city.marks:.1f} µs a mark; client's peak {peak} MB; files +{grown:,} MB")
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


def _least(work: Callable[[], object]) -> float:
    return min(_seconds(work), _seconds(work))


def _cpu() -> float:
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    fields = Path(f"/proc/{backend}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
