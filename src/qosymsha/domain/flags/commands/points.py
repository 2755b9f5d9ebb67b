"""Devices of consultation points are registered, so that families who are helped there are not suspected for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.flags import queries, steps
from qosymsha.domain.flags.access import ALLOWED, Action
from qosymsha.domain.flags.rules.recording import FlagRefusal, PointDraft
from qosymsha.domain.flags.states import Topic
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.rules import outcomes_of, repeated, unpacked
from qosymsha.domain.vouchers.steps import Deed, begin, conclude
from qosymsha.kernel import locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome

_REASONS: dict[str, StrEnum] = {reason.value: reason for reason in FlagRefusal}


@transaction.atomic(durable=True)
def register_points(
    *, actor: Actor, programme_id: int, points: Sequence[PointDraft], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Register devices of consultation points from their first days on. Ids are devices.

    Whoever registers a point resolves no flag: these are two roles. What was flagged before stays with the checker.

    Raises:
        Forbidden: the actor is no programme officer of the territory.
    """
    territory_id = programmes.programme(programme_id).territory_id
    require(actor, Action.REGISTER_POINTS, ALLOWED, territory_id=territory_id)
    deed = Deed(actor, Action.REGISTER_POINTS, at, key)
    locks.exclusive(f"flags.points.{programme_id}")
    body = [[p.device, p.name, p.first.isoformat(), p.until.isoformat() if p.until else ""] for p in points]
    seen = begin(deed, [programme_id, body])
    if seen is not None:
        return unpacked(seen, _REASONS)
    known = queries.overlapping_points(programme_id, points)
    first = {device: row for row, device in reversed(list(enumerate(p.device for p in points)))}
    refused: dict[int, StrEnum] = dict.fromkeys(repeated(first[p.device] for p in points), FlagRefusal.POINT_KNOWN)
    for row, point in enumerate(points):
        reason = _refuse(point, known)
        if reason is not None:
            refused.setdefault(row, reason)
    done = {row: point for row, point in enumerate(points) if row not in refused}
    ids = steps.store_points(deed, (territory_id, programme_id), list(done.values()))
    outcomes = outcomes_of(len(points), dict(zip(done, ids, strict=True)), refused)
    return conclude(deed, Topic.POINTS_REGISTERED, "point_device", outcomes)


def _refuse(point: PointDraft, known: set[str]) -> FlagRefusal | None:
    if not point.device.strip() or not point.name.strip():
        return FlagRefusal.POINT_UNNAMED
    if point.until is not None and point.until <= point.first:
        return FlagRefusal.POINT_DAYS
    return FlagRefusal.POINT_KNOWN if point.device in known else None
