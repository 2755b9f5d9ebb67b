"""The officers' queue: lines without a child or a category; one case as a whole, an audited read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from qosymsha.domain.documents import queries as documents
from qosymsha.domain.documents.queries import DocumentHead
from qosymsha.domain.intake.access import ALLOWED, Action
from qosymsha.domain.intake.models import ABOUT, CategoryCase, CategoryCaseStep
from qosymsha.domain.intake.queries.families import answer_days
from qosymsha.domain.intake.rules import due_on, is_late
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import PersonDetails, person_of
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Calendar, Category
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day

# A case is an officer's once its child has a live application in the round.
_TO_CHECK = """
  FROM category_case c JOIN admission_round r ON r.id = c.round_id
  JOIN LATERAL (SELECT number, submitted_at, state FROM application a
                 WHERE a.child_id = c.child_id AND a.round_id = c.round_id AND a.is_live
                 ORDER BY a.id LIMIT 1) a ON true
 WHERE (%(everywhere)s OR c.territory_id = ANY(%(territories)s))"""
_LINES = f"""
SELECT c.uuid, c.id, a.number, r.number, c.state, greatest(c.handed_at, a.submitted_at), c.decided_at, r.closes_at,
       c.territory_id, r.rule_set_id, count(*) OVER ()
{_TO_CHECK} AND c.state = ANY(%(states)s) AND (%(at)s IS NULL OR r.closes_at > %(at)s)
   AND (%(only)s::bigint[] IS NULL OR c.id = ANY (%(only)s)) AND c.id <> ALL (%(but)s::bigint[])
 ORDER BY {{order}} LIMIT %(most)s OFFSET %(after)s"""  # noqa: S608 - constants
_WORK = f"""
SELECT count(*), min(greatest(c.handed_at, a.submitted_at))
{_TO_CHECK} AND c.state = 'open' AND r.closes_at > %(at)s"""  # noqa: S608 - constants
_ONE = """
SELECT a.number, a.uuid, a.submitted_at, a.kind FROM application a
 WHERE a.child_id = %s AND a.round_id = %s AND a.is_live ORDER BY a.id LIMIT 1"""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A line of the queue: the application's number, the officer's last day; no child, no category."""

    uuid: UUID
    number: str
    round_number: str
    state: str
    handed_at: datetime
    decided_at: datetime | None
    due_on: date
    papers: int
    total: int
    id: int


class CaseWork(NamedTuple):
    """How many cases wait for an officer, and since when the oldest does."""

    n: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class CasePage:
    """A case as the officer who decides it sees it; `due_on` is the family's day where it was asked for a paper."""

    uuid: UUID
    number: str
    kind: str
    filed_at: datetime | None
    person: PersonDetails | None
    category: Category
    state: str
    handed_at: datetime
    due_on: date | None
    closes_at: datetime
    is_late: bool
    papers: tuple[DocumentHead, ...]
    steps: tuple[CategoryCaseStep, ...]
    certified: tuple[tuple[str, str, date | None, date | None], ...]
    territory_id: int
    round_number: str
    id: int


def case_lines(  # noqa: PLR0913 (the filters of a queue)
    *,
    actor: Actor,
    states: list[str],
    at: datetime,
    after: int = 0,
    most: int = 50,
    only: Collection[int] | None = None,
    but: Collection[int] = (),
) -> list[CaseLine]:
    """The cases in these states where the actor may look, the longest waiting first; past rounds only when decided.

    `only` these ids, `but` not those.

    Raises:
        Forbidden: the actor may not look.
    """
    values = _values(actor, at)
    are_decided = not {"open", "asked"} & set(states)
    order = "c.decided_at DESC, c.id" if are_decided else "6, c.id"
    values |= {"states": states, "after": after, "most": most, "at": None if are_decided else at}
    values |= {"only": None if only is None else sorted(only), "but": sorted(but)}
    with connection.cursor() as cursor:
        cursor.execute(_LINES.format(order=order), values)
        rows = cursor.fetchall()
    papers = documents.documents_about(ABOUT, [row[1] for row in rows])
    days = {i: programmes.rules_of(i).rules.checking.check_working_days for i in {row[9] for row in rows}}
    return [_line(row, len(papers.get(row[1], ())), calendar, days) for row, calendar in _with_calendars(rows)]


def _with_calendars(rows: list[tuple[Any, ...]]) -> list[tuple[tuple[Any, ...], Calendar]]:
    calendars: dict[int, Calendar] = {}
    for territory_id in {row[8] for row in rows}:
        own = [row for row in rows if row[8] == territory_id]
        first, last = min(local_day(row[5]) for row in own), max(local_day(row[7]) for row in own)
        calendars[territory_id] = programmes.calendar(territory_id, first, last)
    return [(row, calendars[row[8]]) for row in rows]


def _line(row: tuple[Any, ...], papers: int, calendar: Calendar, days: dict[int, int]) -> CaseLine:
    uuid, case_id, number, round_number, state, handed_at, decided_at, closes_at, _, rule_set_id, total = row
    handed_on = local_day(handed_at)
    due = due_on(handed_on, handed_on, local_day(closes_at), days[rule_set_id], calendar)
    return CaseLine(uuid, number, round_number, state, handed_at, decided_at, due, papers, total, case_id)


def case_work(*, actor: Actor, at: datetime) -> CaseWork:
    """How much waits for officers where the actor may look.

    Raises:
        Forbidden: the actor may not look.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WORK, _values(actor, at))
        return CaseWork._make(cursor.fetchone())


def _values(actor: Actor, at: datetime) -> dict[str, Any]:
    require(actor, Action.READ_CASES, ALLOWED)
    grants = [grant for grant in actor.grants if grant.role in ALLOWED[Action.READ_CASES]]
    everywhere = any(grant.territory_ids is None for grant in grants)
    return {
        "everywhere": everywhere,
        "territories": sorted({i for grant in grants for i in grant.territory_ids or ()}),
        "at": at,
    }


def case_page(*, actor: Actor, case_uuid: UUID, at: datetime) -> CasePage | None:
    """One case with its child; None where there is none, or elsewhere. An audited read of the child and the category.

    Raises:
        Forbidden: the actor may not look at cases at all.
    """
    row = _readable(actor, Action.READ_CASES, case_uuid)
    if row is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_ONE, [row.child_id, row.round_id])
        filed = cursor.fetchone()
    if filed is None:
        return None
    reading.saw(
        actor=actor,
        at=at,
        action=Action.READ_CASES,
        kind="category_case",
        ids=[row.pk],
        children=[row.child_id],
        territory_id=row.territory_id,
    )
    return _page(row, filed, at)


def _page(row: CategoryCase, filed: tuple[str, UUID, datetime, str], at: datetime) -> CasePage:
    rules = programmes.rules_of(row.round.rule_set_id).rules
    plain = people.unseal("child", [row.child_id]).get(row.child_id)
    closes_on = local_day(row.round.closes_at)
    calendar = programmes.calendar(row.territory_id, local_day(row.named_at), closes_on)
    days = rules.checking.check_working_days
    due = due_on(local_day(row.handed_at), local_day(filed[2]), closes_on, days, calendar)
    return CasePage(
        uuid=row.uuid,
        number=filed[0],
        kind=filed[3],
        filed_at=filed[2],
        person=None if plain is None else person_of(plain),
        category=rules.category(row.category),
        state=row.state,
        handed_at=row.handed_at,
        due_on=answer_days([row]).get(row.pk, due),
        closes_at=row.round.closes_at,
        is_late=is_late(row.state, row.round.closes_at, at),
        papers=tuple(documents.documents_about(ABOUT, [row.pk]).get(row.pk, ())),
        steps=tuple(CategoryCaseStep.objects.filter(case=row).order_by("seq")),
        certified=tuple(people.certificates(row.child_id, row.category, local_day(at))),
        territory_id=row.territory_id,
        round_number=row.round.number,
        id=row.pk,
    )


def case_paper(*, actor: Actor, case_uuid: UUID, paper_uuid: UUID, at: datetime) -> tuple[DocumentHead, bytes] | None:
    """A paper of a case, with its bytes, for the officer who checks it; None where it is none of that case.

    Raises:
        Forbidden: the actor may not.
        Refused: `paper_erased`.
    """
    row = _readable(actor, Action.READ_CASE_PAPER, case_uuid)
    paper = documents.document_of(paper_uuid)
    if row is None or paper is None or (paper.subject_kind, paper.subject_id) != (ABOUT, row.pk):
        return None
    return paper, documents.content_of(actor=actor, document=paper, action=Action.READ_CASE_PAPER, at=at)


def _readable(actor: Actor, action: Action, case_uuid: UUID) -> CategoryCase | None:
    officers = ALLOWED[action] - ALLOWED[Action.READ_OWN_CASES]
    row = CategoryCase.objects.filter(uuid=case_uuid).select_related("round").first()
    if row is None or not actor.holds(officers, territory_id=row.territory_id):
        require(actor, action, ALLOWED)
        return None
    return row
