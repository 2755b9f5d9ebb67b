"""Reads: one's own inbox and its count, addresses for the jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from qosymsha.domain.messages.access import ALLOWED, Action
from qosymsha.domain.messages.states import Door
from qosymsha.domain.people import preferences
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import person_of
from qosymsha.domain.people.states import Role
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day

PAGE = 50
_COUNTED = 99  # the menu says no more than that

# One's own: a guardian's where a child of the notice is still the guardian's, a user's in the door and club of today.
_OWN_FAMILY = """
  FROM notice n WHERE n.door = 'family' AND n.guardian_id = %(guardian)s
   AND (n.child_ids = '{}' OR n.child_ids && ARRAY(
        SELECT w.child_id FROM guardianship w WHERE w.guardian_id = %(guardian)s AND w.valid @> %(today)s::date))"""
_OWN_STAFF = """
  FROM notice n WHERE n.door = %(door)s AND n.user_id = %(user)s
   AND (n.provider_id IS NULL OR n.provider_id = ANY (%(providers)s::bigint[]))"""
_INBOX = """
SELECT n.uuid, n.kind, cardinality(n.matters), n.child_ids, n.provider_id, n.told_at, n.due_at, n.read_at {own}
 ORDER BY n.told_at DESC, n.id DESC OFFSET %(skip)s LIMIT %(most)s"""
_UNREAD = "SELECT count(*) FROM (SELECT 1 {own} AND n.read_at IS NULL LIMIT %(most)s) AS one"
_IDS = "SELECT n.id, n.kind {own} AND (%(uuid)s::uuid IS NULL OR n.uuid = %(uuid)s::uuid)"


class NoticeShown(NamedTuple):
    """A notice as its page lists it: `n` matters, the guardian's own children it is about (their names)."""

    uuid: UUID
    kind: str
    n: int
    children: tuple[str, ...]
    provider_id: int | None
    told_at: datetime
    due_at: datetime | None
    read_at: datetime | None


def inbox(*, actor: Actor, door: Door, at: datetime, page: int = 1) -> tuple[list[NoticeShown], bool]:
    """A page of one's own notices, the latest first, and whether there are more. Audited where children are named.

    Raises:
        Forbidden: nobody signed in.
    """
    require(actor, Action.READ_NOTICES, ALLOWED)
    asked = _whose(actor, door, at) | {"skip": (page - 1) * PAGE, "most": PAGE + 1}
    found = _rows(_INBOX, door, asked)
    shown = found[:PAGE]
    wards = set(people.own_child_ids(actor.guardian_id, local_day(at))) if actor.guardian_id is not None else set()
    children = sorted({child for row in shown for child in row[3]} & wards)
    names = _names(actor, children, at) if children else {}
    return [_shown(row, names) for row in shown], len(found) > PAGE


def _shown(row: tuple[Any, ...], names: Mapping[int, str]) -> NoticeShown:
    uuid, kind, n, children, *rest = row
    return NoticeShown(uuid, kind, n, tuple(names[child] for child in children if child in names), *rest)


def _names(actor: Actor, child_ids: Sequence[int], at: datetime) -> dict[int, str]:
    reading.saw(actor=actor, at=at, action=Action.READ_NOTICES, kind="child", ids=child_ids)
    records = {i: person_of(plain) for i, plain in people.unseal("child", child_ids).items()}
    return {i: f"{one.surname} {one.given}".strip() for i, one in records.items()}


def unread_count(*, actor: Actor, door: Door, at: datetime) -> int:
    """How many of one's own notices in this door are not read yet; 99 where there are more."""
    ((count,),) = _rows(_UNREAD, door, _whose(actor, door, at) | {"most": _COUNTED})
    return int(count)


_OFF = "SELECT theme FROM notice_choice WHERE user_id = %s AND door = %s AND NOT is_wanted"


def switched_off(actor: Actor, door: Door) -> frozenset[str]:
    """The themes of a door's news that the actor wants on the page alone."""
    with connection.cursor() as cursor:
        cursor.execute(_OFF, [actor.user_id, door.value])
        return frozenset(theme for (theme,) in cursor.fetchall())


def own_ids(actor: Actor, door: Door, at: datetime, notice_uuid: UUID | None = None) -> list[tuple[int, str]]:
    """(id, kind) of one's own notices in this door, or of the one with this outside id."""
    return _rows(_IDS, door, _whose(actor, door, at) | {"uuid": notice_uuid})


def _rows(statement: str, door: Door, asked: Mapping[str, Any]) -> list[Any]:
    own = _OWN_FAMILY if door == Door.FAMILY else _OWN_STAFF
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("{own}", own), asked)
        return list(cursor.fetchall())


def _whose(actor: Actor, door: Door, at: datetime) -> dict[str, Any]:
    clubs = [g.provider_id for g in actor.grants if g.role == Role.PROVIDER_MANAGER and g.provider_id is not None]
    return {
        "door": door.value,
        "guardian": actor.guardian_id,
        "user": actor.user_id,
        "today": local_day(at),
        "providers": clubs,
    }


def phones(guardian_ids: Sequence[int]) -> dict[int, str]:
    """Guardian → phone, where one is on record. For the sending job alone: never shown, never stored."""
    found = {i: person_of(plain).phone for i, plain in people.unseal("guardian", guardian_ids).items()}
    return {i: phone for i, phone in found.items() if phone}


_USERS = "SELECT id, user_id FROM guardian WHERE id = ANY (%s) AND user_id IS NOT NULL"


def addresses(guardian_ids: Sequence[int], user_ids: Sequence[int]) -> tuple[dict[int, str], dict[int, str]]:
    """(guardian → e-mail, user → e-mail) as told on the preferences page. For the sending job alone."""
    with connection.cursor() as cursor:
        cursor.execute(_USERS, [list(guardian_ids)])
        of_guardian = dict(cursor.fetchall())
    plain = people.unseal(preferences.EMAIL, sorted({*of_guardian.values(), *user_ids}))
    mail = {user: str(json.loads(one)["email"]) for user, one in plain.items()}
    return {g: mail[u] for g, u in of_guardian.items() if u in mail}, {u: mail[u] for u in user_ids if u in mail}
