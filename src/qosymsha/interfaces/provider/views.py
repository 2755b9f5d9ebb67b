"""The provider door's first page: what needs the manager now; the choice between providers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from qosymsha.domain.agreements import queries as agreements
from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance.states import SheetState
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.settlement import queries as settlement
from qosymsha.domain.settlement.states import ClaimState
from qosymsha.domain.trials import queries as trials
from qosymsha.interfaces.provider import accreditation, teachers
from qosymsha.interfaces.provider.access import Look
from qosymsha.interfaces.provider.house import choose, house, houses, is_manager
from qosymsha.interfaces.provider.sheets import list_since
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, allowed_post, moved, page
from qosymsha.kernel.clock import local_day, month_of, next_month


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits for the manager: `key` says it with `n`, `address` leads there (a month for some)."""

    key: str
    n: int
    address: str
    month: date | None = None
    is_pressing: bool = False


@allowed(Look.HOME)
def home(request: SignedRequest) -> HttpResponse:
    """`/provider/`: where one lands after signing in; a teacher of one club at once on the day's lessons."""
    mine = providers.provider_names(houses(request))
    if len(mine) == 1 and not is_manager(request):
        return HttpResponseRedirect(reverse("provider-lessons"))  # a teacher has come to mark: not one touch more
    words: dict[str, Any] = {"mine": mine, "current": house(request) if mine else None, "is_manager": False}
    if mine and is_manager(request):
        words |= {"is_manager": True, "tasks": _tasks(request), **_dues(request)}
    return page(request, "provider/home.html", **words)


@allowed_post(Look.CHOOSE)
def chosen(request: SignedRequest) -> HttpResponse:
    """From now on this visit's pages are about the provider of the form's `provider`."""
    try:
        wanted = UUID(str(request.POST.get("provider", "")))
    except ValueError:
        raise Http404 from None
    found = next((p for p in providers.provider_names(houses(request)) if p.uuid == wanted), None)
    if found is None:
        raise Http404
    choose(request, found.id)
    return moved(request, "provider-home", said="manage.chosen", name=found.name)


def _tasks(request: SignedRequest) -> list[Task]:
    provider_id, actor, at = house(request), request.actor, request.at
    this = month_of(local_day(at))
    sheets = attendance.provider_sheets(actor=actor, provider_id=provider_id, since=list_since(at))
    acts = settlement.acts_of_provider(actor=actor, provider_id=provider_id)
    contracts = agreements.contract_count(actor=actor, provider_id=provider_id, at=at)
    returned = sum(sheet.state == SheetState.RETURNED for sheet in sheets)
    tasks = [
        Task("manage.returned", returned, "provider-sheets", is_pressing=True),
        *(Task("manage.to_send", n, "provider-send", m) for m, n in attendance.months_to_send(provider_id, at)),
        Task("manage.objections", _objections(request), "provider-objections", is_pressing=True),
        Task("manage.unmarked", _unmarked(request, this), "provider-month", this),
        *_planning(provider_id, this),
        Task("manage.accr_ends", accreditation.wanting(request), "provider-accreditation", is_pressing=True),
        Task("manage.staff_gone", teachers.to_replace(request), "provider-teachers", is_pressing=True),
        Task("manage.families_sign", contracts.own, "provider-families"),
        Task(
            "manage.papers_given", agreements.papers_to_look_at(actor=actor, provider_id=provider_id), "provider-papers"
        ),
        Task("manage.guests", trials.guests_unmarked(provider_id, at), "provider-guests"),
        Task("manage.to_sign", sum(act.is_to_sign for act in acts), "provider-pay"),
        Task("manage.to_invoice", sum(act.is_to_invoice for act in acts), "provider-pay"),
    ]
    return [task for task in tasks if task.n]


def _planning(provider_id: int, this: date) -> list[Task]:
    coming = next_month(this)
    return [
        task
        for month in (this, coming)
        for task in (
            Task("manage.unplanned", len(attendance.unplanned(provider_id, month)), "provider-month", month),
            Task("manage.free_days", len(attendance.proposals(provider_id, month)), "provider-free-days", month),
        )
    ]


def _objections(request: SignedRequest) -> int:
    found = attendance.objections(actor=request.actor, provider_id=house(request), at=request.at)
    return len(found)


def _unmarked(request: SignedRequest, month: date) -> int:
    groups = attendance.provider_month(actor=request.actor, provider_id=house(request), month=month, at=request.at)
    return sum(group.unmarked for group in groups)


def _dues(request: SignedRequest) -> dict[str, object]:
    found = settlement.statement(actor=request.actor, provider_id=house(request), at=request.at)
    ended = {ClaimState.PAID, ClaimState.REVERSED, ClaimState.NOTHING_DUE}
    waiting = [claim for claim in found.claims if claim.state not in ended]
    return {"due_tiyn": found.due_tiyn, "due_on": min((c.due_on for c in waiting), default=None)}
