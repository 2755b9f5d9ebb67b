"""Giving a place up, and moving to another group: the voucher stays with the child in both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.vouchers import commands, offers
from qosymsha.domain.vouchers.access import Action
from qosymsha.domain.vouchers.offers import GroupOffer
from qosymsha.domain.vouchers.rules import EnrolRefusal, Move, PartingRefusal, Release
from qosymsha.domain.vouchers.states import PartingKind, VoucherState
from qosymsha.interfaces.family import many, shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.family.vouchers import VoucherShown, own_vouchers
from qosymsha.interfaces.ui import reasons, texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

WHY = ("no_time", "moved_house", "other_club", "health", "not_liked", "other")
_LEFT = frozenset({VoucherState.ACTIVE, VoucherState.SUSPENDED})
_DAY = ["%Y-%m-%d", "%d.%m.%Y"]
_AT_LEAVING = {"day_past": "on", "reason_missing": "why"}
_AT_MOVING = {"start_past": "on", "outside_voucher": "on", "no_free_money": "waits"}


# What came of a move → what is said once.
_MOVED: dict[object, str] = {
    None: "move.done",
    EnrolRefusal.TRANSFER_WAITS: "move.waits_now",
    PartingRefusal.OTHER_MAY_STOP: "parting.asked",
}


def _day() -> forms.DateField:
    return forms.DateField(widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}), input_formats=_DAY)


class LeaveForm(Form):
    """From which day on, and why: one of a few words, so that nobody tells more of a child than is needed."""

    on = _day()
    why = forms.ChoiceField(widget=forms.RadioSelect)

    def __init__(self, language: str, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        words = [(f"family:{why}", texts.say(language, f"leave.{why}")) for why in WHY]
        self.fields["why"].choices = words  # type: ignore[attr-defined]


class MoveForm(Form):
    """Which voucher moves here, from which day on, and whether the family waits where the money is short."""

    voucher = forms.ChoiceField(widget=forms.RadioSelect)
    on = _day()
    waits = forms.BooleanField(required=False)

    def __init__(self, vouchers: Sequence[VoucherShown], *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(v.one.uuid), f"{v.name} · {v.group} {v.one.group_code}") for v in vouchers]
        many.offer(self.fields["voucher"], choices)


@allowed(Look.LEAVE, post=Action.RELEASE)
def leave(request: SignedRequest, voucher_uuid: UUID) -> HttpResponse:
    """`/family/vouchers/{uuid}/leave/`: give the place up from a day on; the voucher may choose again."""
    one = _placed(request, voucher_uuid)
    agrees = one.parting is not None and one.parting.agrees_with(PartingKind.LEAVE)
    form = LeaveForm(request.language, typed(request), initial={"on": _day_for(request, one, agrees=agrees)})
    if attempt(request, form, lambda: _leave(request, form, one), _AT_LEAVING):
        return moved(request, "family-vouchers", said="parting.asked" if form.outcome else "leave.done")
    status = 422 if form.errors else 200
    return page(request, "family/leave.html", status, form=form, voucher=one, agrees=agrees)


def _day_for(request: SignedRequest, one: VoucherShown, *, agrees: bool, first: date | None = None) -> date:
    """The day a form begins with: tomorrow or `first`; where one agrees, the day that the other has named."""
    day = first or local_day(request.at) + timedelta(days=1)
    named = one.parting.one.on if agrees and one.parting else None
    return max(day, named) if named else day


def _mine(request: SignedRequest) -> list[VoucherShown]:
    children = attendance.own_children(actor=request.actor, at=request.at)
    return own_vouchers(request, {i: child.name for i, child in children.items()})


def _placed(request: SignedRequest, voucher_uuid: UUID) -> VoucherShown:
    """An own voucher, whatever has become of its place: a POST sent again finds what it did."""
    one = next((v for v in _mine(request) if v.one.uuid == voucher_uuid), None)
    if one is None or (request.method != "POST" and one.one.state not in _LEFT):
        raise Http404
    return one


def _leave(request: SignedRequest, form: LeaveForm, voucher: VoucherShown) -> bool:
    """Leave; True where it waits for the child's other guardian now."""
    given = form.cleaned_data
    release = Release(voucher.one.id, request.actor.guardian_id, given["on"])
    (outcome,) = commands.release_vouchers(
        actor=request.actor, releases=[release], reason=given["why"], at=request.at, key=key_of(request)
    )
    if outcome.reason not in (None, PartingRefusal.OTHER_MAY_STOP):
        raise Refused(outcome.reason)
    return outcome.reason is not None


@allowed(Look.MOVE, post=Action.TRANSFER)
def move(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/family/groups/{uuid}/move/`: leave the present group for this one, from a day on, without a gap."""
    group = offers.group_offer(group_uuid, request.at)
    if group is None:
        raise Http404
    mine = [v for v in _mine(request) if v.one.state == VoucherState.ACTIVE]
    agreed = next((v for v in mine if v.parting and v.parting.agrees_with(PartingKind.MOVE, group.uuid)), None)
    held = [v for v in mine if v.parting is not None and v is not agreed]
    free = [v for v in mine if v not in held]
    # A POST sent again finds what it did, so it may name what waits by now.
    form = MoveForm(mine if request.method == "POST" else free, typed(request), initial=_first(request, group, agreed))
    if attempt(request, form, lambda: _move(request, form, group, mine), _AT_MOVING):
        return moved(request, "family-vouchers", said=_MOVED[form.outcome])
    words: dict[str, object] = {
        "is_shared": any(v.is_shared for v in free if v is not agreed),
        "agreed": agreed,
        "held": held,
        "free": free,
        "title": shown.in_words(request.language, group, "activity"),
        "kind": reasons.kind_name(group.kind, request.language),
        "address": shown.in_words(request.language, group, "address"),
    }
    return page(request, "family/move.html", 422 if form.errors else 200, form=form, group=group, mine=mine, **words)


def _first(request: SignedRequest, group: GroupOffer, agreed: VoucherShown | None) -> dict[str, object]:
    """What the form begins with: the first lesson after today; where one agrees, whom and when the other has named."""
    first = group.next_lesson(local_day(request.at) + timedelta(days=1))
    if agreed is None:
        return {"on": first}
    return {"on": _day_for(request, agreed, agrees=True, first=first), "voucher": str(agreed.one.uuid)}


def _move(request: SignedRequest, form: MoveForm, group: GroupOffer, mine: Sequence[VoucherShown]) -> object:
    """Move; or what it waits for: the other line's money, with a seat kept for it, or the child's other guardian."""
    given = form.cleaned_data
    voucher = next(v for v in mine if str(v.one.uuid) == given["voucher"])
    wish = Move(voucher.one.id, request.actor.guardian_id or 0, group.id, given["on"], given["waits"])
    (outcome,) = commands.transfer(actor=request.actor, moves=[wish], at=request.at, key=key_of(request))
    if outcome.reason is not None and outcome.reason not in _MOVED:
        raise Refused(outcome.reason)
    return outcome.reason


@allowed_post(Action.WITHDRAW_TRANSFER)
def stay(request: SignedRequest, voucher_uuid: UUID) -> HttpResponse:
    """`/family/vouchers/{uuid}/stay/`: take a waiting move back; the seat kept for it is free again."""
    one = _placed(request, voucher_uuid)
    asked = [(one.one.id, request.actor.guardian_id or 0)]
    (outcome,) = commands.withdraw_transfers(actor=request.actor, withdrawals=asked, at=request.at, key=key_of(request))
    if outcome.reason is not None:
        raise Refused(outcome.reason)
    return moved(request, "family-vouchers", said="move.taken_back")


@allowed_post(Action.STOP_PARTING)
def keep(request: SignedRequest, voucher_uuid: UUID) -> HttpResponse:
    """`/family/vouchers/{uuid}/keep/`: stop what was asked and waits for the child's other guardian; all stays."""
    one = next((v for v in _mine(request) if v.one.uuid == voucher_uuid), None)
    if one is None:
        raise Http404
    asked = [(one.one.id, request.actor.guardian_id or 0)]
    (outcome,) = commands.stop_partings(actor=request.actor, stops=asked, at=request.at, key=key_of(request))
    if outcome.reason is not None:
        raise Refused(outcome.reason)
    return moved(request, "family-vouchers", said="parting.stopped")
