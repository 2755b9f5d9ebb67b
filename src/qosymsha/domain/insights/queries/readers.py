"""Who read a child's record, for its own family: when, in which role and office, what; no official's name."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from qosymsha.domain.insights.access import ALLOWED, Action
from qosymsha.domain.people import queries as people
from qosymsha.domain.witness import reading
from qosymsha.domain.witness.states import READ
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden

LOOK_BACK = timedelta(days=366)
MOST = 2_000  # rows looked at, the newest


class Office(NamedTuple):
    """In which role somebody read: at which organisation, or for which place; both may be empty."""

    role: str
    provider: str
    place: tuple[str, str, str]


class Reader(NamedTuple):
    """Reads of one day by one account of the same records for the same purpose.

    `who`: `own` | `guardian` | `youth` (the child's own account) | `official` | `system`.
    `purpose`: what an official gave it as, `month`: which month was looked at; empty where the row tells none. What
    else the row holds (a case's number) is not the family's.
    """

    on: date
    last_at: datetime
    times: int
    who: str
    offices: tuple[Office, ...]
    actions: tuple[str, ...]
    purpose: str = ""
    month: date | None = None


_READS = """
SELECT e.at, e.actor_id, e.detail -> 'roles', e.detail -> 'read', e.detail -> 'about',
       CASE WHEN g.child_id IS NOT NULL THEN 'youth' WHEN g.id IS NOT NULL THEN 'guardian' END,
       (SELECT json_agg(json_build_array(m.role, coalesce(p.name, ''), coalesce(t.name_kk, ''), coalesce(t.name_ru, ''),
                                         coalesce(t.name_en, '')) ORDER BY m.id)
          FROM membership m LEFT JOIN provider p ON p.id = m.provider_id LEFT JOIN territory t ON t.id = m.territory_id
         WHERE m.user_id = e.actor_id AND m.valid @> (e.at AT TIME ZONE 'Asia/Almaty')::date)
  FROM audit_event e LEFT JOIN guardian g ON g.user_id = e.actor_id
 WHERE e.subject_kind = 'child' AND e.subject_ids @> %s::jsonb AND e.action = %s AND e.at > %s
 ORDER BY e.at DESC, e.id DESC LIMIT %s"""


def readers(*, actor: Actor, child_uuid: UUID, at: datetime) -> list[Reader]:
    """Who read an own child's record in the last year, newest first; an audited read itself.

    Raises:
        Forbidden: the actor is no guardian of this child today, nor the child; the same for a child that is unknown.
    """
    require(actor, Action.READ_READERS, ALLOWED)
    child_id = _own(actor, child_uuid, local_day(at))
    reading.saw(actor=actor, at=at, action=Action.READ_READERS, kind="child", ids=[child_id])
    with connection.cursor() as cursor:
        cursor.execute(_READS, [json.dumps([child_id]), READ, at - LOOK_BACK, MOST])
        return _folded(actor, cursor.fetchall())


def _own(actor: Actor, child_uuid: UUID, on: date) -> int:
    own = people.own_child_ids(actor.guardian_id, on) if actor.guardian_id is not None else []
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM child WHERE uuid = %s AND id = ANY (%s)", [child_uuid, own])
        row = cursor.fetchone()
    if row is None:
        raise Forbidden(Action.READ_READERS)
    return int(row[0])


def _folded(actor: Actor, found: list[tuple[Any, ...]]) -> list[Reader]:
    """One line for one account's reads of the same kind on one day, in the order of the last of them.

    A child's own account has one line a day: each of its pages reads something else.
    """
    lines: dict[tuple[object, ...], Reader] = {}
    for at, actor_id, roles, read, about, family, memberships in found:
        who = _who(actor, actor_id, family)
        offices = _offices(_plain(memberships) or [], _plain(roles)) if who == "official" else ()
        actions = tuple(sorted(_plain(read) or {}))
        purpose, month = _about(_plain(about) or [])
        key = (local_day(at), actor_id, () if who == "youth" else actions, purpose, month)
        known = lines.get(key, Reader(local_day(at), at, 0, who, offices, actions, purpose, month))
        lines[key] = known._replace(times=known.times + 1, actions=tuple(sorted({*known.actions, *actions})))
    return list(lines.values())


def _about(told: list[dict[str, Any]]) -> tuple[str, date | None]:
    """(purpose, month) of what the page noted beside the read."""
    purpose = next((str(one["purpose"]) for one in told if one.get("purpose")), "")
    month = next((str(one["month"]) for one in told if one.get("month")), "")
    return purpose, date.fromisoformat(month) if month else None


def _who(actor: Actor, reader_id: int, family: str | None) -> str:
    if reader_id == actor.user_id:
        return "own"
    if reader_id == 0:
        return "system"
    return family or "official"


def _offices(memberships: list[list[str]], roles: list[str] | None) -> tuple[Office, ...]:
    """The roles that the account had that day; of these, those the page was opened by, where the row tells them."""
    shown = [one for one in memberships if roles is None or one[0] in roles]
    return tuple(dict.fromkeys(Office(role, provider, (kk, ru, en)) for role, provider, kk, ru, en in shown))


def _plain(stored: Any) -> Any:
    """Django's connection gives jsonb as text."""
    return json.loads(stored) if isinstance(stored, str) else stored
