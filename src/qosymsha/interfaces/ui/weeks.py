"""A week's lessons in words: the names of days and how an hour of a weekday is written."""

from __future__ import annotations

from datetime import time
from typing import Protocol

from qosymsha.interfaces.ui import texts

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Weekly(Protocol):
    """A lesson that comes each week: ISO weekday, local times."""

    @property
    def weekday(self) -> int: ...  # noqa: D102
    @property
    def starts(self) -> time: ...  # noqa: D102
    @property
    def ends(self) -> time: ...  # noqa: D102


def hour(language: str, one: Weekly) -> str:
    """`вторник, 15:00–16:00`."""
    return f"{texts.say(language, f'day.{DAYS[one.weekday - 1]}')}, {one.starts:%H:%M}–{one.ends:%H:%M}"
