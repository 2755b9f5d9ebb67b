"""Papers that the children's places ask for: what lacks, until when; told by number and day."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.agreements import commands, queries
from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.commands import PaperDraft
from qosymsha.domain.agreements.queries import PlacePapers
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.family.many import MANY
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.interfaces.ui.uploads import UploadField, download, files_of, most_megabytes, paper_fields
from qosymsha.kernel.text import sort_key

_DAY = ["%Y-%m-%d", "%d.%m.%Y"]
_AT_FIELD = {
    "paper_number_missing": "number",
    "paper_days": "issued_on",
    "paper_over": "valid_until",
    "paper_unknown": "code",
    "scan_not_taken": "scan",
} | paper_fields("scan")


def _day(*, required: bool = True) -> forms.DateField:
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    return forms.DateField(required=required, widget=widget, input_formats=_DAY)


class GiveForm(Form):
    """Which paper, its number, its day, its own last day where it names one; a scan where there is one."""

    code = forms.ChoiceField(widget=forms.RadioSelect)
    number = forms.CharField(max_length=60)
    issued_on = _day()
    valid_until = _day(required=False)
    scan = UploadField(required=False)

    def __init__(self, language: str, codes: list[str], *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].choices = [(code, texts.say(language, f"agr.paper.{code}")) for code in codes]  # type: ignore[attr-defined]
        if len(codes) == 1:
            self.fields["code"].initial = codes[0]


@allowed(Look.PAPERS)
def papers(request: SignedRequest) -> HttpResponse:
    """`/family/enrolment-papers/`: the papers asked of each child, how they stand, what was told."""
    found = queries.own_papers(actor=request.actor, at=request.at)
    places = [one for one in found if one.standings]
    is_long = len(places) > MANY
    if is_long:
        places.sort(key=lambda one: sort_key(one.name))
    return page(request, "family/enrolment_papers.html", places=places, is_long=is_long)


@allowed(Look.PAPERS, post=Action.GIVE_PAPER)
def give(request: SignedRequest, place_uuid: UUID) -> HttpResponse:
    """`/family/enrolment-papers/{place}/`: tell of a paper; the club looks at the paper itself."""
    place = _own(request, place_uuid)
    form = GiveForm(request.language, [one.code for one in place.standings], typed(request), files_of(request))

    def act() -> int:
        given = form.cleaned_data
        named = (given["code"], given["number"], given["issued_on"], given["valid_until"])
        paper = PaperDraft(place.enrolment_id, *named, scan=given["scan"])
        return commands.give_paper(actor=request.actor, paper=paper, at=request.at, key=key_of(request))

    if attempt(request, form, act, _AT_FIELD):
        return moved(request, "family-enrolment-papers", said="agr.paper_given")
    words = {"form": form, "place": place, "most": most_megabytes()}
    return page(request, "family/enrolment_paper.html", 422 if form.errors else 200, **words)


@allowed(Look.PAPERS)
def scan(request: SignedRequest, place_uuid: UUID, paper_uuid: UUID) -> HttpResponse:
    """`/family/enrolment-papers/{place}/{paper}/scan/`: the paper's scan, by whichever side it was brought."""
    paper = next((one for one in _own(request, place_uuid).brought if one.uuid == paper_uuid), None)
    found = paper and queries.scan_of(actor=request.actor, action=Action.READ_OWN, paper=paper, at=request.at)
    if not found:
        raise Http404
    return download(*found)


def _own(request: SignedRequest, place_uuid: UUID) -> PlacePapers:
    found = queries.own_papers_of(actor=request.actor, place=place_uuid, at=request.at)
    if found is None or not found.standings:
        raise Http404
    return found
