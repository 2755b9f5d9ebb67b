"""Guests: children who come to a lesson on trial, and the teacher's word whether they came."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse

from qosymsha.domain.trials import commands, queries
from qosymsha.domain.trials.access import Action
from qosymsha.domain.trials.states import TrialState
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import house
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.kernel.errors import BadInput

_WORDS = {"came": True, "missed": False}


@allowed(Look.GUESTS)
def guests(request: SignedRequest) -> HttpResponse:
    """`/provider/guests/`: who comes, by lesson; those nobody has spoken of yet first."""
    found = queries.guests(actor=request.actor, provider_id=house(request), at=request.at)
    waiting = [one for one in found if one.state == TrialState.BOOKED and one.is_live and one.starts_at <= request.at]
    coming = [one for one in found if one.state == TrialState.BOOKED and one.is_live and one.starts_at > request.at]
    gone = [one for one in found if one.state == TrialState.BOOKED and not one.is_live]
    told = [one for one in reversed(found) if one.state != TrialState.BOOKED]
    return page(request, "provider/guests.html", waiting=waiting, coming=coming, gone=gone, told=told)


@allowed_post(Action.MARK)
def mark(request: SignedRequest, trial_uuid: UUID) -> HttpResponse:
    """`/provider/guests/{uuid}/`: the guest came, or did not."""
    found = queries.guests(actor=request.actor, provider_id=house(request), at=request.at)
    one = next((guest for guest in found if guest.uuid == trial_uuid), None)
    if one is None:
        raise Http404
    word = str(request.POST.get("word", ""))
    if word not in _WORDS:
        raise BadInput("word", "came or missed")
    commands.mark_guest(actor=request.actor, trial_id=one.id, came=_WORDS[word], at=request.at, key=key_of(request))
    return moved(request, "provider-guests", said="guest.marked")
