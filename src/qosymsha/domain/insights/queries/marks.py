"""Where the last green run of each invariant began, and whether an increment may start there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from qosymsha.domain.insights.models import InvariantMark
from qosymsha.domain.insights.queries.touched import Touched

SLACK = timedelta(hours=1)  # between a command's reading of the clock and the beginning of its transaction

_MOMENT = """
SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text,
       (SELECT system_identifier::text FROM pg_control_system()),
       now() - least(now(), (SELECT min(xact_start) FROM pg_stat_activity WHERE backend_type = 'client backend'))
  FROM pg_current_snapshot() s"""


@dataclass(frozen=True, slots=True)
class Moment:
    """What the server says before a run reads anything.

    `horizon`: every transaction below has ended. `marked_from`: none that still runs has begun earlier.
    """

    at: datetime
    cluster: str
    horizon: int
    next_txid: int
    marked_from: datetime


@dataclass(frozen=True, slots=True)
class Start:
    """Where an increment of one invariant begins: None of `touched` where it must look at everything."""

    touched: Touched | None = None
    reached: dict[str, Any] = field(default_factory=dict)


def moment(at: datetime) -> Moment:
    """Ask the server; to be asked before a run, so that what commits during the run is looked at by the next."""
    with connection.cursor() as cursor:
        cursor.execute(_MOMENT)
        horizon, next_txid, cluster, oldest = cursor.fetchone()
    return Moment(at, cluster, int(horizon), int(next_txid), at - oldest - SLACK)


def starts(now: Moment) -> dict[str, Start]:
    """The start of every invariant with a mark; those of one horizon share what they read.

    A mark of another cluster, or one that lies ahead (the database came out of a backup), is none.
    """
    shared: dict[tuple[int, datetime], Touched] = {}
    found = {}
    for mark in InvariantMark.objects.all():
        if mark.cluster == now.cluster and mark.horizon <= now.next_txid:
            key = (mark.horizon, mark.marked_from)
            found[mark.invariant] = Start(shared.setdefault(key, Touched(*key)), mark.reached)
    return found
