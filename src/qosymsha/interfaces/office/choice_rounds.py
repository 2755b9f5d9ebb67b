"""Choice rounds step by step, as the rounds of vouchers: what each step will do, the step, what it did."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpResponse

from qosymsha.domain.choice import commands, queries
from qosymsha.domain.choice.access import ALLOWED, Action
from qosymsha.domain.choice.queries import ChoiceSeen
from qosymsha.domain.choice.rules import ChoicePlan, Freed
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.interfaces.office import city
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.round_forms import LookedForm, PlanForm, ReasonForm
from qosymsha.interfaces.office.round_steps import (
    GRANTED,
    Kind,
    at_once,
    by_worker,
    draw_page,
    plan_page,
    round_page,
)
from qosymsha.interfaces.ui.forms import typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, step_up
from qosymsha.kernel.clock import local_day


def _seen(uuid: UUID, _: datetime, __: bool) -> ChoiceSeen | None:  # noqa: FBT001 - as `Kind.seen` asks
    return queries.choice_round_seen(uuid)


def _words(_: SignedRequest, found: ChoiceSeen, __: ProgrammeFacts) -> dict[str, Any]:
    """After the run: places that are free now, and who could take them."""
    return {"now": queries.places_now(found.id) if found.state in GRANTED else None}


KIND = Kind(
    subject="choice_round",
    one="office-choice-round",
    stem="office-choice",
    template="office/choice_round.html",
    will="office/choice_will.html",
    allowed=ALLOWED,
    deeds={
        "close": Action.CLOSE,
        "draw": Action.DRAW,
        "allocate": Action.ALLOCATE,
        "publish": Action.PUBLISH,
        "offer": Action.OFFER,
        "rerun": Action.RERUN,
        "cancel": Action.CANCEL,
    },
    seen=_seen,
    life=queries.choice_life,
    words=_words,
    freed=lambda found: "rerun" if found.freed == Freed.RERUN else "offer",
    plan_fields={
        "choice_plan_window": "closes_on",
        "choice_plan_start": "starts_on",
        "choice_plan_beacon": "beacon",
        "choice_plan_parties": "party_0",
        "no_rules_in_force": "opens_on",
    },
    step_fields={"choice_cancel_reason": "reason", "choice_beacon_wrong": "value"},
)


@allowed(Look.ROUNDS)
def one_round(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/`: where the round stands, what each step did, what the next one will do."""
    return round_page(request, KIND, round_uuid)


class ChoicePlanForm(PlanForm):
    """The first day in the groups."""

    starts_on = forms.DateField(widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))


@allowed(Action.PLAN, post=Action.PLAN)
@step_up
def plan(request: SignedRequest, programme_uuid: UUID) -> HttpResponse:
    """`/office/programmes/{uuid}/choice-round/`: plan a choice round; nobody can file a list yet."""
    programme = city.programme_of(request, programme_uuid, ALLOWED[Action.PLAN])
    today = local_day(request.at)
    initial = {"opens_on": today, "closes_on": today + timedelta(days=7), "starts_on": today + timedelta(days=21)}
    form = ChoicePlanForm(typed(request), initial=initial | {"plays_parties": not settings.PRODUCTION})

    def act_on() -> UUID:
        starts_on = form.cleaned_data["starts_on"]
        draft = ChoicePlan(form.opens_at, form.closes_at, starts_on, form.beacon_name, form.commitments)
        made = commands.plan_choice_round(
            actor=request.actor, programme_id=programme.id, plan=draft, at=request.at, key=key_of(request)
        )
        return UUID(str(made.uuid))

    return plan_page(request, KIND, programme, form, act_on)


@allowed(Action.OPEN, post=Action.OPEN)
@step_up
def open_round(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/open/`."""

    def act_on(found: ChoiceSeen) -> object:
        return commands.open_choice_round(actor=request.actor, round_id=found.id, at=request.at, key=key_of(request))

    return at_once(request, KIND, round_uuid, "open", LookedForm(typed(request)), act_on)


@allowed(Action.CLOSE, post=Action.CLOSE)
@step_up
def close_round(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/close/`; a trial may play the window's end."""
    form = LookedForm(typed(request))
    return by_worker(request, KIND, round_uuid, "close", form, lambda _: {"early": form.cleaned_data["early"]})


@allowed(Action.DRAW, post=Action.DRAW)
@step_up
def draw(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/draw/`: the secrets are shown, the beacon is asked, the seed follows. Once."""
    return draw_page(request, KIND, round_uuid)


@allowed(Action.ALLOCATE, post=Action.ALLOCATE)
@step_up
def allocate(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/allocate/`."""
    return by_worker(request, KIND, round_uuid, "allocate", LookedForm(typed(request)))


@allowed(Action.PUBLISH, post=Action.PUBLISH)
@step_up
def publish(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/publish/`: the run made again; the public files alone stand where pages serve."""
    return by_worker(request, KIND, round_uuid, "publish", LookedForm(typed(request)))


@allowed(Action.OFFER, post=Action.OFFER)
@step_up
def offer(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/offer/`: freed places to the next of each list, as the clock does."""
    return by_worker(request, KIND, round_uuid, "offer", LookedForm(typed(request)))


class RerunForm(LookedForm):
    """From which day the children who move are in their new groups."""

    starts_on = forms.DateField(widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))


@allowed(Action.RERUN, post=Action.RERUN)
@step_up
def rerun(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/rerun/`: all freed places at once, nobody with less than it has."""
    form = RerunForm(typed(request), initial={"starts_on": local_day(request.at) + timedelta(days=1)})

    def body(_: ChoiceSeen) -> dict[str, Any]:
        return {"starts_on": form.cleaned_data["starts_on"].isoformat()}

    return by_worker(request, KIND, round_uuid, "rerun", form, body)


@allowed(Action.CANCEL, post=Action.CANCEL)
@step_up
def cancel(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/cancel/`: end it before its draw, for ever and in public."""
    form = ReasonForm(typed(request))
    return by_worker(request, KIND, round_uuid, "cancel", form, lambda _: {"reason": form.cleaned_data["reason"]})
