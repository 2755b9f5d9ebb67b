"""A group's own waiting list: put a child on it, see its position, take or leave an offered seat."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.agreements import commands, queries
from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.queries import WaitShown
from qosymsha.domain.agreements.states import WaitState
from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.vouchers import offers
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.interfaces.family import many, shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.family.vouchers import own_vouchers
from qosymsha.interfaces.ui import reasons, texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.kernel.clock import local_day

_MAY_WAIT = frozenset({VoucherState.ACCEPTED, VoucherState.RELEASED, VoucherState.ACTIVE})
_DAY = ["%Y-%m-%d", "%d.%m.%Y"]


class JoinForm(Form):
    """Which child waits."""

    voucher = forms.ChoiceField(widget=forms.RadioSelect)

    def __init__(self, choices: list[tuple[str, str]], *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        many.offer(self.fields["voucher"], choices)


class TakeForm(Form):
    """From which day."""

    on = forms.DateField(widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}), input_formats=_DAY)


@allowed(Look.WAITING)
def waiting(request: SignedRequest) -> HttpResponse:
    """`/family/waiting/`: the lists on which the children stand, with their position; seats offered first."""
    found = queries.own_waits(actor=request.actor, at=request.at)
    live = [one for one in found if one.state in (WaitState.WAITING, WaitState.OFFERED)]
    live.sort(key=lambda one: one.state != WaitState.OFFERED)
    over = [(one, texts.refusals().get(one.reason, {}).get(request.language, "")) for one in found if one not in live]
    return page(request, "family/waiting.html", live=[(one, one.before + 1) for one in live], over=over[:20])


@allowed(Look.WAITING, post=Action.JOIN_WAITING)
def join(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/family/groups/{uuid}/wait/`: put a child on a full group's list; where a place is free, the way to take it."""
    group = offers.group_offer(group_uuid, request.at)
    if group is None:
        raise Http404
    children = attendance.own_children(actor=request.actor, at=request.at)
    mine = [v for v in own_vouchers(request, {i: c.name for i, c in children.items()}) if v.one.state in _MAY_WAIT]
    form = JoinForm([(str(v.one.uuid), f"{v.name} · {v.one.number}") for v in mine], typed(request))

    def act() -> int:
        voucher = next(v for v in mine if str(v.one.uuid) == form.cleaned_data["voucher"])
        return commands.join_waiting(
            actor=request.actor, group_id=group.id, voucher_id=voucher.one.id, at=request.at, key=key_of(request)
        )

    if attempt(request, form, act):
        return moved(request, "family-waiting", said="agr.wait_begun")
    words: dict[str, Any] = {
        "title": shown.in_words(request.language, group, "activity"),
        "address": shown.in_words(request.language, group, "address"),
        "kind": reasons.kind_name(group.kind, request.language),
        "length": queries.queue_length(group_uuid),
    }
    return page(request, "family/wait.html", 422 if form.errors else 200, form=form, group=group, mine=mine, **words)


@allowed(Look.WAITING, post=Action.ANSWER_SEAT)
def take(request: SignedRequest, wait_uuid: UUID) -> HttpResponse:
    """`/family/waiting/{uuid}/take/`: the offered seat, from a day on."""
    one = _own(request, wait_uuid)
    group = offers.group_offer(one.group_uuid, request.at)
    if group is None or (one.state != WaitState.OFFERED and request.method != "POST"):
        raise Http404
    first = group.next_lesson(local_day(request.at) + timedelta(days=1))
    form = TakeForm(typed(request), initial={"on": first})

    def act() -> int:
        return commands.take_seat(
            actor=request.actor, wait_id=one.id, starts_on=form.cleaned_data["on"], at=request.at, key=key_of(request)
        )

    if attempt(request, form, act, {"start_past": "on", "outside_voucher": "on"}):
        return moved(request, "family-vouchers", said="take.done")
    words: dict[str, Any] = {
        "title": shown.in_words(request.language, group, "activity"),
        "address": shown.in_words(request.language, group, "address"),
    }
    return page(
        request, "family/wait_take.html", 422 if form.errors else 200, form=form, wait=one, group=group, **words
    )


@allowed_post(Action.LEAVE_WAITING)
def leave(request: SignedRequest, wait_uuid: UUID) -> HttpResponse:
    """`/family/waiting/{uuid}/leave/`: off the list; an offered seat goes to the next."""
    one = _own(request, wait_uuid)
    commands.leave_waiting(actor=request.actor, wait_id=one.id, at=request.at, key=key_of(request))
    return moved(request, "family-waiting", said="agr.wait_left")


def _own(request: SignedRequest, wait_uuid: UUID) -> WaitShown:
    found = queries.own_waits(actor=request.actor, at=request.at)
    one = next((wait for wait in found if wait.uuid == wait_uuid), None)
    if one is None:
        raise Http404
    return one
