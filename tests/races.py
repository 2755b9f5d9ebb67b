"""Two (or more) threads at once, each with its own database connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection


def at_once(*acts: Callable[[threading.Barrier], Any]) -> list[Any]:
    """Run the acts in threads; each gets a barrier to meet at. Returns each one's answer, or its exception."""
    barrier, answers = threading.Barrier(len(acts), timeout=20), [None] * len(acts)

    def run(place: int, act: Callable[[threading.Barrier], Any]) -> None:
        try:
            connection.ensure_connection()  # before they meet: opening one takes longer than the gap they race in
            answers[place] = act(barrier)
        except Exception as exception:  # noqa: BLE001 - handed to the test, which judges it
            answers[place] = exception
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads), "one still waits: what it heard is not known"
    return answers


def slowly(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, seconds: float = 0.4) -> None:
    """Let the others in between what this function finds and what is made of it."""
    right = getattr(module, name)

    def slow(*args: Any, **kwargs: Any) -> Any:
        found = right(*args, **kwargs)
        time.sleep(seconds)
        return found

    monkeypatch.setattr(module, name, slow)


def meeting(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, seconds: float = 30) -> None:
    """For controls: both have found what this function finds before either goes on, however slow the machine is.

    The last thing that both find before they write, or they meet in vain; and after the preparation, which is alone.
    """
    right, barrier = getattr(module, name), threading.Barrier(2)

    def met(*args: Any, **kwargs: Any) -> Any:
        found = right(*args, **kwargs)
        barrier.wait(seconds)
        return found

    monkeypatch.setattr(module, name, met)


@contextmanager
def patient() -> Iterator[None]:
    """Let connections opened meanwhile wait a minute for a lock, not three seconds: a slow machine is no finding."""
    given: dict[str, Any] = dict(connection.settings_dict)["OPTIONS"]
    longer = str(given["options"]).replace("lock_timeout=3s", "lock_timeout=60s")
    assert longer != given["options"]
    connection.close()
    with patch.dict(given, {"options": longer}):
        yield
    connection.close()
