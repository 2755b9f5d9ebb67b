"""Counting figures and keeping what was found. Each figure is counted outside the transaction that stores it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from time import perf_counter
from typing import Any
from uuid import UUID

from django.db import transaction

from qosymsha.domain.figures.access import ALLOWED, Action
from qosymsha.domain.figures.models import Figure, Measure, WaitingLine
from qosymsha.domain.figures.queries import categories, demand, lines, money, months
from qosymsha.kernel import audit, idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day

Count = Callable[[int, int, date], dict[str, Any]]
OPEN, MEASURES = "open", "measures"
COUNTS: Mapping[str, Count] = {
    "demand": demand.demand,
    "supply": demand.supply,
    "districts": demand.districts,
    "stays": demand.stays,
    "waiting": categories.waiting,
    "money": money.money,
    "spoken": months.spoken,
}


def count_figure(  # noqa: PLR0913 - which figure, for whom, when
    *, actor: Actor, programme_id: int, year: int, name: str, at: datetime, key: UUID
) -> None:
    """Count one of `COUNTS` for a programme's year, then store it over the one before; once for a key.

    Raises:
        Forbidden: the actor is neither operator nor the system.
    """
    require(actor, Action.COUNT_FIGURES, ALLOWED)
    began = perf_counter()
    content = COUNTS[name](programme_id, year, local_day(at))
    _keep_figure(
        actor=actor, programme_id=programme_id, year=year, name=name, content=content,
        seconds=perf_counter() - began, at=at, key=key,
    )  # fmt: skip


def count_open_figures(*, actor: Actor, year: int, at: datetime, key: UUID) -> None:
    """Count what everybody may see of the whole house in a year, then store it; once for a key.

    Raises:
        Forbidden: the actor is neither operator nor the system.
    """
    require(actor, Action.COUNT_FIGURES, ALLOWED)
    began = perf_counter()
    content = months.openness(year)
    _keep_figure(
        actor=actor, programme_id=None, year=None, name=OPEN, content=content, seconds=perf_counter() - began, at=at,
        key=key,
    )  # fmt: skip


@transaction.atomic(durable=True)
def _keep_figure(  # noqa: PLR0913 - a row's columns
    *,
    actor: Actor,
    programme_id: int | None,
    year: int | None,
    name: str,
    content: dict[str, Any],
    seconds: float,
    at: datetime,
    key: UUID,
) -> None:
    body = [programme_id, year, name]
    if idempotency.repeat(actor=actor, verb="count_figure", key=key, body=body, at=at) is not None:
        return
    named: dict[str, Any] = {"programme_id": programme_id, "year": year, "name": name}
    found = {"at": at, "seconds": seconds, "content": content}
    stored, _ = Figure.objects.update_or_create(**named, defaults=found)
    _record(actor, at, "figure", [stored.pk], {"name": name, "year": year})
    idempotency.keep(actor=actor, verb="count_figure", key=key, outcome=[stored.pk])


@transaction.atomic(durable=True)
def count_lines(*, actor: Actor, programme_id: int, at: datetime, key: UUID) -> int:
    """Count who waits for each group of a programme, and keep it; return how many groups have a line. Once for a key.

    Raises:
        Forbidden: the actor is neither operator nor the system.
    """
    require(actor, Action.COUNT_FIGURES, ALLOWED)
    body = [programme_id]
    done = idempotency.repeat(actor=actor, verb="count_lines", key=key, body=body, at=at)
    if done is not None:
        return int(done)
    today = local_day(at)
    found = lines.waiting_lines(programme_id, date(today.year - 1, today.month, 1))
    WaitingLine.objects.filter(group__programme_id=programme_id).exclude(pk__in=[row[0] for row in found]).delete()
    WaitingLine.objects.bulk_create(
        [WaitingLine(group_id=group, waiting=waiting, usual_days=days, at=at) for group, waiting, days in found],
        update_conflicts=True,
        unique_fields=["group"],
        update_fields=["waiting", "usual_days", "at"],
    )
    _record(actor, at, "waiting_line", [programme_id], {"groups": len(found)})
    idempotency.keep(actor=actor, verb="count_lines", key=key, outcome=len(found))
    return len(found)


def measure(*, actor: Actor, at: datetime, key: UUID) -> None:
    """Count lessons, words, stays of every group and provider over twelve months, then keep it; once for a key.

    Raises:
        Forbidden: the actor is neither operator nor the system.
    """
    require(actor, Action.COUNT_FIGURES, ALLOWED)
    began, until = perf_counter(), local_day(at)
    since = date(until.year - 1, until.month, 1)
    found = lines.measured(since, until)
    rows = [Measure(since=since, until=until, at=at, **row) for row in found]
    _keep_measures(actor=actor, rows=rows, seconds=perf_counter() - began, at=at, key=key)


@transaction.atomic(durable=True)
def _keep_measures(*, actor: Actor, rows: list[Measure], seconds: float, at: datetime, key: UUID) -> None:
    if idempotency.repeat(actor=actor, verb="measure", key=key, body=MEASURES, at=at) is not None:
        return
    Measure.objects.all().delete()
    Measure.objects.bulk_create(rows, batch_size=1000)
    named: dict[str, Any] = {"programme_id": None, "year": None, "name": MEASURES}
    content: dict[str, Any] = {"rows": [], "measures": len(rows)}
    Figure.objects.update_or_create(**named, defaults={"at": at, "seconds": seconds, "content": content})
    _record(actor, at, "measure", [], {"rows": len(rows)})
    idempotency.keep(actor=actor, verb="measure", key=key, outcome=len(rows))


def _record(actor: Actor, at: datetime, kind: str, ids: list[int], detail: dict[str, Any]) -> None:
    audit.record(actor=actor, at=at, action=Action.COUNT_FIGURES, subject_kind=kind, subject_ids=ids, detail=detail)
