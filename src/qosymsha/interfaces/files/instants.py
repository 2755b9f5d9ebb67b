"""From a cell's text to an instant: local time of Astana unless it carries an offset."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from qosymsha.interfaces.files.faults import CellError
from qosymsha.kernel.clock import ZONE

_CLOCK = re.compile(r"([0-9]{1,2})[:.]([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?\Z")
_LOCAL = re.compile(r"([0-9]{1,2})[./]([0-9]{1,2})[./]([0-9]{4})[ T,]+(.+)\Z")
_EPOCH = re.compile(r"[0-9]{10}\Z")


def instant(text: str, day: date | None = None) -> datetime:
    """`2026-09-03 15:04:05`, `03.09.2026 15:04`, ISO with an offset or Z; a bare `15:04` needs the row's `day`.

    Raises:
        CellError: no instant.
    """
    clock = _CLOCK.match(text)
    if clock and day is not None:
        return _made(day, clock)
    if not text.isascii():  # Python would take any letter between day and time
        raise _fault()
    if _EPOCH.match(text):
        return datetime.fromtimestamp(int(text), UTC)
    local = _LOCAL.match(text)
    try:
        if local and (clock := _CLOCK.match(local[4])):
            return _made(date(int(local[3]), int(local[2]), int(local[1])), clock)
        found = datetime.fromisoformat(text)
        (found if found.tzinfo else found.replace(tzinfo=ZONE)).astimezone(UTC)  # how a row holds it
    except (ValueError, OverflowError):
        raise _fault() from None
    if len(text) < len("2026-09-03T1"):
        raise _fault()
    return found if found.tzinfo else found.replace(tzinfo=ZONE)


def _made(day: date, clock: re.Match[str]) -> datetime:
    try:
        seconds = timedelta(hours=int(clock[1]), minutes=int(clock[2]), seconds=int(clock[3] or 0))
        if seconds > timedelta(hours=24) or int(clock[2]) > 59:
            raise ValueError
        return datetime(day.year, day.month, day.day, tzinfo=ZONE) + seconds
    except (ValueError, OverflowError):
        raise _fault() from None


def _fault() -> CellError:
    return CellError("instant_unreadable", "write the instant as 2026-09-03 15:04:05, or 15:04 for the row's own day")
