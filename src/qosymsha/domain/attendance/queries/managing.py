"""What a provider's manager sees at one look: the month by group, its sheets, what is ready to go."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries.lessons import SESSION_COLUMNS
from qosymsha.domain.attendance.queries.lessons_pages import allow_lessons, named
from qosymsha.domain.attendance.rules import SessionFacts
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.domain.vouchers.queries import rows
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day, local_instant, month_of, next_month

_LOOK_BACK = timedelta(days=124)


class GroupOfMonth(NamedTuple):
    """A group's month in figures. `unmarked`: lessons that are over without a mark; `missing`: children's marks not
    made at lessons that are over; `to_come`: planned and not begun. `sheet` is None and `sheet_state` "" without one.
    """

    group_id: int
    uuid: UUID
    code: str
    activity: str
    planned: int
    held: int
    cancelled: int
    unmarked: int
    to_come: int
    sheet: UUID | None
    sheet_state: str
    missing: int = 0


@dataclass(frozen=True, slots=True)
class OwnSheet:
    """A month sheet in the provider's list: rows by word, days held open, the last step's cause."""

    uuid: UUID
    group_id: int
    group_uuid: UUID
    code: str
    activity: str
    month: date
    state: str
    version: int
    sent_at: datetime | None
    cause: str
    rows: int
    confirmed: int
    silent: int
    disputed: int
    decided: int
    held_days: int


_GROUPS = """
SELECT g.id, g.uuid, g.code, o.activity_id, count(*) FILTER (WHERE s.state = 'planned'),
       count(*) FILTER (WHERE s.state = 'held'), count(*) FILTER (WHERE s.state = 'cancelled'),
       count(*) FILTER (WHERE s.state = 'planned' AND s.ends_at <= %(at)s),
       count(*) FILTER (WHERE s.state = 'planned' AND s.starts_at > %(at)s), t.uuid, coalesce(t.state, '')
  FROM club_group g JOIN offering o ON o.id = g.offering_id
  LEFT JOIN session s ON s.group_id = g.id AND s.starts_at >= %(from)s AND s.starts_at < %(until)s
  LEFT JOIN month_sheet t ON t.group_id = g.id AND t.month = %(month)s
 WHERE g.provider_id = %(provider)s AND g.valid && daterange(%(month)s::date, %(next)s::date)
 GROUP BY g.id, o.activity_id, t.uuid, t.state ORDER BY g.code, g.id"""

_MISSING = """
SELECT s.group_id, count(*) FROM club_group g
  JOIN session s ON s.group_id = g.id AND s.starts_at >= %(from)s AND s.starts_at < %(until)s
  JOIN enrolment e ON e.group_id = s.group_id AND e.starts_on <= s."on" AND (e.ends_on IS NULL OR e.ends_on >= s."on")
  LEFT JOIN mark m ON m."on" = s."on" AND m.session_id = s.id AND m.enrolment_id = e.id
                  AND m."on" >= %(month)s AND m."on" < %(next)s
 WHERE g.provider_id = %(provider)s AND s.is_live AND s.ends_at <= %(at)s AND m.session_id IS NULL GROUP BY 1"""

_SHEETS = """
SELECT t.uuid, t.group_id, g.uuid, g.code, o.activity_id, t.month, t.state, t.version, t.sent_at,
       (SELECT h.cause FROM month_sheet_history h WHERE h.month_sheet_id = t.id ORDER BY h.seq DESC LIMIT 1),
       count(r.id), count(r.id) FILTER (WHERE r.word = 'confirmed'), count(r.id) FILTER (WHERE r.word = 'silent'),
       count(r.id) FILTER (WHERE r.word = 'disputed'), count(r.id) FILTER (WHERE r.word IN ('decided', 'rejected')),
       (SELECT count(DISTINCT (h.sheet_row_id, h.session_id)) FROM day_hold h JOIN sheet_row x ON x.id = h.sheet_row_id
         WHERE x.sheet_id = t.id AND h.state = 'open')
  FROM month_sheet t JOIN club_group g ON g.id = t.group_id JOIN offering o ON o.id = g.offering_id
  LEFT JOIN sheet_row r ON r.sheet_id = t.id
 WHERE t.provider_id = %s AND t.month >= %s
 GROUP BY t.id, g.uuid, g.code, o.activity_id ORDER BY t.month DESC, g.code, t.id"""

_READY = """
SELECT month, count(*) FROM (
    SELECT date_trunc('month', s."on")::date AS month, s.group_id FROM session s JOIN club_group g ON g.id = s.group_id
     WHERE g.provider_id = %s AND s.starts_at >= %s AND s.starts_at < %s GROUP BY 1, 2
    HAVING bool_or(s.state = 'held') AND NOT bool_or(s.state = 'planned' AND s.starts_at > %s)) AS over
 WHERE NOT EXISTS (SELECT FROM month_sheet t
                    WHERE t.group_id = over.group_id AND t.month = over.month AND t.state <> 'open')
 GROUP BY 1 ORDER BY 1"""


def provider_month(*, actor: Actor, provider_id: int, month: date, at: datetime) -> list[GroupOfMonth]:
    """The provider's groups of a month in figures, by code; no child is named.

    Raises:
        Forbidden: the actor may not read this provider's lessons.
    """
    allow_lessons(actor, provider_id)
    month = month_of(month)
    asked = {
        "provider": provider_id,
        "month": month,
        "next": next_month(month),
        "from": local_instant(month),
        "until": local_instant(next_month(month)),
        "at": at,
    }
    missing: dict[int, int] = dict(rows(_MISSING, asked))
    return [GroupOfMonth(*row)._replace(missing=missing.get(row[0], 0)) for row in rows(_GROUPS, asked)]


def provider_sheets(*, actor: Actor, provider_id: int, since: date) -> list[OwnSheet]:
    """The provider's month sheets from a month on, newest first; no child is named.

    Raises:
        Forbidden: the actor does not work for this provider.
    """
    require(actor, Action.READ, ALLOWED, provider_id=provider_id)
    return [OwnSheet(*row) for row in rows(_SHEETS, [provider_id, month_of(since)])]


def months_to_send(provider_id: int, at: datetime) -> list[tuple[date, int]]:
    """(month, groups) whose lessons are over, with marks, and whose sheet has not been sent; of the last months."""
    today = local_day(at)
    first, until = month_of(today - _LOOK_BACK), next_month(month_of(today))
    return [(m, n) for m, n in rows(_READY, [provider_id, local_instant(first), local_instant(until), at])]


def own_session(provider_id: int, uuid: UUID) -> SessionFacts | None:
    """A provider's lesson by its outside id; another's is as unknown as none."""
    found = rows(
        f"SELECT {SESSION_COLUMNS} FROM session s WHERE s.uuid = %s AND s.provider_id = %s",  # noqa: S608
        [uuid, provider_id],
    )
    return SessionFacts(*found[0]) if found else None


def session_uuids(session_ids: Collection[int]) -> dict[int, UUID]:
    """Lesson → its outside id."""
    return dict(rows("SELECT id, uuid FROM session WHERE id = ANY (%s)", [list(session_ids)]))


def place_uuids(enrolment_ids: Collection[int]) -> dict[int, UUID]:
    """Place → its outside id."""
    return dict(rows("SELECT id, uuid FROM enrolment WHERE id = ANY (%s)", [list(enrolment_ids)]))


def own_sheet_id(provider_id: int, uuid: UUID) -> int | None:
    """A provider's sheet by its outside id; another's is as unknown as none."""
    found = rows("SELECT id FROM month_sheet WHERE uuid = %s AND provider_id = %s", [uuid, provider_id])
    return found[0][0] if found else None


def place_names(
    *, actor: Actor, provider_id: int, enrolment_ids: Collection[int], at: datetime
) -> dict[int, tuple[str, str]]:
    """Place → (surname, given name) of its child, of this provider's groups alone; an audited read.

    Raises:
        Forbidden: the actor may not read this provider's lessons.
    """
    territory_id = allow_lessons(actor, provider_id)
    children = dict(
        rows(
            "SELECT e.id, e.child_id FROM enrolment e JOIN club_group g ON g.id = e.group_id"
            " WHERE e.id = ANY (%s) AND g.provider_id = %s",
            [list(enrolment_ids), provider_id],
        )
    )
    names = named(actor, set(children.values()), territory_id, at)
    return {place: names.get(child_id, (ERASED_NAME, "")) for place, child_id in children.items()}
