"""Save a draft, go on with it, throw it away. Filing it is the hot verb of `admission`: it knows nothing of drafts."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from qosymsha.domain.admission.models import Application
from qosymsha.domain.admission.queries.openings import Opening, opening
from qosymsha.domain.intake import queries, steps
from qosymsha.domain.intake.access import ALLOWED, Action
from qosymsha.domain.intake.models import ApplicationDraft
from qosymsha.domain.intake.rules import DRAFT_DAYS_AFTER_CLOSE, IntakeRefusal
from qosymsha.domain.intake.states import CaseState
from qosymsha.kernel import audit, idempotency, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Forbidden, Refused


@transaction.atomic(durable=True)
def save_draft(  # noqa: PLR0913 - the page's names, and the verb's own three
    *, actor: Actor, round_uuid: UUID, child_uuid: UUID, kind: str, at: datetime, key: UUID
) -> UUID:
    """Keep what a guardian has chosen for an own child; the child's earlier draft in the programme is changed.

    Raises:
        Forbidden: the actor is no guardian.
        Refused: the round is not open, or the child is not the actor's own.
    """
    found, child_id, guardian_id = open_to(actor, Action.SAVE_DRAFT, round_uuid, child_uuid, at)
    body = [str(round_uuid), str(child_uuid), kind]
    seen = idempotency.repeat(actor=actor, verb="save_draft", key=key, body=body, at=at)
    if seen is not None:
        return UUID(seen)
    known = kind if kind in found.round.rules.kinds else ""
    draft = steps.save_draft(opening=found, child_id=child_id, guardian_id=guardian_id, kind=known, at=at)
    _record(actor, Action.SAVE_DRAFT, [draft.pk], at)
    idempotency.keep(actor=actor, verb="save_draft", key=key, outcome=str(draft.uuid))
    return draft.uuid


def open_to(actor: Actor, action: Action, round_uuid: UUID, child_uuid: UUID, at: datetime) -> tuple[Opening, int, int]:
    """The open round, the own child's id and the guardian's; the child's cases and draft are locked.

    Raises:
        Forbidden: the actor is no guardian.
        Refused: the round is not open, or the child is not the actor's own.
    """
    require(actor, action, ALLOWED)
    if actor.guardian_id is None:
        raise Forbidden(action)
    found = opening(round_uuid)
    if found is None or not found.is_open(at):
        raise Refused(IntakeRefusal.ROUND_NOT_OPEN)
    child_id = queries.own_ward(actor, child_uuid, at)
    if child_id is None:
        raise Refused(IntakeRefusal.NOT_YOUR_CHILD)
    locks.exclusive(f"intake.child.{child_id}")
    return found, child_id, actor.guardian_id


@transaction.atomic(durable=True)
def drop_draft(*, actor: Actor, draft_uuid: UUID, at: datetime, key: UUID) -> None:
    """Throw a draft of an own child away, with the categories named for it in that round unless it is filed.

    Raises:
        Forbidden: the actor is no guardian.
        Refused: `draft_unknown`, the same for another's.
    """
    require(actor, Action.DROP_DRAFT, ALLOWED)
    if idempotency.repeat(actor=actor, verb="drop_draft", key=key, body=str(draft_uuid), at=at) is not None:
        return
    draft = ApplicationDraft.objects.filter(uuid=draft_uuid).select_related("child").first()
    if draft is None or queries.own_ward(actor, draft.child.uuid, at) is None:
        raise Refused(IntakeRefusal.DRAFT_UNKNOWN)
    locks.exclusive(f"intake.child.{draft.child_id}")
    is_filed = Application.objects.filter(child_id=draft.child_id, round_id=draft.round_id, is_live=True).exists()
    cases = [] if is_filed else queries.undecided([draft.child_id], draft.round_id)
    for case in cases:
        steps.move_case(case, CaseState.WITHDRAWN, said=steps.Said(), actor=actor, at=at)
    steps.erase_papers([case.pk for case in cases], at=at)
    _record(actor, Action.DROP_DRAFT, [draft.pk], at)
    steps.drop_drafts([draft.pk])
    idempotency.keep(actor=actor, verb="drop_draft", key=key, outcome=True)


@transaction.atomic(durable=True)
def forget_drafts(*, actor: Actor, at: datetime, most: int = 1_000) -> int:
    """Delete drafts that were filed, and those whose round has long been over; how many. Gone is gone: no key.

    Raises:
        Forbidden: the actor may not.
    """
    require(actor, Action.FORGET_DRAFTS, ALLOWED)
    over = ApplicationDraft.objects.filter(round__closes_at__lt=at - timedelta(days=DRAFT_DAYS_AFTER_CLOSE))
    ids = list(over.order_by("id").values_list("id", flat=True)[:most])
    if ids:
        _record(actor, Action.FORGET_DRAFTS, ids, at)
    return steps.drop_drafts(ids)


def _record(actor: Actor, action: Action, ids: list[int], at: datetime) -> None:
    audit.record(actor=actor, at=at, action=action, subject_kind="application_draft", subject_ids=ids)
