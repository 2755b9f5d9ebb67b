"""How the family's pages write days, hours and groups."""

from __future__ import annotations

from datetime import date, datetime

from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.weeks import DAYS
from qosymsha.kernel.clock import ZONE


def hours(starts_at: datetime, ends_at: datetime) -> str:
    """From when to when, in Astana's time."""
    return f"{clock(starts_at)}–{clock(ends_at)}"


def clock(at: datetime | None) -> str:
    """HH:MM in Astana's time; nothing for no instant."""
    return f"{at.astimezone(ZONE):%H:%M}" if at else ""


def week_day(language: str, on: date) -> str:
    """The day of the week and the date, as `вторник, 01.09`."""
    return f"{texts.say(language, f'day.{DAYS[on.weekday()]}')}, {on:%d.%m}"


def in_words(language: str, row: object, field: str) -> str:
    """A column in the page's language, else in Russian, else in Kazakh."""
    found = (str(getattr(row, f"{field}_{code}", "")) for code in (language, "ru", "kk"))
    return next((text for text in found if text), "")
