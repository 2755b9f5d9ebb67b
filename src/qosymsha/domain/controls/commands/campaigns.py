"""A campaign from its plan to its end: promise and list are frozen before anybody can know the seed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.allocation import draw
from qosymsha.domain.allocation.announcement import TYPED
from qosymsha.domain.controls import queries, rules, steps
from qosymsha.domain.controls.access import ALLOWED, Action
from qosymsha.domain.controls.models import ControlCampaign, ControlVisit
from qosymsha.domain.controls.rules import ControlRefusal, Plan
from qosymsha.domain.controls.states import OPEN_VISITS, CampaignState, Strata, Topic, Unit, VisitState
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.vouchers.steps import Deed, begin, keep
from qosymsha.kernel import audit, entropy, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import BadInput, Refused


@transaction.atomic(durable=True)
def plan_campaign(*, actor: Actor, programme_id: int, plan: Plan, at: datetime, key: UUID) -> UUID:
    """Plan a control: what is drawn, from which days, how many, by which beacon; the house binds itself to a secret.

    Raises:
        BadInput: there is no such programme.
        Forbidden: the actor may not plan there.
        Refused: a `ControlRefusal` of `refuse_plan`.
    """
    programme = Programme.objects.filter(pk=programme_id).first()
    if programme is None:
        raise BadInput("programme_id", "name a programme that exists")
    require(actor, Action.PLAN, ALLOWED, territory_id=programme.territory_id)
    deed = Deed(actor, Action.PLAN, at, key)
    seen = begin(deed, [programme_id, str(plan)])
    if seen is not None:
        return UUID(seen["uuid"])
    reason = rules.refuse_plan(plan)
    if reason is not None:
        raise Refused(reason)
    secret = entropy.token(rules.SECRET_BYTES)
    planned = ControlCampaign(
        number=steps.next_number(), territory_id=programme.territory_id, programme=programme, state="",
        unit=plan.unit.value, strata=plan.strata.value, first=plan.first, last=plan.last, size=plan.size,
        beacon_name=plan.beacon_name.strip(), planned_at=at, planned_by=actor.user_id,
        commitment=draw.commitment(secret),
    )  # fmt: skip
    steps.seal_secret(planned, secret)
    steps.move_campaign(deed, planned, CampaignState.PLANNED)
    _finish(deed, planned)
    return planned.uuid


@transaction.atomic(durable=True)
def freeze_campaign(*, actor: Actor, campaign_uuid: UUID, at: datetime, key: UUID) -> None:
    """List what may be drawn as of now, hash it with the promises: from now on neither can change.

    Raises:
        Forbidden: the actor may not, there.
        Refused: `unknown_campaign`, `campaign_in_other_state`, `frame_empty`, `sample_size`, `sample_below_parts`.
    """
    deed = Deed(actor, Action.FREEZE, at, key)
    campaign = _locked(deed, campaign_uuid)
    if begin(deed, [str(campaign_uuid)]) is not None:
        return
    _require_state(campaign, CampaignState.PLANNED)
    plan = _plan(campaign)
    lines = queries.frame(campaign.programme_id, plan)
    reason = rules.refuse_frame(lines, plan.size)
    if reason is not None:
        raise Refused(reason)
    campaign.frame, campaign.units = rules.frame_text(lines), len(lines)
    campaign.terms = rules.terms_of(campaign.number, plan, bytes(campaign.commitment))
    campaign.root = rules.root_of(campaign.terms, campaign.frame)
    campaign.frozen_at = at
    steps.move_campaign(deed, campaign, CampaignState.FROZEN)
    _finish(deed, campaign, root=campaign.root.hex())


@transaction.atomic(durable=True)
def cancel_campaign(*, actor: Actor, campaign_uuid: UUID, at: datetime, key: UUID) -> None:
    """Give a campaign up while nobody can know its sample; once drawn it goes to its end.

    Raises:
        Forbidden: the actor may not, there.
        Refused: `unknown_campaign`, `campaign_in_other_state`.
    """
    deed = Deed(actor, Action.CANCEL, at, key)
    campaign = _locked(deed, campaign_uuid)
    if begin(deed, [str(campaign_uuid)]) is not None:
        return
    if not rules.may_cancel(campaign.state):
        raise Refused(ControlRefusal.CAMPAIGN_IN_OTHER_STATE, state=campaign.state)
    steps.move_campaign(deed, campaign, CampaignState.CANCELLED)
    _finish(deed, campaign)


@transaction.atomic(durable=True)
def draw_sample(*, actor: Actor, campaign_uuid: UUID, beacon_value: bytes, at: datetime, key: UUID) -> bool:
    """Draw the sample by the beacon's value; True where it is drawn, False where a second officer must type it too.

    A door fetches the value under `beacon_name` before it calls; `typed:…` is what two officers typed alike, each on
    their own. There is no second draw: the state and a trigger refuse it.

    Raises:
        Forbidden: the actor may not, there.
        Refused: `unknown_campaign`, `campaign_in_other_state`, `beacon_malformed`, `second_officer` (the same one
            again), `typed_differs` (both must begin anew), `frame_changed`.
    """
    deed = Deed(actor, Action.DRAW, at, key)
    campaign = _locked(deed, campaign_uuid)
    seen = begin(deed, [str(campaign_uuid), beacon_value.hex()])
    if seen is not None:
        return bool(seen["drawn"])
    _require_state(campaign, CampaignState.FROZEN)
    if not 0 < len(beacon_value) <= rules.MOST_BEACON_BYTES:
        raise Refused(ControlRefusal.BEACON_MALFORMED)
    is_certain = not campaign.beacon_name.startswith(TYPED) or _is_typed_twice(deed, campaign, beacon_value)
    if is_certain:
        _draw(deed, campaign, beacon_value)
    _finish(deed, campaign, is_drawn=is_certain)
    return is_certain


def _is_typed_twice(deed: Deed, campaign: ControlCampaign, value: bytes) -> bool:
    if campaign.typed_by is None:
        campaign.typed_value, campaign.typed_by = value, deed.actor.user_id
        campaign.save()
        return False
    if campaign.typed_by == deed.actor.user_id:
        raise Refused(ControlRefusal.SECOND_OFFICER)
    if bytes(campaign.typed_value or b"") != value:
        raise Refused(ControlRefusal.TYPED_DIFFERS)
    return True


def _draw(deed: Deed, campaign: ControlCampaign, value: bytes) -> None:
    root = bytes(campaign.root or b"")
    if rules.root_of(campaign.terms, campaign.frame) != root:
        raise Refused(ControlRefusal.FRAME_CHANGED)
    seed = rules.seed_of(campaign.number, root, value, steps.secret_of(campaign))
    drawn = rules.sample(seed, rules.frame_lines(campaign.frame), campaign.size)
    about = queries.subjects(Unit(campaign.unit), [line.unit for line in drawn])
    campaign.beacon_value, campaign.seed, campaign.drawn_at = value, seed, deed.at
    steps.move_campaign(deed, campaign, CampaignState.DRAWN)
    steps.write_visits(
        deed,
        [
            ControlVisit(
                territory_id=campaign.territory_id, programme_id=campaign.programme_id, campaign=campaign, place=place,
                unit=line.unit, part=line.part, provider_id=about[line.unit][0], group_id=about[line.unit][1],
                session_id=about[line.unit][2], state=VisitState.DUE.value,
            )
            for place, line in enumerate(drawn, 1)
        ],
    )  # fmt: skip


@transaction.atomic(durable=True)
def end_campaign(*, actor: Actor, campaign_uuid: UUID, at: datetime, key: UUID) -> None:
    """End a campaign: places nobody visited are counted as missed, the secret is shown, list and sample are public.

    Raises:
        Forbidden: the actor may not, there.
        Refused: `unknown_campaign`, `campaign_in_other_state`; `visits_open` while a finding has no decision.
    """
    deed = Deed(actor, Action.END, at, key)
    campaign = _locked(deed, campaign_uuid)
    if begin(deed, [str(campaign_uuid)]) is not None:
        return
    _require_state(campaign, CampaignState.DRAWN)
    visits = ControlVisit.objects.select_for_update().filter(campaign=campaign).order_by("id")
    if any(visit.state in OPEN_VISITS for visit in visits):
        raise Refused(ControlRefusal.VISITS_OPEN)
    steps.move_visits(deed, [visit for visit in visits if visit.state == VisitState.DUE], VisitState.MISSED)
    campaign.secret, campaign.ended_at = steps.secret_of(campaign), at
    steps.move_campaign(deed, campaign, CampaignState.ENDED)
    _finish(deed, campaign)
    outbox.tell(topic=Topic.ENDED, subject_kind="control_campaign", subject_ids=[campaign.pk], at=at)


def _locked(deed: Deed, uuid: UUID) -> ControlCampaign:
    action = Action(deed.action)
    require(deed.actor, action, ALLOWED)
    campaign = steps.lock_campaign(uuid)
    if not deed.actor.holds(ALLOWED[action], territory_id=campaign.territory_id):
        raise Refused(ControlRefusal.UNKNOWN_CAMPAIGN)
    return campaign


def _require_state(campaign: ControlCampaign, state: CampaignState) -> None:
    if campaign.state != state:
        raise Refused(ControlRefusal.CAMPAIGN_IN_OTHER_STATE, state=campaign.state)


def _plan(campaign: ControlCampaign) -> Plan:
    return Plan(
        Unit(campaign.unit), Strata(campaign.strata), campaign.first, campaign.last, campaign.size, campaign.beacon_name
    )


def _finish(deed: Deed, campaign: ControlCampaign, *, is_drawn: bool = True, **detail: object) -> None:
    audit.record(
        actor=deed.actor, at=deed.at, action=deed.action, subject_kind="control_campaign", subject_ids=[campaign.pk],
        territory_id=campaign.territory_id, detail=detail,
    )  # fmt: skip
    keep(deed, {"uuid": str(campaign.uuid), "drawn": is_drawn})
