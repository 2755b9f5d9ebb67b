"""Month sheets as the customer works through them: the queue, a sheet, and each step shown before it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries import MonthRow, SheetPage, office
from qosymsha.domain.attendance.queries.office import OfficeSheet
from qosymsha.domain.attendance.rules import RowRemark
from qosymsha.domain.attendance.states import SHEET_TRANSITIONS, SheetState, WordState
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Refusal, Stretch, choice, chosen_uuids, month_filter, refusals
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, SignedView, allowed, key_of, moved, page
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused, RowOutcome
from qosymsha.kernel.text import sort_key

# Who sends rows back and decides on them must know which child they are about; who controls or pays need not.
NAMES_FOR = ALLOWED[Action.RETURN] | ALLOWED[Action.DECIDE]
STATES = [state.value for state in SheetState if state is not SheetState.OPEN]
UNDECIDED = frozenset({WordState.SILENT, WordState.DISPUTED})
_APPROVABLE = frozenset({SheetState.WITH_PARENTS, SheetState.WITH_CUSTOMER})


@dataclass(frozen=True, slots=True)
class Child:
    """A child's row on an official's page; `name` is "" where the official's role does not need it."""

    name: str
    place: UUID
    row: MonthRow

    @property
    def short(self) -> str:
        """How the place is called where no name is shown."""
        return self.place.hex[:8].upper()

    @property
    def is_undecided(self) -> bool:
        """True where the family has not confirmed, and nobody has decided."""
        return self.row.word in UNDECIDED

    @property
    def disputed_days(self) -> int:
        """Days the family disputes and nobody has decided."""
        return sum(day.hold == "open" and day.hold_id is not None for day in self.row.days)


@allowed(Look.SHEETS)
def sheets(request: SignedRequest) -> HttpResponse:
    """`/office/sheets/?state=&m=&provider=&waits=&after=`: the queue, the oldest first."""
    state = choice(request, "state", STATES)
    waits = choice(request, "waits", ("officer", "days"))
    month, provider = month_filter(request), request.GET.get("provider", "")
    stretch = Stretch.asked(request)
    found = office.office_sheets(
        actor=request.actor, state=state, month=month, provider=provider, waits=waits, after=stretch.after,
        most=stretch.most,
    )  # fmt: skip
    may_approve = request.actor.holds(ALLOWED[Action.APPROVE])
    shown = [(one, may_approve and one.state in _APPROVABLE) for one in found]
    return page(
        request,
        "office/sheets.html",
        sheets=shown,
        stretch=stretch.counted(len(found), found[0].total if found else 0),
        has_choice=any(can for _, can in shown),
        states=[(value, f"sheet.state.{value}") for value in STATES],
        state=state,
        month=month,
        provider=provider,
    )


@allowed(Look.SHEETS)
def sheet(request: SignedRequest, sheet_uuid: UUID) -> HttpResponse:
    """`/office/sheets/{uuid}/`: how it stands, row by row, and what may be done with it."""
    facts, found = _read(request, sheet_uuid)
    rows = _children(request, facts, found.rows)
    officer_from = office.officer_day(facts)
    return page(
        request,
        "office/sheet.html",
        sheet=facts,
        hash=(found.sheet.hash or b"").hex(),
        versions=[(number, hashed.hex(), at) for number, hashed, at in found.versions],
        cause=found.last_cause if facts.state in (SheetState.PAUSED, SheetState.VOID) else "",
        children=rows,
        has_names=_sees_names(request, facts),
        officer_from=officer_from,
        is_officers_day=officer_from is not None and officer_from <= local_day(request.at),
        steps=_steps(request, facts),
    )


def _read(request: SignedRequest, sheet_uuid: UUID, place: UUID | None = None) -> tuple[OfficeSheet, SheetPage]:
    facts = _one(request, sheet_uuid)
    found = queries.sheet_page(actor=request.actor, sheet_id=facts.id, at=request.at, place=place)
    if found is None:
        raise Http404
    return facts, found


def _one(request: SignedRequest, sheet_uuid: UUID) -> OfficeSheet:
    found = office.office_sheets(actor=request.actor, uuids=[sheet_uuid])
    if not found:
        raise Http404
    return found[0]


def _sees_names(request: SignedRequest, facts: OfficeSheet) -> bool:
    return request.actor.holds(NAMES_FOR, territory_id=facts.territory_id)


def _children(request: SignedRequest, facts: OfficeSheet, rows: Sequence[MonthRow]) -> list[Child]:
    places = [row.enrolment_id for row in rows]
    names = _names(request, facts, places)
    uuids = queries.place_uuids(places)
    shown = [Child(names.get(row.enrolment_id, ""), uuids[row.enrolment_id], row) for row in rows]
    return sorted(shown, key=lambda child: (sort_key(child.name), child.short))


def _names(request: SignedRequest, facts: OfficeSheet, places: Sequence[int]) -> dict[int, str]:
    if not _sees_names(request, facts):
        return {}
    found = queries.place_names(actor=request.actor, provider_id=facts.provider_id, enrolment_ids=places, at=request.at)
    return {place: " ".join(name).strip() for place, name in found.items()}


_VERBS = {
    "return": (Action.RETURN, SheetState.RETURNED),
    "pause": (Action.PAUSE, SheetState.PAUSED),
    "resume": (Action.RESUME, SheetState.WITH_PARENTS),
    "void": (Action.VOID, SheetState.VOID),
}


def _steps(request: SignedRequest, facts: OfficeSheet) -> list[str]:
    """The verbs open to this official now; `approve` first."""
    found = ["approve"] if facts.state in _APPROVABLE and _may(request, Action.APPROVE, facts) else []
    for verb, (action, target) in _VERBS.items():
        is_open = (facts.state, target) in SHEET_TRANSITIONS and (verb != "resume" or facts.state == SheetState.PAUSED)
        if is_open and _may(request, action, facts):
            found.append(verb)
    return found


def _may(request: SignedRequest, action: Action, facts: OfficeSheet) -> bool:
    return request.actor.holds(ALLOWED[action], territory_id=facts.territory_id)


@allowed(Action.APPROVE, post=Action.APPROVE)
def approve(request: SignedRequest) -> HttpResponse:
    """`/office/sheets/approve/?s=…&s=…`: what will become payable and what waits, before it is done; a POST does it."""
    wanted = chosen_uuids(request, "s")
    found = {one.uuid: one for one in office.office_sheets(actor=request.actor, uuids=wanted)} if wanted else {}
    chosen = [found[uuid] for uuid in wanted if uuid in found]
    if not chosen:
        return moved(request, "office-sheets", said="office.nothing_chosen")
    refused: list[Refusal] = []
    if request.method == "POST":
        outcomes = commands.approve_sheets(
            actor=request.actor, sheet_ids=[one.id for one in chosen], at=request.at, key=key_of(request)
        )
        refused = refusals(request, outcomes, lambda row: f"{chosen[row].code} · {chosen[row].month:%m.%Y}")
        done = len(outcomes) - len(refused)
        if not refused and len(chosen) == 1:
            return moved(request, "office-sheet", chosen[0].uuid, said="office.sheets.approved", n=done)
        if not refused:
            return moved(request, "office-sheets", said="office.sheets.approved", n=done)
    return page(
        request,
        "office/sheets_approve.html",
        422 if refused else 200,
        sheets=chosen,
        refused=refused,
        payable=sum(one.payable for one in chosen),
        waiting=sum(one.waiting for one in chosen),
        tiyn=sum(one.payable_tiyn for one in chosen),
        silent=sum(one.silent for one in chosen),
        held=sum(one.held_days for one in chosen),
    )


class ReasonForm(Form):
    """Why."""

    reason = forms.CharField(max_length=500, widget=forms.Textarea({"rows": 3}))


_DONE: dict[str, Callable[..., list[RowOutcome]]] = {
    "pause": commands.pause_sheets,
    "resume": commands.resume_sheets,
    "void": commands.void_sheets,
}


def _step(verb: str) -> SignedView:
    action = _VERBS[verb][0]

    @allowed(action, post=action)
    def step(request: SignedRequest, sheet_uuid: UUID) -> HttpResponse:
        """`/office/sheets/{uuid}/{verb}/`: what the step does, with a reason; a POST does it."""
        facts = _one(request, sheet_uuid)
        form = ReasonForm(typed(request))

        def act_on() -> object:
            (outcome,) = _DONE[verb](
                actor=request.actor, sheet_ids=[facts.id], reason=form.cleaned_data["reason"], at=request.at,
                key=key_of(request),
            )  # fmt: skip
            if outcome.reason is not None:
                raise Refused(outcome.reason)
            return outcome

        if attempt(request, form, act_on, {"reason_missing": "reason"}):
            return moved(request, "office-sheet", sheet_uuid, said=f"office.sheet.{verb}.done")
        words: dict[str, Any] = {"sheet": facts, "form": form, "verb": verb}
        return page(request, "office/sheet_step.html", 422 if form.errors else 200, **words)

    return step


pause, resume, void = (_step(verb) for verb in ("pause", "resume", "void"))


@allowed(Action.RETURN, post=Action.RETURN)
def send_back(request: SignedRequest, sheet_uuid: UUID) -> HttpResponse:
    """`/office/sheets/{uuid}/return/`: a remark for each row that must be put right; the others stay as they are."""
    facts, found = _read(request, sheet_uuid)
    children = _children(request, facts, found.rows)
    said = {child.place: str(request.POST.get(f"remark-{child.place}", "")).strip()[:500] for child in children}
    fault = ""
    if request.method == "POST":
        remarks = [RowRemark(child.row.row_id, said[child.place]) for child in children if said[child.place]]
        try:
            commands.return_sheet(
                actor=request.actor, sheet_id=facts.id, remarks=remarks, at=request.at, key=key_of(request)
            )
        except Refused as refusal:
            fault = texts.refusal(request.language, refusal.reason.value)
        else:
            return moved(request, "office-sheet", sheet_uuid, said="office.sheet.return.done", n=len(remarks))
    rows = [(child, said[child.place]) for child in children]
    words: dict[str, Any] = {"sheet": facts, "children": rows, "fault": fault}
    return page(request, "office/sheet_return.html", 422 if fault else 200, **words)


def day_of(found: date | None, today: date) -> bool:
    """True where an officer's day has come."""
    return found is not None and found <= today


def own_row(request: SignedRequest, sheet_uuid: UUID, place: UUID) -> tuple[OfficeSheet, Child]:
    """A child's row of a sheet the official may see.

    Raises:
        Http404: none such.
    """
    facts, found = _read(request, sheet_uuid, place)
    if not found.rows:
        raise Http404
    (row,) = found.rows
    return facts, Child(_names(request, facts, [row.enrolment_id]).get(row.enrolment_id, ""), place, row)
