"""Time comes from the database, once per request; one place converts to the law's zone (UTC+5 since 1 March 2024).

The demo plays a year in minutes: its shift is one row of `clock_shift`, refused in production here and by `doctor`.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

ZONE = ZoneInfo("Asia/Almaty")
NOW = "clock_timestamp() + coalesce((SELECT by_interval FROM clock_shift), interval '0')"


def read() -> datetime:
    """Return the database's present instant, aware, plus the demo's shift where one is set."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {NOW}")
        (instant,) = cursor.fetchone()
    assert isinstance(instant, datetime)
    return instant


def shift_to(instant: datetime) -> None:
    """Make `read()` go on from `instant`. Only in the demo mode: everything dated would be false otherwise."""
    assert settings.DEMO, "the shifted clock is refused in production"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO clock_shift (id, by_interval) VALUES (1, %s - clock_timestamp())"
            " ON CONFLICT (id) DO UPDATE SET by_interval = excluded.by_interval",
            [instant],
        )


def local_day(instant: datetime) -> date:
    """The calendar day of an instant in Asia/Almaty."""
    return instant.astimezone(ZONE).date()


def local_instant(day: date, hour: int = 0, minute: int = 0) -> datetime:
    """The instant at which a local day reaches hour:minute."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)


def month_of(day: date) -> date:
    """The first day of the day's month: the house's key for months."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
