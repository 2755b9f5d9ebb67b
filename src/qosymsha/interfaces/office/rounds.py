"""Rounds of vouchers step by step: what each step will do in figures, then the step, then what it did."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpResponse

from qosymsha.domain.admission import commands, queries
from qosymsha.domain.admission.access import ALLOWED, Action
from qosymsha.domain.admission.queries import RoundSeen
from qosymsha.domain.admission.rules import RoundPlan
from qosymsha.domain.choice import queries as choice
from qosymsha.domain.programmes import wording
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.interfaces.office import city
from qosymsha.interfaces.office.access import Look
from qosymsha.interfaces.office.round_forms import LookedForm, PlanForm, ReasonForm
from qosymsha.interfaces.office.round_steps import Kind, at_once, by_worker, draw_page, plan_page, round_page
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.forms import typed
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, key_of, page, step_up
from qosymsha.kernel.clock import local_day, next_month


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


def _seen(uuid: UUID, at: datetime, looks_again: bool) -> RoundSeen | None:  # noqa: FBT001 - as `Kind.seen` asks
    return queries.round_seen(uuid, at, looks_again=looks_again)


def _words(request: SignedRequest, found: RoundSeen, _: ProgrammeFacts) -> dict[str, Any]:
    """Queues by name, sums, who would be lost."""
    speaker = wording.Speaker({}, request.language)
    return {
        "queues": [(speaker.value("", "kind", queue.kind), queue) for queue in found.queues],
        "places": sum(queue.places for queue in found.queues),
        "will_get": sum(queue.will_get for queue in found.queues),
        "needed": sum(queue.needed_tiyn for queue in found.queues),
        "free": sum(queue.free_tiyn for queue in found.queues),
        "lost": [(texts.refusal(request.language, reason), n) for reason, n in (found.lost or {}).items()],
        "lost_total": sum((found.lost or {}).values()),
    }


KIND = Kind(
    subject="round",
    one="office-round",
    stem="office-round",
    template="office/round.html",
    will="office/round_will.html",
    allowed=ALLOWED,
    deeds={
        "close": Action.CLOSE_ROUND,
        "draw": Action.DRAW,
        "allocate": Action.ALLOCATE,
        "publish": Action.PUBLISH,
        "refill": Action.REFILL,
        "cancel": Action.CANCEL_ROUND,
    },
    seen=_seen,
    life=queries.round_life,
    words=_words,
    freed=lambda _: "refill",
    plan_fields={
        "window_backwards": "closes_on",
        "months_backwards": "last_month",
        "months_in_two_years": "last_month",
        "beacon_not_named": "beacon",
        "two_parties_needed": "party_0",
        "commitment_malformed": "commitment_0",
        "no_rules_in_force": "opens_on",
    },
    step_fields={"cancel_reason_missing": "reason", "beacon_malformed": "value"},
)


@allowed(Look.ROUNDS)
def one_round(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/`: where the round stands, what each step did, what the next one will do."""
    return round_page(request, KIND, round_uuid)


class VoucherPlanForm(PlanForm):
    """The months that the vouchers pay for."""

    first_month = forms.DateField(widget=forms.DateInput({"type": "month"}), input_formats=["%Y-%m"])
    last_month = forms.DateField(widget=forms.DateInput({"type": "month"}), input_formats=["%Y-%m"])


@allowed(Action.PLAN_ROUND, post=Action.PLAN_ROUND)
@step_up
def plan(request: SignedRequest, programme_uuid: UUID) -> HttpResponse:
    """`/office/programmes/{uuid}/round/`: plan a round of vouchers; nobody can file yet."""
    programme = city.programme_of(request, programme_uuid, ALLOWED[Action.PLAN_ROUND])
    today = local_day(request.at)
    first = next_month(today.replace(day=1))
    months = {"first_month": f"{first:%Y-%m}", "last_month": f"{first:%Y}-12"}
    initial = {"opens_on": today, "plays_parties": not settings.PRODUCTION, **months}
    form = VoucherPlanForm(typed(request), initial=initial)

    def act_on() -> UUID:
        said = form.cleaned_data
        draft = RoundPlan(
            form.opens_at, form.closes_at, said["first_month"], said["last_month"], form.beacon_name, form.commitments
        )
        made = commands.plan_round(
            actor=request.actor, programme_id=programme.id, plan=draft, at=request.at, key=key_of(request)
        )
        return UUID(str(made.uuid))

    return plan_page(request, KIND, programme, form, act_on)


@allowed(Action.OPEN_ROUND, post=Action.OPEN_ROUND)
@step_up
def open_round(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/open/`."""

    def act_on(found: RoundSeen) -> object:
        return commands.open_round(actor=request.actor, round_id=found.id, at=request.at, key=key_of(request))

    return at_once(request, KIND, round_uuid, "open", LookedForm(typed(request)), act_on)


@allowed(Action.CLOSE_ROUND, post=Action.CLOSE_ROUND)
@step_up
def close_round(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/close/`; a trial may play the window's end."""
    form = LookedForm(typed(request))
    return by_worker(request, KIND, round_uuid, "close", form, lambda _: {"early": form.cleaned_data["early"]})


@allowed(Action.DRAW, post=Action.DRAW)
@step_up
def draw(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/draw/`: the secrets are shown, the beacon is asked, the seed follows. Once."""
    return draw_page(request, KIND, round_uuid)


@allowed(Action.ALLOCATE, post=Action.ALLOCATE)
@step_up
def allocate(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/allocate/`."""
    return by_worker(request, KIND, round_uuid, "allocate", LookedForm(typed(request)))


@allowed(Action.PUBLISH, post=Action.PUBLISH)
@step_up
def publish(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/publish/`: the run is made again and the files are written where the pages serve them."""
    return by_worker(request, KIND, round_uuid, "publish", LookedForm(typed(request)))


@allowed(Action.REFILL, post=Action.REFILL)
@step_up
def refill(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/refill/`: freed money to the next by rank, as the clock does each hour."""
    return by_worker(request, KIND, round_uuid, "refill", LookedForm(typed(request)))


@allowed(Action.CANCEL_ROUND, post=Action.CANCEL_ROUND)
@step_up
def cancel(request: SignedRequest, round_uuid: UUID) -> HttpResponse:
    """`/office/rounds/{uuid}/cancel/`: end it before its draw, for ever and in public."""
    form = ReasonForm(typed(request))
    return by_worker(request, KIND, round_uuid, "cancel", form, lambda _: {"reason": form.cleaned_data["reason"]})
