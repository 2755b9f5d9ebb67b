"""Filing an application: the open rounds, and one form. The POST is a hot verb: it asks nothing beyond the verb."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.admission import commands
from qosymsha.domain.admission import queries as admission
from qosymsha.domain.admission.access import Action
from qosymsha.domain.admission.commands import Filed
from qosymsha.domain.admission.queries import Opening, Prospect
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.domain.intake import queries as intake
from qosymsha.domain.intake.queries import OwnDraft
from qosymsha.domain.people import queries as people
from qosymsha.interfaces.family import many, shown
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui import carried, reasons, texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.interfaces.ui.templatetags.words import moment
from qosymsha.kernel.errors import Refused
from qosymsha.kernel.text import sort_key

_R = AdmissionRefusal
_FIELDS = {
    **dict.fromkeys((_R.NOT_GUARDIAN, _R.OTHER_TERRITORY, _R.AGE_UNKNOWN, _R.WRONG_AGE), "child"),
    **dict.fromkeys((_R.HOLDS_VOUCHER, _R.ALREADY_FILED), "child"),
    _R.UNKNOWN_KIND: "kind",
}
_AT_FIELD = {reason.value: field for reason, field in _FIELDS.items()}


class ApplyForm(Form):
    """Whom for, and what kind of lessons; the choices come with the page, so that a POST asks for none."""

    child = forms.UUIDField(widget=forms.RadioSelect)
    kind = forms.CharField(max_length=40, widget=forms.RadioSelect)

    def offer(self, seen: Mapping[str, Any]) -> None:
        """Put the page's choices into the controls; a single one is chosen already."""
        for name in ("child", "kind"):
            many.offer(self.fields[name], seen[name])


@allowed(Look.APPLY)
def rounds(request: SignedRequest) -> HttpResponse:
    """`/family/apply/`: one's drafts, and the rounds in which one may file now."""
    found = [_in_words(request, one) for one in admission.openings(request.at)]
    return page(request, "family/apply_rounds.html", rounds=found, drafts=_drafts(request))


def _drafts(request: SignedRequest) -> list[tuple[OwnDraft, str, str]]:
    """Each draft that can still be filed, with the child's name and the kind in words."""
    found = [one for one in intake.own_drafts(actor=request.actor, at=request.at) if one.is_open(request.at)]
    names = {w.id: w.name for w in people.own_wards(actor=request.actor, at=request.at)} if found else {}
    return [(one, names[one.child_id], reasons.kind_name(one.kind, request.language)) for one in found]


@allowed(Look.APPLY, post=Action.SUBMIT)
def apply(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/family/apply/{uuid}/`: who may be filed, for what; one button, and the application stands."""
    form = ApplyForm(typed(request))
    if attempt(request, form, lambda: _file(request, form, round_uuid), _AT_FIELD):
        filed: Filed = form.outcome
        return moved(request, "family-application", filed.uuid, said="apply.done", number=filed.number)
    seen = _carried(request) or _seen(request, round_uuid)
    form.offer(seen)
    sealed = carried.seal(seen, _bound(request))
    return page(request, "family/apply.html", 422 if form.errors else 200, form=form, seen=seen, sealed=sealed)


def _file(request: SignedRequest, form: ApplyForm, round_uuid: UUID) -> Filed:
    try:
        return commands.submit_own_application(
            actor=request.actor,
            round_uuid=round_uuid,
            child_uuid=form.cleaned_data["child"],
            kind=form.cleaned_data["kind"],
            at=request.at,
            key=key_of(request),
        )
    except Refused as refusal:
        if refusal.reason is AdmissionRefusal.UNKNOWN_ROUND:
            raise Http404 from None
        raise


def _carried(request: SignedRequest) -> dict[str, Any] | None:
    """What this very page showed to this very person, brought back by its form: a refusal reads no child's record."""
    return carried.unseal(request.POST.get("seen", ""), _bound(request)) if request.method == "POST" else None


def _bound(request: SignedRequest) -> str:
    return f"{request.actor.user_id} {request.path}"


def _seen(request: SignedRequest, round_uuid: UUID) -> dict[str, Any]:
    """The page's own words, as JSON: the round, whom it may be filed for and for whom not, the kinds."""
    one = admission.opening(round_uuid)
    if one is None:
        raise Http404
    found = admission.prospects(actor=request.actor, of=one, at=request.at)
    can = [prospect for prospect in found if prospect.kinds]
    others = [_why_not(request, prospect) for prospect in found if not prospect.kinds]
    if len(others) > many.MANY:
        others.sort(key=lambda one: sort_key(one["name"]))
    kinds = [kind for kind in one.kinds if any(kind in prospect.kinds for prospect in can)]
    return _in_words(request, one) | {
        "is_open": one.is_open(request.at),
        "child": [[str(prospect.child.uuid), prospect.child.name] for prospect in can],
        "kind": [[kind, reasons.kind_name(kind, request.language)] for kind in kinds],
        "others": others,
        "is_long": len(others) > many.MANY,
    }


def _in_words(request: SignedRequest, one: Opening) -> dict[str, Any]:
    return {
        "uuid": str(one.uuid),
        "number": one.round.number,
        "title": shown.in_words(request.language, one, "programme"),
        "closes": moment(one.round.closes_at),
        "kinds": ", ".join(reasons.kind_name(kind, request.language) for kind in one.kinds),
    }


def _why_not(request: SignedRequest, prospect: Prospect) -> dict[str, str]:
    reason = prospect.reason.value if prospect.reason and not prospect.filed_uuid else ""
    return {
        "name": prospect.child.name,
        "why": texts.refusal(request.language, reason) if reason else "",
        "uuid": str(prospect.filed_uuid or ""),
        "number": prospect.filed_number,
    }
