"""A large round's steps as officers ask for them: by the page, done by `qosymsha work`, watched on the errand's page.

    python -m bench.errands --applications 500000             close, draw, allocate, publish
    python -m bench.errands --applications 200000 --kill 0.5  the worker is killed halfway through close and allocate

For each step: seconds, the worker's peak memory, what the page said every five seconds, and how long families waited
meanwhile who filed in another round, took a place in the same programme, or gave a voucher back. While it runs the same
step is asked for again by the same officer and by another: one errand. The minutes after the run are watched too:
duties that find half a million rows at once (promises, audit, notices) must not hang.
"""

from __future__ import annotations

import argparse
import html
import http.client
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from bench.machine import print_machine
from bench.rush_served import Here, database, serving

EVERY = 5.0
AFTERMATH = 240


def main() -> None:
    """Print what each step took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--applications", type=int, default=100_000)
    parser.add_argument("--kill", type=float, help="kill the worker at this share of close's and allocate's rows")
    parser.add_argument("--aftermath", type=float, default=AFTERMATH, help="seconds to watch after the last step")
    parser.add_argument("--keep", action="store_true", help="wait for Enter before the city is dropped")
    asked = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory(prefix="qosymsha-errands-") as folder, database(Path(folder)) as here:
        os.environ["QOSYMSHA_PUBLISHED"] = f"{folder}/published"
        # The domain reads Django's settings as it is imported: after the database has its address.
        from bench.errands_city import founded  # noqa: PLC0415
        from bench.rush_city import migrate  # noqa: PLC0415

        migrate()
        started = time.perf_counter()
        city = founded(asked.applications)
        print(f"{asked.applications:,} applications; founded in {time.perf_counter() - started:.0f} s", flush=True)
        _play(here, city, asked)
        if asked.keep:
            input("Enter drops the city: ")


def _play(here: Here, city: Any, asked: argparse.Namespace) -> None:
    with serving(here.url) as ((_, port), _), working(here.url) as work:
        run = Run(city, port, work)
        run.wait_for_worker()
        for step in ("close", "draw", "allocate", "publish"):
            kill = asked.kill if step in ("close", "allocate") else None
            with families(run) as waited:
                _step(run, step, kill)
            told(waited)
            _judged(run, step)
        _pages(run)
        with families(run) as waited:
            _aftermath(run, asked.aftermath)
        told(waited)


@dataclass(slots=True)
class Run:
    """The city, the pages' port, the pid of `qosymsha work`, whose pages they are (None: the city's first officer's).

    `met`, `peaks`: what was seen of the worker that it keeps up.
    """

    city: Any
    port: int
    work: int
    officer: int | None = None
    met: Counter[str] = field(default_factory=Counter)
    peaks: dict[int, int] = field(default_factory=dict)

    def get(self, path: str, officer: int | None = None) -> tuple[int, str, str]:
        """Status, body, location of a page asked for."""
        return self.send("GET", path, officer)

    def send(
        self,
        method: str,
        path: str,
        officer: int | None = None,
        fields: Mapping[str, str] | None = None,
        visit: str = "",
    ) -> tuple[int, str, str]:
        """Status, body, location of what an officer or the cookie's owner sends."""
        from bench.errands_city import OFFICERS, strong  # noqa: PLC0415 - as above
        from bench.rush_city import CSRF  # noqa: PLC0415

        visit = visit or strong(officer or self.officer or OFFICERS[0])
        headers = {"Cookie": f"visit={visit}; csrf={CSRF}", "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({**(fields or {}), "csrfmiddlewaretoken": CSRF}) if method == "POST" else None
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        link.request(method, path, body, headers)
        answer = link.getresponse()
        text = answer.read().decode()
        link.close()
        return answer.status, text, answer.getheader("Location") or ""

    def worker(self) -> int | None:
        """The pid of the job worker now."""
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
                parent = (
                    int((entry / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[1]) if words else 0
                )
            except OSError:
                continue
            if b"qosymsha.interfaces.jobs.worker" in words and parent == self.work:
                return int(entry.name)
        return None

    def wait_for_worker(self) -> None:
        """Until one has shown a sign of life."""
        from qosymsha.domain.errands.queries import has_worker  # noqa: PLC0415 - as above

        while not has_worker():
            time.sleep(0.5)


@contextmanager
def working(url: str) -> Iterator[int]:
    """`qosymsha work` on the database; its pid."""
    env = os.environ | {"DATABASE_URL": url, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    process = subprocess.Popen([sys.executable, "-m", "qosymsha", "work"], env=env)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def beside(threads: Sequence[threading.Thread], over: threading.Event) -> Iterator[None]:
    """Others who ask meanwhile, until `over`."""
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


@contextmanager
def families(run: Run) -> Iterator[dict[str, list[tuple[float, int]]]]:
    """Families that file in the other round, take a place, or give a voucher back, one of each a second."""
    waited: dict[str, list[tuple[float, int]]] = {"filed elsewhere": [], "took a place": [], "gave a voucher back": []}
    over = threading.Event()
    threads = [threading.Thread(target=_family, args=(run, what, waited[what], over)) for what in waited]
    with beside(threads, over):
        yield waited


def _family(run: Run, what: str, waited: list[tuple[float, int]], over: threading.Event) -> None:
    rush = run.city.rush
    while not over.wait(1.0):
        key = uuid4()
        if what == "filed elsewhere":
            family = rush.applicants[run.met[what]]
            path, fields = rush.application(family, key)
            path = path.replace(str(rush.round), str(run.city.elsewhere))
        else:
            gives_back = what == "gave a voucher back"
            family = rush.holders[2 * run.met[what] + gives_back]
            path, fields = rush.place(family, key, rush.groups[run.met[what] % len(rush.groups)])
            if gives_back:
                path, fields = f"/ru/family/vouchers/{family.voucher}/refuse/", {"key": str(key)}
        run.met[what] += 1
        begun = time.perf_counter()
        try:
            status, _, _ = run.send("POST", path, fields=fields, visit=family.session)
        except OSError:
            status = 0
        waited.append((time.perf_counter() - begun, status))


def told(waited: Mapping[str, list[tuple[float, int]]]) -> None:
    """Print how long others waited, by what they asked for: (seconds, status) each."""
    for what, seen in waited.items():
        if seen:
            seconds = sorted(one for one, _ in seen)
            statuses = {status: sum(found == status for _, found in seen) for status in {s for _, s in seen}}
            times = f"median {statistics.median(seconds) * 1000:.0f} ms, longest {seconds[-1] * 1000:.0f} ms"
            print(f"    {what}: {len(seen)} times, {times}, {statuses}")
    sys.stdout.flush()


def _step(run: Run, step: str, kill: float | None) -> None:
    from bench.errands_city import OFFICERS, window_ends  # noqa: PLC0415 - as above

    if step == "close":
        window_ends()
    path = f"/ru/office/rounds/{run.city.round}/{step}/"
    begun = time.perf_counter()
    watch_memory(run, reset=True)
    address = _asked_draw(run) if step == "draw" else _asked(run, path, OFFICERS[0])
    asked_in = time.perf_counter() - begun
    print(f"{step}: asked in {asked_in:.2f} s -> {address}", flush=True)
    if "errands" not in address:
        return
    if step != "draw":
        again = [_asked(run, path, officer) for officer in OFFICERS]
        print(f"    asked twice more: {'one errand' if set(again) == {address} else again}")
    watched(run, address, kill)
    print(f"    worker's peak {max(run.peaks.values(), default=0) / 1024:.0f} MB; {errand_of(address)}", flush=True)


def _asked(run: Run, path: str, officer: int) -> str:
    status, shown, where = run.send("POST", path, officer, {"looked": "on", "key": str(uuid4())})
    return where or f"{status}: {words_of(shown)[:300]}"


def _asked_draw(run: Run) -> str:
    """A typed beacon needs two officers at two pages; the errand is what their pages ask for."""
    from bench.errands_city import BEACON, OFFICERS, SECRETS  # noqa: PLC0415 - as above
    from qosymsha.domain.admission.access import ALLOWED, Action  # noqa: PLC0415
    from qosymsha.domain.errands import commands  # noqa: PLC0415
    from qosymsha.domain.errands.rules import About, Wanted  # noqa: PLC0415
    from qosymsha.domain.people import queries as people  # noqa: PLC0415
    from qosymsha.kernel import clock  # noqa: PLC0415

    at = clock.read()
    secrets = {party: secret.hex() for party, secret in SECRETS.items()}
    body = {"value": BEACON.hex(), "secrets": secrets, "second": OFFICERS[1]}
    about = About("round", 1, run.city.round, "R-000001-X", 1)
    actor = people.actor_for(OFFICERS[0], at)
    uuid = commands.ask(actor=actor, wanted=Wanted(Action.DRAW, ALLOWED, about, body), at=at, key=uuid4())
    return f"/ru/office/errands/{uuid}/"


def watched(run: Run, address: str, kill: float | None) -> None:
    """Print what the errand's page says until it ends; kill the worker at this share of its rows."""
    said, last = "", 0.0
    begun = time.perf_counter()
    while True:
        watch_memory(run)
        status, shown, _ = run.get(address)
        now = time.perf_counter() - begun
        is_open = 'data-open="1"' in shown
        if not is_open or now - last >= EVERY or not said:
            said, last = _state(shown) if status == 200 else f"{status}", now
            print(f"    {now:6.1f} s  {said}", flush=True)
        if not is_open:
            return
        if kill is not None and _share(shown) >= kill and (pid := run.worker()):
            os.kill(pid, signal.SIGKILL)
            print(f"    {now:6.1f} s  the worker is killed at {_share(shown):.0%}", flush=True)
            kill = None
        time.sleep(0.5)


def words_of(shown: str) -> str:
    """A page's words."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", shown.partition("<main")[2] or shown, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def _state(shown: str) -> str:
    part = re.search(r'<div id="errand".*?</section>', shown, re.DOTALL)
    return words_of(part.group()) if part else words_of(shown)[:200]


def _share(shown: str) -> float:
    found = re.search(r'<progress max="(\d+)" value="(\d+)"', shown)
    return int(found.group(2)) / int(found.group(1)) if found else 0.0


def watch_memory(run: Run, *, reset: bool = False) -> None:
    """Note the worker's peak (kB), since it was asked to begin anew."""
    pid = run.worker()
    if pid is None:
        return
    if reset:
        run.peaks = {}
        Path(f"/proc/{pid}/clear_refs").write_text("5", "ascii")
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    found = re.search(r"VmHWM:\s+(\d+)", status)
    run.peaks[pid] = int(found.group(1)) if found else 0


def errand_of(address: str) -> str:
    """How the errand of this page ended, in how long."""
    from django.db import connection  # noqa: PLC0415 - as above

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state, tries, extract(epoch FROM ended_at - begun_at), extract(epoch FROM begun_at - asked_at)"
            " FROM errand WHERE uuid = %s", [address.rstrip("/").rpartition("/")[2]],
        )  # fmt: skip
        state, tries, took, waited = cursor.fetchone()
    return f"{state} at try {tries}, {took:.1f} s of work, began {waited:.1f} s after it was asked for"


_JUDGED = {
    "close": "SELECT count(*), count(DISTINCT application_id) FROM frozen_line WHERE round_id = 1",
    "allocate": "SELECT count(*), count(DISTINCT child_id) FROM voucher WHERE id > 40000000 AND state = 'issued'",
}


def _judged(run: Run, step: str) -> None:
    """Nothing twice, whatever happened to the worker."""
    from django.db import connection  # noqa: PLC0415 - as above

    if step in _JUDGED:
        with connection.cursor() as cursor:
            cursor.execute(_JUDGED[step])
            print(f"    rows and those that differ: {cursor.fetchone()}", flush=True)


def _pages(run: Run) -> None:
    """The round's pages with all its rows: first and second look."""
    for path in (f"/ru/office/rounds/{run.city.round}/", f"/ru/rounds/{run.city.round}/", "/ru/office/"):
        took = []
        for _ in range(3):
            begun = time.perf_counter()
            status, _, _ = run.get(path)
            took.append(time.perf_counter() - begun)
        print(f"  {path}: {status}, {', '.join(f'{one * 1000:.0f} ms' for one in took)}", flush=True)


def _aftermath(run: Run, seconds: float) -> None:
    """Each minute's duties find the round's rows: which are slow, whether the worker lives through it."""
    from django.db import connection  # noqa: PLC0415 - as above

    first, until, died = run.worker(), time.monotonic() + seconds, 0
    watch_memory(run, reset=True)
    longest: dict[str, float] = {}
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT j.task_name, extract(epoch FROM now() - max(e.at)) FROM procrastinate_jobs j"
                " JOIN procrastinate_events e ON e.job_id = j.id AND e.type = 'started' WHERE j.status = 'doing'"
                " GROUP BY 1"
            )
            for name, age in cursor.fetchall():
                longest[name] = max(longest.get(name, 0.0), float(age))
        watch_memory(run)
        if run.worker() not in (first, None):
            first, died = run.worker(), died + 1
        time.sleep(1)
    slow = {name: f"{age:.0f} s" for name, age in sorted(longest.items(), key=lambda one: -one[1])[:8]}
    print(f"after it, {seconds:.0f} s: worker ended {died} times, peak {max(run.peaks.values()) / 1024:.0f} MB, {slow}")


if __name__ == "__main__":
    main()
