"""Every invariant on a nation's rows: `python -m bench.invariants --children 350000` has ten million ledger entries.

Timed by the wall: INV-1 to INV-22 on everything (GOAL-14: at most 60 s), then the minute's run: quiet, and after a
minute of a rush with 400 places taken a second. INV-18 and INV-19 have no witness outside here and say so;
MONEY-TRAIL, which explains every tenge of a programme, is the nightly sealing's own work. The database goes with the
bench.
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
    """One run of the numbered invariants, each green one leaving its mark; seconds. Whatever is red is named."""
    from qosymsha.domain.insights.commands import keep_runs  # noqa: PLC0415 - as above
    from qosymsha.domain.insights.queries import checked  # noqa: PLC0415
    from qosymsha.domain.insights.rules import PROMISES, Span  # noqa: PLC0415
    from qosymsha.kernel.actor import Actor  # noqa: PLC0415
    from qosymsha.kernel.entropy import uuid4  # noqa: PLC0415

    numbered = [promise.id for promise in PROMISES if promise.id.startswith("INV-")]
    began = time.perf_counter()
    made = list(checked(Span(span), AT, numbered))
    took = time.perf_counter() - began
    for result, _ in made:
        if not result.ok:
            print(f"  RED {result.id}: {result.violations}, {result.examples[:3]}")
        if result.seconds >= (0.5 if span == "full" else 0.05):
            print(f"  {result.id:12} {result.seconds:7.2f} s")
    keep_runs(actor=Actor.system("bench"), span=Span(span), made=made, at=AT, key=uuid4())
    return took


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "NOT MET"


if __name__ == "__main__":
    main()
