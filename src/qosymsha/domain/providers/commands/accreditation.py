"""An accreditation's life: filed with papers, reviewed, decided with reasons, renewed, expired with its papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.documents.rules import fingerprint
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.accrediting_rules import Accrediting
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.providers import queries, steps
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.providers.models import Accreditation, Provider
from qosymsha.domain.providers.rules import Paper, ProviderRefusal, papers_hold_until, refuse_paper
from qosymsha.domain.providers.rules.files import refuse_grounds
from qosymsha.domain.providers.states import TRANSITIONS, AccreditationState, Topic
from qosymsha.kernel import audit, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

_SUBJECT = "accreditation"
_CALENDAR_DAYS = 366  # more than any review takes, so that the calendar covers it


class Verdict(StrEnum):
    """What an officer decides."""

    ACCREDIT = "accredit"
    LIMIT = "limit"
    REFUSE = "refuse"
    REVOKE = "revoke"


_TARGET = {
    Verdict.ACCREDIT: AccreditationState.ACCREDITED,
    Verdict.LIMIT: AccreditationState.LIMITED,
    Verdict.REFUSE: AccreditationState.REFUSED,
    Verdict.REVOKE: AccreditationState.REVOKED,
}


@dataclass(frozen=True, slots=True)
class Filing:
    """A provider's file for a programme; `kinds` it wants to teach decide which papers are asked for."""

    provider_id: int
    programme_id: int
    papers: tuple[Paper, ...]
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict; `reason` is needed for all but `accredit`; `last_day` ends it before the papers do.

    `grounds` are codes of `rules.files.Ground`, for who counts and compares; the words are for who reads.
    """

    verdict: Verdict
    reason: str = ""
    last_day: date | None = None
    grounds: tuple[str, ...] = ()


@transaction.atomic(durable=True)
def file_accreditation(*, actor: Actor, filing: Filing, at: datetime, key: UUID) -> int:
    """File for an accreditation and return its id; the review's deadline is counted in working days by the rule set.

    Raises:
        Forbidden: the actor may not, for this provider.
        Refused: provider_unknown; no_rules_in_force; paper_unreadable; accredited_kind_unknown;
            accreditation_live — one is under way or stands.
    """
    provider = Provider.objects.filter(id=filing.provider_id).first()
    programme = Programme.objects.filter(id=filing.programme_id).first()
    if provider is None or programme is None:
        raise Refused(ProviderRefusal.PROVIDER_UNKNOWN)
    require(actor, Action.FILE_ACCREDITATION, ALLOWED, territory_id=programme.territory_id, provider_id=provider.id)
    locks.exclusive(f"accreditation:{provider.id}:{programme.id}")
    seen = idempotency.repeat(actor=actor, verb="file_accreditation", key=key, body=_body(filing, filing.papers), at=at)
    if seen is not None:
        return int(seen)
    _refuse_filing(filing)
    rules = programmes.rules_in_force(programme.id, local_day(at)).rules
    if not set(filing.kinds) <= set(rules.kinds):
        raise Refused(ProviderRefusal.KIND_UNKNOWN)
    filed = Accreditation.objects.create(
        territory_id=programme.territory_id,
        programme=programme,
        provider=provider,
        state=AccreditationState.FILED,
        filed_at=at,
        review_by=_review_by(programme, local_day(at), rules),
        kinds=sorted(set(filing.kinds)),
    )
    steps.store_papers(filed.id, filing.papers, actor=actor, at=at)
    steps.remember([filed.id], "", steps.Move(AccreditationState.FILED), actor=actor, at=at)
    _record(actor, at, Action.FILE_ACCREDITATION, filed)
    outbox.tell(topic=Topic.ACCREDITATION_FILED, subject_kind=_SUBJECT, subject_ids=[filed.id], at=at)
    idempotency.keep(actor=actor, verb="file_accreditation", key=key, outcome=filed.id)
    return filed.id


@transaction.atomic(durable=True)
def add_papers(*, actor: Actor, accreditation_id: int, papers: Sequence[Paper], at: datetime, key: UUID) -> None:
    """Add newer papers to a live accreditation; they count once an officer has decided on them again.

    Raises:
        Forbidden: the actor may not, for this provider.
        Refused: accreditation_unknown; no_such_step — it is no longer live; paper_unreadable; a DocumentRefusal.
    """
    found = _locked(actor, Action.ADD_PAPERS, accreditation_id)
    body = _body(accreditation_id, papers)
    if idempotency.repeat(actor=actor, verb="add_papers", key=key, body=body, at=at) is not None:
        return
    if found.state in (AccreditationState.REFUSED, AccreditationState.EXPIRED, AccreditationState.REVOKED):
        raise Refused(ProviderRefusal.NO_SUCH_STEP, state=found.state)
    _refuse_papers(papers)
    steps.store_papers(found.id, papers, actor=actor, at=at)
    _record(actor, at, Action.ADD_PAPERS, found)
    idempotency.keep(actor=actor, verb="add_papers", key=key, outcome=len(papers))


@transaction.atomic(durable=True)
def answer_accreditation(*, actor: Actor, accreditation_id: int, words: str, at: datetime, key: UUID) -> None:
    """The provider answers a review's reasons in words; the file's history keeps it, nothing else changes.

    Raises:
        Forbidden: the actor is not this provider's manager.
        Refused: accreditation_unknown; answer_missing.
    """
    found = _locked(actor, Action.ANSWER_ACCREDITATION, accreditation_id)
    body = [accreditation_id, words]
    if idempotency.repeat(actor=actor, verb="answer_accreditation", key=key, body=body, at=at) is not None:
        return
    if not words.strip():
        raise Refused(ProviderRefusal.ANSWER_MISSING)
    steps.store_answer(found.id, words.strip(), actor=actor, at=at)
    _record(actor, at, Action.ANSWER_ACCREDITATION, found)
    outbox.tell(topic=Topic.ACCREDITATION_ANSWERED, subject_kind=_SUBJECT, subject_ids=[found.id], at=at)
    idempotency.keep(actor=actor, verb="answer_accreditation", key=key, outcome=True)


@transaction.atomic(durable=True)
def take_up_accreditation(*, actor: Actor, accreditation_id: int, at: datetime, key: UUID) -> None:
    """An officer takes a file into review.

    Raises:
        Forbidden: the actor may not, here.
        Refused: accreditation_unknown; no_such_step.
    """
    found = _locked(actor, Action.TAKE_UP_ACCREDITATION, accreditation_id)
    if idempotency.repeat(actor=actor, verb="take_up", key=key, body=[accreditation_id], at=at) is not None:
        return
    _move(found, steps.Move(AccreditationState.IN_REVIEW), actor, at)
    _record(actor, at, Action.TAKE_UP_ACCREDITATION, found)
    idempotency.keep(actor=actor, verb="take_up", key=key, outcome=True)


@transaction.atomic(durable=True)
def decide_accreditation(*, actor: Actor, accreditation_id: int, decision: Decision, at: datetime, key: UUID) -> None:
    """Accredit, limit (no new places), refuse or revoke. It ends by itself with the first required paper to expire.

    A file nobody took up is taken up by the one who decides. Accrediting again renews on the papers of today.

    Raises:
        Forbidden: the actor may not, here.
        Refused: accreditation_unknown; no_such_step; reason_missing; ground_unknown; papers_missing — one is not valid
            today.
    """
    found = _locked(actor, Action.DECIDE_ACCREDITATION, accreditation_id)
    body = [accreditation_id, str(decision)]
    if idempotency.repeat(actor=actor, verb="decide_accreditation", key=key, body=body, at=at) is not None:
        return
    if decision.verdict is not Verdict.ACCREDIT and not decision.reason.strip():
        raise Refused(ProviderRefusal.REASON_MISSING)
    fault = refuse_grounds(decision.grounds)
    if fault is not None:
        raise Refused(fault)
    if found.state == AccreditationState.FILED:
        _move(found, steps.Move(AccreditationState.IN_REVIEW), actor, at)
    days = _days(found, decision, local_day(at))
    step = steps.Move(_TARGET[decision.verdict], decision.reason, days, tuple(decision.grounds))
    _move(found, step, actor, at)
    _record(actor, at, Action.DECIDE_ACCREDITATION, found, verdict=decision.verdict.value, grounds=decision.grounds)
    outbox.tell(
        topic=Topic.ACCREDITATION_DECIDED,
        subject_kind=_SUBJECT,
        subject_ids=[found.id],
        at=at,
        detail={"verdict": decision.verdict.value},
    )
    idempotency.keep(actor=actor, verb="decide_accreditation", key=key, outcome=True)


@transaction.atomic(durable=True)
def expire_accreditations(*, actor: Actor, on: date, at: datetime, key: UUID) -> list[int]:
    """Close accreditations whose last day has passed by `on`; new places stopped then already. Returns their ids.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.EXPIRE_ACCREDITATIONS, ALLOWED)
    locks.exclusive("accreditations.expire")
    seen = idempotency.repeat(actor=actor, verb="expire_accreditations", key=key, body=[on.isoformat()], at=at)
    if seen is not None:
        return [int(i) for i in seen]
    expired = steps.expire(min(on, local_day(at)), actor=actor, at=at)
    audit.record(actor=actor, at=at, action=Action.EXPIRE_ACCREDITATIONS, subject_kind=_SUBJECT, subject_ids=expired)
    outbox.tell(topic=Topic.ACCREDITATION_EXPIRED, subject_kind=_SUBJECT, subject_ids=expired, at=at)
    idempotency.keep(actor=actor, verb="expire_accreditations", key=key, outcome=expired)
    return expired


def _body(what: object, papers: Sequence[Paper]) -> list[object]:
    """What a key stands for: the papers as told, and their scans by their hashes."""
    return [str(what), [[str(paper), fingerprint(paper.content) if paper.content else ""] for paper in papers]]


def _refuse_filing(filing: Filing) -> None:
    _refuse_papers(filing.papers)
    live = [AccreditationState.FILED, AccreditationState.IN_REVIEW, AccreditationState.ACCREDITED]
    standing = Accreditation.objects.filter(provider_id=filing.provider_id, programme_id=filing.programme_id)
    if standing.filter(state__in=[*live, AccreditationState.LIMITED]).exists():
        raise Refused(ProviderRefusal.ACCREDITATION_LIVE)


def _refuse_papers(papers: Sequence[Paper]) -> None:
    for number, paper in enumerate(papers):
        fault = refuse_paper(paper)
        if fault is not None:
            raise Refused(fault, paper=number)


def _review_by(programme: Programme, today: date, rules: Rules) -> date:
    calendar = programmes.calendar(programme.territory_id, today, today + timedelta(days=_CALENDAR_DAYS))
    return calendar.add_working_days(today, rules.timers.review_working_days)


def _terms(programme_id: int, today: date) -> Accrediting:
    """What the rules of today ask; where none are in force any more, what stands without."""
    try:
        return programmes.rules_in_force(programme_id, today).rules.accrediting
    except Refused:
        return Accrediting()


def _locked(actor: Actor, action: Action, accreditation_id: int) -> Accreditation:
    require(actor, action, ALLOWED)
    found = Accreditation.objects.select_for_update().filter(id=accreditation_id).first()
    if found is None:
        raise Refused(ProviderRefusal.ACCREDITATION_UNKNOWN)
    require(actor, action, ALLOWED, territory_id=found.territory_id, provider_id=found.provider_id)
    return found


def _move(found: Accreditation, step: steps.Move, actor: Actor, at: datetime) -> None:
    if (found.state, step.target) not in TRANSITIONS:
        raise Refused(ProviderRefusal.NO_SUCH_STEP, state=found.state, to=step.target.value)
    steps.move(found, step, actor=actor, at=at)


def _days(found: Accreditation, decision: Decision, today: date) -> tuple[date, date | None] | None:
    """The first and last day of what stands after the decision; None where the days stay as they are."""
    if decision.verdict is Verdict.REFUSE or (decision.verdict is Verdict.LIMIT and found.valid):
        return None
    first = found.valid.lower if found.valid and found.valid.lower else today
    if decision.verdict is Verdict.REVOKE:
        return first, today - timedelta(days=1)
    asked = _terms(found.programme_id, today).asks(found.kinds)
    holds, papers_end = papers_hold_until(queries.papers_of(found.id), today, asked)
    if not holds:
        raise Refused(ProviderRefusal.PAPERS_MISSING)
    ends = [day for day in (papers_end, decision.last_day) if day is not None]
    return first, min(ends, default=None)


def _record(actor: Actor, at: datetime, action: Action, row: Accreditation, **detail: object) -> None:
    audit.record(
        actor=actor,
        at=at,
        action=action,
        subject_kind=_SUBJECT,
        subject_ids=[row.id],
        territory_id=row.territory_id,
        detail={"provider_id": row.provider_id, **detail},
    )
