"""Every invariant on a nation's rows: `python -m bench.invariants --children 350000` has ten million ledger entries.

Timed by the wall: the full run of INV-1 to INV-22 (GOAL-14: at most 60 s), the two that stand beside them, and the
minute's run: quiet, and after a minute of a rush with 400 places taken a second. The database is made for the bench
and goes with it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.machine import print_machine
from qosymsha.runtime.postgres import create_database, running

GOAL_SECONDS = 60
RUSH = 24_000
AT = datetime(2026, 8, 31, 12, tzinfo=UTC)


def main() -> None:
    """Print seconds by invariant and the bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=350_000, help="29 ledger entries each (default 350,000)")
    asked = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory(prefix="qosymsha-bench-") as folder, _database(Path(folder)):
        # The domain reads Django's settings as it is imported: after the database has its address.
        from bench.invariants_nation import Nation  # noqa: PLC0415

        nation = Nation(asked.children)
        began = time.perf_counter()
        nation.make()
        print(
            f"made in {time.perf_counter() - began:.0f} s: " + ", ".join(f"{n:,} {t}" for t, n in nation.rows().items())
        )
        full = _run("full")
        print(f"INV-1 to INV-22 in full: {full:.1f} s, at most {GOAL_SECONDS}: {_verdict(full <= GOAL_SECONDS)}")
        print(f"a quiet minute: {_run('minute'):.2f} s")
        nation.rush(RUSH)
        print(f"a minute with {RUSH:,} places taken: {_run('minute'):.2f} s")


@contextmanager
def _database(state: Path) -> Iterator[None]:
    with running(state) as server:
        create_database(server, "nation")
        os.environ |= {"DATABASE_URL": server.url("nation"), "QOSYMSHA_MODE": "test"}
        os.environ["DJANGO_SETTINGS_MODULE"] = "qosymsha.config.settings"
        yield


def _run(span: str) -> float:
    """One run as the job makes it; seconds of the numbered invariants. Whatever is red is named."""
    from qosymsha.domain.insights.commands import run_invariants  # noqa: PLC0415 - as above
    from qosymsha.domain.insights.rules import Span  # noqa: PLC0415
    from qosymsha.kernel.actor import Actor  # noqa: PLC0415
    from qosymsha.kernel.entropy import uuid4  # noqa: PLC0415

    results = run_invariants(actor=Actor.system("bench"), at=AT, key=uuid4(), span=Span(span))
    for result in results:
        if not result.ok:
            print(f"  RED {result.id}: {result.violations}, {result.examples[:3]}")
        if result.seconds >= (0.5 if span == "full" else 0.05):
            print(f"  {result.id:12} {result.seconds:7.2f} s")
    return sum(result.seconds for result in results if result.id.startswith("INV-"))


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "NOT MET"


if __name__ == "__main__":
    main()
