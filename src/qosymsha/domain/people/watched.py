"""What the guard over children's data saw: a reader's own day, accounts that were stopped, alarms. Reads only."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from qosymsha.domain.people import queries
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.rules import reading_limit
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day


class OwnDay(NamedTuple):
    """How many children's records the actor has read today, of how many (None: not bounded)."""

    children: int
    limit: int | None


class StoppedAccount(NamedTuple):
    """An account that was stopped today and not let on since."""

    uuid: UUID
    subject: str
    children: int
    stopped_at: datetime


class Grant(NamedTuple):
    """More children for an account, by a second person."""

    subject: str
    giver: str
    children: int
    reason: str
    at: datetime


class AlarmSeen(NamedTuple):
    """Something to look at: `honeytoken_read` | `reading_stopped` | `guessing_stopped`, and by which account."""

    id: int
    at: datetime
    kind: str
    subject: str


def own_day(*, actor: Actor, at: datetime) -> OwnDay:
    """The actor's own count of today."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT children, granted FROM reading_day WHERE user_id = %s AND "on" = %s',
            [actor.user_id, local_day(at)],
        )
        children, granted = cursor.fetchone() or (0, 0)
    limit = reading_limit({g.role for g in actor.grants}, getattr(settings, "READING_LIMITS", {}))
    return OwnDay(children, None if limit is None else limit + granted)


def stopped_accounts(*, actor: Actor, at: datetime) -> list[StoppedAccount]:
    """Accounts stopped today, to be let on by somebody else.

    Raises:
        Forbidden: the actor may not let anybody on.
    """
    require(actor, Action.GRANT_READING, ALLOWED)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT u.uuid, u.subject, d.children, d.stopped_at FROM reading_day d JOIN app_user u ON u.id = d.user_id"
            ' WHERE d."on" = %s AND d.stopped_at IS NOT NULL AND u.id <> %s ORDER BY d.stopped_at, u.id',
            [local_day(at), actor.user_id],
        )
        return [StoppedAccount._make(row) for row in cursor.fetchall()]


def grants(*, actor: Actor, limit: int = 50) -> list[Grant]:
    """The latest grants, newest first, each with two names.

    Raises:
        Forbidden: the actor may not look at alarms.
    """
    require(actor, Action.READ_ALARMS, ALLOWED)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.subject, b.subject, g.children, g.reason, g.at FROM reading_grant g"
            " JOIN app_user t ON t.id = g.user_id JOIN app_user b ON b.id = g.granted_by_id"
            " ORDER BY g.id DESC LIMIT %s",
            [limit],
        )
        return [Grant._make(row) for row in cursor.fetchall()]


def alarms(*, actor: Actor, since: datetime | None = None, limit: int = 100) -> list[AlarmSeen]:
    """The latest alarms, newest first.

    Raises:
        Forbidden: the actor may not look at alarms.
    """
    require(actor, Action.READ_ALARMS, ALLOWED)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.id, e.at, e.kind, coalesce(u.subject, '') FROM security_event e"
            " LEFT JOIN app_user u ON u.id = e.user_id"
            " WHERE %s::timestamptz IS NULL OR e.at > %s ORDER BY e.id DESC LIMIT %s",
            [since, since, limit],
        )
        return [AlarmSeen._make(row) for row in cursor.fetchall()]


def honeytokens(*, actor: Actor) -> list[UUID]:
    """The children laid out: found by hashing every child's id, as the table itself names none. For the operator.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.LAY_HONEYTOKEN, ALLOWED)
    with connection.cursor() as cursor:
        cursor.execute("SELECT mark FROM honeytoken")
        marks = {bytes(mark) for (mark,) in cursor.fetchall()}
        cursor.execute("SELECT id, uuid FROM child ORDER BY id")
        return [uuid for child_id, uuid in cursor.fetchall() if queries.honey_mark(child_id) in marks]
