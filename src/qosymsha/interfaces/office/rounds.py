"""Rounds of vouchers step by step: what each step will do in figures, then the step, then what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse

from qosymsha.domain.admission import commands, queries
from qosymsha.domain.admission.access import ALLOWED, Action
from qosymsha.domain.admission.queries import RoundLife, RoundSeen
from qosymsha.domain.admission.rules import RoundPlan
from qosymsha.domain.admission.states import RoundState
from qosymsha.domain.choice import queries as choice
from qosymsha.domain.programmes import wording
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.interfaces.files import draw_secrets, published
from qosymsha.interfaces.office import city
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.round_forms import (
    LookedForm,
    PlanForm,
    Read,
    ReasonForm,
    draw_form,
    read_value,
)
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, moved, page, step_up
from qosymsha.kernel.clock import local_day, next_month

STAGES = ("planned", "open", "closed", "drawn", "allocated", "published")
NEXT = {"planned": "open", "open": "close", "closed": "draw", "drawn": "allocate", "allocated": "publish"}
CANCELLABLE = ("planned", "open", "closed")


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a round: done, the one it is at, or still to come; the verb that leads to it."""

    name: str
    is_done: bool
    is_next: bool
    at: datetime | None


def stages(state: str, instants: Mapping[str, datetime | None]) -> list[Stage]:
    """The stages in their order, as far as a round has come."""
    reached = STAGES.index(state) if state in STAGES else -1
    return [
        Stage(name, place <= reached, place == reached + 1 and state in STAGES, instants.get(name))
        for place, name in enumerate(STAGES)
    ]


@allowed(Look.ROUNDS)
def rounds(request: SignedRequest) -> HttpResponse:
    """`/office/rounds/?p={uuid}`: rounds of vouchers and of choice, the latest first."""
    mine, programme = city.chosen_programme(request)
    words: dict[str, Any] = {"programmes": mine, "programme": programme}
    if programme is not None:
        words |= {
            "rounds": queries.programme_rounds([programme.id]),
            "choices": choice.programme_choice_rounds([programme.id]),
            "may_plan": city.may(request, ALLOWED, Action.PLAN_ROUND, programme.territory_id),
        }
    return page(request, "office/rounds.html", **words)


def _round(request: SignedRequest, uuid: UUID, *, looks_again: bool = False) -> tuple[RoundSeen, ProgrammeFacts]:
    found = queries.round_seen(uuid, request.at, looks_again=looks_again)
    if found is None:
        raise Http404
    return found, city.programme_by_id(request, found.programme_id)


@allowed(Look.ROUNDS)
def one_round(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/`: where the round stands, what each step did, what the next one will do."""
    found, programme = _round(request, round_uuid, looks_again=True)
    life = queries.round_life(round_uuid)
    acts = city.may(request, ALLOWED, Action.CLOSE_ROUND, found.territory_id)
    return page(
        request,
        "office/round.html",
        **_words(request, found, programme, life),
        stages=stages(found.state, _instants(found, life)),
        step=NEXT.get(found.state, "") if acts else "",
        next_step=NEXT.get(found.state, ""),
        may_cancel=acts and found.state in CANCELLABLE,
        may_refill=acts and found.state in ("allocated", "published"),
        files=published.published_files(round_uuid) if life.published_at else [],
    )


def _instants(found: RoundSeen, life: RoundLife) -> dict[str, datetime | None]:
    return {
        "open": found.opens_at if found.state != RoundState.PLANNED else None,
        "closed": life.closed_at,
        "drawn": life.drawn_at,
        "published": life.published_at,
    }


def _words(request: SignedRequest, found: RoundSeen, programme: ProgrammeFacts, life: RoundLife) -> dict[str, Any]:
    """What every page of a round says: itself, its queues by name, sums."""
    speaker = wording.Speaker({}, request.language)
    queues = [(speaker.value("", "kind", queue.kind), queue) for queue in found.queues]
    return {
        "round": found,
        "programme": programme,
        "life": life,
        "queues": queues,
        "places": sum(queue.places for queue in found.queues),
        "will_get": sum(queue.will_get for queue in found.queues),
        "needed": sum(queue.needed_tiyn for queue in found.queues),
        "free": sum(queue.free_tiyn for queue in found.queues),
        "lost": [(texts.refusal(request.language, reason), n) for reason, n in (found.lost or {}).items()],
        "lost_total": sum((found.lost or {}).values()),
        "is_trial": not settings.PRODUCTION,
    }


class VoucherPlanForm(PlanForm):
    """The months that the vouchers pay for."""

    first_month = forms.DateField(widget=forms.DateInput({"type": "month"}), input_formats=["%Y-%m"])
    last_month = forms.DateField(widget=forms.DateInput({"type": "month"}), input_formats=["%Y-%m"])


_PLAN_FIELDS = {
    "window_backwards": "closes_on",
    "months_backwards": "last_month",
    "months_in_two_years": "last_month",
    "beacon_not_named": "beacon",
    "two_parties_needed": "party_0",
    "commitment_malformed": "commitment_0",
    "no_rules_in_force": "opens_on",
}


@allowed(Action.PLAN_ROUND, post=Action.PLAN_ROUND)
@step_up
def plan(request: SignedRequest, programme_uuid: UUID) -> HttpResponse:
    """`/office/programmes/{uuid}/round/`: plan a round of vouchers; nobody can file yet."""
    programme = city.programme_of(request, programme_uuid, ALLOWED[Action.PLAN_ROUND])
    today = local_day(request.at)
    first = next_month(today.replace(day=1))
    form = VoucherPlanForm(
        typed(request),
        initial={
            "opens_on": today,
            "first_month": f"{first:%Y-%m}",
            "last_month": f"{first:%Y}-12",
            "plays_parties": not settings.PRODUCTION,
        },
    )

    def act_on() -> UUID:
        said = form.cleaned_data
        draft = RoundPlan(
            form.opens_at, form.closes_at, said["first_month"], said["last_month"], form.beacon_name, form.commitments
        )
        made = commands.plan_round(
            actor=request.actor, programme_id=programme.id, plan=draft, at=request.at, key=key_of(request)
        )
        if form.secrets and draw_secrets.kept(made.uuid) is None:
            draw_secrets.keep(made.uuid, dict(form.secrets))
        return UUID(str(made.uuid))

    if attempt(request, form, act_on, _PLAN_FIELDS):
        return moved(request, "office-round", form.outcome, said="stage.planned_done")
    return page(
        request,
        "office/round_plan.html",
        422 if form.errors else 200,
        programme=programme,
        form=form,
        is_trial=not settings.PRODUCTION,
        parties=_party_fields(form),
        choice=False,
    )


def _party_fields(form: Form) -> list[tuple[int, Any, Any]]:
    return [(i + 1, form[f"party_{i}"], form[f"commitment_{i}"]) for i in range(3)]


def _step(  # noqa: PLR0913 - a step's page: whose, which, its form, its deed
    request: SignedRequest,
    uuid: UUID,
    name: str,
    form: Form,
    act_on: Callable[[RoundSeen], object],
    fields: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A step's page: what it will do; on a POST it is done once, and the round's page says what it did."""
    found, programme = _round(request, uuid, looks_again=name == "close" and request.method != "POST")
    if attempt(request, form, lambda: act_on(found), fields):
        return moved(request, "office-round", uuid, said=f"stage.done.{name}")
    life = queries.round_life(uuid)
    return page(
        request,
        "office/round_step.html",
        422 if form.errors else 200,
        **_words(request, found, programme, life),
        step=name,
        form=form,
        is_possible=_is_possible(found.state, name),
        is_early=name == "close" and request.at < found.closes_at,
        is_before=name == "open" and request.at < found.opens_at,
    )


def _is_possible(state: str, step: str) -> bool:
    if step == "cancel":
        return state in CANCELLABLE
    if step == "refill":
        return state in ("allocated", "published")
    return NEXT.get(state) == step or (step == "publish" and state == "published")


@allowed(Action.OPEN_ROUND, post=Action.OPEN_ROUND)
@step_up
def open_round(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/open/`."""
    form = LookedForm(typed(request))

    def act_on(found: RoundSeen) -> object:
        return commands.open_round(actor=request.actor, round_id=found.id, at=request.at, key=key_of(request))

    return _step(request, round_uuid, "open", form, act_on)


@allowed(Action.CLOSE_ROUND, post=Action.CLOSE_ROUND)
@step_up
def close_round(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/close/`; a trial may play the window's end."""
    form = LookedForm(typed(request))

    def act_on(found: RoundSeen) -> object:
        is_played = form.cleaned_data["early"] and not settings.PRODUCTION
        at = max(request.at, found.closes_at) if is_played else request.at
        return commands.close_round(actor=request.actor, round_id=found.id, at=at, key=key_of(request))

    return _step(request, round_uuid, "close", form, act_on)


@allowed(Action.DRAW, post=Action.DRAW)
@step_up
def draw(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/draw/`: the secrets are shown, the beacon is asked, the seed follows. Once."""
    found, _ = _round(request, round_uuid)
    kept = None if settings.PRODUCTION else draw_secrets.kept(round_uuid)
    form = draw_form(typed(request), found.parties, kept, is_typed=found.is_typed)
    read = Read()
    if request.method == "POST" and form.is_valid():
        read = read_value(request, found, form)

    def act_on(found: RoundSeen) -> object:
        return commands.draw_round(
            actor=request.actor,
            round_id=found.id,
            beacon_value=read.value,
            second=read.second,
            secrets=kept or form.secrets(found.parties),
            at=_after(request, round_uuid),
            key=key_of(request),
        )

    return _step(request, round_uuid, "draw", form, act_on, {"beacon_malformed": "value"} if found.is_typed else {})


def _after(request: SignedRequest, uuid: UUID) -> datetime:
    """Now; after a window whose end was played in a trial, no earlier than that end."""
    life = queries.round_life(uuid)
    return max(request.at, life.closed_at or request.at, life.drawn_at or request.at)


@allowed(Action.ALLOCATE, post=Action.ALLOCATE)
@step_up
def allocate(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/allocate/`."""
    form = LookedForm(typed(request))

    def act_on(found: RoundSeen) -> object:
        at = _after(request, round_uuid)
        return commands.allocate_round(actor=request.actor, round_id=found.id, at=at, key=key_of(request))

    return _step(request, round_uuid, "allocate", form, act_on)


@allowed(Action.PUBLISH, post=Action.PUBLISH)
@step_up
def publish(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/publish/`: the run is made again and the files are written where the pages serve them."""
    form = LookedForm(typed(request))

    def act_on(found: RoundSeen) -> object:
        with published.replacing(published.folder_of(round_uuid)) as beside:
            return commands.publish_round(
                actor=request.actor,
                round_id=found.id,
                folder=beside,
                at=_after(request, round_uuid),
                key=key_of(request),
            )

    return _step(request, round_uuid, "publish", form, act_on)


@allowed(Action.REFILL, post=Action.REFILL)
@step_up
def refill(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/refill/`: freed money to the next by rank, as the clock does each hour."""
    form = LookedForm(typed(request))

    def act_on(found: RoundSeen) -> object:
        at = _after(request, round_uuid)
        return commands.refill(actor=request.actor, round_id=found.id, at=at, key=key_of(request))

    return _step(request, round_uuid, "refill", form, act_on)


@allowed(Action.CANCEL_ROUND, post=Action.CANCEL_ROUND)
@step_up
def cancel(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/cancel/`: end it before its draw, for ever and in public."""
    form = ReasonForm(typed(request))

    def act_on(found: RoundSeen) -> object:
        return commands.cancel_round(
            actor=request.actor,
            round_id=found.id,
            reason=form.cleaned_data["reason"],
            at=request.at,
            key=key_of(request),
        )

    return _step(request, round_uuid, "cancel", form, act_on, {"cancel_reason_missing": "reason"})
