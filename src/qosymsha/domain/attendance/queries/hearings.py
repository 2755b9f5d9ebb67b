"""What officials hear and decide: long absences with what the family said, and phones' words beside marks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries import office
from qosymsha.domain.attendance.queries.lessons_pages import named
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.text import sort_key

HEARERS = frozenset({Role.CHECKER, Role.PROGRAMME_OFFICER, Role.AUDITOR})
NAMED = HEARERS - {Role.AUDITOR}  # who controls need not know which child it is
MOST = 100


class AbsenceShown(NamedTuple):
    """A case of long absence on an official's page: lessons missed in a row, the hearing's last day, the family's word.

    `waits` is True where a person must decide: suspended, and the family objected.
    """

    id: int
    uuid: UUID
    territory_id: int
    place: UUID
    child_id: int
    code: str
    activity: str
    provider_name: str
    state: str
    missed: int
    opened_at: datetime
    hear_until: date | None
    objection: str
    evidence: str
    waits: bool
    total: int

    @property
    def short(self) -> str:
        """How the place is called where no name is shown."""
        return self.place.hex[:8].upper()


class NoticeHeard(NamedTuple):
    """An absence that the family announced: kind, days, why, the paper's number."""

    kind: str
    first: date
    last: date
    reason: str
    paper: str
    at: datetime


class Hearing(NamedTuple):
    """All that is known for the decision of a case; `name` is the child's, "" where the official need not know it."""

    case: AbsenceShown
    name: str
    notices: tuple[NoticeHeard, ...]
    steps: tuple[tuple[datetime, str], ...]


class HearingWork(NamedTuple):
    """Cases that a person must decide, since which day; other live cases; open words of phones, since when."""

    to_decide: int
    decide_by: date | None
    live: int
    words: int
    oldest_word: datetime | None


class WordShown(NamedTuple):
    """A phone's word beside the mark: which lesson and place, what each says, when it came and why it stands apart."""

    id: int
    provider_id: int
    provider_name: str
    territory_id: int
    code: str
    activity: str
    starts_at: datetime
    place: UUID
    child_id: int
    value: str
    mark: str
    recorded_at: datetime | None
    received_at: datetime
    reason: str
    total: int

    @property
    def short(self) -> str:
        """How the place is called where no name is shown."""
        return self.place.hex[:8].upper()


class WaitingRow(NamedTuple):
    """A row that no family has confirmed: its sheet and place, the word so far, from which day an officer decides."""

    sheet: UUID
    place: UUID
    code: str
    activity: str
    provider_name: str
    month: date
    word: str
    present: int
    sent_on: date
    officer_from: date
    row_id: int
    row: UUID

    @property
    def short(self) -> str:
        """How the place is called where no name is shown."""
        return self.place.hex[:8].upper()


class Decided(NamedTuple):
    """What a named officer decided in a family's place, on what evidence."""

    row_id: int
    sheet: UUID
    place: UUID
    code: str
    provider_name: str
    word: str
    present: int
    evidence: str
    decided_by: str
    decided_at: datetime

    @property
    def short(self) -> str:
        """How the place is called where no name is shown."""
        return self.place.hex[:8].upper()


_ROWS = """
SELECT s.uuid, e.uuid, g.code, o.activity_id, p.name, s.month, r.word, r.present,
       (s.sent_at AT TIME ZONE 'Asia/Almaty')::date, s.programme_id, s.territory_id, r.uuid, r.id, r.child_id
  FROM month_sheet s JOIN sheet_row r ON r.sheet_id = s.id JOIN enrolment e ON e.id = r.enrolment_id
  JOIN club_group g ON g.id = s.group_id JOIN offering o ON o.id = g.offering_id JOIN provider p ON p.id = s.provider_id
 WHERE s.programme_id = ANY (%(programmes)s) AND s.state IN ('with_parents', 'with_customer', 'for_payment')
   AND s.sent_at IS NOT NULL AND r.word IN ('silent', 'disputed')
   AND (%(only)s::bigint[] IS NULL OR r.id = ANY (%(only)s)) AND r.id <> ALL (%(but)s::bigint[])
   AND (%(lines)s::bigint[] IS NULL OR e.line_id = ANY (%(lines)s))
 ORDER BY s.sent_at, r.id LIMIT %(most)s OFFSET %(after)s"""

_DECIDED = """
SELECT r.id, s.uuid, e.uuid, g.code, p.name, r.word, r.present, r.evidence, u.subject, r.decided_at, r.child_id
  FROM sheet_row r JOIN month_sheet s ON s.id = r.sheet_id JOIN enrolment e ON e.id = r.enrolment_id
  JOIN club_group g ON g.id = s.group_id JOIN provider p ON p.id = s.provider_id
  LEFT JOIN app_user u ON u.id = r.decided_by WHERE r.id = ANY (%s) ORDER BY r.decided_at, r.id"""

_CASES = """
SELECT c.id, c.uuid, c.territory_id, e.uuid, e.child_id, g.code, o.activity_id, p.name, c.state, c.missed, c.opened_at,
       c.hear_until, c.objection, c.evidence, c.state = 'suspended' AND c.objection <> '', count(*) OVER ()
  FROM absence_case c JOIN enrolment e ON e.id = c.enrolment_id JOIN club_group g ON g.id = e.group_id
  JOIN offering o ON o.id = g.offering_id JOIN provider p ON p.id = e.provider_id
 WHERE c.programme_id = ANY (%(programmes)s) AND (%(uuid)s::uuid IS NULL OR c.uuid = %(uuid)s)
   AND (%(state)s = '' OR c.state = %(state)s OR %(state)s = 'live' AND c.state IN ('warned', 'suspended'))
   AND (%(only)s::bigint[] IS NULL OR c.id = ANY (%(only)s)) AND c.id <> ALL (%(but)s::bigint[])
   AND (%(lines)s::bigint[] IS NULL OR e.line_id = ANY (%(lines)s))
 ORDER BY 15 DESC, array_position(ARRAY['suspended', 'warned'], c.state), c.hear_until, c.id
 LIMIT %(most)s OFFSET %(after)s"""

_WORDS = """
SELECT x.id, x.provider_id, p.name, s.territory_id, g.code, o.activity_id, s.starts_at, e.uuid, e.child_id, x.value,
       coalesce(m.value, ''), x.recorded_at, x.received_at, x.reason, count(*) OVER ()
  FROM mark_objection x JOIN session s ON s.id = x.session_id JOIN club_group g ON g.id = s.group_id
  JOIN offering o ON o.id = g.offering_id JOIN provider p ON p.id = x.provider_id
  JOIN enrolment e ON e.id = x.enrolment_id
  LEFT JOIN mark m ON m."on" = x."on" AND m.session_id = x.session_id AND m.enrolment_id = x.enrolment_id
 WHERE x.state = 'open' AND s.programme_id = ANY (%(programmes)s)
   AND (%(lines)s::bigint[] IS NULL OR e.line_id = ANY (%(lines)s))
 ORDER BY x.received_at, x.id LIMIT %(most)s OFFSET %(after)s"""

_WORK = """
WITH words AS (
    SELECT x.received_at FROM mark_objection x JOIN session s ON s.id = x.session_id
      JOIN enrolment e ON e.id = x.enrolment_id
     WHERE x.state = 'open' AND s.programme_id = ANY (%(programmes)s)
       AND (%(lines)s::bigint[] IS NULL OR e.line_id = ANY (%(lines)s)))
SELECT count(*) FILTER (WHERE c.state = 'suspended' AND c.objection <> ''),
       min(c.hear_until) FILTER (WHERE c.state = 'suspended' AND c.objection <> ''),
       count(*) FILTER (WHERE c.state = 'warned' OR c.objection = ''),
       (SELECT count(*) FROM words), (SELECT min(received_at) FROM words)
  FROM absence_case c JOIN enrolment e ON e.id = c.enrolment_id
 WHERE c.programme_id = ANY (%(programmes)s) AND c.state IN ('warned', 'suspended')
   AND (%(lines)s::bigint[] IS NULL OR e.line_id = ANY (%(lines)s))"""


def _mine(actor: Actor) -> dict[str, Any]:
    """The programmes that the actor hears, and the lines of the actor's departments (None: all)."""
    found = [p.id for p in programmes.programmes() if actor.holds(HEARERS, territory_id=p.territory_id)]
    return {"programmes": found, "lines": programmes.own_lines(actor, HEARERS), "most": MOST, "after": 0}


def hearing_work(*, actor: Actor) -> HearingWork:
    """What waits in hearings over the actor's programmes; figures alone, one statement."""
    return HearingWork(*rows(_WORK, _mine(actor))[0])


def absence_cases(  # noqa: PLR0913 (the filters of a queue)
    *,
    actor: Actor,
    state: str,
    at: datetime,
    uuid: UUID | None = None,
    only: Sequence[int] | None = None,
    but: Sequence[int] = (),
    after: int = 0,
) -> list[AbsenceShown]:
    """Cases in a state (`live`: warned or suspended; "": all), those a person must decide first; an audited read.

    `only` these ids, `but` not those.   after: so many are passed over.

    Raises:
        Forbidden: the actor may not read attendance.
    """
    require(actor, Action.READ, ALLOWED)
    asked = _mine(actor) | {"state": state, "uuid": uuid, "after": after}
    asked |= {"only": None if only is None else list(only), "but": list(but)}
    found = [AbsenceShown(*row) for row in rows(_CASES, asked)]
    _note(actor, at, "absence_case", [one.id for one in found], {one.child_id for one in found})
    return found


def hearing(*, actor: Actor, uuid: UUID, at: datetime) -> Hearing | None:
    """One case with the child's name, what was announced and how it went so far; None where it is not the actor's.

    Raises:
        Forbidden: the actor may not read attendance.
    """
    found = absence_cases(actor=actor, state="", at=at, uuid=uuid)
    if not found:
        return None
    (case,) = found
    notices = rows(
        "SELECT n.kind, lower(n.days), upper(n.days) - 1, n.reason, n.paper, n.at FROM absence_notice n"
        " JOIN enrolment e ON e.id = n.enrolment_id WHERE e.uuid = %s ORDER BY n.days DESC, n.id DESC LIMIT 20",
        [case.place],
    )
    steps = rows("SELECT at, to_state FROM absence_case_history WHERE absence_case_id = %s ORDER BY seq", [case.id])
    sees_name = actor.holds(NAMED, territory_id=case.territory_id)
    names = named(actor, [case.child_id], case.territory_id, at) if sees_name else {}
    name = " ".join(names.get(case.child_id, ())).strip()
    return Hearing(case, name, tuple(NoticeHeard(*row) for row in notices), tuple((s[0], s[1]) for s in steps))


def open_words(*, actor: Actor, at: datetime, after: int = 0) -> list[WordShown]:
    """Phones' words that wait for a person, over the actor's programmes, the oldest first; an audited read.

    after: so many are passed over.

    Raises:
        Forbidden: the actor may not read attendance.
    """
    require(actor, Action.READ, ALLOWED)
    found = [WordShown(*row) for row in rows(_WORDS, _mine(actor) | {"after": after})]
    _note(actor, at, "mark_objection", [one.id for one in found], {one.child_id for one in found})
    return found


def rows_waiting(  # noqa: PLR0913 (the filters of a queue)
    *,
    actor: Actor,
    at: datetime,
    only: Sequence[int] | None = None,
    but: Sequence[int] = (),
    after: int = 0,
    most: int = MOST,
) -> list[WaitingRow]:
    """Rows that wait for a family's word, then for a named officer; who may be decided first; an audited read.

    `only` these ids, `but` not those.   after: so many are passed over.

    Raises:
        Forbidden: the actor may not read attendance.
    """
    require(actor, Action.READ, ALLOWED)
    asked = {"only": None if only is None else list(only), "but": list(but), "after": after, "most": most}
    found = rows(_ROWS, _mine(actor) | asked)
    _note(actor, at, "sheet_row", [row[-2] for row in found], {row[-1] for row in found})
    days = office.officer_days({(row[9], row[10], row[5], row[8]) for row in found})
    shown = [WaitingRow._make((*row[:9], days[row[9], row[10], row[5], row[8]], row[-2], row[-3])) for row in found]
    return sorted(shown, key=lambda one: (one.officer_from, sort_key(one.provider_name), one.code, one.short))


def decided_rows(*, actor: Actor, row_ids: Sequence[int], at: datetime) -> list[Decided]:
    """Decided rows with their evidence and who decided, for the control; an audited read.

    Raises:
        Forbidden: the actor controls no decisions.
    """
    require(actor, Action.CONTROL, ALLOWED)
    found = rows(_DECIDED, [list(row_ids)])
    _note(actor, at, "sheet_row", [row[0] for row in found], {row[-1] for row in found})
    return [Decided(*row[:-1]) for row in found]


def words_of_month(programme_id: int, month: date) -> dict[str, int]:
    """How many rows of a month stand by which word; figures alone."""
    return dict(
        rows(
            "SELECT r.word, count(*)::int FROM sheet_row r JOIN month_sheet s ON s.id = r.sheet_id"
            " WHERE s.programme_id = %s AND s.month = %s GROUP BY 1 ORDER BY 1",
            [programme_id, month],
        )
    )


def _note(actor: Actor, at: datetime, kind: str, ids: Sequence[int], children: set[int]) -> None:
    reading.saw(actor=actor, at=at, action=Action.READ, kind=kind, ids=ids, children=children)
