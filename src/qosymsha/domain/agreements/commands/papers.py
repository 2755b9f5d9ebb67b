"""Enrolment papers: told by a family, seen by the provider, given back with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from qosymsha.domain.agreements import queries, steps
from qosymsha.domain.agreements.access import ALLOWED, Action
from qosymsha.domain.agreements.models import EnrolmentPaper
from qosymsha.domain.agreements.queries import Place
from qosymsha.domain.agreements.rules import AgreementRefusal, last_day_of, refuse_paper
from qosymsha.domain.agreements.states import PAPER, PaperState, Topic
from qosymsha.domain.documents import steps as documents
from qosymsha.domain.documents.rules import fingerprint
from qosymsha.domain.documents.steps import About
from qosymsha.domain.programmes.agreement_rules import PaperTerms
from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden, Refused

_KIND = "enrolment_paper"


@dataclass(frozen=True, slots=True)
class PaperDraft:
    """A paper of a place's child: which, its number and day; its last day where the paper names one.

    `scan`: the bytes of an uploaded file, empty without one. What the paper says of health is nobody's here.
    """

    enrolment_id: int
    code: str
    number: str
    issued_on: date
    valid_until: date | None = None
    scan: bytes = b""


@transaction.atomic(durable=True)
def give_paper(*, actor: Actor, paper: PaperDraft, at: datetime, key: UUID) -> int:
    """A guardian tells of a paper; the provider looks at it. Returns its id.

    Raises:
        Forbidden: the actor is no guardian of the place's child.
        Refused: place_ended, paper_unknown, paper_number_missing, paper_days, paper_over; scan_not_taken, or a
            DocumentRefusal against the file.
    """
    require(actor, Action.GIVE_PAPER, ALLOWED)
    place = queries.places([paper.enrolment_id]).get(paper.enrolment_id)
    if place is None or not steps.speaks_for(actor, place.child_id, at):
        raise Forbidden(Action.GIVE_PAPER)
    return _keep(actor, Action.GIVE_PAPER, place, paper, at, key)


@transaction.atomic(durable=True)
def record_paper(*, actor: Actor, paper: PaperDraft, at: datetime, key: UUID) -> int:
    """A manager writes down a paper that was shown to the provider: its number and days. Returns its id.

    Raises:
        Forbidden: the actor does not manage the place's provider.
        Refused: place_ended, paper_unknown, paper_number_missing, paper_days, paper_over; scan_not_taken, or a
            DocumentRefusal against the file.
    """
    place = _of_house(actor, Action.RECORD_PAPER, paper.enrolment_id)
    return _keep(actor, Action.RECORD_PAPER, place, paper, at, key)


def _of_house(actor: Actor, action: Action, enrolment_id: int) -> Place:
    require(actor, action, ALLOWED)
    place = queries.places([enrolment_id]).get(enrolment_id)
    if place is None:
        raise Forbidden(action)
    require(actor, action, ALLOWED, territory_id=place.territory_id, provider_id=place.provider_id)
    return place


def _keep(  # noqa: PLR0913 - who, how, whose, what, when, once
    actor: Actor, action: Action, place: Place, paper: PaperDraft, at: datetime, key: UUID
) -> int:
    body = [paper.enrolment_id, paper.code, paper.number.strip(), paper.issued_on.isoformat(), str(paper.valid_until)]
    body += [fingerprint(paper.scan)] if paper.scan else []
    seen = idempotency.repeat(actor=actor, verb=action.value, key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    is_seen = action is Action.RECORD_PAPER
    terms = _terms(place, paper.code)
    made = EnrolmentPaper.objects.create(
        territory_id=place.territory_id,
        programme_id=place.programme_id,
        enrolment_id=place.id,
        child_id=place.child_id,
        provider_id=place.provider_id,
        code=paper.code,
        issued_on=paper.issued_on,
        valid_until=_last_day(terms, paper, local_day(at)),
        state=PaperState.SEEN if is_seen else PaperState.GIVEN,
        by_user=actor.user_id,
        at=at,
        checked_by=actor.user_id if is_seen else None,
        checked_at=at if is_seen else None,
    )
    steps.keep_secret(steps.PAPER, made.pk, paper.number)
    if paper.scan:
        made.document_id = _keep_scan(actor, made, terms, paper.scan, at)
        made.save(update_fields=["document_id"])
    topic = Topic.PAPER_SEEN if is_seen else Topic.PAPER_GIVEN
    by = {} if is_seen else {"by": actor.guardian_id}
    steps.told(actor, action, topic, _KIND, [made.pk], at, place.territory_id, **by)
    idempotency.keep(actor=actor, verb=action.value, key=key, outcome=made.pk)
    return made.pk


def _keep_scan(actor: Actor, paper: EnrolmentPaper, terms: PaperTerms, scan: bytes, at: datetime) -> int:
    if not terms.scan_keep_days:
        raise Refused(AgreementRefusal.SCAN_NOT_TAKEN)
    until = local_day(at) + timedelta(days=terms.scan_keep_days)
    about = About(PAPER, paper.pk, paper.child_id)
    return documents.keep_document(
        actor=actor, purpose=paper.code, about=about, content=scan, at=at, keep_until=until
    ).id


def _terms(place: Place, code: str) -> PaperTerms:
    """What the rule set asks of a paper of this code for the place.

    Raises:
        Refused: place_ended, paper_unknown.
    """
    if place.state == "ended":
        raise Refused(AgreementRefusal.PLACE_ENDED)
    asked = queries.agreements_of(place.rule_set_id).papers_for(place.kind)
    terms = next((one for one in asked if one.code == code), None)
    if terms is None:
        raise Refused(AgreementRefusal.PAPER_UNKNOWN)
    return terms


def _last_day(terms: PaperTerms, paper: PaperDraft, today: date) -> date | None:
    """The day the paper names or the rule set's, whichever is first.

    Raises:
        Refused: the paper cannot be written down.
    """
    days = [day for day in (paper.valid_until, last_day_of(terms, paper.issued_on)) if day is not None]
    last = min(days, default=None)
    reason = refuse_paper(paper.issued_on, last, paper.number, today)
    if reason is not None:
        raise Refused(reason)
    return last


@transaction.atomic(durable=True)
def check_paper(  # noqa: PLR0913 - who, which, good or not, why, when, once
    *, actor: Actor, paper_id: int, is_good: bool, reason: str, at: datetime, key: UUID
) -> None:
    """A manager has looked at a paper a family told of: it is good, or given back with a reason.

    Raises:
        Forbidden: the actor does not manage the place's provider.
        Refused: paper_checked — looked at before; agreement_reason_missing.
    """
    require(actor, Action.CHECK_PAPER, ALLOWED)
    paper = EnrolmentPaper.objects.select_for_update(no_key=True).filter(pk=paper_id).first()
    if paper is None:
        raise Forbidden(Action.CHECK_PAPER)
    require(actor, Action.CHECK_PAPER, ALLOWED, territory_id=paper.territory_id, provider_id=paper.provider_id)
    body = [paper_id, is_good, reason]
    if idempotency.repeat(actor=actor, verb="check_paper", key=key, body=body, at=at) is not None:
        return
    if paper.state != PaperState.GIVEN:
        raise Refused(AgreementRefusal.PAPER_CHECKED)
    if not is_good and not reason.strip():
        raise Refused(AgreementRefusal.REASON_MISSING)
    paper.state = PaperState.SEEN if is_good else PaperState.RETURNED
    paper.reason = "" if is_good else reason.strip()
    paper.checked_by, paper.checked_at = actor.user_id, at
    paper.save(update_fields=["state", "reason", "checked_by", "checked_at"])
    topic = Topic.PAPER_SEEN if is_good else Topic.PAPER_RETURNED
    steps.told(actor, Action.CHECK_PAPER, topic, _KIND, [paper.pk], at, paper.territory_id)
    idempotency.keep(actor=actor, verb="check_paper", key=key, outcome=True)
