"""A month's groups and lessons: planned from the timetable; lessons on free days moved or cancelled all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.urls import reverse

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.access import Action
from qosymsha.domain.attendance.rules import SessionMove
from qosymsha.domain.providers import queries as providers
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import managed, month_of_page
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page
from qosymsha.kernel.clock import next_month
from qosymsha.kernel.errors import BadInput, RowOutcome

_CANCEL = "cancel"
_SHOWN = 20


def address(name: str, month: date, *args: object) -> str:
    """A page of this door about a month."""
    return f"{reverse(name, args=args)}?m={month:%Y-%m}"


@allowed(Look.MONTH, post=Action.PLAN)
def month(request: SignedRequest) -> HttpResponse:
    """`/provider/month/?m=`: the groups with their lessons in figures. A POST plans the month by the timetable."""
    provider_id, first = managed(request), month_of_page(request)
    if request.method == "POST":
        planned = commands.plan_sessions(
            actor=request.actor, provider_id=provider_id, month=first, at=request.at, key=key_of(request)
        )
        return moved(request, address("provider-month", first), said="month.plan_done", n=planned)
    left = queries.unplanned(provider_id, first)
    groups = queries.provider_month(actor=request.actor, provider_id=provider_id, month=first, at=request.at)
    codes = {group.group_id: group.code for group in groups}
    return page(
        request,
        "provider/month.html",
        month=first,
        before=first - timedelta(days=1),
        after=next_month(first),
        groups=groups,
        left=len(left),
        left_shown=[(lesson, codes.get(lesson.group_id, "")) for lesson in left[:_SHOWN]],
        is_planned=any(group.planned + group.held for group in groups),
        on_free_days=len(queries.proposals(provider_id, first)),
    )


class ReasonForm(Form):
    """Why: said to the families."""

    reason = forms.CharField(max_length=300)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the manager ticked: the lesson, and where to (None: cancelled)."""

    uuid: UUID
    starts_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A proposal as the page shows it: `value` is what its box sends."""

    value: str
    code: str
    activity: str
    at: datetime
    to: datetime | None


@allowed(Look.MONTH, post=Action.MOVE)
def free_days(request: SignedRequest) -> HttpResponse:
    """`/provider/month/free-days/?m=`: what will be done with lessons on days off, before it is done.

    A POST does what stood on the page it came from, no more: a command for the moves, one for what is cancelled.
    """
    provider_id, first = managed(request), month_of_page(request)
    form = ReasonForm(typed(request))
    wishes = _wishes(request) if request.method == "POST" else []
    refused: list[RowOutcome] = []
    if attempt(request, form, lambda: _done(request, provider_id, wishes, form.cleaned_data["reason"])):
        refused = [o for o in form.outcome if o.reason is not None]
        if not refused:
            return moved(request, address("provider-month", first), said="free.done", n=len(form.outcome))
    found = _proposed(provider_id, first)
    return page(
        request,
        "provider/free_days.html",
        409 if refused else 422 if form.errors else 200,
        month=first,
        form=form,
        proposals=found,
        done=len(form.outcome or ()) - len(refused),
        refused=[texts.refusal(request.language, o.reason.value) for o in refused if o.reason is not None],
    )


def _proposed(provider_id: int, month: date) -> list[Shown]:
    found = queries.proposals(provider_id, month)
    groups = providers.group_facts({p.session.group_id for p in found})
    uuids = queries.session_uuids([p.session.id for p in found])
    shown = []
    for proposal in found:
        group = groups[proposal.session.group_id]
        to = proposal.starts_at.isoformat() if proposal.starts_at else _CANCEL
        value = f"{uuids[proposal.session.id]}|{to}"
        shown.append(Shown(value, group.code, group.activity, proposal.session.starts_at, proposal.starts_at))
    return shown


def _wishes(request: SignedRequest) -> list[Wish]:
    wishes = []
    for value in request.POST.getlist("do"):
        uuid, _, to = str(value).partition("|")
        try:
            starts_at = None if to == _CANCEL else datetime.fromisoformat(to)
            wishes.append(Wish(UUID(uuid), starts_at))
        except ValueError:
            raise BadInput("do", "send the page's own form") from None
        if starts_at is not None and starts_at.tzinfo is None:
            raise BadInput("do", "send the page's own form")
    return wishes


def _done(request: SignedRequest, provider_id: int, wishes: Sequence[Wish], reason: str) -> list[RowOutcome]:
    ids, _ = queries.marking_ids(provider_id, {w.uuid for w in wishes}, ())
    moves = [SessionMove(ids.get(w.uuid, 0), w.starts_at) for w in wishes if w.starts_at is not None]
    cancelled = [ids.get(w.uuid, 0) for w in wishes if w.starts_at is None]
    given: dict[str, Any] = {
        "actor": request.actor, "provider_id": provider_id, "reason": reason, "at": request.at,
    }  # fmt: skip
    outcomes = commands.move_sessions(moves=moves, key=key_of(request, "move"), **given) if moves else []
    if cancelled:
        outcomes += commands.cancel_sessions(session_ids=cancelled, key=key_of(request, "cancel"), **given)
    return outcomes
