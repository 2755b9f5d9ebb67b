"""A month as pages show it: to the guardian, the provider, the customer, the consultation point, the control."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries.departments import of_others
from qosymsha.domain.attendance.queries.sheets import SHEET_COLUMNS, SheetFacts, sheet_of
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day, month_of


class MonthDay(NamedTuple):
    """One lesson of a row: its mark, its check-in's kind ("" without), and the strongest hold on it ("" without).

    `hold`: `open` | `upheld` | `cleared`; `hold_id` is that of the guardian's dispute, None where there is none.
    """

    session_id: int
    on: date
    starts_at: datetime
    mark: str
    check_in: str
    hold: str
    hold_id: int | None


class MonthRow(NamedTuple):
    """One child's month on a page. `remark` is the customer's, for this version; `days` come by time."""

    row_id: int
    sheet_id: int
    group_id: int
    child_id: int
    enrolment_id: int
    month: date
    sheet_state: str
    present: int
    ill: int
    excused: int
    absent: int
    seen: int
    word: str
    reason: str
    confirmed_at: datetime | None
    payable_present: int
    waiting_present: int
    remark: str
    days: tuple[MonthDay, ...]


@dataclass(frozen=True, slots=True)
class SheetPage:
    """A sheet with its rows; `versions`: (number, SHA-256, sent at) of what it said before it was sent again."""

    sheet: SheetFacts
    rows: list[MonthRow]
    versions: list[tuple[int, bytes, datetime]]
    last_cause: str


@dataclass(frozen=True, slots=True)
class SheetSummary:
    """A sheet in the customer's queue: its rows by word, days held open, the last step's cause."""

    sheet: SheetFacts
    words: dict[str, int]
    open_holds: int
    last_cause: str


@dataclass(frozen=True, slots=True)
class SilentRow:
    """A row nobody has spoken on, for the point and the phone line: whose child, whom to ask."""

    row_id: int
    child_id: int
    guardian_ids: tuple[int, ...]
    group_id: int
    month: date
    present: int
    seen: int


_ROWS = """
SELECT r.id, s.id, s.group_id, r.child_id, r.enrolment_id, s.month, s.state, r.present, r.ill, r.excused, r.absent,
       r.seen, r.word, r.reason, r.confirmed_at, d.payable_present, d.waiting_present,
       coalesce((SELECT w.reason FROM returned_row w WHERE w.sheet_row_id = r.id AND w.version = s.version), '')
  FROM sheet_row r JOIN month_sheet s ON s.id = r.sheet_id JOIN sheet_row_due d ON d.sheet_row_id = r.id
 WHERE {which} ORDER BY s.month DESC, s.id, r.id"""

_DAYS = """
SELECT r.id, l.id, l."on", l.starts_at, m.value, coalesce(c.kind, ''),
       coalesce((SELECT h.state FROM day_hold h WHERE h.sheet_row_id = r.id AND h.session_id = l.id
                  ORDER BY array_position(ARRAY['upheld', 'open', 'cleared'], h.state) LIMIT 1), ''),
       (SELECT max(h.id) FROM day_hold h WHERE h.sheet_row_id = r.id AND h.session_id = l.id AND h.kind = 'disputed')
  FROM sheet_row r JOIN month_sheet s ON s.id = r.sheet_id
  JOIN session l ON l.group_id = s.group_id AND l."on" >= s.month AND l."on" < s.month + interval '1 month'
  JOIN mark m ON m."on" = l."on" AND m.session_id = l.id AND m.enrolment_id = r.enrolment_id
  LEFT JOIN check_in c ON c."on" = l."on" AND c.session_id = l.id AND c.enrolment_id = r.enrolment_id
 WHERE r.id = ANY (%s) ORDER BY r.id, l.starts_at"""

_CAUSE = "(SELECT h.cause FROM month_sheet_history h WHERE h.month_sheet_id = s.id ORDER BY h.seq DESC LIMIT 1)"


def own_months(*, actor: Actor, at: datetime, months: int = 3) -> list[MonthRow]:
    """A guardian's children's rows of the last months with a sheet, newest first, day by day; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    require(actor, Action.CONFIRM, ALLOWED)
    today = local_day(at)
    since = month_of(month_of(today) - timedelta(days=31 * months))
    which = (
        "r.child_id IN (SELECT g.child_id FROM guardianship g WHERE g.guardian_id = %s AND g.valid @> %s::date)"
        " AND s.month >= %s AND s.state NOT IN ('open', 'void')"
    )
    return _shown(actor, at, which, [actor.guardian_id, today, since])


_OF_SHEET = "r.sheet_id = %s AND (%s::uuid IS NULL OR r.enrolment_id = (SELECT id FROM enrolment WHERE uuid = %s))"


def sheet_page(*, actor: Actor, sheet_id: int, at: datetime, place: UUID | None = None) -> SheetPage | None:
    """A sheet with its rows and days, or the row of one place alone, for its provider or an official; an audited read.

    Raises:
        Forbidden: the actor may not read this sheet.
    """
    found = rows(
        f"SELECT {_CAUSE}, {SHEET_COLUMNS} FROM month_sheet s WHERE s.id = %s",  # noqa: S608
        [sheet_id],
    )
    if not found:
        return None
    sheet = sheet_of(found[0][1:])
    require(actor, Action.READ, ALLOWED, territory_id=sheet.territory_id, provider_id=sheet.provider_id)
    versions = rows("SELECT version, hash, sent_at FROM sheet_version WHERE sheet_id = %s ORDER BY 1", [sheet_id])
    return SheetPage(
        sheet,
        _shown(actor, at, _OF_SHEET, [sheet_id, place, place]),
        [(number, bytes(hash_), sent_at) for number, hash_, sent_at in versions],
        found[0][0],
    )


def sheet_queue(
    *, actor: Actor, programme_id: int, states: Sequence[str], month: date | None = None
) -> list[SheetSummary]:
    """The customer's queue: sheets of a programme in these states, oldest month first; figures without children.

    Raises:
        Forbidden: the actor is no official.
    """
    require(actor, Action.APPROVE, ALLOWED)
    found = rows(
        f"SELECT {_CAUSE}, {SHEET_COLUMNS} FROM month_sheet s WHERE s.programme_id = %s"  # noqa: S608
        " AND s.state = ANY (%s::text[]) AND (%s::date IS NULL OR s.month = %s) ORDER BY s.month, s.id",
        [programme_id, list(states), month, month],
    )
    found = [f for f in found if actor.holds(ALLOWED[Action.APPROVE], territory_id=f[1:][3])]
    others = of_others(actor, ALLOWED[Action.APPROVE], "month_sheet", [f[1] for f in found])
    found = [f for f in found if f[1] not in others]
    ids = [row[1] for row in found]
    words: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for sheet_id, word, count in rows(
        "SELECT sheet_id, word, count(*) FROM sheet_row WHERE sheet_id = ANY (%s) GROUP BY 1, 2 ORDER BY 1, 2", [ids]
    ):
        words[sheet_id][word] = count
    held = dict(
        rows(
            "SELECT r.sheet_id, count(*) FROM sheet_row r JOIN day_hold h ON h.sheet_row_id = r.id AND h.state = 'open'"
            " WHERE r.sheet_id = ANY (%s) GROUP BY 1",
            [ids],
        )
    )
    return [SheetSummary(sheet_of(f[1:]), words[f[1]], held.get(f[1], 0), f[0]) for f in found]


_SILENT = """
SELECT r.territory_id, r.id, r.child_id, ARRAY(
           SELECT g.guardian_id FROM guardianship g WHERE g.child_id = r.child_id AND g.valid @> %s::date
              AND g.kind <> 'self' ORDER BY 1),
       s.group_id, s.month, r.present, r.seen
  FROM sheet_row r JOIN month_sheet s ON s.id = r.sheet_id
 WHERE s.programme_id = %s AND s.month = %s AND s.state IN ('with_parents', 'with_customer', 'for_payment')
   AND r.word = 'silent' AND (NOT s.scan_is_word OR r.seen < r.present) ORDER BY r.id"""


def rows_to_remind(programme_id: int, month: date) -> list[int]:
    """Rows of a month that still wait for a word; those whose every present day was scanned need none."""
    return [row_id for _, row_id, *_ in rows(_SILENT, [month, programme_id, month])]


def silent_rows_for_point(*, actor: Actor, programme_id: int, month: date, at: datetime) -> list[SilentRow]:
    """Rows that wait for a word, with whom to ask, for a clerk of a consultation point; an audited read.

    Raises:
        Forbidden: the actor is no clerk.
    """
    require(actor, Action.ASK, ALLOWED)
    today = local_day(at)
    found = rows(_SILENT, [today, programme_id, month_of(month)])
    shown = [f for f in found if actor.holds(ALLOWED[Action.ASK], territory_id=f[0])]
    _note(actor, at, [f[1] for f in shown], {f[2] for f in shown})
    return [SilentRow(i, child, tuple(g), group, m, p, seen) for _, i, child, g, group, m, p, seen in shown]


def sampled_decisions(*, actor: Actor, programme_id: int, month: date, permille: int, at: datetime) -> list[MonthRow]:
    """A share of the rows that officers decided, for the control: drawn by the sheet's hash, which nobody chose.

    The same rows each time; an audited read.

    Raises:
        Forbidden: the actor may not read attendance.
    """
    require(actor, Action.CONTROL, ALLOWED)
    which = (
        "s.programme_id = %s AND s.month = %s AND r.word IN ('decided', 'rejected') AND get_byte(sha256(s.hash ||"
        " convert_to(r.uuid::text, 'UTF8')), 0) * 256 + get_byte(sha256(s.hash || convert_to(r.uuid::text, 'UTF8')), 1)"
        " < 65536 * %s / 1000"
    )
    return _shown(actor, at, which, [programme_id, month_of(month), permille])


def _shown(actor: Actor, at: datetime, which: str, arguments: Sequence[object]) -> list[MonthRow]:
    found = rows(_ROWS.format(which=which), list(arguments))
    ids = [row[0] for row in found]
    days: defaultdict[int, list[MonthDay]] = defaultdict(list)
    for row_id, *day in rows(_DAYS, [ids]):
        days[row_id].append(MonthDay(*day))
    _note(actor, at, ids, {row[3] for row in found})
    return [MonthRow._make((*row, tuple(days[row[0]]))) for row in found]


def _note(actor: Actor, at: datetime, ids: Sequence[int], children: set[int]) -> None:
    reading.saw(actor=actor, at=at, action=Action.READ, kind="sheet_row", ids=ids, children=children)
