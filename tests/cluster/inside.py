"""A writer that knows one server and stays with it: run beside a leader that will be cut off.

    python -m tests.cluster.inside HOST PORT FILE        (PGPASSWORD in the environment)

A line for each word it hears: `told|refused|silent  <monotonic seconds>  <turn>`.
"""

from __future__ import annotations

import sys
import time

import psycopg

WRITER = 1000
_WRITE = """
INSERT INTO told (writer, turn) VALUES (%s, %s) ON CONFLICT (writer, turn) DO UPDATE SET tries = told.tries + 1"""


def main() -> None:
    """Write until ended."""
    host, port, file = sys.argv[1:]
    connection: psycopg.Connection | None = None
    turn = 0
    with open(file, "a", encoding="ascii", buffering=1) as said:
        while True:
            try:
                connection = connection or psycopg.connect(
                    host=host, port=port, user="postgres", dbname="postgres", connect_timeout=2, autocommit=True
                )
                connection.execute(_WRITE, (WRITER, turn))
            except psycopg.Error:
                said.write(f"refused {time.monotonic():.3f} {turn}\n")
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.1)
            else:
                said.write(f"told {time.monotonic():.3f} {turn}\n")
                turn += 1
                time.sleep(0.005)


if __name__ == "__main__":
    main()
