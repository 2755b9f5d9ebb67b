"""Finding a club among 50,000 groups beside reading one row by its key: `python -m bench.catalogue --groups 50000`.

The market is made by set-based SQL, then the domain's own step makes its cards. Each kind of search is asked many
times, in turn with `SELECT … FROM club_group WHERE id = …`, on one connection; p50 and p99 of both stand side by side.
A search is all that the page asks for: the words meant, the page with its joins, the count and the lessons.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from bench.machine import print_machine
from qosymsha.runtime.postgres import create_database, running


def main() -> None:
    """Print p50 and p99 of every kind of search, and of the yardstick."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=200, help="times that each kind of search is asked")
    parser.add_argument("--plans", action="store_true", help="print how PostgreSQL finds each page and its count")
    asked = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory(prefix="qosymsha-bench-") as folder, running(Path(folder)) as server:
        create_database(server, "catalogue")
        os.environ |= {
            "DATABASE_URL": server.url("catalogue"),
            "QOSYMSHA_MODE": "test",
            "DJANGO_SETTINGS_MODULE": "qosymsha.config.settings",
        }
        # The domain reads Django's settings as it is imported: after the database has its address.
        from bench.catalogue_market import Market  # noqa: PLC0415

        market = Market(asked.groups)
        market.make()
        market.ask(asked.runs)
        if asked.plans:
            market.explain()


if __name__ == "__main__":
    main()
