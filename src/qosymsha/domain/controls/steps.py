"""What this room's verbs write inside an open transaction: locked rows, moves with their history."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from qosymsha.domain.allocation import draw
from qosymsha.domain.controls.models import (
    ControlCampaign,
    ControlCampaignHistory,
    ControlVisit,
    ControlVisitHistory,
)
from qosymsha.domain.controls.rules import ControlRefusal
from qosymsha.domain.controls.states import CampaignState, VisitState
from qosymsha.domain.people import resealing
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel import cipher
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.numbers import human_number


def next_number() -> str:
    """A campaign's number, never given twice."""
    ((serial,),) = rows("SELECT nextval('control_number')", [])
    return human_number("M", serial)


def lock_campaign(uuid: UUID, *states: CampaignState) -> ControlCampaign:
    """The campaign, locked to the transaction's end.

    Raises:
        Refused: `unknown_campaign`; `campaign_in_other_state` where it is in none of these.
    """
    found = ControlCampaign.objects.select_for_update().filter(uuid=uuid).first()
    if found is None:
        raise Refused(ControlRefusal.UNKNOWN_CAMPAIGN)
    if states and found.state not in states:
        raise Refused(ControlRefusal.CAMPAIGN_IN_OTHER_STATE, state=found.state)
    return found


def lock_visit(uuid: UUID, *states: VisitState) -> ControlVisit:
    """The drawn place, locked to the transaction's end.

    Raises:
        Refused: `unknown_visit`; `visit_in_other_state` where it is in none of these.
    """
    found = ControlVisit.objects.select_for_update().filter(uuid=uuid).first()
    if found is None:
        raise Refused(ControlRefusal.UNKNOWN_VISIT)
    if states and found.state not in states:
        raise Refused(ControlRefusal.VISIT_IN_OTHER_STATE, state=found.state)
    return found


def move_campaign(deed: Deed, campaign: ControlCampaign, to_state: CampaignState) -> None:
    """Save a locked (or new) campaign in its next state, with a line of history."""
    assert transaction.get_connection().in_atomic_block, "a step commits with its history"
    before, campaign.state = campaign.state, to_state.value
    campaign.save()
    seq = ControlCampaignHistory.objects.filter(control_campaign=campaign).count() + 1
    ControlCampaignHistory.objects.create(
        control_campaign=campaign, seq=seq, from_state=before, to_state=to_state.value, cause=deed.action.value,
        at=deed.at, actor_id=deed.actor.user_id,
    )  # fmt: skip


def move_visits(deed: Deed, visits: Sequence[ControlVisit], to_state: VisitState) -> None:
    """Save locked visits in their next state, each with a line of history."""
    assert transaction.get_connection().in_atomic_block, "a step commits with its history"
    for visit in visits:
        before, visit.state = visit.state, to_state.value
        visit.save()
        seq = ControlVisitHistory.objects.filter(control_visit=visit).count() + 1
        ControlVisitHistory.objects.create(
            control_visit=visit, seq=seq, from_state=before, to_state=to_state.value, cause=deed.action.value,
            at=deed.at, actor_id=deed.actor.user_id,
        )  # fmt: skip


def write_visits(deed: Deed, visits: Sequence[ControlVisit]) -> None:
    """Store the drawn places, each with its first line of history."""
    made = ControlVisit.objects.bulk_create(visits)
    ControlVisitHistory.objects.bulk_create(
        ControlVisitHistory(
            control_visit=visit, seq=1, from_state="", to_state=visit.state, cause=deed.action.value, at=deed.at,
            actor_id=deed.actor.user_id,
        )
        for visit in made
    )  # fmt: skip


def seal_secret(campaign: ControlCampaign, secret: bytes) -> None:
    """Keep the campaign's secret where a reader of the table does not see it."""
    sealed = cipher.seal(secret, bound_to=_binding(campaign.number))
    campaign.secret_key_id, campaign.secret_nonce, campaign.secret_box = sealed.key_id, sealed.nonce, sealed.ciphertext


def rotate_campaigns(after: int, most: int) -> resealing.Batch:
    """Encrypt up to `most` secrets of older keys under the first key; rows somebody holds wait for another round.

    Of ended and cancelled campaigns too: nobody needs theirs any more, but no row keeps an older key in use.
    """
    stale = ControlCampaign.objects.filter(secret_key_id__in=resealing.older_keys(), pk__gt=after)
    locked = stale.select_for_update(skip_locked=True).order_by("pk")[:most]
    rows = (resealing.Stale(one.pk, _sealed(one), _binding(one.number)) for one in locked)
    fresh, batch = resealing.resealed(rows, most)
    for i, sealed in fresh.items():
        ControlCampaign.objects.filter(pk=i).update(
            secret_key_id=sealed.key_id, secret_nonce=sealed.nonce, secret_box=sealed.ciphertext
        )
    return batch


def secret_of(campaign: ControlCampaign) -> bytes:
    """The campaign's secret: the one that its commitment binds, whatever key it stands under.

    Raises:
        Refused: `frame_changed`, where another stands in its place.
    """
    secret = cipher.unseal(_sealed(campaign), bound_to=_binding(campaign.number))
    if draw.commitment(secret) != bytes(campaign.commitment):
        raise Refused(ControlRefusal.FRAME_CHANGED)
    return secret


def _sealed(campaign: ControlCampaign) -> cipher.Sealed:
    return cipher.Sealed(campaign.secret_key_id, bytes(campaign.secret_nonce), bytes(campaign.secret_box))


def _binding(number: str) -> bytes:
    return f"control:{number}".encode()
