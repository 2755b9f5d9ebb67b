"""Accreditation at the office: files in their order, a case with its papers, a verdict whose reach is said before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.casework.states import Kind
from qosymsha.domain.changes import queries as changes
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.accrediting_rules import Accrediting
from qosymsha.domain.providers import commands
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.providers.commands import Decision, Verdict
from qosymsha.domain.providers.queries import files
from qosymsha.domain.providers.queries.files import FileFacts
from qosymsha.domain.providers.rules.files import Asked, Ground, asked_papers, lacking
from qosymsha.domain.providers.states import TRANSITIONS, AccreditationState
from qosymsha.interfaces.office import holding
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Stretch, choice
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page
from qosymsha.interfaces.ui.uploads import download
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

STATES = [state.value for state in AccreditationState]
_WAITING = "waiting"
_TARGETS = {
    Verdict.ACCREDIT: AccreditationState.ACCREDITED,
    Verdict.LIMIT: AccreditationState.LIMITED,
    Verdict.REFUSE: AccreditationState.REFUSED,
    Verdict.REVOKE: AccreditationState.REVOKED,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A file of the queue: what it lacks, whether its day has passed, inside how many days of its end a paper is."""

    file: FileFacts
    lacks: list[str]
    is_late: bool
    warns: int | None


@allowed(Look.ACCREDITATION)
def queue(request: SignedRequest) -> HttpResponse:
    """`/office/accreditation/?state=`: the files that wait, the oldest first; or those of another state."""
    state = choice(request, "state", [_WAITING, *STATES], _WAITING)
    part = holding.part_of(request, Kind.FILE)
    states_of = files.WAITING if state == _WAITING else [state]
    stretch = Stretch.asked(request)
    found, stretch = stretch.cut(
        files.office_files(
            actor=request.actor, states=states_of, only=part.only, but=part.but, after=stretch.after,
            most=stretch.one_more,
        )
    )  # fmt: skip
    today, papers = local_day(request.at), files.papers_of_files([file.id for file in found])
    terms = {programme_id: _terms(programme_id, today) for programme_id in {file.programme_id for file in found}}
    rows = []
    for file in found:
        asked = asked_papers(papers[file.id], file.kinds, terms[file.programme_id], today) if file.is_live else []
        rows.append(Row(file, lacking(asked), _is_late(file, today), _warns(asked)))
    states = [(value, f"accr.state.{value}") for value in (_WAITING, *STATES)]
    words: dict[str, Any] = {"rows": rows, "states": states, "state": state, "stretch": stretch, "today": today}
    words |= holding.held(request, part, [file.id for file in found])
    return page(request, "office/accreditation.html", **words)


def _terms(programme_id: int, today: date) -> Accrediting:
    try:
        return programmes.rules_in_force(programme_id, today).rules.accrediting
    except Refused:
        return Accrediting()


def _is_late(file: FileFacts, today: date) -> bool:
    return file.state in files.WAITING and file.review_by < today


def _warns(asked: list[Asked]) -> int | None:
    return min((one.warns for one in asked if one.is_required and one.warns is not None), default=None)


@allowed(Look.ACCREDITATION)
def case(request: SignedRequest, file_uuid: UUID) -> HttpResponse:
    """`/office/accreditation/{uuid}/`: the file, its papers and history, the verdicts that its state allows."""
    found = _case(request, file_uuid)
    words = holding.one(request, Kind.FILE, found.id)
    words |= _words(request, found)
    return page(request, "office/accreditation_case.html", verdicts=_verdicts(request, found), **words)


def _case(request: SignedRequest, file_uuid: UUID) -> FileFacts:
    found = files.file_by_uuid(actor=request.actor, uuid=file_uuid)
    if found is None:
        raise Http404
    return found


def _verdicts(request: SignedRequest, found: FileFacts) -> list[str]:
    """What this official may decide now; a filed one is taken up by whoever decides."""
    if not request.actor.holds(ALLOWED[Action.DECIDE_ACCREDITATION], territory_id=found.territory_id):
        return []
    state = AccreditationState.IN_REVIEW if found.state == AccreditationState.FILED else found.state
    return [verdict.value for verdict, target in _TARGETS.items() if (state, target) in TRANSITIONS]


def _words(request: SignedRequest, found: FileFacts) -> dict[str, Any]:
    today = local_day(request.at)
    asked = asked_papers(providers.papers_of(found.id), found.kinds, _terms(found.programme_id, today), today)
    groups = [g for g in providers.groups_of_provider(found.provider_id, today) if g.programme_id == found.programme_id]
    return {
        "file": found,
        "asked": asked,
        "lacks": lacking(asked),
        "events": files.events_of(found.id),
        "is_late": _is_late(found, today),
        "children": changes.children_of_provider(found.provider_id, found.programme_id),
        "groups": len(groups),
        "may_take_up": found.state == AccreditationState.FILED
        and request.actor.holds(ALLOWED[Action.TAKE_UP_ACCREDITATION], territory_id=found.territory_id),
    }


@allowed_post(Action.TAKE_UP_ACCREDITATION)
def take_up(request: SignedRequest, file_uuid: UUID) -> HttpResponse:
    """`/office/accreditation/{uuid}/take-up/`: this officer reviews the file from now on."""
    found = _case(request, file_uuid)
    commands.take_up_accreditation(actor=request.actor, accreditation_id=found.id, at=request.at, key=key_of(request))
    return moved(request, "office-accreditation-case", file_uuid, said="accr.taken_up")


class VerdictForm(Form):
    """Why, chosen from the list and told in words; for an accreditation its last day, before the papers end."""

    grounds = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    reason = forms.CharField(max_length=1000, required=False, widget=forms.Textarea({"rows": 3}))
    last = forms.DateField(required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))


@allowed(Look.DECIDING, post=Action.DECIDE_ACCREDITATION)
def decide(request: SignedRequest, file_uuid: UUID, verdict: str) -> HttpResponse:
    """`/office/accreditation/{uuid}/{verdict}/`: whom it touches is said, then it is decided."""
    found = _case(request, file_uuid)
    if verdict not in _verdicts(request, found):
        raise Http404
    form = VerdictForm(typed(request))
    grounds = form.fields["grounds"]
    assert isinstance(grounds, forms.MultipleChoiceField)
    grounds.choices = [(one.value, texts.say(request.language, f"accr.ground.{one.value}")) for one in Ground]

    def act() -> object:
        said = form.cleaned_data
        decision = Decision(Verdict(verdict), said["reason"], said["last"], tuple(said["grounds"]))
        return commands.decide_accreditation(
            actor=request.actor, accreditation_id=found.id, decision=decision, at=request.at, key=key_of(request)
        )

    if attempt(request, form, act, {"reason_missing": "reason", "ground_unknown": "grounds"}):
        return moved(request, "office-accreditation-case", file_uuid, said=f"accr.done.{verdict}")
    status = 422 if form.errors else 200
    return page(
        request, "office/accreditation_decide.html", status, form=form, verdict=verdict, **_words(request, found)
    )


@allowed(Look.ACCREDITATION)
def scan(request: SignedRequest, file_uuid: UUID, document_uuid: UUID) -> HttpResponse:
    """`/office/accreditation/{uuid}/papers/{uuid}/`: a scan of the file, to keep."""
    found = _case(request, file_uuid)
    paper = files.paper_content(actor=request.actor, of=found, document_uuid=document_uuid, at=request.at)
    if paper is None:
        raise Http404
    return download(*paper)
