"""Assisted vouchers: a clerk accepts one and takes a place in a club by the guardian's word, a code for each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.assistance.access import Action
from qosymsha.domain.assistance.queries import Visit
from qosymsha.domain.assistance.rules import AssistanceRefusal
from qosymsha.domain.assistance.states import Act
from qosymsha.domain.insights.queries import catalogue
from qosymsha.domain.insights.queries.catalogue import Asked, Lesson
from qosymsha.domain.people import queries as people
from qosymsha.domain.vouchers import commands, offers
from qosymsha.domain.vouchers.offers import GroupOffer, Hours
from qosymsha.domain.vouchers.rules import EnrolRefusal, PlaceWish, VoucherAnswer, whole_years
from qosymsha.interfaces.office.assisted import WordForm, confirmed, is_given, open_visit, words_of
from qosymsha.interfaces.office.assisted_family import VoucherShown, waiting_vouchers
from qosymsha.interfaces.ui import weeks
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.interfaces.ui.templatetags.words import in_language
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

_TYPED = 100
_DAYS = ["%Y-%m-%d", "%d.%m.%Y"]
_AT_DAY = dict.fromkeys((EnrolRefusal.START_PAST.value, EnrolRefusal.OUTSIDE_VOUCHER.value), "on")


class PlaceForm(WordForm):
    """From which day, and the guardian's word."""

    on = forms.DateField(widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}), input_formats=_DAYS)


@allowed(Action.CONFIRM_ACT, post=Action.CONFIRM_ACT)
def voucher(request: SignedRequest, visit_uuid: UUID, voucher_uuid: UUID) -> HttpResponse:
    """`/office/assist/{uuid}/vouchers/{voucher}/`: a voucher accepted by the guardian's code."""
    one, hand = open_visit(request, visit_uuid)
    found = _waiting(request, hand, voucher_uuid)
    if found is None or not found.may_accept:
        if request.method == "POST":  # sent twice: it was taken the first time, or waits for no answer of this family
            return moved(request, "office-visit", visit_uuid)
        raise Http404
    form = WordForm(typed(request))

    def accept() -> object:
        given = confirmed(request, one, Act.VOUCHER, voucher_uuid, form.cleaned_data["code"])
        if not isinstance(given, AssistanceRefusal):
            answer = VoucherAnswer(found.one.id, hand.guardian_id or 0)
            (outcome,) = commands.accept_vouchers(
                actor=hand, answers=[answer], at=request.at, key=key_of(request, "voucher")
            )
            if outcome.reason is not None:
                raise Refused(outcome.reason)
        return given

    if attempt(request, form, accept) and is_given(request, form, visit_uuid):
        return moved(request, "office-visit", visit_uuid, said="assist.accepted")
    words = words_of(request, one) | {"form": form, "voucher": found}
    return page(request, "office/visit_voucher.html", 422 if form.errors else 200, **words)


@allowed(Action.CONFIRM_ACT)
def clubs(request: SignedRequest, visit_uuid: UUID, voucher_uuid: UUID) -> HttpResponse:
    """`/office/assist/{uuid}/vouchers/{voucher}/clubs/?q=`: groups with a free place that the voucher may enter."""
    one, hand = open_visit(request, visit_uuid)
    found = _waiting(request, hand, voucher_uuid)
    if found is None or not found.may_choose:
        raise Http404
    q, today = " ".join(request.GET.get("q", "").split())[:_TYPED], local_day(request.at)
    words = catalogue.spelled(q)
    age = next(
        (
            whole_years(ward.born_on, today)
            for ward in people.own_wards(actor=hand, at=request.at)
            if ward.id == found.one.child_id and ward.born_on is not None
        ),
        None,
    )
    asked = Asked(words=tuple(q.split()), kind=found.one.kind, age=age, is_free=True)
    offered = catalogue.search(offers.programme_of(found.one.id), asked, words, today, request.language)
    shown = [
        (club, in_language(club, "activity"), in_language(club, "address"), _hours(request.language, club.lessons))
        for club in offered.clubs
    ]
    more = {"voucher": found, "q": q, "clubs": shown, "is_more": offered.next is not None}
    return page(request, "office/visit_clubs.html", **words_of(request, one) | more)


@allowed(Action.CONFIRM_ACT, post=Action.CONFIRM_ACT)
def place(request: SignedRequest, visit_uuid: UUID, voucher_uuid: UUID, group_uuid: UUID) -> HttpResponse:
    """`/office/assist/{uuid}/vouchers/{voucher}/clubs/{group}/`: a place from a day on, by the guardian's code."""
    one, hand = open_visit(request, visit_uuid)
    found, group = _waiting(request, hand, voucher_uuid), offers.group_offer(group_uuid, request.at)
    if found is None or not found.may_choose or group is None:
        if request.method == "POST":  # sent twice: it was taken the first time, or is no voucher of this family
            return moved(request, "office-visit", visit_uuid)
        raise Http404
    first = group.next_lesson(max(local_day(request.at) + timedelta(days=1), found.one.first_month))
    form = PlaceForm(typed(request), initial={"on": request.GET.get("on", first)})
    if attempt(request, form, lambda: _take(request, one, hand, form, found, group), _AT_DAY) and is_given(
        request, form, visit_uuid
    ):
        return moved(request, "office-visit", visit_uuid, said="assist.placed")
    words: dict[str, Any] = {
        "form": form,
        "voucher": found,
        "group": group,
        "title": in_language(group, "activity"),
        "address": in_language(group, "address"),
        "hours": _hours(request.language, group.hours),
    }
    return page(request, "office/visit_place.html", 422 if form.errors else 200, **words_of(request, one) | words)


def _take(  # noqa: PLR0913 - whose word, for which child, where
    request: SignedRequest, one: Visit, hand: Actor, form: Form, found: VoucherShown, group: GroupOffer
) -> object:
    """The guardian's word first, for exactly this group and day; then the place, under the guardian's own rights."""
    on: date = form.cleaned_data["on"]
    given = confirmed(request, one, Act.PLACE, found.one.uuid, form.cleaned_data["code"], f"{group.uuid} {on}")
    if not isinstance(given, AssistanceRefusal):
        wish = PlaceWish(found.one.uuid, hand.guardian_id or 0, group.uuid, on)
        commands.take_place(actor=hand, wish=wish, at=request.at, key=key_of(request, f"place {group.uuid} {on}"))
    return given


def _hours(language: str, lessons: Sequence[Lesson | Hours]) -> str:
    """The lessons of a week, as they are read out."""
    return "; ".join(weeks.hour(language, one) for one in lessons)


def _waiting(request: SignedRequest, hand: Actor, voucher_uuid: UUID) -> VoucherShown | None:
    names = {ward.id: ward.name for ward in people.own_wards(actor=hand, at=request.at)}
    return next((one for one in waiting_vouchers(request, hand, names) if one.one.uuid == voucher_uuid), None)
