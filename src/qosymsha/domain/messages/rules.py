"""When a notice may go, how often it is tried, when it is too late: pure. Source: docs/rules/messages.md R-1..R-9."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from qosymsha.domain.messages.states import OUTAGES, DeliveryState, Hitch
from qosymsha.kernel.clock import local_day, local_instant


@dataclass(frozen=True, slots=True)
class NoticeRules:
    """The dated rules of notices: local hours, minutes between tries, hours and days as the names say."""

    status: str
    source: str
    quiet_from_hour: int
    quiet_to_hour: int
    urgent_within_hours: int
    retry_minutes: tuple[int, ...]
    give_up_hours: int
    news_useful_hours: int
    inbox_days: int
    breaker_failures: int
    breaker_rest_minutes: int
    lease_minutes: int
    late_minutes: int
    sms_most_parts: int
    voucher_days_before: tuple[int, ...]
    accreditation_days_before: tuple[int, ...]
    kept_days: int


def rules_on(text: str, on: date) -> NoticeRules:
    """The rules of a day out of a dated list (JSON; the latest that has begun).

    Raises:
        ValueError: it is no such list, a value is missing or no whole number, or none has begun.
    """
    try:
        versions = sorted(json.loads(text), key=lambda one: date.fromisoformat(one["from"]))
        begun = [one for one in versions if date.fromisoformat(one["from"]) <= on]
        return _read(begun[-1])
    except (KeyError, TypeError, IndexError, AttributeError) as fault:
        raise ValueError(f"notice rules: {fault!r}") from fault


def _read(version: Mapping[str, Any]) -> NoticeRules:
    values: dict[str, Any] = {}
    for one in fields(NoticeRules):
        given = version[one.name]
        is_text = one.name in ("status", "source")
        numbers = given if isinstance(given, list) else [given]
        if is_text != isinstance(given, str) or not (is_text or numbers and all(type(n) is int for n in numbers)):
            raise ValueError(f"notice rules: {one.name}")
        values[one.name] = tuple(given) if isinstance(given, list) else given
    rules = NoticeRules(**values)
    if not (0 <= rules.quiet_from_hour <= 24 and 0 <= rules.quiet_to_hour <= 24 and rules.retry_minutes):
        raise ValueError("notice rules: hours of the day")
    return rules


def after_quiet(at: datetime, rules: NoticeRules) -> datetime:
    """The first instant from `at` on at which people may be called upon by SMS."""
    day = local_day(at)
    begins, ends = (local_instant(day, hour % 24) for hour in (rules.quiet_from_hour, rules.quiet_to_hour))
    if rules.quiet_from_hour > rules.quiet_to_hour:  # over midnight
        if at < ends:
            return ends
        return ends + timedelta(days=1) if at >= begins else at
    return ends if begins <= at < ends else at


def is_pressing(at: datetime, due_at: datetime | None, *, is_urgent: bool, rules: NoticeRules) -> bool:
    """True for what cannot wait for the morning: an urgent matter whose time runs out within the rule's hours."""
    return is_urgent and due_at is not None and due_at <= at + timedelta(hours=rules.urgent_within_hours)


def is_too_late(at: datetime, told_at: datetime, due_at: datetime | None, rules: NoticeRules) -> Hitch | None:
    """Why news is not sent out any more, or None: its day has passed, or it is too old to be called for."""
    if due_at is not None and due_at <= at:
        return Hitch.DAY_PASSED
    return Hitch.TOO_OLD if told_at < at - timedelta(hours=rules.news_useful_hours) else None


@dataclass(frozen=True, slots=True)
class Step:
    """Where a delivery goes after a try; `next_try_at` only while it waits."""

    state: DeliveryState
    next_try_at: datetime | None = None


def after_hitch(  # noqa: PLR0913 - what happened, when, how often, until when, by which rules
    hitch: Hitch,
    *,
    at: datetime,
    attempts: int,
    give_up_at: datetime,
    due_at: datetime | None,
    rules: NoticeRules,
    asked_seconds: int | None = None,
) -> Step:
    """What follows a try that did not go: for good, given up, overtaken, or when it is tried next.

    `attempts` counts the one that just failed. A gateway that asks for patience gets it, but never past our own end.
    """
    if hitch not in OUTAGES:
        return Step(DeliveryState.FAILED)
    waits = timedelta(minutes=rules.retry_minutes[min(max(attempts, 1), len(rules.retry_minutes)) - 1])
    nearest = at + max(waits, timedelta(seconds=min(asked_seconds or 0, 24 * 3600)))
    if due_at is not None and due_at <= at:
        return Step(DeliveryState.STALE)
    if at >= give_up_at:
        return Step(DeliveryState.GIVEN_UP)
    return Step(DeliveryState.WAITING, min(nearest, give_up_at))


def last_day(due_at: datetime) -> date:
    """The last day on which something can still be done, of a deadline that ends with a day."""
    return local_day(due_at - timedelta(microseconds=1))


def days_before(today: date, days: Sequence[int]) -> list[date]:
    """The last days about which a reminder is due today."""
    return [today + timedelta(days=one) for one in days]
