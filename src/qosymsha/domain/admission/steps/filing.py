"""One application stored by one statement, which is a transaction of its own (docs/decisions/0035-hot-verbs.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from qosymsha.domain.admission.rules import TICKET_KIND
from qosymsha.domain.admission.steps.applications import Draft
from qosymsha.domain.people import steps as people
from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.numbers import human_number

_FILE = """
SELECT * FROM file_application(%s, %s, %s, %s::uuid, %s::bytea, %s, %s, %s, %s, %s, %s::bigint[],
                               %s, %s::uuid, %s, %s, %s, %s, %s::bytea, %s, %s::bytea, %s::bytea)"""


@dataclass(frozen=True, slots=True)
class Deed:
    """Who files when, under which key of which verb, with the hash of the body."""

    actor: Actor
    verb: str
    key: UUID
    body_hash: bytes
    at: datetime


class Filing(NamedTuple):
    """The function's answer: `stored`, `repeated` (what was answered first: done, or a reason), `reused`, `stale`."""

    answer: str
    refusal: str | None
    id: int | None
    uuid: UUID | None
    number: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a draft is filed: the round, the version its facts were seen at, what it takes the place of."""

    round_id: int
    version: str
    past: Sequence[int]
    next_id: int
    next_serial: int


def file_one(deed: Deed, place: Place, draft: Draft | None) -> Filing:
    """Store a draft with its key, history, sealed ticket, audit and news, or say why not.

    Without a draft the key was used before: its row is written, then what it answered is told again.
    """
    idempotency.assert_alone()
    about: list[Any] = [
        deed.actor.user_id,
        deed.actor.label,
        deed.verb,
        deed.key,
        deed.body_hash,
        deed.at,
        place.round_id,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_FILE, [*about, *(_columns(place, draft) if draft is not None else [None] * 14)])
        return Filing._make(cursor.fetchone())


def _columns(place: Place, draft: Draft) -> list[Any]:
    ticket = people.sealed(TICKET_KIND, place.next_id, draft.ticket)
    return [
        draft.child_id,
        draft.guardian_id,
        place.version,
        list(place.past),
        place.next_id,
        draft.uuid,
        human_number("A", place.next_serial),
        draft.slot,
        draft.kind,
        draft.age,
        draft.line_id,
        ticket.key_id,
        ticket.nonce,
        ticket.ciphertext,
    ]
