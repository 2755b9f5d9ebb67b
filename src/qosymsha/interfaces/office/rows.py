"""One child's row: its days, what the family said, and the two decisions a checker makes on evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries import MonthDay, office
from qosymsha.domain.attendance.queries.office import OfficeSheet
from qosymsha.domain.attendance.rules import Decision, HoldDecision
from qosymsha.domain.attendance.states import HEARS_GUARDIANS
from qosymsha.domain.casework.states import Kind
from qosymsha.interfaces.office import holding
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.sheets import Child, day_of, own_row
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused, RowOutcome


class DecisionForm(Form):
    """Payable or not, and on what evidence."""

    payable = forms.ChoiceField(choices=[("yes", ""), ("no", "")])
    evidence = forms.CharField(max_length=1000, widget=forms.Textarea({"rows": 3}))


@dataclass(frozen=True, slots=True)
class Day:
    """A lesson of the row; `session` is its outside id, `is_mine` where a checker decides it here."""

    day: MonthDay
    session: UUID
    is_mine: bool


@allowed(Look.SHEETS, post=Action.DECIDE)
def row(request: SignedRequest, sheet_uuid: UUID, place: UUID) -> HttpResponse:
    """`/office/sheets/{uuid}/rows/{place}/`: the row; a POST decides its word."""
    facts, child = own_row(request, sheet_uuid, place)
    form = DecisionForm(typed(request))

    def act_on() -> object:
        decision = Decision(child.row.row_id, form.cleaned_data["payable"] == "yes", form.cleaned_data["evidence"])
        return _only(
            commands.decide_rows(actor=request.actor, decisions=[decision], at=request.at, key=key_of(request))
        )

    if attempt(request, form, act_on, {"evidence_missing": "evidence"}):
        return moved(request, "office-row", sheet_uuid, place, said="office.row.decided")
    return _shown(request, facts, child, form, DecisionForm())


@allowed(Look.SHEETS, post=Action.DECIDE_DAYS)
def days(request: SignedRequest, sheet_uuid: UUID, place: UUID) -> HttpResponse:
    """`/office/sheets/{uuid}/rows/{place}/days/`: a POST decides the disputed days that its `day` names."""
    facts, child = own_row(request, sheet_uuid, place)
    form = DecisionForm(typed(request))
    chosen = set(request.POST.getlist("day"))
    # Also days decided meanwhile: a form sent twice gets its first answer, another person's one the reason.
    holds = [one.day.hold_id for one in _days(child) if str(one.session) in chosen]
    wanted = [hold for hold in holds if hold is not None]

    def act_on() -> object:
        if not wanted:
            form.add_error(None, texts.say(request.language, "office.days.choose"))
            return None
        decisions = [
            HoldDecision(hold, form.cleaned_data["payable"] == "yes", form.cleaned_data["evidence"]) for hold in wanted
        ]
        outcomes = commands.decide_days(
            actor=request.actor, decisions=decisions, at=request.at, key=key_of(request, "days")
        )
        return [_only([outcome]) for outcome in outcomes]

    if attempt(request, form, act_on, {"evidence_missing": "evidence"}) and not form.errors:
        return moved(request, "office-row", sheet_uuid, place, said="office.days.decided", n=len(wanted))
    return _shown(request, facts, child, DecisionForm(), form)


def _only(outcomes: list[RowOutcome]) -> RowOutcome:
    (outcome,) = outcomes
    if outcome.reason is not None:
        raise Refused(outcome.reason)
    return outcome


def _days(child: Child) -> list[Day]:
    uuids = queries.session_uuids([day.session_id for day in child.row.days])
    return [Day(day, uuids[day.session_id], day.hold == "open" and day.hold_id is not None) for day in child.row.days]


def _shown(request: SignedRequest, facts: OfficeSheet, child: Child, word_form: Form, days_form: Form) -> HttpResponse:
    officer_from = office.officer_day(facts)
    may_decide = request.actor.holds(ALLOWED[Action.DECIDE], territory_id=facts.territory_id)
    shown = _days(child)
    words: dict[str, Any] = {
        "sheet": facts,
        "child": child,
        "days": shown,
        "disputed": [day for day in shown if day.is_mine],
        "form": word_form,
        "days_form": days_form,
        "officer_from": officer_from,
        "is_undecided": child.is_undecided and facts.state in HEARS_GUARDIANS,
        "may_decide": may_decide,
        "is_officers_day": day_of(officer_from, local_day(request.at)),
    }
    words |= holding.one(request, Kind.ROW, child.row.row_id)
    return page(request, "office/row.html", 422 if word_form.errors or days_form.errors else 200, **words)
