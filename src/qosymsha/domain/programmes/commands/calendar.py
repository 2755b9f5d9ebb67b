"""The working-day calendar: days that differ from Monday to Friday."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.programmes import steps
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.classifiers import CalendarDraft
from qosymsha.domain.programmes.models import CalendarDay
from qosymsha.domain.programmes.rules import ProgrammeRefusal
from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, Refused


@transaction.atomic(durable=True)
def set_calendar_days(
    *, actor: Actor, territory_id: int | None, days: Sequence[CalendarDraft], at: datetime, key: UUID
) -> int:
    """Write days over the calendar of a territory, or of the country (None: the operator's right); return how many.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: a day stands there twice, or without a source.
    """
    action = Action.SET_NATIONAL_CALENDAR if territory_id is None else Action.SET_CALENDAR
    require(actor, action, ALLOWED, territory_id=territory_id)
    body = [territory_id, [{**asdict(day), "day": day.day.isoformat()} for day in days]]
    seen = idempotency.repeat(actor=actor, verb="set_calendar_days", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    if len({day.day for day in days}) < len(days):
        raise BadInput("days", "name each day once")
    for day in days:
        steps.require_texts(source=day.source, name_kk=day.name_kk, name_ru=day.name_ru)
    CalendarDay.objects.bulk_create(
        [CalendarDay(territory_id=territory_id, **asdict(day)) for day in days],
        update_conflicts=True,
        unique_fields=["territory", "day"],
        update_fields=["is_working", "name_kk", "name_ru", "source"],
    )
    detail: dict[str, object] = {"days": [day.day.isoformat() for day in days]}
    steps.record(actor, at, action, "calendar_day", [], territory_id, detail)
    idempotency.keep(actor=actor, verb="set_calendar_days", key=key, outcome=len(days))
    return len(days)


@transaction.atomic(durable=True)
def forget_calendar_days(  # noqa: PLR0913 - whose, which, why, by whom, when, once
    *, actor: Actor, territory_id: int, days: Sequence[date], reason: str, at: datetime, key: UUID
) -> int:
    """Take days of a territory's own out of its calendar again: the country's hold there. Return how many.

    Raises:
        Forbidden: the actor may not, here.
        BadInput: no reason is given.
        Refused: `day_is_past` (what was decided by it stands), `not_the_citys_day`.
    """
    require(actor, Action.SET_CALENDAR, ALLOWED, territory_id=territory_id)
    wanted = sorted(set(days))
    body = [territory_id, [day.isoformat() for day in wanted], reason]
    seen = idempotency.repeat(actor=actor, verb="forget_calendar_days", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    steps.require_texts(reason=reason)
    if wanted and wanted[0] < local_day(at):
        raise Refused(ProgrammeRefusal.DAY_IS_PAST)
    found = CalendarDay.objects.filter(territory_id=territory_id, day__in=wanted)
    if found.count() != len(wanted):
        raise Refused(ProgrammeRefusal.NOT_THE_CITYS_DAY)
    found.delete()
    detail: dict[str, object] = {"days": body[1], "taken_out": True, "reason": reason}
    steps.record(actor, at, Action.SET_CALENDAR, "calendar_day", [], territory_id, detail)
    idempotency.keep(actor=actor, verb="forget_calendar_days", key=key, outcome=len(wanted))
    return len(wanted)
