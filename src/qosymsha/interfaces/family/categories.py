"""A child's priority categories in a round: what registers certify, what one names with papers, what became of it.

Everything here stands behind a second factor: a category is told to nobody who merely holds the phone.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.admission import queries as admission
from qosymsha.domain.admission.queries import Opening
from qosymsha.domain.intake import commands
from qosymsha.domain.intake import queries as intake
from qosymsha.domain.intake.access import Action
from qosymsha.domain.intake.queries import OwnCase, Standing
from qosymsha.domain.intake.rules import IntakeRefusal
from qosymsha.domain.people import consenting
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.queries import OwnWard
from qosymsha.interfaces.ui import reasons, texts, uploads
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, key_of, moved, page, step_up
from qosymsha.kernel.clock import local_day

_R = IntakeRefusal
_CATEGORY_FAULTS = (_R.CATEGORY_NOT_NAMEABLE, _R.CATEGORY_CERTIFIED_ALREADY, _R.CATEGORY_NAMED_ALREADY)
_FIELDS = uploads.paper_fields("paper") | {reason.value: "category" for reason in _CATEGORY_FAULTS}
_BADGE = {"certified": "ok", "refused": "bad", "withdrawn": "wait", "open": "wait", "asked": "bad"}


class NameForm(Form):
    """Which category, and the first paper that shows it."""

    category = forms.CharField(max_length=60, widget=forms.Select)
    paper = uploads.UploadField()


class PaperForm(Form):
    """One more paper."""

    paper = uploads.UploadField()


@dataclass(frozen=True, slots=True)
class CertifiedShown:
    """A certified category in words."""

    name: str
    source: str
    until: str


@dataclass(frozen=True, slots=True)
class CaseShown:
    """A named category in words; `state` is the key of the sentence on how it stands."""

    one: OwnCase
    name: str
    badge: str
    state: str
    ground: str
    due: str


@allowed(Action.READ_OWN_CASES, post=Action.NAME_CATEGORY)
@step_up
def categories(request: SignedRequest, round_uuid: UUID, child_uuid: UUID) -> HttpResponse:
    """`/family/apply/{round}/{child}/categories/`: how it stands; a POST names a category with its first paper."""
    opening, found, ward = _standing(request, round_uuid, child_uuid)
    form = NameForm(typed(request), uploads.files_of(request))
    choices = [(code, reasons.category_name(code, request.language)) for code in found.nameable]
    form.fields["category"].widget.choices = [("", texts.say(request.language, "category.choose")), *choices]

    def act() -> object:
        return commands.name_category(
            actor=request.actor,
            round_uuid=round_uuid,
            child_uuid=child_uuid,
            category=form.cleaned_data["category"],
            content=form.cleaned_data["paper"],
            at=request.at,
            key=key_of(request),
        )

    if attempt(request, form, act, _FIELDS):
        return moved(request, "family-categories", round_uuid, child_uuid, said="category.named")
    return page(
        request,
        "family/categories.html",
        422 if form.errors else 200,
        opening=opening,
        is_open=opening.is_open(request.at),
        child=child_uuid,
        name=ward.name,
        may_ask=not consenting.stopped_children([ward.id], local_day(request.at)),
        form=form,
        found=found,
        certified=[_certified(request, one) for one in found.certified],
        cases=[_case(request, one) for one in found.cases if one.state != "withdrawn"],
        megabytes=uploads.most_megabytes(),
    )


def _standing(request: SignedRequest, round_uuid: UUID, child_uuid: UUID) -> tuple[Opening, Standing, OwnWard]:
    opening = admission.opening(round_uuid)
    if opening is None:
        raise Http404
    found = intake.standing(actor=request.actor, opening=opening, child_uuid=child_uuid, at=request.at)
    if found is None:
        raise Http404
    ward = next(w for w in people.own_wards(actor=request.actor, at=request.at) if w.uuid == child_uuid)
    return opening, found, ward


def _certified(request: SignedRequest, one: intake.Certified) -> CertifiedShown:
    source = "category.source.officer" if one.source == "officer" else "category.source.register"
    until = f"{one.last_day:%d.%m.%Y}" if one.last_day else ""
    return CertifiedShown(reasons.category_name(one.category, request.language), source, until)


def _case(request: SignedRequest, one: OwnCase) -> CaseShown:
    state = "case.state.late" if one.is_late else f"case.state.{one.state}"
    if one.state == "open" and not one.is_late and one.due_on is None:
        state = "case.state.not_filed"
    return CaseShown(
        one,
        reasons.category_name(one.category, request.language),
        "bad" if one.is_late else _BADGE[one.state],
        state,
        texts.say(request.language, f"ground.{one.ground}") if one.ground else "",
        f"{one.due_on:%d.%m.%Y}" if one.due_on else "",
    )


@allowed(Action.READ_OWN_CASES, post=Action.ADD_PAPER)
@step_up
def case(request: SignedRequest, round_uuid: UUID, child_uuid: UUID, case_uuid: UUID) -> HttpResponse:
    """`…/categories/{case}/`: one named category with its papers; a POST adds a paper."""
    opening, found, ward = _standing(request, round_uuid, child_uuid)
    one = next((c for c in found.cases if c.uuid == case_uuid), None)
    if one is None:
        raise Http404
    form = PaperForm(typed(request), uploads.files_of(request))

    def act() -> None:
        commands.add_paper(
            actor=request.actor,
            case_uuid=case_uuid,
            content=form.cleaned_data["paper"],
            at=request.at,
            key=key_of(request),
        )

    if attempt(request, form, act, uploads.paper_fields("paper")):
        return moved(request, "family-case-papers", round_uuid, child_uuid, case_uuid, said="case.paper_added")
    return page(
        request,
        "family/category_case.html",
        422 if form.errors else 200,
        opening=opening,
        child=child_uuid,
        name=ward.name,
        form=form,
        case=_case(request, one),
        may_add=one.is_undecided and len(one.papers) < found.papers_at_most,
        most=found.papers_at_most,
        megabytes=uploads.most_megabytes(),
    )


@allowed_post(Action.WITHDRAW_CASE)
@step_up
def withdraw(request: SignedRequest, round_uuid: UUID, child_uuid: UUID, case_uuid: UUID) -> HttpResponse:
    """`…/categories/{case}/withdraw/`: take the category back; its papers are deleted."""
    commands.withdraw_case(actor=request.actor, case_uuid=case_uuid, at=request.at, key=key_of(request))
    return moved(request, "family-categories", round_uuid, child_uuid, said="case.withdrawn")


@allowed(Action.READ_CASE_PAPER)
@step_up
def paper(request: SignedRequest, paper_uuid: UUID) -> HttpResponse:
    """`/family/papers/{uuid}/`: one's own paper as a file."""
    found = intake.own_paper(actor=request.actor, paper_uuid=paper_uuid, at=request.at)
    if found is None:
        raise Http404
    return uploads.download(*found)
