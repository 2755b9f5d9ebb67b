"""Devices of consultation points, by name and as a month's traces hash them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from qosymsha.domain.attendance.steps.traces import hashed
from qosymsha.domain.flags.queries.outside import fetched
from qosymsha.domain.flags.rules.evidence import Numbers
from qosymsha.domain.flags.rules.recording import PointDraft
from qosymsha.kernel.clock import next_month

_HASH_BYTES = 8


@dataclass(frozen=True, slots=True)
class Point:
    """A registered device: `first` its first day, `until` the day after its last, None while open."""

    id: int
    device: str
    name: str
    first: date
    until: date | None


def points(programme_id: int) -> list[Point]:
    """The programme's registered devices, newest first."""
    found = fetched(
        "SELECT id, device, name, lower(valid), upper(valid) FROM point_device WHERE programme_id = %(p)s"
        " ORDER BY id DESC",
        {"p": programme_id},
    )
    return [Point(*row) for row in found]


def overlapping_points(programme_id: int, drafts: Sequence[PointDraft]) -> set[str]:
    """Devices among the drafts that are registered on some of the same days already."""
    found = fetched(
        "SELECT w.device FROM unnest(%(devices)s::text[], %(first)s::date[], %(until)s::date[]) AS w (device, a, b)"
        " JOIN point_device p ON p.programme_id = %(p)s AND p.device = w.device"
        " AND p.valid && daterange(w.a, CASE WHEN w.b IS NULL OR w.b > w.a THEN w.b ELSE w.a END)",
        {
            "p": programme_id,
            "devices": [d.device for d in drafts],
            "first": [d.first for d in drafts],
            "until": [d.until for d in drafts],
        },
    )
    return {device for (device,) in found}


def point_hashes(programme_id: int, month: date) -> Numbers:
    """The numbers under which a month's traces know the devices registered on any of its days."""
    found = fetched(
        "SELECT DISTINCT device FROM point_device WHERE programme_id = %(p)s"
        " AND valid && daterange(%(first)s, %(last)s)",
        {"p": programme_id, "first": month, "last": next_month(month)},
    )
    known = (hashed("device", month, device) for (device,) in found)
    return np.array([int.from_bytes(h[:_HASH_BYTES], "big", signed=True) for h in known if h], np.int64)
