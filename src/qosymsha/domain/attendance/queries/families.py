"""What a family's pages show: own children, their lessons and check-ins, months with holds, absences. All audited.

Whose children they are is asked anew each time: a guardianship that ended shows nothing more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries.checkins import presence_rules
from qosymsha.domain.attendance.queries.months import MonthRow, own_months
from qosymsha.domain.attendance.rules import Lesson, window
from qosymsha.domain.attendance.states import HEARS_GUARDIANS, HEARS_OBJECTIONS, HoldState, MarkValue, WordState
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import ERASED_NAME, person_of
from qosymsha.domain.people.states import FAMILY
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day, next_month
from qosymsha.kernel.errors import Forbidden

_OWN = "(SELECT g.child_id FROM guardianship g WHERE g.guardian_id = %s AND g.valid @> %s::date)"
_TITLE = "a.name_kk, a.name_ru, a.name_en, k.code"
_GROUP = (
    "JOIN club_group k ON k.id = {of} JOIN offering o ON o.id = k.offering_id JOIN activity a ON a.code = o.activity_id"
)


class OwnChild(NamedTuple):
    """A child of the guardian's own; an erased child has no name."""

    id: int
    uuid: UUID
    surname: str
    given: str

    @property
    def name(self) -> str:
        """Surname and given name, as lists show a child."""
        return f"{self.surname} {self.given}".strip()


class Group(NamedTuple):
    """A group as a family knows it: what is taught, in three languages, and the group's code."""

    title_kk: str
    title_ru: str
    title_en: str
    code: str


class OwnLesson(NamedTuple):
    """A live lesson of an own child. `opens_at` … `closes_at`: when its codes are shown.

    `check_in`: `code` | `late` | `card`, "" for none; `check_in_at`: when.
    """

    lesson: Lesson
    child_id: int
    group: Group
    address_kk: str
    address_ru: str
    check_in: str
    check_in_at: datetime | None
    opens_at: datetime
    closes_at: datetime


class DayHeld(NamedTuple):
    """Why a day of a row is held: `disputed` or `flagged`; `open` | `cleared` | `upheld`, and why it was so decided."""

    kind: str
    state: str
    reason: str
    evidence: str
    guardian_id: int | None = None


@dataclass(frozen=True, slots=True)
class OwnMonth:
    """A child's month: the row, its outside id, its group, its held days by session.

    From `officer_from` on a named officer may decide a row nobody spoke on; `evidence` says why one did. A second
    factor counts for `proof_minutes`.
    """

    row: MonthRow
    uuid: UUID
    group: Group
    officer_from: date
    proof_minutes: int
    scan_is_word: bool
    evidence: str
    held: dict[int, list[DayHeld]]
    spoken_by: int | None = None
    reader: int | None = None

    @property
    def is_others(self) -> bool:
        """True where the child's other guardian spoke."""
        return self.spoken_by is not None and self.spoken_by != self.reader

    @property
    def may_object(self) -> bool:
        """True where the reader may still dispute what the other guardian confirmed."""
        is_heard = self.row.sheet_state in HEARS_OBJECTIONS
        return is_heard and self.row.word == WordState.CONFIRMED and self.is_others

    @property
    def own_disputed(self) -> bool:
        """True where the reader disputes a day that nobody has decided."""
        every = (h for held in self.held.values() for h in held if (h.kind, h.state) == ("disputed", "open"))
        return any((h.guardian_id or self.spoken_by) == self.reader for h in every)

    @property
    def is_open(self) -> bool:
        """True where the guardian may still speak for the first time."""
        return self.row.word == WordState.SILENT and self.row.sheet_state in HEARS_GUARDIANS

    @property
    def would_be_paid(self) -> int:
        """Present lessons that are paid once the month is confirmed: those that nothing holds."""
        held = {i for i, one in self.held.items() if any(h.state in (HoldState.OPEN, HoldState.UPHELD) for h in one)}
        return sum(day.mark == MarkValue.PRESENT and day.session_id not in held for day in self.row.days)

    @property
    def disputed_days(self) -> list[int]:
        """Sessions that are disputed and not decided."""
        return [i for i, held in self.held.items() for h in held if (h.kind, h.state) == ("disputed", "open")]

    @property
    def may_withdraw(self) -> bool:
        """True where the reader may take the own dispute back."""
        if self.row.sheet_state not in HEARS_GUARDIANS:
            return False
        if self.row.word == WordState.DISPUTED:
            return not self.is_others
        return self.row.word == WordState.CONFIRMED and self.own_disputed


class OwnPlace(NamedTuple):
    """A child's live place in a group."""

    enrolment_id: int
    uuid: UUID
    child_id: int
    group: Group


class OwnCase(NamedTuple):
    """A long absence of an own child; `hear_until`: the hearing's last day, once the place is suspended."""

    id: int
    uuid: UUID
    child_id: int
    group: Group
    state: str
    missed: int
    opened_at: datetime
    hear_until: date | None
    objection: str


class OwnNotice(NamedTuple):
    """An absence that the family announced."""

    child_id: int
    group: Group
    kind: str
    first: date
    last: date
    reason: str
    paper: str
    at: datetime


def own_children(*, actor: Actor, at: datetime) -> dict[int, OwnChild]:
    """The guardian's children today, or a youth itself, with their names, by id; an audited read.

    Raises:
        Forbidden: the actor is neither.
    """
    asked = _own(actor, at, Action.READ_OWN)
    found = rows(f"SELECT c.id, c.uuid FROM child c WHERE c.id IN {_OWN} ORDER BY c.id", asked)  # noqa: S608
    ids = [child_id for child_id, _ in found]
    names = {i: person_of(plain) for i, plain in people.unseal("child", ids).items()}
    _note(actor, at, "child", ids, ids)
    return {
        i: OwnChild(i, uuid, names[i].surname if i in names else ERASED_NAME, names[i].given if i in names else "")
        for i, uuid in found
    }


def own_lessons(*, actor: Actor, first: date, last: date, at: datetime) -> list[OwnLesson]:
    """Live lessons of the guardian's children, or a youth's own, between two days (both counted), by time; audited.

    Raises:
        Forbidden: the actor is neither.
    """
    found = rows(
        'SELECT s.id, s.uuid, s.group_id, s."on", s.starts_at, s.ends_at, s.state, s.territory_id, s.programme_id,'  # noqa: S608
        f" e.child_id, {_TITLE}, v.address_kk, v.address_ru, coalesce(c.kind, ''), c.at"
        ' FROM enrolment e JOIN session s ON s.group_id = e.group_id AND s."on" BETWEEN %s AND %s AND s.is_live'
        ' AND e.starts_on <= s."on" AND (e.ends_on IS NULL OR e.ends_on >= s."on")'
        f" {_GROUP.format(of='e.group_id')} JOIN venue v ON v.id = s.venue_id"
        ' LEFT JOIN check_in c ON c."on" = s."on" AND c.session_id = s.id AND c.enrolment_id = e.id'
        ' AND c."on" BETWEEN %s AND %s'
        f" WHERE e.child_id IN {_OWN} AND e.state IN ('active', 'ended') ORDER BY s.starts_at, s.id, e.id",
        [first, last, first, last, *_own(actor, at, Action.READ_OWN)],
    )
    children = {row[9] for row in found}
    _note(actor, at, "child", children, children)
    terms = presence_rules(Lesson(*row[:9]) for row in found)
    shown = []
    for row in found:
        lesson = Lesson(*row[:9])
        opens = window(lesson, terms[lesson.programme_id, lesson.on.replace(day=1)])
        shown.append(OwnLesson._make((lesson, row[9], Group(*row[10:14]), *row[14:18], *opens)))
    return shown


def own_family_months(*, actor: Actor, at: datetime) -> list[OwnMonth]:
    """The months of `own_months` as a family's page shows them: group, deadline, held days and why.

    Raises:
        Forbidden: the actor is no guardian.
    """
    _own(actor, at)
    months = own_months(actor=actor, at=at)
    ids = [m.row_id for m in months]
    facts = {
        row[0]: row[1:]
        for row in rows(
            "SELECT r.id, r.uuid, r.evidence, s.scan_is_word, s.territory_id, s.programme_id, s.sent_at,"  # noqa: S608
            f" r.confirmed_by, {_TITLE} FROM sheet_row r JOIN month_sheet s ON s.id = r.sheet_id"
            f" {_GROUP.format(of='s.group_id')} WHERE r.id = ANY (%s)",
            [ids],
        )
    }
    held = _held(ids)
    asked = {m.row_id: (facts[m.row_id][3], facts[m.row_id][4], m.month, local_day(facts[m.row_id][5])) for m in months}
    due = _terms(asked.values())
    return [
        OwnMonth(
            m,
            facts[m.row_id][0],
            Group(*facts[m.row_id][7:]),
            *due[asked[m.row_id]],
            facts[m.row_id][2],
            facts[m.row_id][1],
            held.get(m.row_id, {}),
            facts[m.row_id][6],
            actor.guardian_id,
        )
        for m in months
    ]


def _held(row_ids: Sequence[int]) -> dict[int, dict[int, list[DayHeld]]]:
    """Row → session → its holds; what a flag's resolver wrote may name others, so that only disputes say why."""
    held: defaultdict[int, dict[int, list[DayHeld]]] = defaultdict(dict)
    for row_id, session_id, *one in rows(
        "SELECT sheet_row_id, session_id, kind, state, CASE kind WHEN 'disputed' THEN reason ELSE '' END,"
        " CASE kind WHEN 'disputed' THEN evidence ELSE '' END, guardian_id FROM day_hold"
        " WHERE sheet_row_id = ANY (%s) ORDER BY id",
        [list(row_ids)],
    ):
        held[row_id].setdefault(session_id, []).append(DayHeld._make(one))
    return held


_Sent = tuple[int, int, date, date]


def _terms(asked: Iterable[_Sent]) -> dict[_Sent, tuple[date, int]]:
    """(territory, programme, month, sent on) → the day an officer decides from (R-12), minutes of a proof (R-30)."""
    wanted = set(asked)
    terms = {
        about: programmes.rules_in_force(*about).rules.confirmation
        for about in sorted({(programme, month) for _, programme, month, _ in wanted})
    }
    calendars = {}
    for territory in sorted({territory for territory, *_ in wanted}):
        sent = [on for t, _, _, on in wanted if t == territory]
        calendars[territory] = programmes.calendar(
            territory, min(sent), next_month(next_month(max(sent).replace(day=1)))
        )
    return {
        one: (
            calendars[one[0]].add_working_days(one[3], terms[one[1], one[2]].officer_after_working_days),
            terms[one[1], one[2]].proof_minutes,
        )
        for one in wanted
    }


def own_places(*, actor: Actor, at: datetime) -> list[OwnPlace]:
    """The live places of the guardian's children; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    found = rows(
        f"SELECT e.id, e.uuid, e.child_id, {_TITLE} FROM enrolment e {_GROUP.format(of='e.group_id')}"  # noqa: S608
        f" WHERE e.child_id IN {_OWN} AND e.state = 'active' ORDER BY e.child_id, e.id",
        _own(actor, at),
    )
    _note(actor, at, "enrolment", [row[0] for row in found], {row[2] for row in found})
    return [OwnPlace._make((*row[:3], Group(*row[3:]))) for row in found]


def own_absence_cases(*, actor: Actor, at: datetime) -> list[OwnCase]:
    """The live cases of long absence of the guardian's children; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    found = rows(
        f"SELECT c.id, c.uuid, e.child_id, {_TITLE}, c.state, c.missed, c.opened_at, c.hear_until, c.objection"  # noqa: S608
        f" FROM enrolment e JOIN absence_case c ON c.enrolment_id = e.id {_GROUP.format(of='e.group_id')}"
        f" WHERE e.child_id IN {_OWN} AND c.state IN ('warned', 'suspended') ORDER BY c.id",
        _own(actor, at),
    )
    _note(actor, at, "absence_case", [row[0] for row in found], {row[2] for row in found})
    return [OwnCase._make((*row[:3], Group(*row[3:7]), *row[7:])) for row in found]


def own_notices(*, actor: Actor, at: datetime, days: int = 92) -> list[OwnNotice]:
    """What was announced for the guardian's children and ended at most so many days ago, newest first; audited.

    Raises:
        Forbidden: the actor is no guardian.
    """
    found = rows(
        f"SELECT n.id, n.child_id, {_TITLE}, n.kind, lower(n.days), upper(n.days) - 1, n.reason, n.paper, n.at"  # noqa: S608
        f" FROM absence_notice n JOIN enrolment e ON e.id = n.enrolment_id {_GROUP.format(of='e.group_id')}"
        f" WHERE n.child_id IN {_OWN} AND upper(n.days) > %s ORDER BY n.id DESC",
        [*_own(actor, at), local_day(at) - timedelta(days=days)],
    )
    _note(actor, at, "absence_notice", [row[0] for row in found], {row[1] for row in found})
    return [OwnNotice(row[1], Group(*row[2:6]), *row[6:]) for row in found]


def _own(actor: Actor, at: datetime, action: Action = Action.READ) -> list[object]:
    """The arguments of `_OWN`, for a guardian alone: a channel or a clerk has no children of its own.

    By `READ_OWN` for a youth too, who sees its lessons and nothing that its guardian answers for.
    """
    require(actor, action, ALLOWED)
    if actor.guardian_id is None or not actor.holds(ALLOWED[action] & FAMILY):
        raise Forbidden(action)
    return [actor.guardian_id, local_day(at)]


def _note(actor: Actor, at: datetime, kind: str, ids: Collection[int], children: Collection[int]) -> None:
    reading.saw(actor=actor, at=at, action=Action.READ, kind=kind, ids=ids, children=children)
