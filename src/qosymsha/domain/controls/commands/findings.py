"""After a finding: the provider's answer, silence that goes higher, another person's decision and what follows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import steps as attendance
from qosymsha.domain.attendance.states import SheetState
from qosymsha.domain.attendance.states import Topic as SheetTopic
from qosymsha.domain.controls import queries, steps
from qosymsha.domain.controls.access import ALLOWED, Action
from qosymsha.domain.controls.models import ControlVisit
from qosymsha.domain.controls.rules import ControlRefusal, refuse_decision
from qosymsha.domain.controls.states import Sanction, Topic, VisitState
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import steps as providers
from qosymsha.domain.providers.models import Accreditation
from qosymsha.domain.providers.states import AccreditationState
from qosymsha.domain.providers.states import Topic as ProviderTopic
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.steps import Deed, begin, keep, record
from qosymsha.kernel import locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused

_TO_HOLD = """
SELECT id FROM month_sheet WHERE provider_id = %s AND programme_id = %s AND (%s::bigint IS NULL OR group_id = %s)
   AND state IN ('with_parents', 'with_customer') ORDER BY id"""


@transaction.atomic(durable=True)
def answer_finding(*, actor: Actor, visit_uuid: UUID, answer: str, at: datetime, key: UUID) -> None:
    """The provider answers a finding; late too, as long as nobody has decided.

    Raises:
        Forbidden: the actor manages no provider.
        Refused: `unknown_visit` (also another provider's), `visit_in_other_state`, `answer_missing`.
    """
    require(actor, Action.ANSWER, ALLOWED)
    deed = Deed(actor, Action.ANSWER, at, key)
    visit = steps.lock_visit(visit_uuid)
    if not actor.holds(ALLOWED[Action.ANSWER], provider_id=visit.provider_id) or not visit.finding:
        raise Refused(ControlRefusal.UNKNOWN_VISIT)
    if begin(deed, [str(visit_uuid), answer]) is not None:
        return
    if visit.state not in (VisitState.FOUND, VisitState.UNANSWERED):
        raise Refused(ControlRefusal.VISIT_IN_OTHER_STATE)
    if not answer.strip():
        raise Refused(ControlRefusal.ANSWER_MISSING)
    visit.answer, visit.answered_at, visit.answered_by = answer.strip(), at, actor.user_id
    steps.move_visits(deed, [visit], VisitState.ANSWERED)
    record(deed, Topic.ANSWERED, "control_visit", [visit.pk], visit.territory_id)
    keep(deed, {"done": True})


@transaction.atomic(durable=True)
def escalate_unanswered(*, actor: Actor, at: datetime, key: UUID) -> list[int]:
    """Findings whose days to answer have passed go to a decision without an answer; the ids of these visits.

    Raises:
        Forbidden: the actor is not the clock.
    """
    require(actor, Action.ESCALATE, ALLOWED)
    deed = Deed(actor, Action.ESCALATE, at, key)
    locks.exclusive("controls.unanswered")
    seen = begin(deed, [])
    if seen is not None:
        return [int(i) for i in seen["ids"]]
    due = ControlVisit.objects.select_for_update().filter(id__in=queries.unanswered(deed.today)).order_by("id")
    late = [visit for visit in due if visit.state == VisitState.FOUND]
    steps.move_visits(deed, late, VisitState.UNANSWERED)
    ids = [visit.pk for visit in late]
    record(deed, Topic.UNANSWERED, "control_visit", ids)
    keep(deed, {"ids": ids})
    return ids


@transaction.atomic(durable=True)
def decide_finding(  # noqa: PLR0913 - who, which, what follows, why, proved how, when, once
    *, actor: Actor, visit_uuid: UUID, sanction: str, reason: str, proof: Proof, at: datetime, key: UUID
) -> None:
    """Another person than the visitor decides after the answer, or after its days: nothing, or a sanction of the rules.

    `limit`: the accreditation is limited at once. `hold`: month sheets on their way to payment stand still until an
    official lets them go on.

    Raises:
        Forbidden: the actor may not decide.
        Refused: `unknown_visit`, `visit_in_other_state` (still within the days to answer), `own_visit`, `own_provider`,
            `unknown_sanction`, `reason_missing`, `provider_not_accredited`, `nothing_to_hold`.
    """
    require(actor, Action.DECIDE, ALLOWED)
    deed = Deed(actor, Action.DECIDE, at, key)
    visit = steps.lock_visit(visit_uuid)
    if not actor.holds(ALLOWED[Action.DECIDE], territory_id=visit.territory_id):
        raise Refused(ControlRefusal.UNKNOWN_VISIT)
    if begin(deed, [str(visit_uuid), sanction, reason]) is not None:
        return
    refusal = _refuse(deed, visit, sanction, reason)
    if refusal is not None:
        raise Refused(refusal)
    if sanction == Sanction.LIMIT:
        _limit(deed, visit, reason.strip())
    if sanction == Sanction.HOLD:
        _hold(deed, visit, reason.strip())
    visit.sanction, visit.reason, visit.decided_at, visit.decided_by = sanction, reason.strip(), at, actor.user_id
    visit.proof_way, visit.proof_at = str(proof.way), proof.at
    steps.move_visits(deed, [visit], VisitState.DECIDED)
    record(deed, Topic.DECIDED, "control_visit", [visit.pk], visit.territory_id, sanction=sanction)
    keep(deed, {"done": True})


def _refuse(deed: Deed, visit: ControlVisit, sanction: str, reason: str) -> ControlRefusal | None:
    if queries.is_party(deed.actor, visit.provider_id):
        return ControlRefusal.OWN_PROVIDER
    sanctions = programmes.rules_in_force(visit.programme_id, deed.today).rules.controls.sanctions
    refusal = refuse_decision(visit.state, visit.visited_by, deed.actor.user_id, sanction, sanctions)
    return refusal or (None if reason.strip() else ControlRefusal.REASON_MISSING)


def _limit(deed: Deed, visit: ControlVisit, reason: str) -> None:
    live = (AccreditationState.ACCREDITED, AccreditationState.LIMITED)
    found = (
        Accreditation.objects.select_for_update()
        .filter(provider_id=visit.provider_id, programme_id=visit.programme_id, state__in=live)
        .order_by("id")
        .first()
    )
    if found is None:
        raise Refused(ControlRefusal.NOT_ACCREDITED)
    providers.move(found, providers.Move(AccreditationState.LIMITED, reason), actor=deed.actor, at=deed.at)
    record(deed, ProviderTopic.ACCREDITATION_DECIDED, "accreditation", [found.pk], visit.territory_id, verdict="limit")


def _hold(deed: Deed, visit: ControlVisit, reason: str) -> None:
    found = rows(_TO_HOLD, [visit.provider_id, visit.programme_id, visit.group_id, visit.group_id])
    locked = attendance.lock_sheets([sheet_id for (sheet_id,) in found])
    live = (SheetState.WITH_PARENTS, SheetState.WITH_CUSTOMER)
    held = [sheet_id for sheet_id, sheet in locked.items() if sheet.state in live]
    if not held:
        raise Refused(ControlRefusal.NOTHING_TO_HOLD)
    attendance.move_sheets(deed, held, SheetState.PAUSED, reason)
    record(deed, SheetTopic.PAUSED, "month_sheet", held, visit.territory_id)
