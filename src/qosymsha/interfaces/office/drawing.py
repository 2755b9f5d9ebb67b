"""Claims and acts drawn: what a draw brings is read by the very query that it stores; drawn again, nothing doubles."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse

from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.access import Action
from qosymsha.domain.settlement.queries import ProviderDraw, office
from qosymsha.domain.settlement.queries.drawing import DRAWERS
from qosymsha.domain.settlement.queries.office import OfficeClaim
from qosymsha.domain.settlement.rules.acts import Party
from qosymsha.domain.settlement.states import ClaimState
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.lists import Refusal, month_filter, refusals
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.paying import payer
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.kernel.clock import local_day


class NoForm(Form):
    """A step that only needs to be pressed."""


@allowed(Look.DRAWING, post=Action.DRAW_CLAIMS)
@step_up
def claims(request: SignedRequest) -> HttpResponse:
    """`/office/claims/draw/?p=&m=`: what each provider's claims of a month come to; a POST draws the chosen ones."""
    mine, programme = _programme(request)
    month = month_filter(request) or _last_month(request)
    found = _draws(request, programme, month)
    form = NoForm(typed(request))

    def act_on() -> int:
        wanted = [one for one in found if one.number in request.POST.getlist("provider")]
        if programme is None or not wanted:
            form.add_error(None, texts.say(request.language, "office.nothing_chosen"))
            return 0
        outcomes = commands.draw_claims(
            actor=request.actor,
            programme_id=programme.id,
            provider_ids=[one.provider_id for one in wanted],
            month=month,
            at=request.at,
            key=key_of(request),
        )
        drawn = sum(outcome.reason is None for outcome in outcomes)
        if not drawn:
            form.add_error(None, texts.say(request.language, "office.draw.nothing"))
        return drawn

    if attempt(request, form, act_on) and not form.errors:
        return moved(request, f"{reverse('office-claims')}?state=drawn", said="office.draw.done", n=form.outcome)
    return page(
        request,
        "office/claims_draw.html",
        422 if form.errors else 200,
        programmes=mine,
        programme=programme,
        month=month,
        form=form,
        ready=[(one, _waits(request, one)) for one in found if one.claims],
        others=[(one, _waits(request, one)) for one in found if not one.claims and (one.waiting or one.done)],
        **_sums([one for one in found if one.claims]),
    )


def _programme(request: SignedRequest) -> tuple[list[ProgrammeFacts], ProgrammeFacts | None]:
    mine, asked = office.settled_programmes(request.actor, DRAWERS), request.GET.get("p", "")
    chosen = next((p for p in mine if str(p.uuid) == asked), None) if asked else next(iter(mine), None)
    if asked and chosen is None:
        raise Http404
    return mine, chosen


def _last_month(request: SignedRequest) -> date:
    """The month before this one: the one that is over."""
    return (local_day(request.at).replace(day=1) - timedelta(days=1)).replace(day=1)


def _draws(request: SignedRequest, programme: ProgrammeFacts | None, month: date) -> list[ProviderDraw]:
    if programme is None:
        return []
    return queries.provider_draws(
        actor=request.actor, programme_id=programme.id, territory_id=programme.territory_id, month=month
    )


def _waits(request: SignedRequest, one: ProviderDraw) -> list[tuple[int, str]]:
    """How many rows wait, and why, in words."""
    return [(n, texts.refusal(request.language, reason.value)) for reason, n in sorted(one.waiting.items())]


def _sums(ready: list[ProviderDraw]) -> dict[str, int]:
    return {
        "claims": sum(one.claims for one in ready),
        "rows": sum(one.rows for one in ready),
        "units": sum(one.units for one in ready),
        "tiyn": sum(one.tiyn for one in ready),
    }


@allowed(Look.DRAWING, post=Action.DRAW_ACTS)
def acts(request: SignedRequest) -> HttpResponse:
    """`/office/acts/draw/`: drawn claims that have no act yet; a POST draws the acts of the chosen ones."""
    _, programme = _programme(request)
    drawn = _drawn(request, programme)
    customer, form = payer(), NoForm(typed(request))
    refused: list[Refusal] = []

    def act_on() -> int:
        wanted = [claim for claim in drawn if claim.number in request.POST.getlist("c")]
        if programme is None or customer is None or not wanted:
            key = "office.nothing_chosen" if customer else "office.file.no_payer"
            form.add_error(None, texts.say(request.language, key))
            return 0
        outcomes = commands.draw_acts(
            actor=request.actor,
            programme_id=programme.id,
            claim_ids=[claim.id for claim in wanted],
            customer=Party(customer.name, customer.bin),
            at=request.at,
            key=key_of(request),
        )
        refused.extend(refusals(request, outcomes, lambda row: wanted[row].number))
        return len(outcomes) - len(refused)

    if attempt(request, form, act_on) and not form.errors and not refused:
        return moved(request, f"{reverse('office-acts')}?state=signing", said="office.actdraw.done", n=form.outcome)
    waiting = [claim for claim in drawn if not claim.act]
    words: dict[str, Any] = {"claims": waiting, "tiyn": sum(claim.amount_tiyn for claim in waiting)}
    words |= {"form": form, "refused": refused, "customer": customer}
    return page(request, "office/acts_draw.html", 422 if form.errors or refused else 200, **words)


def _drawn(request: SignedRequest, programme: ProgrammeFacts | None) -> list[OfficeClaim]:
    found = office.office_claims(actor=request.actor, state=ClaimState.DRAWN)
    return [claim for claim in found if programme is not None and claim.programme_id == programme.id]
