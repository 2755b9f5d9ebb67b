"""A family names a category and sends papers. None of this certifies anything."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from qosymsha.domain.documents import queries as documents
from qosymsha.domain.documents.rules import fingerprint
from qosymsha.domain.intake import queries, steps
from qosymsha.domain.intake.access import ALLOWED, Action, Topic
from qosymsha.domain.intake.commands.drafts import open_to
from qosymsha.domain.intake.models import ABOUT, CategoryCase
from qosymsha.domain.intake.rules import IntakeRefusal, is_late, refuse_naming
from qosymsha.domain.intake.states import UNDECIDED, CaseState
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.kernel import audit, idempotency, locks, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused


@transaction.atomic(durable=True)
def name_category(  # noqa: PLR0913 - the page's names, and the verb's own three
    *, actor: Actor, round_uuid: UUID, child_uuid: UUID, category: str, content: bytes, at: datetime, key: UUID
) -> UUID:
    """Name a category for an own child with its first paper; an officer looks at it once the application is filed.

    Raises:
        Forbidden: the actor is no guardian.
        Refused: the round is not open, the child not the actor's own, the category not nameable, named or certified
            already, or the file carries a DocumentRefusal.
    """
    found, child_id, _ = open_to(actor, Action.NAME_CATEGORY, round_uuid, child_uuid, at)
    body = [str(round_uuid), str(child_uuid), category, fingerprint(content)]
    seen = idempotency.repeat(actor=actor, verb="name_category", key=key, body=body, at=at)
    if seen is not None:
        return UUID(seen)
    certified = people.statuses([child_id], local_day(at)).get(child_id, frozenset())
    reason = refuse_naming(found.round.rules, category, certified)
    if reason is None and category in {one.category for one in queries.undecided([child_id], found.round.id)}:
        reason = IntakeRefusal.CATEGORY_NAMED_ALREADY
    if reason is not None:
        raise Refused(reason)
    case = steps.open_case(opening=found, child_id=child_id, category=category, actor=actor, at=at)
    until = local_day(found.round.closes_at) + timedelta(days=found.round.rules.checking.keep_days)
    steps.keep_paper(case, content, keep_until=until, actor=actor, at=at)
    record(actor, Action.NAME_CATEGORY, case, at)
    by = {"by": actor.guardian_id}
    outbox.tell(topic=Topic.CASE_OPENED, subject_kind=ABOUT, subject_ids=[case.pk], at=at, detail=by)
    idempotency.keep(actor=actor, verb="name_category", key=key, outcome=str(case.uuid))
    return case.uuid


@transaction.atomic(durable=True)
def add_paper(*, actor: Actor, case_uuid: UUID, content: bytes, at: datetime, key: UUID) -> None:
    """Another paper to an own case; one that an officer asked for lets the case wait for the officer again.

    Raises:
        Forbidden: the actor is no guardian.
        Refused: `case_unknown` (another's too), decided, past the round's close, too many, or a DocumentRefusal.
    """
    case = _own(actor, Action.ADD_PAPER, case_uuid, at)
    body = [str(case_uuid), fingerprint(content)]
    if idempotency.repeat(actor=actor, verb="add_category_paper", key=key, body=body, at=at) is not None:
        return
    _require_undecided(case, at)
    checking = programmes.rules_of(case.round.rule_set_id).rules.checking
    if len(documents.documents_about(ABOUT, [case.pk]).get(case.pk, ())) >= checking.papers_at_most:
        raise Refused(IntakeRefusal.TOO_MANY_PAPERS, most=checking.papers_at_most)
    until = local_day(case.round.closes_at) + timedelta(days=checking.keep_days)
    steps.keep_paper(case, content, keep_until=until, actor=actor, at=at)
    if case.state == CaseState.ASKED:
        steps.move_case(case, CaseState.OPEN, said=steps.Said(), actor=actor, at=at)
    record(actor, Action.ADD_PAPER, case, at)
    idempotency.keep(actor=actor, verb="add_category_paper", key=key, outcome=True)


@transaction.atomic(durable=True)
def withdraw_case(*, actor: Actor, case_uuid: UUID, at: datetime, key: UUID) -> None:
    """Take a named category back; its papers are erased at once.

    Raises:
        Forbidden: the actor is no guardian.
        Refused: `case_unknown` (another's too), or decided.
    """
    case = _own(actor, Action.WITHDRAW_CASE, case_uuid, at)
    if idempotency.repeat(actor=actor, verb="withdraw_category_case", key=key, body=str(case_uuid), at=at) is not None:
        return
    if case.state not in UNDECIDED:
        raise Refused(IntakeRefusal.CASE_DECIDED)
    steps.move_case(case, CaseState.WITHDRAWN, said=steps.Said(), actor=actor, at=at)
    steps.erase_papers([case.pk], at=at)
    record(actor, Action.WITHDRAW_CASE, case, at)
    idempotency.keep(actor=actor, verb="withdraw_category_case", key=key, outcome=True)


def _own(actor: Actor, action: Action, case_uuid: UUID, at: datetime) -> CategoryCase:
    require(actor, action, ALLOWED)
    case = queries.own_case(actor, case_uuid, at)
    if case is None:
        raise Refused(IntakeRefusal.CASE_UNKNOWN)
    locks.exclusive(f"intake.child.{case.child_id}")
    case.refresh_from_db(fields=["state", "handed_at"])
    return case


def _require_undecided(case: CategoryCase, at: datetime) -> None:
    if case.state not in UNDECIDED:
        raise Refused(IntakeRefusal.CASE_DECIDED)
    if is_late(case.state, case.round.closes_at, at):
        raise Refused(IntakeRefusal.CASE_TOO_LATE)


def record(actor: Actor, action: Action, case: CategoryCase, at: datetime) -> None:
    """The audit row of a deed with a case; never its category."""
    audit.record(
        actor=actor,
        at=at,
        action=action,
        subject_kind=ABOUT,
        subject_ids=[case.pk],
        territory_id=case.territory_id,
    )
