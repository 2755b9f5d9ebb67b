"""Errands as pages show them and as a worker needs them; whether any worker lives."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from qosymsha.domain.errands.access import ALLOWED, Action
from qosymsha.domain.errands.models import Errand
from qosymsha.domain.errands.rules import LAPSES_AFTER, TASK
from qosymsha.domain.errands.states import OPEN, ErrandState
from qosymsha.domain.people import resealing
from qosymsha.kernel import cipher
from qosymsha.kernel.actor import Actor

SILENT_SECONDS = 30  # three heartbeats of a worker
MISSED_SECONDS = 15  # one and a half: early enough to tell who watches, too early to take a job away
SEALED = resealing.Place("errand", "id", "body_key_id", "body IS NOT NULL")
_WORKER = "SELECT EXISTS (SELECT FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s))"
_HELD = """
SELECT EXISTS (SELECT FROM procrastinate_jobs j JOIN procrastinate_workers w ON w.id = j.worker_id
                WHERE j.task_name = %s AND j.status = 'doing' AND j.args ->> 'errand' = %s
                  AND w.last_heartbeat > now() - make_interval(secs => %s))"""
# Open errands that no job of the queue is about: set aside by the reaper, or deleted behind our back.
_LOST = """
SELECT e.id FROM errand e WHERE e.state = ANY(%s) AND NOT EXISTS (
    SELECT FROM procrastinate_jobs j WHERE j.task_name = %s AND j.status IN ('todo', 'doing')
       AND j.args ->> 'errand' = e.uuid::text) ORDER BY e.id"""


@dataclass(frozen=True, slots=True)
class ErrandSeen:
    """An errand as its page shows it; `rows_done` of `rows_all` where the work tells (0: it does not)."""

    uuid: UUID
    verb: str
    subject_kind: str
    subject_id: int
    subject_uuid: UUID
    label: str
    wish: str
    territory_id: int
    user_id: int
    state: ErrandState
    asked_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    tries: int
    phase: str
    rows_done: int
    rows_all: int
    reason: str
    tally: dict[str, int]

    @property
    def is_open(self) -> bool:
        """True while something is still to come."""
        return self.state in OPEN

    @property
    def lapses_at(self) -> datetime:
        """When it is given up, should no worker come."""
        return self.asked_at + LAPSES_AFTER


_FIELDS = tuple(ErrandSeen.__dataclass_fields__)


def errand(uuid: UUID) -> ErrandSeen:
    """The errand of this uuid, which exists: for who has just asked for it."""
    return _seen(Errand.objects.get(uuid=uuid))


def errand_for(actor: Actor, uuid: UUID) -> ErrandSeen | None:
    """The errand as an official of its territory may see it; None for one that is unknown, or another city's."""
    found = Errand.objects.filter(uuid=uuid).first()
    if found is None or not actor.holds(ALLOWED[Action.READ], territory_id=found.territory_id):
        return None
    return _seen(found)


def open_errand(kind: str, subject_id: int) -> ErrandSeen | None:
    """What is under way about this thing, or None."""
    found = Errand.objects.filter(subject_kind=kind, subject_id=subject_id, state__in=OPEN).first()
    return None if found is None else _seen(found)


def own_errands(actor: Actor, after: int = 0, most: int = 100) -> list[ErrandSeen]:
    """What this person asked for in the last three months, the latest first, after so many."""
    found = Errand.objects.filter(user_id=actor.user_id).order_by("-id")
    return [_seen(one) for one in found[after : after + most]]


def errand_of_form(actor: Actor, form_key: UUID) -> ErrandSeen | None:
    """The last errand that this person's form of this key asked for, or None."""
    found = Errand.objects.filter(user_id=actor.user_id, form_key=form_key).order_by("-id").first()
    return None if found is None else _seen(found)


def _seen(found: Errand) -> ErrandSeen:
    return ErrandSeen(**{name: getattr(found, name) for name in _FIELDS} | {"state": ErrandState(found.state)})


def body_of(found: Errand) -> dict[str, Any]:
    """What the verb needs, unsealed."""
    told: dict[str, Any] = json.loads(cipher.unseal(sealed_body(found), bound_to=binding(found.uuid)))
    return told


def sealed_body(found: Errand) -> cipher.Sealed:
    """What the verb needs, as it is stored."""
    return cipher.Sealed(found.body_key_id, bytes(found.body_nonce or b""), bytes(found.body or b""))


def binding(uuid: UUID) -> bytes:
    """What a body is tied to, so that bodies cannot be swapped between errands."""
    return b"errand\0" + uuid.bytes


def has_worker() -> bool:
    """True where a worker has shown a sign of life within half a minute, by the server's own clock."""
    with connection.cursor() as cursor:
        cursor.execute(_WORKER, [SILENT_SECONDS])
        return bool(cursor.fetchone()[0])


def is_in_hands(uuid: UUID) -> bool:
    """True while the worker that has begun this errand shows signs of life; who died leaves it to be begun anew."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [TASK, str(uuid), MISSED_SECONDS])
        return bool(cursor.fetchone()[0])


def lost_ids() -> list[int]:
    """Open errands without a job."""
    with connection.cursor() as cursor:
        cursor.execute(_LOST, [[state.value for state in OPEN], TASK])
        return [int(i) for (i,) in cursor.fetchall()]
