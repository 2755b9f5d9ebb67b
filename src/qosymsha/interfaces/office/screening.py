"""Screening of a month by hand: what the clock does each hour, asked for now; what it will look at, before it does."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse

from qosymsha.domain.errands import queries as errands
from qosymsha.domain.errands.queries import ErrandSeen
from qosymsha.domain.errands.rules import About, Wanted
from qosymsha.domain.flags import queries
from qosymsha.domain.flags.access import ALLOWED, Action
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.interfaces.office import city
from qosymsha.interfaces.office.errands import asked
from qosymsha.interfaces.office.lists import month_filter
from qosymsha.interfaces.office.round_forms import LookedForm
from qosymsha.interfaces.ui.forms import typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, moved, page
from qosymsha.kernel.clock import local_day, month_of

SUBJECT = "screening"


@allowed(Action.SCREEN, post=Action.SCREEN)
def screen(request: SignedRequest) -> HttpResponse:
    """`/office/flags/screen/?p={uuid}&m=YYYY-MM`: judge a month of a programme now; else the last month."""
    mine = city.programmes_of(request, ALLOWED[Action.SCREEN])
    chosen = request.GET.get("p", "")
    programme = city.programme_of(request, UUID(chosen), ALLOWED[Action.SCREEN]) if _is_uuid(chosen) else None
    programme = programme or next(iter(mine), None)
    month = month_filter(request) or month_of(month_of(local_day(request.at)) - timedelta(days=1))
    form = LookedForm(typed(request))
    answer = _asked(request, form, programme, month) if programme is not None else None
    words = {} if programme is None else _words(programme, month)
    return answer or page(
        request, "office/screening.html", 422 if form.errors else 200,
        form=form, programmes=mine, programme=programme, month=month, **words,
    )  # fmt: skip


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _asked(request: SignedRequest, form: LookedForm, programme: ProgrammeFacts, month: date) -> HttpResponse | None:
    about = About(SUBJECT, programme.id, programme.uuid, f"{month:%m.%Y}", programme.territory_id)
    body = {"month": month.isoformat()}

    def done(seen: ErrandSeen) -> HttpResponse:
        where = f"{reverse('office-flags')}?m={month:%Y-%m}"
        return moved(request, where, said="screening.done", places=seen.tally["places"], raised=seen.tally["raised"])

    wish = Wanted(Action.SCREEN, ALLOWED, about, body, wish=f"{month:%Y-%m}")
    return asked(request, form, lambda: wish, {}, done)


def _words(programme: ProgrammeFacts, month: date) -> dict[str, Any]:
    """What there is to judge: providers with marks, the marks, and those whose sheets came since the last look."""
    chunks = queries.chunks(programme.id, month)
    return {
        "providers": sum(len(chunk.providers) for chunk in chunks),
        "marks": sum(chunk.marks for chunk in chunks),
        "fresh": len(queries.unscreened(programme.id).get(month, [])),
        "under_way": errands.open_errand(SUBJECT, programme.id),
    }
