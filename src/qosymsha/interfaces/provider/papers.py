"""Enrolment papers of the provider's children: what lacks, what runs out, what a family told of, their scans."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.agreements import commands, queries
from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.commands import PaperDraft
from qosymsha.domain.agreements.queries import PaperShown, PlacePapers
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.interfaces.ui.uploads import UploadField, download, files_of, most_megabytes, paper_fields

DAY = ["%Y-%m-%d", "%d.%m.%Y"]
_AT_FIELD = {
    "paper_number_missing": "number",
    "paper_days": "issued_on",
    "paper_over": "valid_until",
    "paper_unknown": "code",
    "agreement_reason_missing": "reason",
    "scan_not_taken": "scan",
} | paper_fields("scan")
_URGENT = ("late", "over", "given", "missing", "soon")


def day_field(*, required: bool = True) -> forms.DateField:
    """A day as browsers write it."""
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(required=required, widget=widget, input_formats=DAY)


class PaperForm(Form):
    """Which paper, its number, its day, its own last day where it names one; a scan where there is one."""

    code = forms.ChoiceField(widget=forms.RadioSelect)
    number = forms.CharField(max_length=60)
    issued_on = day_field()
    valid_until = day_field(required=False)
    scan = UploadField(required=False)

    def __init__(self, language: str, place: PlacePapers, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        codes = [one.code for one in place.standings]
        self.fields["code"].choices = [(code, texts.say(language, f"agr.paper.{code}")) for code in codes]  # type: ignore[attr-defined]
        if len(codes) == 1:
            self.fields["code"].initial = codes[0]

    def draft(self, place: PlacePapers) -> PaperDraft:
        """The paper as the verbs take it."""
        given = self.cleaned_data
        named = (given["code"], given["number"], given["issued_on"], given["valid_until"])
        return PaperDraft(place.enrolment_id, *named, scan=given["scan"])


class CheckForm(Form):
    """Good, or given back with a reason."""

    is_good = forms.ChoiceField(choices=[("yes", ""), ("no", "")])
    reason = forms.CharField(max_length=300, required=False)


@allowed(Look.FAMILIES)
def papers(request: SignedRequest) -> HttpResponse:
    """`/provider/families/papers/`: children by how urgent their papers are."""
    found = queries.papers_of_provider(actor=request.actor, provider_id=managed(request), at=request.at)
    urgent = [one for one in found if one.worst < len(_URGENT)]
    counts = {stands: sum(any(s.stands == stands for s in one.standings) for one in found) for stands in _URGENT}
    return page(
        request,
        "provider/family_papers.html",
        urgent=urgent,
        calm=[one for one in found if one not in urgent],
        counts=[(stands, n) for stands, n in counts.items() if n],
    )


@allowed(Look.FAMILIES, post=Action.RECORD_PAPER)
def record(request: SignedRequest, place_uuid: UUID) -> HttpResponse:
    """`/provider/families/papers/{place}/`: write down a paper that the provider saw."""
    place = _place(request, place_uuid)
    form = PaperForm(request.language, place, typed(request), files_of(request))

    def act() -> int:
        return commands.record_paper(actor=request.actor, paper=form.draft(place), at=request.at, key=key_of(request))

    if attempt(request, form, act, _AT_FIELD):
        return moved(request, "provider-papers", said="agr.paper_recorded")
    words = {"form": form, "place": place, "most": most_megabytes()}
    return page(request, "provider/family_paper.html", 422 if form.errors else 200, **words)


@allowed(Look.FAMILIES, post=Action.CHECK_PAPER)
def check(request: SignedRequest, place_uuid: UUID, paper_uuid: UUID) -> HttpResponse:
    """`/provider/families/papers/{place}/{paper}/`: look at a paper a family told of."""
    place = _place(request, place_uuid)
    paper = _paper(place, paper_uuid)
    form = CheckForm(typed(request))

    def act() -> None:
        commands.check_paper(
            actor=request.actor, paper_id=paper.id, is_good=form.cleaned_data["is_good"] == "yes",
            reason=form.cleaned_data["reason"], at=request.at, key=key_of(request),
        )  # fmt: skip

    if attempt(request, form, act, _AT_FIELD):
        return moved(request, "provider-papers", said="agr.paper_checked")
    return page(
        request, "provider/family_paper_check.html", 422 if form.errors else 200, form=form, place=place, paper=paper
    )


@allowed(Look.FAMILIES)
def scan(request: SignedRequest, place_uuid: UUID, paper_uuid: UUID) -> HttpResponse:
    """`/provider/families/papers/{place}/{paper}/scan/`: the scan, to keep; the child's family sees the read."""
    paper = _paper(_place(request, place_uuid), paper_uuid)
    found = queries.scan_of(actor=request.actor, action=Action.READ_HOUSE, paper=paper, at=request.at)
    if found is None:
        raise Http404
    return download(*found)


def _place(request: SignedRequest, place_uuid: UUID) -> PlacePapers:
    one = queries.papers_of_place(actor=request.actor, provider_id=managed(request), place=place_uuid, at=request.at)
    if one is None or not one.standings:
        raise Http404
    return one


def _paper(place: PlacePapers, paper_uuid: UUID) -> PaperShown:
    found = next((one for one in place.brought if one.uuid == paper_uuid), None)
    if found is None:
        raise Http404
    return found
