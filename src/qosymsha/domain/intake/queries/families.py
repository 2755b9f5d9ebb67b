"""A family's own drafts, and the categories of its children: what registers certify, what an officer checks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from qosymsha.domain.admission.queries.openings import Opening
from qosymsha.domain.documents import queries as documents
from qosymsha.domain.documents.queries import DocumentHead
from qosymsha.domain.intake.access import ALLOWED, Action
from qosymsha.domain.intake.models import ABOUT, CategoryCase, CategoryCaseStep
from qosymsha.domain.intake.rules import answer_by, due_on, is_late, nameable
from qosymsha.domain.intake.states import UNDECIDED, CaseState
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Calendar
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden

_WARD = """
SELECT c.id FROM child c JOIN guardianship g ON g.child_id = c.id
 WHERE c.uuid = %s AND g.guardian_id = %s AND g.valid @> %s::date LIMIT 1"""
_DRAFTS = """
SELECT d.id, d.uuid, d.child_id, c.uuid, r.uuid, r.number, d.kind, d.saved_at, r.closes_at, r.state,
       p.name_kk, p.name_ru, p.name_en
  FROM application_draft d JOIN child c ON c.id = d.child_id JOIN admission_round r ON r.id = d.round_id
  JOIN programme p ON p.id = d.programme_id
 WHERE d.child_id = ANY(%s) AND NOT EXISTS (
       SELECT FROM application a WHERE a.child_id = d.child_id AND a.round_id = d.round_id AND a.is_live)
 ORDER BY d.id"""
_FILED = """
SELECT min(submitted_at) FROM application WHERE child_id = %s AND round_id = %s AND is_live"""
_CERTIFIED = """
SELECT category, source, lower(valid), upper(valid) - 1 FROM child_status
 WHERE child_id = %s AND state = 'certified' AND valid @> %s::date ORDER BY category, certified_at DESC"""


class OwnDraft(NamedTuple):
    """A draft of an own child that is not filed yet."""

    id: int
    uuid: UUID
    child_id: int
    child_uuid: UUID
    round_uuid: UUID
    round_number: str
    kind: str
    saved_at: datetime
    closes_at: datetime
    round_state: str
    programme_kk: str
    programme_ru: str
    programme_en: str

    def is_open(self, at: datetime) -> bool:
        """True where it can still be filed."""
        return self.round_state == "open" and at < self.closes_at


class Certified(NamedTuple):
    """A category as a source certifies it today."""

    category: str
    source: str
    first_day: date | None
    last_day: date | None


@dataclass(frozen=True, slots=True)
class OwnCase:
    """A category named for an own child; `due_on` is the officer's last day, None before the application is filed.

    `answer_by` is the family's, where the officer asked for another paper.
    """

    uuid: UUID
    category: str
    state: str
    named_at: datetime
    due_on: date | None
    is_late: bool
    ground: str
    words: str
    first_day: date | None
    last_day: date | None
    decided_at: datetime | None
    papers: tuple[DocumentHead, ...]
    answer_by: date | None = None

    @property
    def is_undecided(self) -> bool:
        """True while papers may be added, or the case be taken back."""
        return self.state in UNDECIDED and not self.is_late


@dataclass(frozen=True, slots=True)
class Standing:
    """A child's categories in a round: certified today, named, still nameable (codes); whether it is filed there."""

    certified: tuple[Certified, ...]
    cases: tuple[OwnCase, ...]
    nameable: tuple[str, ...]
    is_filed: bool
    papers_at_most: int
    check_days: int


def own_ward(actor: Actor, child_uuid: UUID, at: datetime) -> int | None:
    """The id of a child whom the acting guardian speaks for today; None for another's and an unknown one alike."""
    with connection.cursor() as cursor:
        cursor.execute(_WARD, [child_uuid, actor.guardian_id or 0, local_day(at)])
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def own_drafts(*, actor: Actor, at: datetime) -> list[OwnDraft]:
    """The unfiled drafts of the guardian's children; an audited read where there are any.

    Raises:
        Forbidden: the actor is no guardian.
    """
    guardian_id = _guardian(actor, Action.READ_DRAFTS)
    with connection.cursor() as cursor:
        cursor.execute(_DRAFTS, [people.own_child_ids(guardian_id, local_day(at))])
        found = [OwnDraft._make(row) for row in cursor.fetchall()]
    if found:
        reading.saw(
            actor=actor,
            at=at,
            action=Action.READ_DRAFTS,
            kind="application_draft",
            ids=[one.id for one in found],
            children={one.child_id for one in found},
        )
    return found


def standing(*, actor: Actor, opening: Opening, child_uuid: UUID, at: datetime) -> Standing | None:
    """A child's categories in a round; None for a child that is not one's own. Its door asks for a second factor first.

    Raises:
        Forbidden: the actor is no guardian.
    """
    _guardian(actor, Action.READ_OWN_CASES)
    child_id = own_ward(actor, child_uuid, at)
    if child_id is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_CERTIFIED, [child_id, local_day(at)])
        every = [Certified._make(row) for row in cursor.fetchall()]
        cursor.execute(_FILED, [child_id, opening.round.id])
        (filed_at,) = cursor.fetchone()
    rows = list(CategoryCase.objects.filter(child_id=child_id, round_id=opening.round.id).order_by("id"))
    reading.saw(
        actor=actor,
        at=at,
        action=Action.READ_OWN_CASES,
        kind="category_case",
        ids=[row.pk for row in rows],
        children=[child_id],
    )
    rules = opening.round.rules
    known = {category.code for category in rules.categories}
    certified = {one.category: one for one in reversed(every) if one.category in known}
    taken = set(certified) | {row.category for row in rows if row.state in UNDECIDED}
    return Standing(
        tuple(certified.values()),
        tuple(_cases(rows, opening, filed_at, at)),
        tuple(one.code for one in nameable(rules) if one.code not in taken),
        filed_at is not None,
        rules.checking.papers_at_most,
        rules.checking.check_working_days,
    )


def _cases(rows: list[CategoryCase], opening: Opening, filed_at: datetime | None, at: datetime) -> list[OwnCase]:
    if not rows:
        return []
    papers = documents.documents_about(ABOUT, [row.pk for row in rows])
    last, days = local_day(opening.round.closes_at), opening.round.rules.checking.check_working_days
    calendar = programmes.calendar(opening.round.territory_id, local_day(rows[0].named_at), last)
    asked = answer_days(rows)
    found = [_case(row, papers, _due(row, filed_at, last, days, calendar), at, opening.round.closes_at) for row in rows]
    return [replace(one, answer_by=asked.get(row.pk)) for one, row in zip(found, rows, strict=True)]


def answer_days(rows: Sequence[CategoryCase]) -> dict[int, date]:
    """Case → the family's last day for another paper, for those of one child that are asked for one."""
    asked = {row.pk: row for row in rows if row.state == CaseState.ASKED}
    if not asked:
        return {}
    steps = CategoryCaseStep.objects.filter(case_id__in=asked, to_state=CaseState.ASKED).order_by("seq")
    found = {}
    for case_id, when in steps.values_list("case_id", "at"):
        the_round, first = asked[case_id].round, local_day(when)
        last, days = local_day(the_round.closes_at), programmes.rules_of(the_round.rule_set_id).rules.checking
        calendar = programmes.calendar(asked[case_id].territory_id, first, last)
        found[case_id] = answer_by(first, last, days.ask_working_days, calendar)
    return found


def _due(row: CategoryCase, filed_at: datetime | None, last: date, days: int, calendar: Calendar) -> date | None:
    if filed_at is None:
        return None
    return due_on(local_day(row.handed_at), local_day(filed_at), last, days, calendar)


def _case(
    row: CategoryCase, papers: Mapping[int, list[DocumentHead]], due: date | None, at: datetime, closes_at: datetime
) -> OwnCase:
    return OwnCase(
        uuid=row.uuid,
        category=row.category,
        state=row.state,
        named_at=row.named_at,
        due_on=due,
        is_late=is_late(row.state, closes_at, at),
        ground=row.ground,
        words=row.words,
        first_day=row.first_day,
        last_day=row.last_day,
        decided_at=row.decided_at,
        papers=tuple(papers.get(row.pk, ())),
    )


def own_case(actor: Actor, case_uuid: UUID, at: datetime) -> CategoryCase | None:
    """A case of an own child; None for an unknown one and another's alike. For verbs and addresses, not for a page."""
    row = CategoryCase.objects.filter(uuid=case_uuid).select_related("round", "child").first()
    if row is None or (actor.guardian_id or 0, row.child_id) not in people.wards(
        [(actor.guardian_id or 0, row.child_id)], local_day(at)
    ):
        return None
    return row


def own_paper(*, actor: Actor, paper_uuid: UUID, at: datetime) -> tuple[DocumentHead, bytes] | None:
    """A paper of an own child's case, with its bytes; None for an unknown one and another's alike. An audited read.

    Raises:
        Forbidden: the actor is no guardian.
        Refused: `paper_erased`.
    """
    guardian_id = _guardian(actor, Action.READ_CASE_PAPER)
    paper = documents.document_of(paper_uuid)
    if paper is None or paper.subject_kind != ABOUT or paper.child_id is None:
        return None
    if not people.wards([(guardian_id, paper.child_id)], local_day(at)):
        return None
    return paper, documents.content_of(actor=actor, document=paper, action=Action.READ_CASE_PAPER, at=at)


def undecided(child_ids: Collection[int], round_id: int) -> list[CategoryCase]:
    """The cases of these children in a round that nobody has decided; for a command's own work."""
    return list(CategoryCase.objects.filter(child_id__in=child_ids, round_id=round_id, state__in=UNDECIDED))


def _guardian(actor: Actor, action: Action) -> int:
    require(actor, action, ALLOWED)
    if actor.guardian_id is None or not actor.holds({Role.GUARDIAN}):
        raise Forbidden(action)
    return actor.guardian_id
