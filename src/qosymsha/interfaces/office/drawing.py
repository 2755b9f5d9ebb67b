"""Claims and acts drawn: what a draw brings is read by the very query that it stores; drawn again, nothing doubles.

A page shows a stretch of a large city's providers, with what comes out for them; a worker draws, for those chosen or
for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse

from qosymsha.domain.errands.queries import ErrandSeen
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.access import Action
from qosymsha.domain.settlement.queries import ProviderDraw, office, wholes
from qosymsha.domain.settlement.queries.drawing import DRAWERS
from qosymsha.domain.settlement.rules.acts import Party
from qosymsha.interfaces.office import money_errands
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.errands import answered, asked
from qosymsha.interfaces.office.lists import Stretch, month_filter
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, typed
from qosymsha.interfaces.ui.paying import payer
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, moved, page, step_up
from qosymsha.kernel.clock import local_day


class NoForm(Form):
    """A step that only needs to be pressed."""


@allowed(Look.DRAWING, post=Action.DRAW_CLAIMS)
@step_up
def claims(request: SignedRequest) -> HttpResponse:
    """`/office/claims/draw/?p=&m=&after=`: what each provider's claims of a month come to.

    A POST has a worker draw the chosen ones, or all (`whole`) where they are more than the page shows.
    """
    mine, programme = _programme(request)
    month = month_filter(request) or _last_month(request)
    form, stretch = NoForm(typed(request)), Stretch.asked(request)
    answer = None
    if request.method == "POST" and programme is not None:
        answer = _ask_claims(request, form, programme, month)
    words = {} if answer or programme is None else _claim_words(request, programme, month, stretch)
    return answer or page(
        request, "office/claims_draw.html", 422 if form.errors else 200,
        programmes=mine, programme=programme, month=month, form=form, **words,
    )  # fmt: skip


def _programme(request: SignedRequest) -> tuple[list[ProgrammeFacts], ProgrammeFacts | None]:
    mine, asked = office.settled_programmes(request.actor, DRAWERS), request.GET.get("p", "")
    chosen = next((p for p in mine if str(p.uuid) == asked), None) if asked else next(iter(mine), None)
    if asked and chosen is None:
        raise Http404
    return mine, chosen


def _last_month(request: SignedRequest) -> date:
    """The month before this one: the one that is over."""
    return (local_day(request.at).replace(day=1) - timedelta(days=1)).replace(day=1)


def _chosen(request: SignedRequest, name: str) -> list[str] | None:
    """What was ticked; None for all there is."""
    return None if "whole" in request.POST else sorted(set(request.POST.getlist(name)))


def _ask_claims(request: SignedRequest, form: Form, programme: ProgrammeFacts, month: date) -> HttpResponse | None:
    numbers = _chosen(request, "provider")
    found = wholes.drawable_providers(actor=request.actor, programme=programme, month=month, numbers=numbers)
    ids = [one.provider_id for one in found if one.is_open or numbers is not None]

    def done(seen: ErrandSeen) -> HttpResponse | None:
        n = seen.tally["claims"]
        if not n:
            form.add_error(None, texts.say(request.language, "office.draw.nothing"))
            return None
        return moved(request, f"{reverse('office-claims')}?state=drawn", said="office.draw.done", n=n)

    said = {"month": month, "providers": "all" if numbers is None else numbers}
    body = {"month": month.isoformat(), "providers": ids}
    wish = money_errands.wanted(request, Action.DRAW_CLAIMS, programme, f"{month:%m.%Y}", body, said)
    if not ids:
        return _nothing(request, form, "office.nothing_chosen" if numbers == [] else "office.draw.nothing", done)
    return asked(request, form, lambda: wish, {}, done, is_long=len(ids) > money_errands.LONG)


def _nothing(
    request: SignedRequest, form: Form, key: str, done: Callable[[ErrandSeen], HttpResponse | None]
) -> HttpResponse | None:
    """Nothing is left to draw: because this very form drew it, or else that is said."""
    seen = money_errands.sent_before(request)
    if seen is not None:
        return answered(request, seen, done)
    form.add_error(None, texts.say(request.language, key))
    return None


def _claim_words(request: SignedRequest, programme: ProgrammeFacts, month: date, stretch: Stretch) -> dict[str, Any]:
    """What a draw would bring the providers of a stretch, and how many there are beside."""
    mine = wholes.drawable_providers(
        actor=request.actor, programme=programme, month=month, after=stretch.after, most=stretch.most
    )
    found = queries.provider_draws(
        actor=request.actor,
        programme_id=programme.id,
        territory_id=programme.territory_id,
        month=month,
        provider_ids=[one.provider_id for one in mine],
    )
    ready = [one for one in found if one.claims]
    shown = stretch.counted(len(mine), mine[0].total if mine else 0)
    return {
        "stretch": shown,
        "ready": [(one, _waits(request, one)) for one in ready],
        "others": [(one, _waits(request, one)) for one in found if not one.claims and (one.waiting or one.done)],
        "open": mine[0].open if mine and (shown.before or shown.following) else 0,
        "under_way": money_errands.under_way(programme),
        **_sums(ready),
    }


def _waits(request: SignedRequest, one: ProviderDraw) -> list[tuple[int, str]]:
    """How many rows wait, and why, in words."""
    return [(n, texts.refusal(request.language, reason.value)) for reason, n in sorted(one.waiting.items())]


def _sums(ready: Sequence[ProviderDraw]) -> dict[str, int]:
    return {"claims": sum(one.claims for one in ready), "tiyn": sum(one.tiyn for one in ready)}


@allowed(Look.DRAWING, post=Action.DRAW_ACTS)
def acts(request: SignedRequest) -> HttpResponse:
    """`/office/acts/draw/?p=&after=`: drawn claims that have no act yet; a POST has a worker draw acts."""
    mine, programme = _programme(request)
    form, stretch = NoForm(typed(request)), Stretch.asked(request)
    answer = None
    if request.method == "POST" and programme is not None:
        answer = _ask_acts(request, form, programme)
    words = {} if answer or programme is None else _act_words(request, programme, stretch)
    return answer or page(
        request, "office/acts_draw.html", 422 if form.errors else 200,
        programmes=mine, programme=programme, form=form, customer=payer(), **words,
    )  # fmt: skip


def _ask_acts(request: SignedRequest, form: Form, programme: ProgrammeFacts) -> HttpResponse | None:
    customer, numbers = payer(), _chosen(request, "c")
    if customer is None:
        form.add_error(None, texts.say(request.language, "office.file.no_payer"))
        return None
    found = wholes.actless_claims(actor=request.actor, programme=programme, numbers=numbers)

    def done(seen: ErrandSeen) -> HttpResponse | None:
        n = seen.tally["acts"]
        if not n:
            form.add_error(None, texts.say(request.language, "office.actdraw.none"))
            return None
        return moved(request, f"{reverse('office-acts')}?state=signing", said="office.actdraw.done", n=n)

    party = asdict(Party(customer.name, customer.bin))
    body = {"claims": found.ids, "customer": party}
    said = {"claims": "all" if numbers is None else numbers, "customer": party}
    wish = money_errands.wanted(request, Action.DRAW_ACTS, programme, "", body, said)
    if not found.ids:
        return _nothing(request, form, "office.nothing_chosen" if numbers == [] else "office.actdraw.none", done)
    return asked(request, form, lambda: wish, {}, done, is_long=len(found.ids) > money_errands.LONG)


def _act_words(request: SignedRequest, programme: ProgrammeFacts, stretch: Stretch) -> dict[str, Any]:
    whole = wholes.actless_claims(actor=request.actor, programme=programme)
    numbers = whole.numbers[stretch.after : stretch.after + stretch.most]
    shown = stretch.counted(len(numbers), len(whole.numbers))
    return {
        "claims": office.office_claims(actor=request.actor, numbers=numbers) if numbers else [],
        "stretch": shown,
        "whole": len(whole.numbers),
        "is_cut": bool(shown.before or shown.following),
        "tiyn": whole.tiyn,
        "under_way": money_errands.under_way(programme),
    }
