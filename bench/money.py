"""A city's month of money as the payer asks for it: by the page, done by `qosymsha work`, watched on the errand's page.

    python -m bench.money --providers 5000 --children 24      claims, acts, the payment file, the month's close
    python -m bench.money --providers 5000 --kill 0.5         the worker is killed halfway through the claims

For each: how long the page took to show it and to answer the press, seconds of work, the worker's peak memory; and how
long others waited meanwhile: a visitor's page, an official's list, and a family's voucher given back on the same budget
line (its posting takes the very accounts that claims take).
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.errands import Run, beside, errand_of, told, watch_memory, watched, words_of, working
from bench.machine import print_machine
from bench.rush_served import Here, database, serving

EVERY = 0.25


def main() -> None:
    """Print what each deed took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--providers", type=int, default=5_000)
    parser.add_argument("--children", type=int, default=24, help="children of a provider, in two groups")
    parser.add_argument("--kill", type=float, help="kill the worker at this share of the claims")
    asked = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory(prefix="qosymsha-money-") as folder, database(Path(folder)) as here:
        # The domain reads Django's settings as it is imported: after the database has its address.
        from bench.money_city import founded  # noqa: PLC0415

        started = time.perf_counter()
        city = founded(asked.providers, asked.children)
        took = time.perf_counter() - started
        print(f"{city.providers:,} providers, {city.children:,} children; founded in {took:.0f} s", flush=True)
        _play(here, city, asked)


def _play(here: Here, city: Any, asked: argparse.Namespace) -> None:
    from bench.money_city import PAYER, checked, month_path, one_part, signed  # noqa: PLC0415 - as above

    print(f"    one part in this process: {one_part()}", flush=True)
    with serving(here.url) as ((_, port), _), working(here.url) as work:
        run = Run(city, port, work, PAYER)
        run.wait_for_worker()
        _deed(run, "claims", "/ru/office/claims/draw/?m=2026-03", {"whole": "1"}, asked.kill)
        _deed(run, "acts", "/ru/office/acts/draw/", {"whole": "1"})
        started = time.perf_counter()
        signed()
        print(f"    signed by two in {time.perf_counter() - started:.0f} s (here, not by pages)", flush=True)
        _deed(run, "file", "/ru/office/files/draw/", {"pay_on": "2026-12-01"})
        _deed(run, "month", month_path(), {})
        print(f"  {checked()}", flush=True)


def _deed(run: Run, name: str, path: str, said: dict[str, str], kill: float | None = None) -> None:
    shown = ", ".join(f"{_timed(lambda: run.get(path)) * 1000:.0f}" for _ in range(3))
    watch_memory(run, reset=True)
    with others(run) as waited:
        begun = time.perf_counter()
        status, page, where = run.send("POST", path, fields={**said, "key": str(uuid4())})
        print(f"{name}: page shown in {shown} ms; pressed, answered in {time.perf_counter() - begun:.2f} s", flush=True)
        if "errands" in where:
            watched(run, where, kill)
            print(
                f"    worker's peak {max(run.peaks.values(), default=0) / 1024:.0f} MB; {errand_of(where)}", flush=True
            )
        else:
            print(f"    {status} {where or words_of(page)[:300]}")
    told(waited)


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


@contextmanager
def others(run: Run) -> Iterator[dict[str, list[tuple[float, int]]]]:
    """A visitor, an official with a list, a family that gives a voucher back, four times a second each."""
    from bench.money_city import given_back  # noqa: PLC0415 - as above

    deeds: dict[str, Callable[[], int]] = {
        "a visitor's page": lambda: run.get("/ru/")[0],
        "an official's list": lambda: run.get("/ru/office/closing/")[0],
        "gave a voucher back": given_back,
    }
    waited: dict[str, list[tuple[float, int]]] = {name: [] for name in deeds}
    over = threading.Event()
    threads = [threading.Thread(target=_asking, args=(deeds[name], waited[name], over)) for name in deeds]
    with beside(threads, over):
        yield waited


def _asking(deed: Callable[[], int], waited: list[tuple[float, int]], over: threading.Event) -> None:
    from django.db import connection  # noqa: PLC0415 - as above

    while not over.wait(EVERY):
        begun = time.perf_counter()
        try:
            status = deed()
        except Exception as fault:  # noqa: BLE001 - what others meet is what is measured
            print(f"    met: {re.sub(chr(10), ' ', str(fault))[:200]}", flush=True)
            status = 0
        waited.append((time.perf_counter() - begun, status))
    connection.close()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    main()
