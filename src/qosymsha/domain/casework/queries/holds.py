"""Who holds which row by name. A hold whose days have passed, or whose holder lost the right, is nobody's."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from qosymsha.domain.casework.access import ALLOWED, HOLDERS, Action
from qosymsha.domain.casework.states import Kind
from qosymsha.domain.vouchers.queries import rows
from qosymsha.kernel.actor import Actor, Scope, require
from qosymsha.kernel.clock import local_day


class Hold(NamedTuple):
    """A row's holder: what colleagues call them, since when, up to which day, given by whom."""

    subject_id: int
    holder_id: int
    holder: str
    since: datetime
    until: date
    given_by: int


class PastHold(NamedTuple):
    """A step of a row's history: who held it, from when, given by whom, how and when it ended ("" while open)."""

    holder: str
    given_by: str
    since: datetime
    until: date
    ended_at: datetime | None
    over: str
    counts: bool


class Colleague(NamedTuple):
    """Somebody whose right covers a row, and how many rows they hold now."""

    id: int
    uuid: UUID
    name: str
    held: int


class Subject(NamedTuple):
    """A row that waits: where it is, and whose line pays for it (None: it moves no money)."""

    id: int
    territory_id: int
    programme_id: int
    uuid: UUID
    department_id: int | None

    @property
    def scope(self) -> Scope:
        """Where a right must reach to cover it."""
        return {"territory_id": self.territory_id, "department_id": self.department_id}


# A row about a place moves money of the place's line; what is about a child's category or a provider's papers does not.
_ABOUT_PLACES = {
    Kind.ROW: "sheet_row",
    Kind.FLAG: "red_flag",
    Kind.ABSENCE: "absence_case",
    Kind.REFUSAL: "child_refusal",
}
_DEPARTMENT = {
    kind: f"(SELECT l.department_id FROM {table} a JOIN enrolment e ON e.id = a.enrolment_id"  # noqa: S608 - of this file
    " JOIN budget_line l ON l.id = e.line_id WHERE a.id = {id})"
    for kind, table in _ABOUT_PLACES.items()
}
# A right is asked of the holder as the next request would resolve it.
_COUNTS = """
h.ended_at IS NULL AND h.until >= %(today)s AND EXISTS (
    SELECT FROM rights_of(h.holder_id, %(today)s) x WHERE x.role = ANY (%(roles)s)
       AND (x.territory_id IS NULL OR h.territory_id = ANY (x.below))
       AND (x.department_id IS NULL OR x.department_id = coalesce({department}, x.department_id)))"""
_LIVE = """
SELECT h.subject_id, h.holder_id, u.subject, h.since, h.until, h.given_by
  FROM row_hold h JOIN app_user u ON u.id = h.holder_id
 WHERE h.kind = %(kind)s AND (%(ids)s::bigint[] IS NULL OR h.subject_id = ANY (%(ids)s))
   AND (%(holder)s::bigint IS NULL OR h.holder_id = %(holder)s) AND {counts}"""
_PAST = """
SELECT u.subject, coalesce(g.subject, ''), h.since, h.until, h.ended_at, h.over, {counts}
  FROM row_hold h JOIN app_user u ON u.id = h.holder_id LEFT JOIN app_user g ON g.id = h.given_by
 WHERE h.kind = %(kind)s AND h.subject_id = %(subject)s ORDER BY h.id DESC LIMIT 20"""
_COLLEAGUES = """
SELECT u.id, u.uuid, u.subject, (SELECT count(*) FROM row_hold h
         WHERE h.holder_id = u.id AND h.kind = %(kind)s AND h.ended_at IS NULL AND h.until >= %(today)s)::int
  FROM app_user u WHERE u.id IN (SELECT m.user_id FROM membership m WHERE m.role = ANY (%(roles)s)
                                    AND m.valid @> %(today)s::date)
   AND EXISTS (SELECT FROM rights_of(u.id, %(today)s) x WHERE x.role = ANY (%(roles)s)
                  AND (x.territory_id IS NULL OR %(territory)s = ANY (x.below))
                  AND (x.department_id IS NULL OR x.department_id = coalesce(%(department)s::bigint, x.department_id)))
 ORDER BY u.subject LIMIT 200"""

_STANDS = {
    Kind.ROW: "sheet_row t JOIN month_sheet s ON s.id = t.sheet_id WHERE t.word IN ('silent', 'disputed')"
    " AND s.state IN ('with_parents', 'with_customer', 'for_payment')",
    Kind.CASE: "category_case t WHERE t.state IN ('open', 'asked')",
    Kind.FILE: "accreditation t WHERE t.state IN ('filed', 'in_review')",
    Kind.FLAG: "red_flag t WHERE t.state = 'open'",
    Kind.ABSENCE: "absence_case t WHERE t.state IN ('warned', 'suspended')",
    Kind.REFUSAL: "child_refusal t WHERE t.state = 'filed'",
}


def _department(kind: Kind, id_: str) -> str:
    """Whose line pays for the row of this id, as SQL."""
    return _DEPARTMENT[kind].format(id=id_) if kind in _DEPARTMENT else "NULL::bigint"


def _counts(kind: Kind) -> str:
    return _COUNTS.format(department=_department(kind, "h.subject_id"))


def _live(kind: Kind) -> str:
    return _LIVE.format(counts=_counts(kind))


def _waiting(kind: Kind, which: str) -> str:
    what = f"t.id, t.territory_id, t.programme_id, t.uuid, {_department(kind, 't.id')}"
    return f"SELECT {what} FROM {_STANDS[kind]} AND t.{which}"  # noqa: S608 - of this file


def _asked(kind: Kind, at: datetime, **more: Any) -> dict[str, Any]:
    return {
        "kind": kind.value,
        "roles": sorted(HOLDERS[kind]),
        "today": local_day(at),
        "ids": None,
        "holder": None,
    } | more


def waiting_subject(kind: Kind, uuid: UUID) -> Subject | None:
    """The row that waits under this outside id, or None; nothing of it is shown."""
    found = rows(_waiting(kind, "uuid = %s"), [uuid])
    return Subject(*found[0]) if found else None


def waiting_one(kind: Kind, subject_id: int) -> Subject | None:
    """The row of this id if it waits still; nothing of it is shown."""
    found = rows(_waiting(kind, "id = %s"), [subject_id])
    return Subject(*found[0]) if found else None


def holds(*, actor: Actor, kind: Kind, ids: Collection[int], at: datetime) -> dict[int, Hold]:
    """Row → its holder, of those among `ids` that somebody holds now; one statement.

    Raises:
        Forbidden: the actor works on no queue.
    """
    require(actor, Action.READ_HOLDS, ALLOWED)
    return {row[0]: Hold(*row) for row in rows(_live(kind), _asked(kind, at, ids=sorted(ids)))} if ids else {}


def held_ids(*, actor: Actor, kind: Kind, at: datetime, is_mine: bool = False) -> list[int]:
    """The rows of a kind that somebody holds now, or that the actor does.

    Raises:
        Forbidden: the actor works on no queue.
    """
    require(actor, Action.READ_HOLDS, ALLOWED)
    return [row[0] for row in rows(_live(kind), _asked(kind, at, holder=actor.user_id if is_mine else None))]


def live_hold(kind: Kind, subject_id: int, at: datetime) -> Hold | None:
    """Who holds a row now, for a command."""
    found = rows(_live(kind), _asked(kind, at, ids=[subject_id]))
    return Hold(*found[0]) if found else None


def past_holds(*, actor: Actor, kind: Kind, subject: Subject, at: datetime) -> list[PastHold]:
    """A row's holders, the latest first.

    Raises:
        Forbidden: the actor works on no queue there.
    """
    require(actor, Action.READ_HOLDS, ALLOWED, **subject.scope)
    return [PastHold(*row) for row in rows(_PAST.format(counts=_counts(kind)), _asked(kind, at, subject=subject.id))]


def colleagues(*, actor: Actor, kind: Kind, subject: Subject, at: datetime) -> list[Colleague]:
    """Whose right covers a row: to whom it may be given.

    Raises:
        Forbidden: the actor gives no rows there.
    """
    require(actor, Action.ASSIGN_ROW, ALLOWED, **subject.scope)
    return fit(kind, subject, at)


def fit(kind: Kind, subject: Subject, at: datetime) -> list[Colleague]:
    """Everybody whose right covers a row of a kind."""
    asked = _asked(kind, at, territory=subject.territory_id, department=subject.department_id)
    return [Colleague(*row) for row in rows(_COLLEAGUES, asked)]


class HeldWork(NamedTuple):
    """Rows of a kind that the actor holds and that still wait, and the nearest day up to which."""

    kind: Kind
    n: int
    until: date | None


def held_work(*, actor: Actor, at: datetime) -> list[HeldWork]:
    """What waits for the actor by name, by kind; one statement.

    Raises:
        Forbidden: the actor works on no queue.
    """
    require(actor, Action.READ_HOLDS, ALLOWED)
    kinds = [kind for kind, roles in HOLDERS.items() if actor.holds(roles)]
    asked: dict[str, Any] = {"holder": actor.user_id, "today": local_day(at)}
    asked |= {f"roles_{kind}": sorted(HOLDERS[kind]) for kind in kinds}
    parts = [_held_of(kind) for kind in kinds]
    return (
        [HeldWork(Kind(kind), n, until) for kind, n, until in rows(" UNION ALL ".join(parts), asked)] if parts else []
    )


def _held_of(kind: Kind) -> str:
    counts = _counts(kind).replace("%(roles)s", f"%(roles_{kind})s")
    return (
        f"SELECT '{kind}', count(*)::int, min(h.until) FROM row_hold h WHERE h.kind = '{kind}'"  # noqa: S608 - an enum's
        f" AND h.holder_id = %(holder)s AND {counts} AND EXISTS ({_waiting(kind, 'id = h.subject_id')})"
    )
