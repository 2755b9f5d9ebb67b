"""A page server killed at any of its processes comes back whole; a killed supervisor leaves nothing on the port."""

from __future__ import annotations

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from qosymsha.interfaces.cli.serve import free_port
from qosymsha.interfaces.ui import build
from qosymsha.runtime.processes import group_members, is_running, send
from tests.queue import child, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]
BUILD = "the build under test"
SERVE = """
import os, sys, django; django.setup()
from qosymsha.interfaces.cli.serve import page_server
from qosymsha.runtime.supervisor import Restarts, run
server = page_server("127.0.0.1", int(sys.argv[1]), 1, os.environ["DATABASE_URL"])
sys.exit(run([server], grace_seconds=2, restarts=Restarts(settled_seconds=0)))
"""


class Served:
    """A supervisor with its page server."""

    def __init__(self) -> None:
        self.port = free_port("127.0.0.1", 0)
        self.process = child(SERVE, self.port)

    def said(self, path: str = "/en/rounds/", method: str = "GET") -> tuple[int, str]:
        """Status and build of an answer; 0 where nobody answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, answer.headers.get(build.HEADER, "")
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers.get(build.HEADER, "")
        except OSError:
            return 0, ""

    def parents(self) -> list[int]:
        """The page server's parent, while there is one."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                is_own = int(fields[1]) == self.process.pid and fields[0] not in "ZX"
                if is_own and b"granian" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def is_whole(self) -> bool:
        """A parent with its worker, and it answers."""
        parents = self.parents()
        return len(parents) == 1 and len(group_members(parents[0])) >= 2 and self.said()[0] == 200


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("QOSYMSHA_BUILD", BUILD)
    one = Served()
    yield one
    groups = one.parents()
    one.process.kill()
    one.process.wait()
    send([pid for group in groups for pid in group_members(group)], signal.SIGKILL)


def test_worker_parent_and_supervisor_killed_in_turn(served: Served) -> None:
    until(served.is_whole, 120)
    for path in ("/", "/en/rounds/", "/en/none/", "/static/ui/qosymsha.css", "/en/family/"):
        assert served.said(path)[1] == BUILD, path
    assert served.said("/en/rounds/", "POST") == (403, BUILD)

    (parent,) = served.parents()
    worker = max(group_members(parent))
    os.kill(worker, signal.SIGKILL)
    until(lambda: not is_running(worker) and served.is_whole(), 120)

    (parent,) = served.parents()
    before = group_members(parent)
    os.kill(parent, signal.SIGKILL)
    until(lambda: parent not in served.parents() and served.is_whole(), 120)
    assert not any(is_running(pid) for pid in before), "the old ones do not answer beside the new ones"

    (parent,) = served.parents()
    os.kill(served.process.pid, signal.SIGKILL)
    until(lambda: not group_members(parent), 60)
    assert served.said() == (0, "")
    assert free_port("127.0.0.1", served.port) == served.port
