"""Refusing a child: on one of the rule set's grounds, in its days; what became of each refusal."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.agreements import commands, queries
from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.queries import HousePlace
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.interfaces.ui.stretches import Stretch

_AT_FIELD = {
    "paper_number_missing": "paper",
    "no_such_ground": "ground",
    "refused_late": "ground",
    "ground_not_so": "ground",
}


class RefuseForm(Form):
    """On what ground; the number of the paper where the ground asks for one. No words about the child."""

    ground = forms.ChoiceField(widget=forms.RadioSelect)
    paper = forms.CharField(max_length=60, required=False)

    def __init__(self, language: str, grounds: list[str], *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        words = [(code, texts.say(language, f"agr.ground.{code}")) for code in grounds]
        self.fields["ground"].choices = words  # type: ignore[attr-defined]


@allowed(Look.FAMILIES)
def refusals(request: SignedRequest) -> HttpResponse:
    """`/provider/families/refusals/`: the refusals of this provider, and the children by group to begin one."""
    provider_id = managed(request)
    stretch = Stretch.asked(request)
    found, stretch = stretch.cut(
        queries.refusals_of_provider(
            actor=request.actor, provider_id=provider_id, at=request.at, after=stretch.after, most=stretch.one_more
        )
    )
    places = queries.places_of_provider(actor=request.actor, provider_id=provider_id, at=request.at)
    waiting = queries.refused_places(actor=request.actor, provider_id=provider_id)
    groups: dict[str, list[HousePlace]] = {}
    for place in places:
        if place.uuid not in waiting:
            groups.setdefault(f"{place.group}\0{place.activity}", []).append(place)
    shown = [(*name.split("\0"), children) for name, children in groups.items()]
    return page(request, "provider/refusals.html", refusals=found, groups=shown, stretch=stretch)


@allowed(Look.FAMILIES, post=Action.REFUSE_CHILD)
def refuse(request: SignedRequest, place_uuid: UUID) -> HttpResponse:
    """`/provider/families/refusals/{place}/`: the grounds that stand open for this child, and what follows."""
    provider_id = managed(request)
    places = queries.places_of_provider(actor=request.actor, provider_id=provider_id, at=request.at, uuid=place_uuid)
    if not places:
        raise Http404
    place = places[0]
    rules = queries.agreements_of(place.rule_set_id).refusal
    form = RefuseForm(request.language, [one.code for one in rules.grounds], typed(request))

    def act() -> int:
        return commands.refuse_child(
            actor=request.actor, enrolment_id=place.id, ground=form.cleaned_data["ground"],
            paper_number=form.cleaned_data["paper"], at=request.at, key=key_of(request),
        )  # fmt: skip

    if attempt(request, form, act, _AT_FIELD):
        return moved(request, "provider-refusals", said="agr.refusal_filed")
    return page(request, "provider/refuse.html", 422 if form.errors else 200, form=form, place=place, rules=rules)


@allowed_post(Action.WITHDRAW_REFUSAL)
def withdraw(request: SignedRequest, refusal_uuid: UUID) -> HttpResponse:
    """`/provider/families/refusals/{uuid}/withdraw/`: take a refusal back."""
    found = queries.refusals_of_provider(
        actor=request.actor, provider_id=managed(request), at=request.at, uuid=refusal_uuid
    )
    if not found:
        raise Http404
    commands.withdraw_refusal(actor=request.actor, refusal_id=found[0].id, at=request.at, key=key_of(request))
    return moved(request, "provider-refusals", said="agr.refusal_withdrawn")
