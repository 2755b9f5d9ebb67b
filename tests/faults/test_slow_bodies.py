"""T23: five hundred slow connections and bodies of ten megabytes leave the others their pace and the server its memory.

By night (`WALL=whole`); the control is a server whose threads read what they are sent, at whatever pace it comes.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from qosymsha.interfaces.cli.serve import free_port
from qosymsha.runtime.processes import group_members
from tests.interfaces.test_serve_kills import Served, served
from tests.queue import until

__all__ = ["served"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.fault,
    pytest.mark.skipif(os.environ.get("WALL") != "whole", reason="by night: make night"),
]
SLOW, BIG, CLIENTS, SECONDS = 500, 2, 4, 10.0
LEAST, MOST_MB = 0.8, 400
BODY = b"x" * 10_000_000


class Pace:
    """How many answers the honest clients got within the time."""

    def __init__(self, port: int) -> None:
        self.port, self.good, self.over = port, 0, time.monotonic() + SECONDS
        clients = [threading.Thread(target=self._client) for _ in range(CLIENTS)]
        for one in clients:
            one.start()
        for one in clients:
            one.join()

    def _client(self) -> None:
        while time.monotonic() < self.over:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
            try:
                connection.request("GET", "/en/rounds/")
                answer = connection.getresponse()
                answer.read()
                self.good += answer.status == 200 and time.monotonic() < self.over
            except OSError:
                pass
            finally:
                connection.close()


@contextmanager
def attacked(port: int) -> Iterator[None]:
    """Connections that drip their heads and bodies, and whole bodies far beyond what is read."""
    over = threading.Event()
    slow = [_begun(port, n) for n in range(SLOW)]
    hands = [threading.Thread(target=_drip, args=(slow, over))]
    hands += [threading.Thread(target=_big, args=(port, over)) for _ in range(BIG)]
    for hand in hands:
        hand.start()
    try:
        yield
    finally:
        over.set()
        for hand in hands:
            hand.join()
        for one in slow:
            one.close()


def _begun(port: int, n: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), 15)
    head = b"POST /en/sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    made.sendall(head if n % 2 else head + b"Content-Length: 100000\r\n\r\na=")
    made.setblocking(False)
    return made


def _drip(slow: list[socket.socket], over: threading.Event) -> None:
    while not over.wait(1):
        for n, one in enumerate(slow):
            with suppress(OSError):  # thrown out: the better
                one.send(b"X-A: b\r\n" if n % 2 else b"x")


def _big(port: int, over: threading.Event) -> None:
    while not over.wait(0.2):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        try:
            connection.request("POST", "/en/sign-in/demo/", BODY, {"Content-Type": "application/x-www-form-urlencoded"})
            assert connection.getresponse().status >= 400
        except OSError:
            pass
        finally:
            connection.close()


def megabytes(pids: list[int]) -> int:
    """The memory that these processes hold."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            total += int(line.split()[1]) // 1024 if line.startswith("VmRSS") else 0
    return total


def test_slow_connections_and_big_bodies_leave_the_others_their_pace(served: Served) -> None:
    until(served.is_whole, 120)
    Pace(served.port)  # warm
    quiet = Pace(served.port).good
    (parent,) = served.parents()
    before = megabytes(group_members(parent))
    with attacked(served.port):
        found = Pace(served.port).good
        grown = megabytes(group_members(parent)) - before
    assert quiet > 50, "or the pace says nothing"
    assert found >= LEAST * quiet, (found, quiet)
    assert grown <= MOST_MB


_READS = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def serve(one):
    with one:
        head, body = b"", b""
        while b"\\r\\n\\r\\n" not in head:
            part = one.recv(65536)
            if not part: return
            head += part
        head, _, body = head.partition(b"\\r\\n\\r\\n")
        for line in head.split(b"\\r\\n"):
            if line.lower().startswith(b"content-length:"):
                left = int(line.split(b":")[1]) - len(body)
                while left > 0:
                    part = one.recv(65536)
                    if not part: return
                    left -= len(part)
        one.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
with ThreadPoolExecutor(16) as threads:
    while True:
        threads.submit(serve, server.accept()[0])
"""


def test_control_a_server_whose_threads_read_bodies_is_held_up() -> None:
    port = free_port("127.0.0.1", 0)
    process = subprocess.Popen([sys.executable, "-c", _READS, str(port)])
    try:
        until(lambda: _answers(port), 30)
        quiet = Pace(port).good
        with attacked(port):
            assert Pace(port).good < LEAST * quiet
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
