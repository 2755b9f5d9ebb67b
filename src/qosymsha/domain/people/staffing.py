"""Who has which right, where, since when, until when; which powerful roles wait for a second person. Reads only."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.states import FAMILY, Role
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day

MOST = 200
_RIGHTS = """
SELECT m.id, u.uuid, u.id, u.subject, m.role, t.name_kk, t.name_ru, t.name_en, d.name_kk, d.name_ru, d.name_en,
       m.provider_id, lower(m.valid), upper(m.valid) - 1, m.valid @> %(today)s::date, u.last_login
  FROM membership m JOIN app_user u ON u.id = m.user_id
  LEFT JOIN territory t ON t.id = m.territory_id LEFT JOIN department d ON d.id = m.department_id
 WHERE m.role <> ALL(%(nobody)s) AND NOT isempty(m.valid)
   AND (%(ended)s OR upper(m.valid) IS NULL OR upper(m.valid) > %(today)s)
   AND (%(sought)s = '' OR strpos(lower(u.subject), lower(%(sought)s)) > 0) AND (%(role)s = '' OR m.role = %(role)s)
   AND (%(scope)s::bigint[] IS NULL OR m.territory_id = ANY(%(scope)s))
 ORDER BY u.subject, m.role, lower(m.valid), m.id LIMIT %(most)s"""
_PROPOSALS = """
SELECT p.uuid, u.subject, p.role, t.name_kk, t.name_ru, t.name_en, d.name_kk, d.name_ru, d.name_en,
       p.first, p.last, p.proposed_at, b.subject, p.proposed_by <> %(me)s AND p.user_id <> %(me)s
  FROM role_proposal p JOIN app_user u ON u.id = p.user_id LEFT JOIN territory t ON t.id = p.territory_id
  LEFT JOIN department d ON d.id = p.department_id LEFT JOIN app_user b ON b.id = p.proposed_by
 WHERE p.state = 'proposed' AND (%(scope)s::bigint[] IS NULL OR p.territory_id = ANY(%(scope)s))
 ORDER BY p.id LIMIT 200"""


class Right(NamedTuple):
    """A right of somebody; names of its territory and department in kk, ru, en (None: not bound)."""

    id: int
    user_uuid: UUID
    user_id: int
    subject: str
    role: str
    territory_kk: str | None
    territory_ru: str | None
    territory_en: str | None
    department_kk: str | None
    department_ru: str | None
    department_en: str | None
    provider_id: int | None
    first: date
    last: date | None
    is_valid: bool
    last_seen: datetime | None


class Proposal(NamedTuple):
    """A powerful role that waits, and where it would hold; `is_mine`: this actor may decide it."""

    uuid: UUID
    subject: str
    role: str
    territory_kk: str | None
    territory_ru: str | None
    territory_en: str | None
    department_kk: str | None
    department_ru: str | None
    department_en: str | None
    first: date
    last: date | None
    proposed_at: datetime
    proposed_by: str | None
    is_mine: bool


def rights(*, actor: Actor, at: datetime, sought: str = "", role: str = "", ended: bool = False) -> list[Right]:
    """Rights in the actor's territories, at most `MOST`: by person; those that ended only where asked for.

    Raises:
        Forbidden: the actor may not read them.
    """
    require(actor, Action.READ_STAFF, ALLOWED)
    asked: dict[str, Any] = {
        "today": local_day(at), "nobody": [Role.SYSTEM, Role.CHANNEL, *FAMILY], "ended": ended,
        "sought": sought.strip(), "role": role, "scope": _scope(actor), "most": MOST,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_RIGHTS, asked)
        return [Right(*row) for row in cursor.fetchall()]


def right(*, actor: Actor, at: datetime, membership_id: int) -> Right | None:
    """One right as it stands, where the actor may see it."""
    return next((one for one in rights(actor=actor, at=at) if one.id == membership_id), None)


def proposals(*, actor: Actor) -> list[Proposal]:
    """Powerful roles that wait for a second operator.

    Raises:
        Forbidden: the actor may not read them.
    """
    require(actor, Action.READ_STAFF, ALLOWED)
    with connection.cursor() as cursor:
        cursor.execute(_PROPOSALS, {"me": actor.user_id, "scope": _scope(actor)})
        return [Proposal(*row) for row in cursor.fetchall()]


def user_id_of(*, actor: Actor, user_uuid: UUID, at: datetime) -> int | None:
    """The user of this uuid, where one of their rights stands in the actor's territories; ended ones count too."""
    found = (one.user_id for one in rights(actor=actor, at=at, ended=True) if one.user_uuid == user_uuid)
    return next(found, None)


def _scope(actor: Actor) -> list[int] | None:
    """The territories of the actor's reading rights; None: all."""
    mine = [grant.territory_ids for grant in actor.grants if grant.role in ALLOWED[Action.READ_STAFF]]
    if any(one is None for one in mine):
        return None
    return sorted(set().union(*(one for one in mine if one is not None)))
