"""A visit, written down on the spot: children counted, a finding or none."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from qosymsha.domain.controls import queries, steps
from qosymsha.domain.controls.access import ALLOWED, Action
from qosymsha.domain.controls.models import ControlVisit
from qosymsha.domain.controls.rules import ControlRefusal, Found, refuse_found
from qosymsha.domain.controls.states import Topic, VisitState
from qosymsha.domain.documents import steps as documents
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.steps import Deed, begin, keep, record
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused

KEPT = timedelta(days=5 * 365)  # a picture of a visit


@transaction.atomic(durable=True)
def record_visit(*, actor: Actor, visit_uuid: UUID, found: Found, at: datetime, key: UUID) -> None:
    """Write down a visit: how many children were there, what was wrong. A finding gives the provider days to answer.

    Raises:
        Forbidden: the actor is no checker.
        Refused: `unknown_visit`, `visit_in_other_state`, `own_provider`, `unknown_finding`, `count_missing`,
            `note_missing`; a `DocumentRefusal` where the picture cannot be kept.
    """
    require(actor, Action.VISIT, ALLOWED)
    deed = Deed(actor, Action.VISIT, at, key)
    visit = steps.lock_visit(visit_uuid)
    if not actor.holds(ALLOWED[Action.VISIT], territory_id=visit.territory_id):
        raise Refused(ControlRefusal.UNKNOWN_VISIT)
    body = [str(visit_uuid), found.present, found.finding, found.note, hashlib.sha256(found.picture).hexdigest()]
    if begin(deed, body) is not None:
        return
    rules = programmes.rules_in_force(visit.programme_id, deed.today).rules.controls
    reason = _refuse(deed, visit, found, rules.findings)
    if reason is not None:
        raise Refused(reason)
    visit.visited_at, visit.visited_by, visit.present = at, actor.user_id, found.present
    visit.finding, visit.note = found.finding, found.note.strip()
    if found.picture:
        kept = documents.keep_document(
            actor=actor, purpose="control", about=documents.About("control_visit", visit.pk), content=found.picture,
            at=at, keep_until=deed.today + KEPT,
        )  # fmt: skip
        visit.document = kept.uuid
    if found.finding:
        visit.answer_until = _answer_until(visit.territory_id, deed.today, rules.answer_working_days)
        steps.move_visits(deed, [visit], VisitState.FOUND)
        record(deed, Topic.FOUND, "control_visit", [visit.pk], visit.territory_id)
    else:
        steps.move_visits(deed, [visit], VisitState.CLEAN)
        audit.record(
            actor=actor, at=at, action=Action.VISIT, subject_kind="control_visit", subject_ids=[visit.pk],
            territory_id=visit.territory_id,
        )  # fmt: skip
    keep(deed, {"done": True})


def _refuse(deed: Deed, visit: ControlVisit, found: Found, findings: tuple[str, ...]) -> ControlRefusal | None:
    if visit.state != VisitState.DUE:
        return ControlRefusal.VISIT_IN_OTHER_STATE
    if queries.is_party(deed.actor, visit.provider_id):
        return ControlRefusal.OWN_PROVIDER
    return refuse_found(found, findings)


def _answer_until(territory_id: int, today: date, working_days: int) -> date:
    return programmes.calendar(territory_id, today, today + timedelta(days=120)).add_working_days(today, working_days)
