"""What pages ask: figures as they were counted last, limited to the kinds of the actor's departments."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from qosymsha.domain.figures.access import ALLOWED, Action, departments_of
from qosymsha.domain.figures.models import Figure, Measure, WaitingLine
from qosymsha.domain.figures.rules.ratings import Measured, Rating, rate
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Forbidden

OPEN = "open"


@dataclass(frozen=True, slots=True)
class Scope:
    """What an official may look at: a programme, its kinds that are the official's departments', years with figures."""

    programme: ProgrammeFacts
    kinds: tuple[str, ...]
    years: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """A figure and the instant it is of; `rows` are of the scope's kinds alone, `extra` whatever else it holds."""

    at: datetime
    rows: tuple[dict[str, Any], ...]
    extra: dict[str, Any]


class Counted(NamedTuple):
    """When a figure was counted and what that took."""

    programme_id: int | None
    year: int | None
    name: str
    at: datetime
    seconds: float


_OWN_KINDS = (
    "SELECT DISTINCT kind FROM budget_line WHERE programme_id = %s AND (%s OR department_id = ANY (%s)) ORDER BY 1"
)


def scopes(actor: Actor) -> list[Scope]:
    """The programmes an official may look at, by id; one without a kind of theirs is left out.

    Raises:
        Forbidden: none of the actor's roles looks at figures.
    """
    if not actor.holds(ALLOWED[Action.READ_FIGURES]):
        raise Forbidden(Action.READ_FIGURES)
    found = []
    for one in programmes.programmes():
        departments = departments_of(actor, one.territory_id)
        with connection.cursor() as cursor:
            cursor.execute(_OWN_KINDS, [one.id, departments is None, list(departments or [])])
            kinds = tuple(kind for (kind,) in cursor.fetchall())
        if kinds:
            years = Figure.objects.filter(programme_id=one.id).values_list("year", flat=True).distinct()
            found.append(Scope(one, kinds, tuple(sorted((y for y in years if y is not None), reverse=True))))
    return found


def figures(scope: Scope, year: int) -> dict[str, Stored]:
    """Every figure of the programme's year, by name; rows that tell of a kind outside the scope are left out."""
    found = Figure.objects.filter(programme_id=scope.programme.id, year=year)
    return {one.name: _stored(one, scope.kinds) for one in found}


def _stored(one: Figure, kinds: Collection[str]) -> Stored:
    extra = {name: part for name, part in one.content.items() if name != "rows"}
    if "stays" in extra:
        extra["stays"] = [row for row in extra["stays"] if _within(row, kinds)]
    return Stored(one.at, tuple(row for row in one.content["rows"] if _within(row, kinds)), extra)


def _within(row: dict[str, Any], kinds: Collection[str]) -> bool:
    """A merged cell is shown only to who may see every kind in it."""
    return all(kind in kinds for kind in row.get("kinds", [row.get("kind")]))


def open_figures() -> tuple[datetime, dict[str, Any]] | None:
    """What everybody may see, and the instant it is of; None before the first night."""
    found = Figure.objects.filter(programme=None, name=OPEN).first()
    return (found.at, found.content) if found else None


def counted() -> list[Counted]:
    """When each figure was counted, the earliest first: for the job that counts them, and for the operator."""
    rows = Figure.objects.order_by("at", "id").values_list("programme_id", "year", "name", "at", "seconds")
    return [Counted(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Line:
    """A group's waiting line as it was counted last; `usual_days` None: too few were offered a place to say."""

    waiting: int
    usual_days: int | None
    at: datetime


def lines(group_ids: Sequence[int]) -> dict[int, Line]:
    """Group → its waiting line; a group nobody waits for, or was offered a place in, has none."""
    found = WaitingLine.objects.filter(pk__in=list(group_ids)) if group_ids else []
    return {one.pk: Line(one.waiting, one.usual_days, one.at) for one in found}


@dataclass(frozen=True, slots=True)
class VoucherLine:
    """Who waits for a voucher of a kind; `usual_days`: the middle of those who waited and were granted, None of few."""

    kind: str
    waiting: int
    usual_days: int | None


def voucher_lines(programme_id: int, fewest: int = 10) -> list[VoucherLine]:
    """The waiting lists for vouchers of the newest year counted, by kind."""
    content = Figure.objects.filter(name="demand", programme_id=programme_id).order_by("-year").first()
    if content is None:
        return []
    return [
        VoucherLine(one["kind"], one["waiting"], one["usual_days"] if one["waited"] >= fewest else None)
        for one in content.content["rows"]
    ]


@dataclass(frozen=True, slots=True)
class Rated:
    """A rating with what it was counted from; `rating` None: fewer lessons than say anything."""

    since: date
    until: date
    at: datetime
    measured: Measured
    rating: Rating | None


def rated_group(group_id: int) -> Rated | None:
    """What was measured of a group last; None where nothing was yet."""
    found = Measure.objects.filter(group_id=group_id).first()
    return _rated(found) if found else None


def rated_provider(provider_id: int) -> Rated | None:
    """What was measured of a provider as a whole last; None where nothing was yet."""
    found = Measure.objects.filter(provider_id=provider_id, group=None).first()
    return _rated(found) if found else None


@dataclass(frozen=True, slots=True)
class RatedGroup:
    """A group of a provider with what was measured of it."""

    uuid: UUID
    code: str
    activity: str
    rated: Rated


def rated_groups(*, actor: Actor, provider_id: int) -> list[RatedGroup]:
    """What was measured of every group of a provider, by code, for who manages it.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    require(actor, Action.READ_OWN_MEASURES, ALLOWED, provider_id=provider_id)
    found = Measure.objects.filter(provider_id=provider_id, group__isnull=False).select_related("group__offering")
    return [
        RatedGroup(one.group.uuid, one.group.code, one.group.offering.activity_id, _rated(one))
        for one in found.order_by("group__code")
        if one.group is not None
    ]


def _rated(one: Measure) -> Rated:
    seen = Measured(one.planned, one.held, one.marked, one.confirmed, one.children, one.came, one.stayed, one.upheld)
    return Rated(one.since, one.until, one.at, seen, rate(seen))
