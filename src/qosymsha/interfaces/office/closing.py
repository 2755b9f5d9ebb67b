"""Months closed by hash, each shown with what closing will do before it is done; the years beside them."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse

from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.domain.settlement.access import Action
from qosymsha.domain.settlement.queries import closing as queries
from qosymsha.interfaces.office import money_errands
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.errands import asked
from qosymsha.interfaces.ui.forms import Form, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, moved, page, step_up
from qosymsha.kernel.clock import local_day


@allowed(Look.CLOSING)
def closing(request: SignedRequest) -> HttpResponse:
    """`/office/closing/`: each programme's months with what is open in them, and its budget years."""
    today = local_day(request.at)
    shown = []
    for programme in queries.closing_programmes(request.actor):
        years = [queries.year_to_close(programme.id, year, request.at) for year in (today.year, today.year - 1)]
        months = queries.months_to_close(programme.id, request.at)
        may = request.actor.holds(queries.CLOSERS, territory_id=programme.territory_id)
        under_way = money_errands.under_way(programme)
        shown.append((programme, months, [year for year in years if year is not None], may, under_way))
    return page(request, "office/closing.html", programmes=shown)


class NoForm(Form):
    """Nothing to fill in: what will be done stands above."""


@allowed(Action.CLOSE_MONTH, post=Action.CLOSE_MONTH)
@step_up
def month(request: SignedRequest, programme_uuid: UUID, year: int, number: int) -> HttpResponse:
    """`/office/closing/{programme}/{year}-{month}/`: what is not paid yet in it; a POST has a worker close it."""
    programme = _programme(request, programme_uuid)
    if not 1 <= number <= 12 or not 2000 <= year <= 2100:
        raise Http404
    first = date(year, number, 1)
    found = next((m for m in queries.months_to_close(programme.id, request.at) if m.month == first), None)
    if found is None:
        raise Http404
    form = NoForm(typed(request))

    body = {"month": first.isoformat()}
    wish = money_errands.wanted(request, Action.CLOSE_MONTH, programme, f"{first:%m.%Y}", body, body)
    answer = asked(
        request, form, lambda: wish, {}, lambda _: moved(request, "office-closing", said="closing.month_closed")
    )
    words: dict[str, Any] = {"programme": programme, "month": found, "form": form}
    words["under_way"] = money_errands.under_way(programme)
    return answer or page(request, "office/closing_month.html", 422 if form.errors else 200, **words)


def _programme(request: SignedRequest, uuid: UUID) -> ProgrammeFacts:
    mine = queries.closing_programmes(request.actor, queries.CLOSERS)
    found = next((one for one in mine if one.uuid == uuid), None)
    if found is None:
        raise Http404
    return found
