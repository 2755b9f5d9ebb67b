"""The accreditation file: what it asks, what is missing or ends soon, the review's word; file, add papers, answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.changes import queries as changes
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.providers import commands
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.access import Action
from qosymsha.domain.providers.queries import files
from qosymsha.domain.providers.queries.files import FileFacts
from qosymsha.domain.providers.rules import Paper, PaperKind
from qosymsha.domain.providers.rules.files import asked_papers, lacking
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.choices import day_field, fill, rules_of, words
from qosymsha.interfaces.provider.house import managed
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.interfaces.ui.uploads import UploadField, download, files_of, most_megabytes, paper_fields
from qosymsha.kernel.clock import local_day


class FilingForm(Form):
    """The kinds one wants to teach, and the papers at hand: a row for each kind of paper, empty ones are left out."""

    kinds = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in PaperKind:
            self.fields[f"number_{kind}"] = forms.CharField(max_length=60, required=False)
            self.fields[f"first_{kind}"] = day_field(required=False)
            self.fields[f"last_{kind}"] = day_field(required=False)
            self.fields[f"scan_{kind}"] = UploadField(required=False)
        self.name_faults()

    def clean(self) -> dict[str, object]:
        """A paper that is begun has a number and a first day."""
        found = super().clean() or self.cleaned_data
        for kind in PaperKind:
            given = [found.get(f"{name}_{kind}") for name in ("number", "first", "last", "scan")]
            for name in ("number", "first"):
                if any(given) and not found.get(f"{name}_{kind}") and f"{name}_{kind}" not in self.errors:
                    self.add_error(f"{name}_{kind}", self.fields["kinds"].error_messages["required"])
        return found

    def papers(self) -> tuple[Paper, ...]:
        """The papers of a valid form."""
        found = self.cleaned_data
        return tuple(
            Paper(kind, found[f"number_{kind}"], found[f"first_{kind}"], found[f"last_{kind}"],
                  content=found[f"scan_{kind}"])
            for kind in PaperKind
            if found[f"number_{kind}"]
        )  # fmt: skip

    def rows(self) -> list[tuple[str, list[tuple[forms.BoundField, str]]]]:
        """(kind, its fields with their labels), for the template."""
        names = ("number", "first", "last", "scan")
        return [(kind.value, [(self[f"{name}_{kind}"], f"accr.paper_{name}") for name in names]) for kind in PaperKind]


class PaperForm(Form):
    """One paper: what it is, its number, its days, a scan."""

    kind = forms.ChoiceField()
    number = forms.CharField(max_length=60)
    first = day_field()
    last = day_field(required=False)
    scan = UploadField(required=False)


class AnswerForm(Form):
    """Words to the reviewer."""

    answer = forms.CharField(max_length=2000, widget=forms.Textarea({"rows": 3}))


@allowed(Look.ACCREDITATION)
def accreditation(request: SignedRequest) -> HttpResponse:
    """`/provider/accreditation/`: the provider's files, and the programmes it may still file for."""
    provider_id = managed(request)
    mine = files.own_files(actor=request.actor, provider_id=provider_id)
    live = {file.programme_id for file in mine if file.is_live}
    return page(
        request,
        "provider/accreditation.html",
        files=[(file, *_standing(request, file)) for file in mine],
        open_to=[one for one in _programmes(request, provider_id) if one.id not in live],
    )


def wanting(request: SignedRequest) -> int:
    """How many of the provider's files lack a paper or have one that ends soon, for the door's first page."""
    mine = files.own_files(actor=request.actor, provider_id=managed(request))
    return sum(any(_standing(request, one)) for one in mine if one.is_live)


def _programmes(request: SignedRequest, provider_id: int) -> list[programmes.ProgrammeFacts]:
    territory_id = providers.provider_facts([provider_id])[provider_id].territory_id
    return [one for one in programmes.programmes(territory_id) if rules_of(request, one.id) is not None]


def _standing(request: SignedRequest, file: FileFacts) -> tuple[list[str], int | None]:
    """What a live file lacks, and inside how many days of its end it is."""
    rules = rules_of(request, file.programme_id)
    if rules is None or not file.is_live:
        return [], None
    today = local_day(request.at)
    asked = asked_papers(providers.papers_of(file.id), file.kinds, rules.accrediting, today)
    warned = [one.warns for one in asked if one.is_required and one.warns is not None]
    return lacking(asked), min(warned, default=None)


@allowed(Look.ACCREDITATION, post=Action.FILE_ACCREDITATION)
def file(request: SignedRequest, programme_uuid: UUID) -> HttpResponse:
    """`/provider/accreditation/for/{programme}/`: file for an accreditation with the papers at hand."""
    provider_id = managed(request)
    programme = next((p for p in _programmes(request, provider_id) if p.uuid == programme_uuid), None)
    rules = rules_of(request, programme.id) if programme else None
    if programme is None or rules is None:
        raise Http404
    form = FilingForm(typed(request), files_of(request))
    fill(form, "kinds", words(request, "kind", rules.kinds))

    def act() -> object:
        filing = commands.Filing(provider_id, programme.id, form.papers(), tuple(form.cleaned_data["kinds"]))
        return commands.file_accreditation(actor=request.actor, filing=filing, at=request.at, key=key_of(request))

    if attempt(request, form, act, {"accredited_kind_unknown": "kinds"}):
        mine = files.own_files(actor=request.actor, provider_id=provider_id)
        return moved(request, "provider-accreditation-file", mine[0].uuid, said="accr.filed_done")
    return page(
        request,
        "provider/accreditation_new.html",
        422 if form.errors else 200,
        form=form,
        programme=programme,
        required=rules.accrediting.papers,
        of_kind=_of_kind(rules),
        days=rules.timers.review_working_days,
        most=most_megabytes(),
    )


def _of_kind(rules: Rules) -> Mapping[str, tuple[str, ...]]:
    return rules.accrediting.papers_of_kind


@allowed(Look.ACCREDITATION, post=Action.ADD_PAPERS)
def case(request: SignedRequest, file_uuid: UUID) -> HttpResponse:
    """`/provider/accreditation/{uuid}/`: the file as it stands. A POST adds a paper with its scan."""
    found = _own(request, file_uuid)
    form = PaperForm(typed(request), files_of(request))
    fill(form, "kind", words(request, "accr.kind", list(PaperKind)))

    def act() -> object:
        said = form.cleaned_data
        paper = Paper(said["kind"], said["number"], said["first"], said["last"], content=said["scan"])
        return commands.add_papers(
            actor=request.actor, accreditation_id=found.id, papers=[paper], at=request.at, key=key_of(request)
        )

    if attempt(request, form, act, {"paper_unreadable": "last"} | paper_fields("scan")):
        return moved(request, "provider-accreditation-file", file_uuid, said="accr.paper_added")
    return _shown(request, found, form, AnswerForm(), 422 if form.errors else 200)


@allowed(Look.ACCREDITATION, post=Action.ANSWER_ACCREDITATION)
def answer(request: SignedRequest, file_uuid: UUID) -> HttpResponse:
    """`/provider/accreditation/{uuid}/answer/`: the provider's words to the review's reasons."""
    found, form = _own(request, file_uuid), AnswerForm(typed(request))

    def act() -> object:
        return commands.answer_accreditation(
            actor=request.actor, accreditation_id=found.id, words=form.cleaned_data["answer"], at=request.at,
            key=key_of(request),
        )  # fmt: skip

    if attempt(request, form, act, {"answer_missing": "answer"}):
        return moved(request, "provider-accreditation-file", file_uuid, said="accr.answered")
    papers = PaperForm()
    fill(papers, "kind", words(request, "accr.kind", list(PaperKind)))
    return _shown(request, found, papers, form, 422 if form.errors else 200)


def _own(request: SignedRequest, file_uuid: UUID) -> FileFacts:
    found = files.file_by_uuid(actor=request.actor, uuid=file_uuid)
    if found is None or found.provider_id != managed(request):
        raise Http404
    return found


def _shown(request: SignedRequest, found: FileFacts, form: Form, answering: Form, status: int) -> HttpResponse:
    rules, today = rules_of(request, found.programme_id), local_day(request.at)
    asked = asked_papers(providers.papers_of(found.id), found.kinds, rules.accrediting, today) if rules else []
    return page(
        request,
        "provider/accreditation_file.html",
        status,
        file=found,
        asked=asked,
        lacks=lacking(asked),
        events=files.events_of(found.id),
        form=form,
        answering=answering,
        children=changes.children_of_provider(found.provider_id, found.programme_id),
        days_left=(found.last_day - today).days if found.last_day else None,
        is_overdue=found.state in files.WAITING and found.review_by < today,
        is_waiting=found.state in files.WAITING,
        most=most_megabytes(),
    )


@allowed(Look.ACCREDITATION)
def scan(request: SignedRequest, file_uuid: UUID, document_uuid: UUID) -> HttpResponse:
    """`/provider/accreditation/{uuid}/papers/{uuid}/`: a scan of the file, to keep."""
    found = _own(request, file_uuid)
    paper = files.paper_content(actor=request.actor, of=found, document_uuid=document_uuid, at=request.at)
    if paper is None:
        raise Http404
    return download(*paper)
