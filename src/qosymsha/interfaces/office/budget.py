"""Budget lines: what each was given, holds, owes and has free; money added or cut by a named paper. Year's end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKind
from qosymsha.domain.programmes import commands, queries, wording
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.commands import LineDraft, PlanDraft
from qosymsha.domain.programmes.queries import LineFacts, PlanSeen, ProgrammeFacts
from qosymsha.domain.settlement import queries as settlement
from qosymsha.interfaces.office import city
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.interfaces.ui.templatetags.words import in_language
from qosymsha.kernel.actor import Scope
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.money import TIYN_PER_TENGE, Money

WIDTH = 1000
# What stands on a line's page, from its plan to what is left; colours told apart by lightness too.
PARTS: Mapping[str, tuple[tuple[AccountKind, ...], str]] = {
    "paid": ((AccountKind.PAID, AccountKind.TRANSIT), "#0b5a5c"),
    "owed": ((AccountKind.PAYABLE,), "#4f9a94"),
    "place": ((AccountKind.PLACE,), "#f2b632"),
    "held": ((AccountKind.HELD,), "#8a6fb3"),
    "released": ((AccountKind.RELEASED,), "#a3c4bc"),
    "lapsed": ((AccountKind.LAPSED,), "#7d7466"),
    "free": ((AccountKind.FREE,), "#c9bfa8"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """Money of a line in one place, and its piece of the bar."""

    name: str
    tiyn: int
    colour: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class LineShown:
    """A line in words: its plan, where the money is, what was decided about it."""

    facts: LineFacts
    kind: str
    department: str
    planned_tiyn: int
    free_tiyn: int
    other_tiyn: int
    parts: tuple[Part, ...]
    plans: tuple[PlanSeen, ...]


@allowed(Look.BUDGET)
def budget(request: SignedRequest) -> HttpResponse:
    """`/office/budget/?p={uuid}&y=2026`: a programme's lines of a year."""
    mine, programme = city.chosen_programme(request)
    words: dict[str, Any] = {"programmes": mine, "programme": programme}
    if programme is not None:
        years, year = queries.fiscal_years(programme.id), _year(request)
        lines = _lines(programme, year, request.language)
        words |= {
            "years": sorted({*years, year}, reverse=True),
            "year": year,
            "lines": lines,
            "names": city.names_of(*(plan.decided_by for line in lines for plan in line.plans)),
            "total": _total(lines),
            "may_plan": city.may(request, ALLOWED, Action.PLAN_BUDGET, programme.territory_id),
            "year_end": _year_end(programme, year),
        }
    return page(request, "office/budget.html", **words)


def _year(request: SignedRequest) -> int:
    asked = request.GET.get("y", "")
    year = int(asked) if asked.isdecimal() and len(asked) == 4 else local_day(request.at).year
    if not 2000 <= year <= 2100:
        raise Http404
    return year


def _lines(programme: ProgrammeFacts, year: int, language: str) -> list[LineShown]:
    lines = queries.lines(programme.id, year)
    totals = ledger.totals([line.id for line in lines]) if lines else {}
    plans = queries.budget_plans(line.id for line in lines)
    names = {one.id: in_language(one) for one in queries.departments_of(programme.territory_id)}
    speaker = wording.Speaker({}, language)
    return [_line(line, totals.get(line.id, {}), plans, names, speaker) for line in lines]


def _line(
    line: LineFacts,
    kinds: Mapping[str, int],
    plans: Sequence[PlanSeen],
    names: Mapping[int, str],
    speaker: wording.Speaker,
) -> LineShown:
    planned = -kinds.get(AccountKind.APPROP, 0)
    parts, passed = [], 0
    for name, (accounts, colour) in PARTS.items():
        tiyn = sum(kinds.get(account, 0) for account in accounts)
        start = _scaled(passed, planned)
        passed += max(0, tiyn)
        parts.append(Part(name, tiyn, colour, start, _scaled(passed, planned) - start))
    return LineShown(
        line,
        speaker.value("", "kind", line.kind),
        names.get(line.department_id, ""),
        planned,
        kinds.get(AccountKind.FREE, 0),
        planned - sum(part.tiyn for part in parts),
        tuple(parts),
        tuple(plan for plan in plans if plan.line_id == line.id),
    )


def _scaled(tiyn: int, planned: int) -> int:
    return min(WIDTH, tiyn * WIDTH // planned) if planned > 0 else 0


def _total(lines: Sequence[LineShown]) -> dict[str, int]:
    sums = {part: sum(one.tiyn for line in lines for one in line.parts if one.name == part) for part in PARTS}
    return {"planned": sum(line.planned_tiyn for line in lines)} | sums


def _year_end(programme: ProgrammeFacts, year: int) -> dict[str, object] | None:
    """What the rules say of the year's end; None where none hold on its last day."""
    standing = queries.standing_on(programme.id, date(year, 12, 31))
    if standing is None:
        return None
    rules = queries.rules_of(standing.id).rules.year_end
    cut_off, is_closed = (
        date(year, rules.cut_off_month, rules.cut_off_day),
        settlement.is_year_closed(programme.id, year),
    )
    return {"cut_off": cut_off, "december": rules.december, "is_closed": is_closed}


class PlanForm(Form):
    """Money added or cut, for which days, by which paper."""

    way = forms.ChoiceField(choices=[("add", ""), ("cut", "")], initial="add")
    tenge = forms.DecimalField(min_value=Decimal("0.01"), max_value=Decimal(10) ** 12, decimal_places=2)
    first = forms.DateField(widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    decision = forms.CharField(max_length=300)


def _line_of(request: SignedRequest, uuid: UUID, action: Action) -> tuple[LineShown, ProgrammeFacts]:
    for programme in city.programmes_of(request, ALLOWED[action]):
        for year in queries.fiscal_years(programme.id):
            found = next((one for one in _lines(programme, year, request.language) if one.facts.uuid == uuid), None)
            if found is not None and request.actor.holds(ALLOWED[action], **_scope(found)):
                return found, programme
    raise Http404


def _scope(line: LineShown) -> Scope:
    """Whose line it is: a right bound to a department reaches its own lines."""
    return {"territory_id": line.facts.territory_id, "department_id": line.facts.department_id}


@allowed(Action.PLAN_BUDGET, post=Action.PLAN_BUDGET)
@step_up
def plan(request: SignedRequest, line_uuid: UUID) -> HttpResponse:
    """`/office/budget/{line}/plan/`: give money to a line, or cut what is still free on it."""
    line, programme = _line_of(request, line_uuid, Action.PLAN_BUDGET)
    year = line.facts.fiscal_year
    form = PlanForm(typed(request), initial={"first": date(year, 1, 1), "last": date(year, 12, 31)})

    def act_on() -> object:
        said = form.cleaned_data
        tiyn = int(said["tenge"] * TIYN_PER_TENGE) * (1 if said["way"] == "add" else -1)
        wish = PlanDraft(line.facts.id, said["first"], said["last"], tiyn, said["decision"])
        commands.plan_budget(actor=request.actor, plan=wish, at=request.at, key=key_of(request))
        return Money(tiyn)

    fields = {"not_covered": "tenge", "nothing_moved": "tenge", "outside_year": "last"}
    if attempt(request, form, act_on, fields):
        where = f"{_address(request)}?p={programme.uuid}&y={year}"
        return moved(request, where, said="budget.planned", amount=str(form.outcome))
    words: dict[str, object] = {"line": line, "programme": programme, "form": form}
    return page(request, "office/budget_plan.html", 422 if form.errors else 200, **words)


def _address(request: SignedRequest) -> str:
    return f"/{request.language}/office/budget/"


class LineForm(Form):
    """A line: who pays which kind under which code in which year."""

    department = forms.ChoiceField()
    kind = forms.ChoiceField()
    code = forms.CharField(max_length=50)
    fiscal_year = forms.IntegerField(min_value=2000, max_value=2100)


@allowed(Action.OPEN_LINE, post=Action.OPEN_LINE)
@step_up
def open_line(request: SignedRequest, programme_uuid: UUID) -> HttpResponse:
    """`/office/programmes/{uuid}/line/`: open a budget line, empty."""
    programme = city.programme_of(request, programme_uuid, ALLOWED[Action.OPEN_LINE])
    form = LineForm(typed(request), initial={"fiscal_year": local_day(request.at).year})
    offices = queries.departments_of(programme.territory_id)
    speaker = wording.Speaker({}, request.language)
    named = [(str(one.id), in_language(one)) for one in offices]
    form.fields["department"].choices = named  # type: ignore[attr-defined]
    kinds = sorted({kind for one in queries.rule_sets(programme.id) for kind in one.document["kinds"]["codes"]})
    form.fields["kind"].choices = [(kind, speaker.value("", "kind", kind)) for kind in kinds]  # type: ignore[attr-defined]

    def act_on() -> object:
        said = form.cleaned_data
        line = LineDraft(programme.id, int(said["department"]), said["kind"], said["code"], said["fiscal_year"])
        return commands.open_budget_line(actor=request.actor, line=line, at=request.at, key=key_of(request))

    if attempt(request, form, act_on, {"line_exists": "code", "kind_unknown": "kind"}):
        where = f"{_address(request)}?p={programme.uuid}&y={form.cleaned_data['fiscal_year']}"
        return moved(request, where, said="budget.line_opened")
    words: dict[str, object] = {"programme": programme, "form": form}
    return page(request, "office/budget_line.html", 422 if form.errors else 200, **words)
