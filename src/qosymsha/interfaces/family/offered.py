"""Freed places of the clubs a child wished, offered to it: take one from a day on, or decline it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.urls import reverse

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.choice import commands
from qosymsha.domain.choice.access import Action
from qosymsha.domain.choice.queries.offered import OwnOffer, own_offers
from qosymsha.domain.choice.rules import ChoiceRefusal, OfferAnswer
from qosymsha.domain.choice.states import OfferState
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.domain.vouchers.offers import group_offer
from qosymsha.interfaces.family import shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.family.todo_papers import DAY, Todo
from qosymsha.interfaces.family.waiting import TakeForm
from qosymsha.interfaces.family.wishes import WishShown, wish_shown
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

_OVER = 20  # so many earlier offers are worth a look


@dataclass(frozen=True, slots=True)
class OfferShown:
    """An offer in words: whose, which group, where the child is now (blank: nowhere)."""

    one: OwnOffer
    name: str
    group: WishShown
    now: str


@allowed(Look.WISHES)
def offers(request: SignedRequest) -> HttpResponse:
    """`/family/offers/`: places offered now, the first to be answered first; what became of earlier ones."""
    found = _mine(request)
    live = sorted((one for one in found if one.one.is_open), key=lambda shown: shown.one.answer_by)
    over = [(one, _ended(one.one)) for one in found if not one.one.is_open]
    kept = texts.refusal(request.language, ChoiceRefusal.OFFER_OF_BOTH)
    return page(request, "family/offers.html", live=live, over=over[:_OVER], kept_for_both=kept)


def _ended(one: OwnOffer) -> str:
    """What became of it; one whose day is over has expired, though the clock has not come by yet."""
    return f"whyplace.offer.{OfferState.EXPIRED if one.state == OfferState.OFFERED else one.state}"


@allowed(Look.WISHES, post=Action.ANSWER)
def take(request: SignedRequest, offer_uuid: UUID) -> HttpResponse:
    """`/family/offers/{uuid}/take/`: the place, from a day on; what the child has now ends the day before."""
    found = _mine(request)
    one = _of(found, offer_uuid)
    group = group_offer(one.one.group.uuid, request.at)
    if group is None or (not one.one.is_open and request.method != "POST"):
        raise Http404
    first = group.next_lesson(max(local_day(request.at) + timedelta(days=1), one.one.first_day))
    form = TakeForm(typed(request), initial={"on": first})

    def act() -> None:
        _answer(request, one.one, form.cleaned_data["on"])

    if attempt(request, form, act, {"start_past": "on", "outside_voucher": "on"}):
        return moved(request, "family-vouchers", said="take.done")
    others = any(o.one.is_open and o.one.voucher_uuid == one.one.voucher_uuid for o in found if o is not one)
    words: dict[str, Any] = {"form": form, "offer": one, "has_others": others}
    return page(request, "family/offer_take.html", 422 if form.errors else 200, **words)


@allowed_post(Action.ANSWER)
def decline(request: SignedRequest, offer_uuid: UUID) -> HttpResponse:
    """`/family/offers/{uuid}/decline/`: the place goes to the next child; of two guardians none does so alone."""
    one = _of(_mine(request), offer_uuid)
    if one.one.state != OfferState.DECLINED:  # else it was said already, in another tab
        _answer(request, one.one, None)
    return moved(request, "family-offers", said="offered.declined")


def _answer(request: SignedRequest, one: OwnOffer, starts_on: date | None) -> None:
    answer = OfferAnswer(one.id, request.actor.guardian_id or 0, starts_on is not None, starts_on)
    (outcome,) = commands.answer_offers(actor=request.actor, answers=[answer], at=request.at, key=key_of(request))
    if outcome.reason is not None:
        raise Refused(outcome.reason)


def _mine(request: SignedRequest) -> list[OfferShown]:
    found = own_offers(actor=request.actor, at=request.at)
    children = attendance.own_children(actor=request.actor, at=request.at) if found else {}
    names = {i: child.name for i, child in children.items()}
    return [_shown(request.language, one, names) for one in found]


def _shown(language: str, one: OwnOffer, names: Mapping[int, str]) -> OfferShown:
    now = f"{shown.in_words(language, one.now, 'activity')} {one.now.code}" if one.now else ""
    return OfferShown(one, names.get(one.child_id, ERASED_NAME), wish_shown(language, one.group), now)


def _of(mine: Sequence[OfferShown], offer_uuid: UUID) -> OfferShown:
    found = next((one for one in mine if one.one.uuid == offer_uuid), None)
    if found is None:
        raise Http404
    return found


def todos(request: SignedRequest, names: Mapping[int, str]) -> Iterator[Todo]:
    """What stands on the first page: each open offer with its last day."""
    for one in own_offers(actor=request.actor, at=request.at):
        if one.is_open:
            told = _shown(request.language, one, names)
            text = texts.say(request.language, "home.seat_offered", day=f"{one.answer_by:{DAY}}")
            label = texts.say(request.language, "home.look_seat")
            yield Todo(one.answer_by, f"{told.name} · {told.group.title}", text, reverse("family-offers"), label)
