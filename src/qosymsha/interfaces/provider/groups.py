"""A group's month: children by lessons with their marks; a mark put right; two different words resolved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.access import Action
from qosymsha.domain.attendance.queries import GroupMonth, ObjectionRow
from qosymsha.domain.attendance.rules import Correction, Resolution, SessionFacts
from qosymsha.domain.attendance.states import MarkValue, SessionState, SheetState
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import GroupFacts
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import managed, month_of_page
from qosymsha.interfaces.provider.month import ReasonForm, address
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import next_month
from qosymsha.kernel.errors import Refused, RowOutcome

_UPHELD, _DISMISSED = "upheld", "dismissed"


@dataclass(frozen=True, slots=True)
class Cell:
    """A child at a lesson: the mark ("" without one), came late, contested; None instead: not the child's lesson."""

    session: UUID
    value: str
    is_late: bool
    is_contested: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A child's marks, one cell a lesson."""

    place: UUID
    name: str
    cells: list[Cell | None]


@allowed(Look.GROUP)
def month(request: SignedRequest, group_uuid: UUID) -> HttpResponse:
    """`/provider/groups/{uuid}/month/?m=`: the table of children by lessons, and the lessons to change."""
    group, first = _own(request, group_uuid), month_of_page(request)
    found = queries.group_month(actor=request.actor, group_id=group.id, month=first, at=request.at)
    uuids = queries.session_uuids([s.id for s in found.sessions])
    held = [s for s in found.sessions if s.state in (SessionState.PLANNED, SessionState.HELD)]
    (summary,) = _summary(request, group, first) or (None,)
    return page(
        request,
        "provider/group.html",
        group=group,
        month=first,
        before=first - timedelta(days=1),
        after=next_month(first),
        lessons=[(session, uuids[session.id]) for session in found.sessions],
        held=[(session, uuids[session.id]) for session in held],
        rows=_rows(request, group, found, held, uuids, first),
        summary=summary,
        is_open=summary is None or summary.sheet_state in ("", SheetState.OPEN, SheetState.RETURNED),
    )


def _own(request: SignedRequest, group_uuid: UUID) -> GroupFacts:
    group_id = providers.group_id(managed(request), group_uuid)
    if group_id is None:
        raise Http404
    return providers.group_facts([group_id])[group_id]


def _summary(request: SignedRequest, group: GroupFacts, first: date) -> list[queries.GroupOfMonth]:
    every = queries.provider_month(actor=request.actor, provider_id=group.provider_id, month=first, at=request.at)
    return [one for one in every if one.group_id == group.id]


def _rows(  # noqa: PLR0913 - a table: whose, its rows, its columns, their addresses, its month
    request: SignedRequest,
    group: GroupFacts,
    found: GroupMonth,
    held: list[SessionFacts],
    uuids: dict[int, UUID],
    first: date,
) -> list[Row]:
    given: dict[str, Any] = {
        "group_id": group.id,
        "actor": request.actor, "provider_id": managed(request), "month": first, "at": request.at,
    }  # fmt: skip
    late = {(mark.session_id, mark.enrolment_id) for mark in queries.late_marks(**given)}
    contested = {(o.session_id, o.enrolment_id) for o in queries.objections(**given)}
    places = queries.place_uuids([child.enrolment_id for child in found.children])
    return [
        Row(
            places[child.enrolment_id],
            f"{child.surname} {child.given}".strip(),
            [
                Cell(
                    uuids[s.id],
                    child.values[s.id] or "",
                    (s.id, child.enrolment_id) in late,
                    (s.id, child.enrolment_id) in contested,
                )
                if s.id in child.values
                else None
                for s in held
            ],
        )
        for child in found.children
    ]


class MarkForm(ReasonForm):
    """What the mark should have been, and how one knows."""

    value = forms.ChoiceField(widget=forms.RadioSelect)
    field_order = ("value", "reason")


@allowed(Look.GROUP, post=Action.AMEND)
def mark(request: SignedRequest, session_uuid: UUID, place_uuid: UUID) -> HttpResponse:
    """`/provider/marks/{uuid}/{uuid}/`: one child's mark at one lesson, to put right with a reason."""
    provider_id = managed(request)
    session = queries.own_session(provider_id, session_uuid)
    _, places = queries.marking_ids(provider_id, (), {place_uuid})
    if session is None or place_uuid not in places:
        raise Http404
    enrolment_id = places[place_uuid]
    group = providers.group_facts([session.group_id])[session.group_id]
    form = MarkForm(typed(request))
    choices = [(value.value, texts.say(request.language, f"mark.{value.value}")) for value in MarkValue]
    field = form.fields["value"]
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices

    def act() -> None:
        wish = Correction(session.id, enrolment_id, form.cleaned_data["value"], form.cleaned_data["reason"])
        _only(
            commands.amend_marks(
                actor=request.actor, provider_id=provider_id, corrections=[wish], at=request.at, key=key_of(request)
            )
        )

    if attempt(request, form, act, {"nothing_changes": "value", "reason_missing": "reason"}):
        back = address("provider-group", session.on.replace(day=1), group.uuid)
        return moved(request, back, said="marks.amended")
    names = queries.place_names(
        actor=request.actor, provider_id=provider_id, enrolment_ids=[enrolment_id], at=request.at
    )
    standing = queries.marks_of({session.id: session}).get((session.id, enrolment_id), "")
    return page(
        request, "provider/mark.html", 422 if form.errors else 200, form=form, session=session, group=group,
        name=" ".join(names[enrolment_id]).strip(), standing=standing, month=session.on.replace(day=1),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Objection:
    """A phone's word beside the mark, as the page shows it."""

    row: ObjectionRow
    name: str
    group: GroupFacts
    why: str
    at: datetime


@allowed(Look.OBJECTIONS, post=Action.RESOLVE)
def objections(request: SignedRequest) -> HttpResponse:
    """`/provider/objections/`: words of phones that are not the mark: each becomes the mark, or is dismissed."""
    provider_id, wrong = managed(request), None
    if request.method == "POST":
        try:
            return _resolved(request, provider_id)
        except Refused as refused:
            wrong = texts.refusal(request.language, refused.reason.value)
    found = queries.objections(actor=request.actor, provider_id=provider_id, at=request.at)
    names = queries.place_names(
        actor=request.actor, provider_id=provider_id, enrolment_ids={o.enrolment_id for o in found}, at=request.at
    )
    groups = providers.group_facts({o.group_id for o in found})
    starts = queries.sessions_by_id(provider_id, {o.session_id for o in found})
    shown = [
        Objection(
            o,
            " ".join(names.get(o.enrolment_id, ())).strip(),
            groups[o.group_id],
            texts.refusal(request.language, o.reason) if o.reason in texts.refusals() else "",
            starts[o.session_id].starts_at,
        )
        for o in found
    ]
    return page(request, "provider/objections.html", 422 if wrong else 200, objections=shown, wrong=wrong)


def _resolved(request: SignedRequest, provider_id: int) -> HttpResponse:
    asked, word = str(request.POST.get("objection", "")), str(request.POST.get("word", ""))
    if not asked.isdecimal() or len(asked) > 18 or word not in (_UPHELD, _DISMISSED):
        raise Http404
    resolution = Resolution(int(asked), word == _UPHELD, str(request.POST.get("reason", ""))[:300])
    _only(
        commands.resolve_objections(
            actor=request.actor, provider_id=provider_id, resolutions=[resolution], at=request.at, key=key_of(request)
        )
    )
    return moved(request, "provider-objections", said=f"objection.{word}")


def _only(outcomes: list[RowOutcome]) -> None:
    (outcome,) = outcomes
    if outcome.reason is not None:
        raise Refused(outcome.reason)
