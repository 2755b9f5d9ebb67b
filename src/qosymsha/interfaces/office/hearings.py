"""Long absences heard before anything harmful is decided; phones' words beside marks, resolved by a person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import commands
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries import hearings
from qosymsha.domain.attendance.rules import CaseDecision, Resolution
from qosymsha.domain.attendance.states import AbsenceState
from qosymsha.domain.casework.states import Kind
from qosymsha.interfaces.office import holding
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Stretch, choice
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused, RowOutcome

_STATES = ["live", *[state.value for state in AbsenceState]]
_OPEN = (AbsenceState.WARNED, AbsenceState.SUSPENDED)


@allowed(Look.ABSENCES)
def absences(request: SignedRequest) -> HttpResponse:
    """`/office/absences/?state=`: cases of long absence, those a person must decide first."""
    state = choice(request, "state", _STATES, "live")
    part = holding.part_of(request, Kind.ABSENCE)
    stretch = Stretch.asked(request)
    found = hearings.absence_cases(
        actor=request.actor, state="" if state == "all" else state, at=request.at, only=part.only, but=part.but,
        after=stretch.after,
    )  # fmt: skip
    states = [(value, f"hearing.state.{value}") for value in _STATES]
    return page(
        request,
        "office/absences.html",
        cases=found,
        stretch=stretch.counted(len(found), found[0].total if found else 0),
        states=states,
        state=state,
        **holding.held(request, part, [one.id for one in found]),
    )


class CaseForm(Form):
    """The place stays or is released, and on what evidence."""

    kept = forms.ChoiceField(choices=[("yes", ""), ("no", "")])
    evidence = forms.CharField(max_length=1000, widget=forms.Textarea({"rows": 3}))


@allowed(Look.ABSENCES, post=Action.DECIDE_ABSENCE)
def absence(request: SignedRequest, case_uuid: UUID) -> HttpResponse:
    """`/office/absences/{uuid}/`: what the family announced and said, what is certain to follow; a POST decides."""
    found = hearings.hearing(actor=request.actor, uuid=case_uuid, at=request.at)
    if found is None:
        raise Http404
    form = CaseForm(typed(request))

    def act_on() -> object:
        told = form.cleaned_data
        decision = CaseDecision(found.case.id, told["kept"] == "yes", told["evidence"])
        return _only(
            commands.decide_absences(actor=request.actor, decisions=[decision], at=request.at, key=key_of(request))
        )

    if attempt(request, form, act_on, {"evidence_missing": "evidence"}):
        return moved(request, "office-absence", case_uuid, said="hearing.decided")
    may_decide = request.actor.holds(ALLOWED[Action.DECIDE_ABSENCE], territory_id=found.case.territory_id)
    return page(
        request,
        "office/absence.html",
        422 if form.errors else 200,
        hearing=found,
        case=found.case,
        form=form,
        is_open=found.case.state in _OPEN,
        may_release=found.case.state == AbsenceState.SUSPENDED,
        may_decide=may_decide,
        **holding.one(request, Kind.ABSENCE, found.case.id),
    )


@allowed(Look.ROWS)
def rows(request: SignedRequest) -> HttpResponse:
    """`/office/rows/`: rows that no family has confirmed, those an officer may decide today first."""
    part = holding.part_of(request, Kind.ROW)
    stretch = Stretch.asked(request)
    found, stretch = stretch.cut(
        hearings.rows_waiting(
            actor=request.actor, at=request.at, only=part.only, but=part.but, after=stretch.after,
            most=stretch.one_more,
        )
    )  # fmt: skip
    today = local_day(request.at)
    due = [one for one in found if one.officer_from <= today]
    later = [(one, (one.officer_from - today).days) for one in found if one.officer_from > today]
    words: dict[str, Any] = {"due": due, "later": later, "stretch": stretch}
    words |= holding.held(request, part, [one.row_id for one in found])
    return page(request, "office/waiting_rows.html", **words)


class WordForm(Form):
    """Which word, whether it becomes the mark, and why."""

    objection = forms.IntegerField(min_value=1)
    word = forms.ChoiceField(choices=[("upheld", ""), ("dismissed", "")])
    reason = forms.CharField(max_length=300)


@allowed(Look.WORDS, post=Action.RESOLVE)
def words(request: SignedRequest) -> HttpResponse:
    """`/office/objections/`: phones' words that are not the mark; a POST resolves one, with a reason."""
    stretch = Stretch.asked(request)
    found = hearings.open_words(actor=request.actor, at=request.at, after=stretch.after)
    form = WordForm(request.POST or None)

    def act_on() -> object:
        told = form.cleaned_data
        one = next((word for word in found if word.id == told["objection"]), None)
        if one is None:
            raise Http404
        resolution = Resolution(one.id, told["word"] == "upheld", told["reason"])
        return _only(
            commands.resolve_objections(
                actor=request.actor,
                provider_id=one.provider_id,
                resolutions=[resolution],
                at=request.at,
                key=key_of(request),
            )
        )

    if attempt(request, form, act_on):
        return moved(request, "office-objections", said=f"objection.{form.cleaned_data['word']}")
    shown = [
        (one, texts.refusal(request.language, one.reason) if one.reason in texts.refusals() else "") for one in found
    ]
    return page(
        request,
        "office/objections.html",
        422 if form.errors else 200,
        words=shown,
        stretch=stretch.counted(len(found), found[0].total if found else 0),
        form=form,
        may_resolve=request.actor.holds(ALLOWED[Action.RESOLVE]),
    )


def _only(outcomes: list[RowOutcome]) -> RowOutcome:
    (outcome,) = outcomes
    if outcome.reason is not None:
        raise Refused(outcome.reason)
    return outcome
