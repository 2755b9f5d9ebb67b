"""Taking a place in a group with a voucher. The POST is a hot verb: it reads nothing that the verb does not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse
from django.urls import NoReverseMatch, reverse

from qosymsha.domain.agreements import queries as agreements
from qosymsha.domain.vouchers import commands, offers
from qosymsha.domain.vouchers.access import Action
from qosymsha.domain.vouchers.offers import GroupOffer, VoucherOffer
from qosymsha.domain.vouchers.rules import EnrolRefusal, PlaceWish, VoucherRefusal
from qosymsha.interfaces.family import many, shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui import carried, reasons, texts, weeks
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.interfaces.ui.templatetags.words import tenge
from qosymsha.kernel.errors import Refused

# The same nothing: no such voucher, another family's, no such group.
_NOTHING = frozenset({VoucherRefusal.UNKNOWN_VOUCHER, VoucherRefusal.NOT_GUARDIAN, EnrolRefusal.UNKNOWN_GROUP})
_E = EnrolRefusal
_AT_FIELD = {
    **{reason.value: "starts_on" for reason in (_E.START_PAST, _E.OUTSIDE_VOUCHER)},
    **{reason.value: "voucher" for reason in (_E.VOUCHER_NOT_FREE, _E.OTHER_LINE, _E.WRONG_KIND, _E.WRONG_AGE)},
    **{reason.value: "voucher" for reason in (_E.DEARER_THAN_VOUCHER, _E.HELD_TOO_LITTLE)},
}


class TakeForm(Form):
    """With which voucher, from which day; the choices come with the page, so that a POST asks for none."""

    voucher = forms.UUIDField(widget=forms.RadioSelect)
    starts_on = forms.DateField(input_formats=["%Y-%m-%d"], widget=forms.DateInput(attrs={"type": "date"}))

    def offer(self, seen: Mapping[str, Any]) -> None:
        """Put the page's choices into the controls; the first possible day stands in its field."""
        voucher, day = self.fields["voucher"], self.fields["starts_on"]
        many.offer(voucher, seen["voucher"])
        day.initial = seen["starts_on"]
        day.widget.attrs["min"] = seen["starts_on"]
        if seen["last_day"]:
            day.widget.attrs["max"] = seen["last_day"]


@allowed(Look.TAKE, post=Action.ENROL)
def take(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/family/groups/{uuid}/take/`: the group, the vouchers that may enter, one button."""
    form = TakeForm(typed(request))
    is_full: list[bool] = []
    if attempt(request, form, lambda: _take(request, form, group_uuid, is_full), _AT_FIELD):
        return moved(request, "family-vouchers", said="take.done")
    kept = _carried(request)
    if is_full and kept is None:
        raise Refused(EnrolRefusal.GROUP_FULL)
    seen = kept or _seen(request, group_uuid)
    form.offer(seen)
    words = {"seen": seen, "sealed": carried.seal(seen, _bound(request)), "clubs": clubs_address(), "group": group_uuid}
    is_gone = bool(is_full) or seen["free"] <= 0
    return page(request, "family/take.html", 422 if form.errors else 200, form=form, is_full=is_gone, **words)


def clubs_address() -> str:
    """Where to choose another group: the catalogue."""
    try:
        return reverse("clubs")
    except NoReverseMatch:
        return reverse("family-home")


def _take(request: SignedRequest, form: TakeForm, group_uuid: UUID, is_full: list[bool]) -> int:
    given = form.cleaned_data
    wish = PlaceWish(given["voucher"], request.actor.guardian_id or 0, group_uuid, given["starts_on"])
    try:
        return commands.take_place(actor=request.actor, wish=wish, at=request.at, key=key_of(request))
    except Refused as refusal:
        if refusal.reason in _NOTHING:
            raise Http404 from None
        if refusal.reason is EnrolRefusal.GROUP_FULL:
            is_full.append(True)
        raise


def _carried(request: SignedRequest) -> dict[str, Any] | None:
    """What this very page showed to this very person, brought back by its form: a refusal reads no child's record."""
    return carried.unseal(request.POST.get("seen", ""), _bound(request)) if request.method == "POST" else None


def _bound(request: SignedRequest) -> str:
    return f"{request.actor.user_id} {request.path}"


def _seen(request: SignedRequest, group_uuid: UUID) -> dict[str, Any]:
    """The page's own words, as JSON: the group, its hours, its price, the vouchers that may enter it."""
    group = offers.group_offer(group_uuid, request.at)
    if group is None:
        raise Http404
    fitting = offers.fitting_vouchers(actor=request.actor, group=group, at=request.at)
    language = request.language
    return {
        "title": shown.in_words(language, group, "activity"),
        "code": group.code,
        "kind": reasons.kind_name(group.kind, language),
        "provider": group.provider,
        "address": shown.in_words(language, group, "address"),
        "hours": _hours(group, language),
        "ages": texts.say(language, "take.ages_from_to", first=group.age_min, last=group.age_max),
        "month": str(tenge(group.month_tiyn)),
        "charge": _charge(group_uuid),
        "free": group.free,
        "voucher": [[str(one.uuid), f"{one.name} · {one.number}"] for one in fitting],
        "starts_on": _first_day(fitting, group, request).isoformat(),
        "last_day": group.last_day.isoformat() if group.last_day else "",
    }


def _charge(group_uuid: UUID) -> str:
    """What the club asks a month beside the voucher, as money; nothing where it asks nothing."""
    charge = agreements.charge_of_group(group_uuid)
    return str(tenge(charge.amount_tiyn)) if charge and charge.amount_tiyn else ""


def _first_day(fitting: list[VoucherOffer], group: GroupOffer, request: SignedRequest) -> date:
    return min((one.starts_on for one in fitting), default=group.first_day)


def _hours(group: GroupOffer, language: str) -> list[str]:
    return [weeks.hour(language, one) for one in group.hours]
