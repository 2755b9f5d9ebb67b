"""An officer decides a case: certifies, refuses on a ground, or asks for another paper. Only this certifies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.documents import queries as documents
from qosymsha.domain.documents.rules import DocumentRefusal
from qosymsha.domain.intake import queries, steps
from qosymsha.domain.intake.access import ALLOWED, Action, Topic
from qosymsha.domain.intake.commands.naming import record
from qosymsha.domain.intake.models import ABOUT, CategoryCase
from qosymsha.domain.intake.rules import (
    LONGEST_WORDS,
    CaseFacts,
    IntakeRefusal,
    refuse_certificate,
    refuse_decision,
    refuse_haste,
    refuse_refusal,
)
from qosymsha.domain.intake.states import CaseState
from qosymsha.domain.people import certifying
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.ports import StatusAnswer
from qosymsha.domain.programmes import queries as programmes
from qosymsha.kernel import idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

SOURCE = "officer"
_NEWS = {
    CaseState.CERTIFIED: Topic.CASE_CERTIFIED,
    CaseState.REFUSED: Topic.CASE_REFUSED,
    CaseState.ASKED: Topic.CASE_ASKED,
}


@dataclass(frozen=True, slots=True)
class _Deed:
    """Who decides what, when, under which key."""

    actor: Actor
    action: Action
    at: datetime
    key: UUID


@transaction.atomic(durable=True)
def certify_case(  # noqa: PLR0913 - who, which, for which days, when, once
    *, actor: Actor, case_uuid: UUID, first: date, last: date | None, at: datetime, key: UUID
) -> None:
    """Certify the category for these days (both counted): from now on it is the child's, at this round's close too.

    Raises:
        Forbidden: the actor is no checker there.
        Refused: `case_unknown`, decided, the officer's own child, past the close, days that the rule set does not
            allow, no paper that can be opened, or `paper_not_scanned`.
    """
    deed = _Deed(actor, Action.CERTIFY_CASE, at, key)
    case, facts, is_done = _begin(deed, case_uuid, [first.isoformat(), last and last.isoformat()])
    if is_done:
        return
    category = programmes.rules_of(case.round.rule_set_id).rules.category(case.category)
    reason = refuse_decision(facts, at) or refuse_certificate(
        category, first, last, local_day(at), has_papers=facts.has_papers
    )
    if reason is IntakeRefusal.PAPERS_MISSING and facts.waits_for_scan:
        raise Refused(DocumentRefusal.PAPER_NOT_SCANNED)
    if reason is not None:
        raise Refused(reason)
    answer = StatusAnswer("", case.category, SOURCE, f"category_case:{case.uuid}", first, last)
    certifying.certify([(case.child_id, answer)], actor=actor, at=at)
    _conclude(deed, case, CaseState.CERTIFIED, steps.Said(first_day=first, last_day=last))


@transaction.atomic(durable=True)
def refuse_case(  # noqa: PLR0913 - who, which, why, when, once
    *, actor: Actor, case_uuid: UUID, ground: str, words: str, at: datetime, key: UUID
) -> None:
    """Refuse a category on a stated ground, with words to the family.

    Raises:
        Forbidden: the actor is no checker there.
        Refused: `case_unknown`, decided, the officer's own child, past the close, no ground or no words;
            `case_family_has_time` — another paper was asked for, and its days are not over.
    """
    deed = _Deed(actor, Action.REFUSE_CASE, at, key)
    _say(deed, case_uuid, steps.Said(ground, words), CaseState.REFUSED)


@transaction.atomic(durable=True)
def ask_paper(  # noqa: PLR0913 - who, which, what for, when, once
    *, actor: Actor, case_uuid: UUID, ground: str, words: str, at: datetime, key: UUID
) -> None:
    """Ask the family for another paper; the case waits for it, the round does not.

    Raises:
        Forbidden: the actor is no checker there.
        Refused: as `refuse_case`.
    """
    deed = _Deed(actor, Action.ASK_PAPER, at, key)
    _say(deed, case_uuid, steps.Said(ground, words), CaseState.ASKED)


def _say(deed: _Deed, case_uuid: UUID, given: steps.Said, to: CaseState) -> None:
    said = given._replace(words=given.words.strip()[:LONGEST_WORDS])
    case, facts, is_done = _begin(deed, case_uuid, [said.ground, said.words])
    if is_done:
        return
    reason = refuse_decision(facts, deed.at) or refuse_refusal(said.ground, said.words)
    if reason is None and case.state == to:
        reason = IntakeRefusal.CASE_DECIDED
    if reason is None and to == CaseState.REFUSED:
        reason = refuse_haste(facts, local_day(deed.at))
    if reason is not None:
        raise Refused(reason)
    _conclude(deed, case, to, said)


def _begin(deed: _Deed, case_uuid: UUID, body: list[object]) -> tuple[CategoryCase, CaseFacts, bool]:
    """The case, locked, with what decides; and whether this key has decided it already."""
    case = CategoryCase.objects.filter(uuid=case_uuid).select_related("round").first()
    if case is None:
        require(deed.actor, deed.action, ALLOWED)
        raise Refused(IntakeRefusal.CASE_UNKNOWN)
    require(deed.actor, deed.action, ALLOWED, territory_id=case.territory_id)
    locks.exclusive(f"intake.child.{case.child_id}")
    case.refresh_from_db(fields=["state", "handed_at"])
    seen = idempotency.repeat(
        actor=deed.actor, verb=deed.action.value, key=deed.key, body=[str(case_uuid), *body], at=deed.at
    )
    pair = (deed.actor.guardian_id or 0, case.child_id)
    papers = documents.documents_about(ABOUT, [case.pk]).get(case.pk, [])
    facts = CaseFacts(
        case.state,
        case.round.closes_at,
        is_own=bool(people.wards([pair], local_day(deed.at))),
        has_papers=any(paper.can_be_judged for paper in papers),
        waits_for_scan=any(paper.is_waiting for paper in papers),
        answer_by=queries.answer_days([case]).get(case.pk),
    )
    return case, facts, seen is not None


def _conclude(deed: _Deed, case: CategoryCase, to: CaseState, said: steps.Said) -> None:
    steps.move_case(case, to, said=said, actor=deed.actor, at=deed.at)
    record(deed.actor, deed.action, case, deed.at)
    outbox.tell(topic=_NEWS[to], subject_kind=ABOUT, subject_ids=[case.pk], at=deed.at)
    idempotency.keep(actor=deed.actor, verb=deed.action.value, key=deed.key, outcome=True)
