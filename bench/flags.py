"""Red flags over a city's month: `python -m bench.flags --children 60000`. Seconds, marks a second, the client's peak.

The city is that of `bench.month` (ten lessons a child), with its sheets drawn and confirmed, and nothing wrong in it; a
check-in, a batch of marks and a word with its trace stand behind every present day, so that every join has its rows.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path

from bench.machine import print_machine
from bench.month import _database


def main() -> None:
    """Make the city, screen it, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=60_000)
    asked = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory(prefix="qosymsha-bench-") as folder, _database(Path(folder)):
        # The domain reads Django's settings as it is imported: after the database has its address.
        from bench.flags_city import screen_twice  # noqa: PLC0415

        screen_twice(asked.children)
        print(f"  client's peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB", flush=True)


if __name__ == "__main__":
    main()
