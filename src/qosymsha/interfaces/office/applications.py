"""Applications to check: the queue without names, a case with its papers, and what an officer decides on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.casework.states import Kind
from qosymsha.domain.intake import commands
from qosymsha.domain.intake import queries as intake
from qosymsha.domain.intake.access import ALLOWED, Action
from qosymsha.domain.intake.queries import CaseLine, CasePage
from qosymsha.domain.intake.rules import LONGEST_WORDS
from qosymsha.domain.intake.states import UNDECIDED, CaseState, Ground
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.interfaces.office import holding
from qosymsha.interfaces.office.lists import choice
from qosymsha.interfaces.ui import reasons, texts, uploads
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, SignedView, allowed, key_of, moved, page, step_up
from qosymsha.kernel import iin
from qosymsha.kernel.clock import local_day

PAGE = 50
_STATES = [CaseState.OPEN.value, CaseState.ASKED.value, CaseState.CERTIFIED.value, CaseState.REFUSED.value]
_CERTIFY_FIELDS = {
    "certificate_days_backwards": "last",
    "certificate_days_over": "last",
    "certificate_days_too_long": "last",
}
_SAY_FIELDS = {"case_ground_missing": "ground", "case_words_missing": "words"}


class CertifyForm(Form):
    """The days for which the category is certified, both counted."""

    first = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


class SayForm(Form):
    """A stated ground, and words that the family reads."""

    ground = forms.CharField(max_length=40, widget=forms.Select)
    words = forms.CharField(max_length=LONGEST_WORDS, widget=forms.Textarea(attrs={"rows": 3}))


@dataclass(frozen=True, slots=True)
class LineShown:
    """A line of the queue; `is_due`: its last day is today or gone."""

    one: CaseLine
    is_due: bool


@allowed(Action.READ_CASES)
def cases(request: SignedRequest) -> HttpResponse:
    """`/office/applications/?state=&after=`: what waits, the longest waiting first; numbers and days, no child."""
    state = choice(request, "state", _STATES, CaseState.OPEN.value)
    after = _after(request)
    part = holding.part_of(request, Kind.CASE)
    found = intake.case_lines(
        actor=request.actor, states=[state], at=request.at, after=after, most=PAGE, only=part.only, but=part.but
    )
    total, today = found[0].total if found else 0, local_day(request.at)
    return page(
        request,
        "office/applications.html",
        cases=[LineShown(one, one.state in UNDECIDED and one.due_on <= today) for one in found],
        total=total,
        state=state,
        states=[(value, f"case.state.{value}") for value in _STATES],
        is_undecided=state in UNDECIDED,
        following=after + PAGE if after + PAGE < total else 0,
        **holding.held(request, part, [one.id for one in found]),
    )


def _after(request: SignedRequest) -> int:
    asked = request.GET.get("after", "0")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 0


@allowed(Action.READ_CASES)
def case(request: SignedRequest, case_uuid: UUID) -> HttpResponse:
    """`/office/applications/{uuid}/`: the child, the category named, its papers, and three ways to decide."""
    return _shown(request, _read(request, case_uuid), {})


def _read(request: SignedRequest, case_uuid: UUID) -> CasePage:
    found = intake.case_page(actor=request.actor, case_uuid=case_uuid, at=request.at)
    if found is None:
        raise Http404
    return found


def _shown(request: SignedRequest, found: CasePage, bound: dict[str, Form]) -> HttpResponse:
    today = local_day(request.at)
    days = found.category.valid_days
    proposed = {"first": today, "last": today + timedelta(days=days) if days else None}
    made: dict[str, Form] = {
        "certify": CertifyForm(initial=proposed),
        "refuse": SayForm(prefix=None, auto_id="r-%s"),
        "ask": SayForm(auto_id="a-%s"),
    } | bound
    for name in ("refuse", "ask"):
        choices = [(one.value, texts.say(request.language, f"ground.{one.value}")) for one in Ground]
        made[name].fields["ground"].widget.choices = [("", texts.say(request.language, "category.choose")), *choices]
    may_decide = request.actor.holds(ALLOWED[Action.CERTIFY_CASE], territory_id=found.territory_id)
    words: dict[str, Any] = {
        "case": found,
        "forms": made,
        "child": found.person.full_name if found.person else ERASED_NAME,
        "born_on": found.person.born_on if found.person else None,
        "masked": iin.masked(found.person.iin) if found.person and found.person.iin else "",
        "category": reasons.category_name(found.category.code, request.language),
        "kind": reasons.kind_name(found.kind, request.language),
        "is_officers": found.category.verifier == "officer",
        "longest": days,
        "may_decide": may_decide and found.state in UNDECIDED and not found.is_late,
        "may_ask": found.state == CaseState.OPEN,
        "may_read": may_decide,
        "is_due": found.state in UNDECIDED and found.due_on is not None and found.due_on <= today,
        "steps": [(step, f"case.state.{step.to_state}") for step in found.steps],
    } | holding.one(request, Kind.CASE, found.id)
    return page(request, "office/application.html", 422 if any(f.errors for f in bound.values()) else 200, **words)


@allowed(Action.CERTIFY_CASE, post=Action.CERTIFY_CASE)
@step_up
def certify(request: SignedRequest, case_uuid: UUID) -> HttpResponse:
    """`/office/applications/{uuid}/certify/`: the category is the child's for these days."""
    found, form = _read(request, case_uuid), CertifyForm(typed(request))

    def act() -> None:
        commands.certify_case(
            actor=request.actor,
            case_uuid=case_uuid,
            first=form.cleaned_data["first"],
            last=form.cleaned_data["last"],
            at=request.at,
            key=key_of(request),
        )

    if attempt(request, form, act, _CERTIFY_FIELDS):
        return moved(request, "office-case", case_uuid, said="office.case.certified")
    return _shown(request, found, {"certify": form} if form.is_bound else {})


def _saying(name: str, action: Action, command: Callable[..., None]) -> SignedView:
    @allowed(action, post=action)
    @step_up
    def say(request: SignedRequest, case_uuid: UUID) -> HttpResponse:
        """`/office/applications/{uuid}/refuse|ask/`: a ground and words, which the family reads."""
        found, form = _read(request, case_uuid), SayForm(typed(request), auto_id=f"{name[0]}-%s")

        def act() -> None:
            command(
                actor=request.actor,
                case_uuid=case_uuid,
                ground=form.cleaned_data["ground"],
                words=form.cleaned_data["words"],
                at=request.at,
                key=key_of(request, name),
            )

        if attempt(request, form, act, _SAY_FIELDS):
            return moved(request, "office-case", case_uuid, said=f"office.case.{name}.done")
        return _shown(request, found, {name: form} if form.is_bound else {})

    return say


refuse = _saying("refuse", Action.REFUSE_CASE, commands.refuse_case)
ask = _saying("ask", Action.ASK_PAPER, commands.ask_paper)


@allowed(Action.READ_CASE_PAPER)
def paper(request: SignedRequest, case_uuid: UUID, paper_uuid: UUID) -> HttpResponse:
    """`/office/applications/{uuid}/papers/{uuid}/`: a paper as a file; each look is written in the child's record."""
    found = intake.case_paper(actor=request.actor, case_uuid=case_uuid, paper_uuid=paper_uuid, at=request.at)
    if found is None:
        raise Http404
    return uploads.download(*found)
