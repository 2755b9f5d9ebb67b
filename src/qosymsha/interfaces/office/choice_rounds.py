"""Choice rounds step by step, as the rounds of vouchers: what each step will do, the step, what it did."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse

from qosymsha.domain.choice import commands, queries
from qosymsha.domain.choice.access import ALLOWED, Action
from qosymsha.domain.choice.queries import ChoiceLife, ChoiceSeen
from qosymsha.domain.choice.rules import ChoicePlan
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.interfaces.files import draw_secrets, published
from qosymsha.interfaces.office import city
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.round_forms import LookedForm, PlanForm, Read, ReasonForm, draw_form, read_value
from qosymsha.interfaces.office.rounds import CANCELLABLE, NEXT, stages
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.kernel.clock import local_day

_PLAN_FIELDS = {
    "choice_plan_window": "closes_on",
    "choice_plan_start": "starts_on",
    "choice_plan_beacon": "beacon",
    "choice_plan_parties": "party_0",
    "no_rules_in_force": "opens_on",
}


def _round(request: SignedRequest, uuid: UUID) -> tuple[ChoiceSeen, ProgrammeFacts]:
    found = queries.choice_round_seen(uuid)
    if found is None:
        raise Http404
    return found, city.programme_by_id(request, found.programme_id)


@allowed(Look.ROUNDS)
def one_round(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/`: where the round stands, what each step did, what the next one will do."""
    found, programme = _round(request, round_uuid)
    life = queries.choice_life(round_uuid)
    acts = city.may(request, ALLOWED, Action.CLOSE, found.territory_id)
    instants = {
        "open": found.opens_at if found.state != "planned" else None,
        "closed": life.closed_at,
        "drawn": life.drawn_at,
        "published": life.published_at,
    }
    return page(
        request,
        "office/choice_round.html",
        **_words(found, programme, life),
        stages=stages(found.state, instants),
        step=NEXT.get(found.state, "") if acts else "",
        next_step=NEXT.get(found.state, ""),
        may_cancel=acts and found.state in CANCELLABLE,
        may_offer=acts and found.state in ("allocated", "published"),
        files=published.published_files(round_uuid) if life.published_at else [],
    )


def _words(found: ChoiceSeen, programme: ProgrammeFacts, life: ChoiceLife) -> dict[str, Any]:
    return {"round": found, "programme": programme, "life": life, "is_trial": not settings.PRODUCTION}


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
        if form.secrets and draw_secrets.kept(made.uuid) is None:
            draw_secrets.keep(made.uuid, dict(form.secrets))
        return UUID(str(made.uuid))

    if attempt(request, form, act_on, _PLAN_FIELDS):
        return moved(request, "office-choice-round", form.outcome, said="stage.planned_done")
    return page(
        request,
        "office/round_plan.html",
        422 if form.errors else 200,
        programme=programme,
        form=form,
        is_trial=not settings.PRODUCTION,
        parties=[(i + 1, form[f"party_{i}"], form[f"commitment_{i}"]) for i in range(3)],
        choice=True,
    )


def _step(  # noqa: PLR0913 - a step's page: whose, which, its form, its deed
    request: SignedRequest,
    uuid: UUID,
    name: str,
    form: Form,
    act_on: Callable[[ChoiceSeen], object],
    fields: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A step's page: what it will do; on a POST it is done once, and the round's page says what it did."""
    found, programme = _round(request, uuid)
    if attempt(request, form, lambda: act_on(found), fields):
        return moved(request, "office-choice-round", uuid, said=f"stage.done.{name}")
    return page(
        request,
        "office/choice_round_step.html",
        422 if form.errors else 200,
        **_words(found, programme, queries.choice_life(uuid)),
        step=name,
        form=form,
        is_possible=_is_possible(found.state, name),
        is_early=name == "close" and request.at < found.closes_at,
        is_before=name == "open" and request.at < found.opens_at,
    )


def _is_possible(state: str, step: str) -> bool:
    if step == "cancel":
        return state in CANCELLABLE
    if step == "offer":
        return state in ("allocated", "published")
    return NEXT.get(state) == step or (step == "publish" and state == "published")


def _after(request: SignedRequest, uuid: UUID) -> datetime:
    life = queries.choice_life(uuid)
    return max(request.at, life.closed_at or request.at, life.drawn_at or request.at)


@allowed(Action.OPEN, post=Action.OPEN)
@step_up
def open_round(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/open/`."""
    form = LookedForm(typed(request))

    def act_on(found: ChoiceSeen) -> object:
        return commands.open_choice_round(actor=request.actor, round_id=found.id, at=request.at, key=key_of(request))

    return _step(request, round_uuid, "open", form, act_on)


@allowed(Action.CLOSE, post=Action.CLOSE)
@step_up
def close_round(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/close/`; a trial may play the window's end."""
    form = LookedForm(typed(request))

    def act_on(found: ChoiceSeen) -> object:
        is_played = form.cleaned_data["early"] and not settings.PRODUCTION
        at = max(request.at, found.closes_at) if is_played else request.at
        return commands.close_choice_round(actor=request.actor, round_id=found.id, at=at, key=key_of(request))

    return _step(request, round_uuid, "close", form, act_on)


@allowed(Action.DRAW, post=Action.DRAW)
@step_up
def draw(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/draw/`: the secrets are shown, the beacon is asked, the seed follows. Once."""
    found, _ = _round(request, round_uuid)
    kept = None if settings.PRODUCTION else draw_secrets.kept(round_uuid)
    form = draw_form(typed(request), found.parties, kept, is_typed=found.is_typed)
    read = Read()
    if request.method == "POST" and form.is_valid():
        read = read_value(request, found, form)

    def act_on(found: ChoiceSeen) -> object:
        return commands.draw_choice_round(
            actor=request.actor,
            round_id=found.id,
            beacon_value=read.value,
            secrets=kept or form.secrets(found.parties),
            at=_after(request, round_uuid),
            key=key_of(request),
        )

    return _step(request, round_uuid, "draw", form, act_on)


@allowed(Action.ALLOCATE, post=Action.ALLOCATE)
@step_up
def allocate(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/allocate/`."""
    form = LookedForm(typed(request))

    def act_on(found: ChoiceSeen) -> object:
        at = _after(request, round_uuid)
        return commands.allocate_places(actor=request.actor, round_id=found.id, at=at, key=key_of(request))

    return _step(request, round_uuid, "allocate", form, act_on)


@allowed(Action.PUBLISH, post=Action.PUBLISH)
@step_up
def publish(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/publish/`: the run made again; the public files alone stand where pages serve."""
    form = LookedForm(typed(request))

    def act_on(found: ChoiceSeen) -> object:
        with published.replacing(published.folder_of(round_uuid), published.CHOICE_VERIFIERS) as beside:
            return _publish(request, found, beside)

    return _step(request, round_uuid, "publish", form, act_on)


def _publish(request: SignedRequest, found: ChoiceSeen, beside: Path) -> object:
    """The public part into `beside`; the restricted one is written by the command line alone, for auditors."""
    whole = beside / "whole"
    done = commands.publish_choice_round(
        actor=request.actor, round_id=found.id, folder=whole, at=_after(request, found.uuid), key=key_of(request)
    )
    for path in sorted((whole / "public").iterdir()):
        path.rename(beside / path.name)
    shutil.rmtree(whole)
    return done


@allowed(Action.OFFER, post=Action.OFFER)
@step_up
def offer(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/offer/`: freed places to the next of each list, as the clock does."""
    form = LookedForm(typed(request))

    def act_on(found: ChoiceSeen) -> object:
        at = _after(request, round_uuid)
        return commands.offer_freed_places(actor=request.actor, round_id=found.id, at=at, key=key_of(request))

    return _step(request, round_uuid, "offer", form, act_on)


@allowed(Action.CANCEL, post=Action.CANCEL)
@step_up
def cancel(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/choice/{uuid}/cancel/`: end it before its draw, for ever and in public."""
    form = ReasonForm(typed(request))

    def act_on(found: ChoiceSeen) -> object:
        return commands.cancel_choice_round(
            actor=request.actor,
            round_id=found.id,
            reason=form.cleaned_data["reason"],
            at=request.at,
            key=key_of(request),
        )

    return _step(request, round_uuid, "cancel", form, act_on, {"choice_cancel_reason": "reason"})
