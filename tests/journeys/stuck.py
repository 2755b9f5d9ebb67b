"""A browser that never answers: Playwright opens pages and ends browsers without a timeout, and Chromium once hung.

It is killed then, and the journey is played once more with a fresh one (`tests/conftest.py`); the closing lines say so.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error

from tests.browser import STUCK

PATIENCE = 60.0  # seconds; a page is opened within one


class Stuck(AssertionError):
    """The browser did not answer and was killed."""


@contextmanager
def watched() -> Iterator[None]:
    """Kill this process's browser when what is inside takes longer than `PATIENCE`.

    Raises:
        Stuck: it did.
    """
    is_over = threading.Event()

    def end() -> None:
        is_over.set()
        end_browsers()

    timer = threading.Timer(PATIENCE, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Error as fault:
        if is_over.is_set():
            raise Stuck(f"{STUCK}: no answer within {PATIENCE:g} s") from fault
        raise
    finally:
        timer.cancel()


def end_browsers() -> None:
    """`kill -9` the browsers that this process's Playwright has started, with all they started."""
    for group in browsers():
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue


def browsers() -> list[int]:
    """The browsers that this process's Playwright has started; each leads a process group of its own."""
    drivers = [pid for pid in _children(os.getpid()) if b"run-driver" in _command(pid)]
    return [pid for driver in drivers for pid in _children(driver) if os.getpgid(pid) == pid]


def install() -> None:
    """Watch whatever opens something in a browser or ends it."""
    for owner, name in (
        (Browser, "new_context"), (Browser, "new_page"), (Browser, "close"), (BrowserContext, "new_page"),
        (BrowserContext, "close"),
    ):  # fmt: skip
        setattr(owner, name, _watching(getattr(owner, name)))


def _watching(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def in_time(*args: Any, **kwargs: Any) -> Any:
        with watched():
            return call(*args, **kwargs)

    return in_time


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] not in "ZX":
            found.append(int(entry.name))
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
