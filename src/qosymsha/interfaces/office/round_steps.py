"""What both kinds of rounds do alike: their stages, a step's page, a step done at once or by a worker, the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse
from django.urls import reverse

from qosymsha.domain.errands import queries as errands
from qosymsha.domain.errands.rules import About, Wanted
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.interfaces.files import draw_secrets, published
from qosymsha.interfaces.office import city
from qosymsha.interfaces.office.errands import asked
from qosymsha.interfaces.office.round_forms import PlanForm, Read, draw_form, read_value
from qosymsha.interfaces.ui.forms import Form, attempt, typed
from qosymsha.interfaces.ui.signed import SignedRequest, moved, page

STAGES = ("planned", "open", "closed", "drawn", "allocated", "published")
NEXT = {"planned": "open", "open": "close", "closed": "draw", "drawn": "allocate", "allocated": "publish"}
CANCELLABLE = ("planned", "open", "closed")
GRANTED = ("allocated", "published")
FREED = ("refill", "offer", "rerun")  # steps that give freed places, as often as there are any
PARTIES = 3


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


def is_possible(state: str, step: str) -> bool:
    """Whether a round in this state can take the step now."""
    if step == "cancel":
        return state in CANCELLABLE
    if step in FREED:
        return state in GRANTED
    return NEXT.get(state) == step or (step == "publish" and state == "published")


class Life(Protocol):
    """When a round's steps were done."""

    @property
    def closed_at(self) -> datetime | None:
        """Its list was frozen."""

    @property
    def drawn_at(self) -> datetime | None:
        """Its seed was made."""

    @property
    def published_at(self) -> datetime | None:
        """Its files were written."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of rounds: its name as an errand's subject, its pages, its rights, how its rounds are read and said.

    `deeds`: step → the room's Action, for the steps that a worker does.   `seen` takes the uuid, the instant and
    whether a close is to be foreseen; `words` says a round's figures; `freed` names the step that gives freed places.
    """

    subject: str
    one: str
    stem: str
    template: str
    will: str
    allowed: Mapping[Any, frozenset[str]]
    deeds: Mapping[str, StrEnum]
    seen: Callable[[UUID, datetime, bool], Any | None]
    life: Callable[[UUID], Any]
    words: Callable[[SignedRequest, Any, ProgrammeFacts], dict[str, Any]]
    freed: Callable[[Any], str]
    plan_fields: Mapping[str, str] = field(default_factory=dict)
    step_fields: Mapping[str, str] = field(default_factory=dict)

    def step_address(self, uuid: UUID, step: str) -> str:
        """The address of a step's page; blank for no step."""
        return reverse(f"{self.stem}-{step}", args=[uuid]) if step else ""


def found_round(
    request: SignedRequest, kind: Kind, uuid: UUID, *, looks_again: bool = False
) -> tuple[Any, ProgrammeFacts]:
    """The round and its programme.

    Raises:
        Http404: unknown, or of another territory.
    """
    found = kind.seen(uuid, request.at, looks_again)
    if found is None:
        raise Http404
    return found, city.programme_by_id(request, found.programme_id)


def round_page(request: SignedRequest, kind: Kind, uuid: UUID) -> HttpResponse:
    """A round's page: where it stands, what each step did, what the next one will do, what is under way."""
    found, programme = found_round(request, kind, uuid, looks_again=True)
    life = kind.life(uuid)
    acts = city.may(request, dict(kind.allowed), kind.deeds["close"], found.territory_id)
    next_step = NEXT.get(found.state, "")
    freed = kind.freed(found) if found.state in GRANTED else ""
    return page(
        request,
        kind.template,
        **_told(request, kind, found, programme, life),
        stages=stages(found.state, _instants(found, life)),
        next_step=next_step,
        step_address=kind.step_address(uuid, next_step) if acts else "",
        freed=freed if acts else "",
        freed_address=kind.step_address(uuid, freed) if acts else "",
        cancel_address=kind.step_address(uuid, "cancel") if acts and found.state in CANCELLABLE else "",
        files=published.published_files(uuid) if life.published_at else [],
    )


def _instants(found: Any, life: Life) -> dict[str, datetime | None]:
    return {
        "open": found.opens_at if found.state != "planned" else None,
        "closed": life.closed_at,
        "drawn": life.drawn_at,
        "published": life.published_at,
    }


def _told(request: SignedRequest, kind: Kind, found: Any, programme: ProgrammeFacts, life: Life) -> dict[str, Any]:
    """What every page of a round says: itself, its programme, what a worker does with it, its figures."""
    under_way = errands.open_errand(kind.subject, found.id)
    named = {"round": found, "programme": programme, "life": life, "will": kind.will, "under_way": under_way}
    return named | {"is_trial": not settings.PRODUCTION} | kind.words(request, found, programme)


def step_page(request: SignedRequest, kind: Kind, uuid: UUID, name: str, form: Form) -> HttpResponse:
    """What the step will do, before it is done; or what is wrong with what was typed."""
    found, programme = found_round(request, kind, uuid, looks_again=name == "close")
    return page(
        request,
        "office/round_step.html",
        422 if form.errors else 200,
        **_told(request, kind, found, programme, kind.life(uuid)),
        step=name,
        form=form,
        back=reverse(kind.one, args=[uuid]),
        is_possible=is_possible(found.state, name),
        is_early=name == "close" and request.at < found.closes_at,
        is_before=name == "open" and request.at < found.opens_at,
    )


def at_once(  # noqa: PLR0913 - a step's page: whose, which, its form, its deed
    request: SignedRequest, kind: Kind, uuid: UUID, name: str, form: Form, act_on: Callable[[Any], object]
) -> HttpResponse:
    """A step that is short however large the round: done by the page itself; its round's page says so."""
    found, _ = found_round(request, kind, uuid)
    if attempt(request, form, lambda: act_on(found)):
        return moved(request, kind.one, uuid, said=f"stage.done.{name}")
    return step_page(request, kind, uuid, name, form)


def by_worker(  # noqa: PLR0913 - as above
    request: SignedRequest,
    kind: Kind,
    uuid: UUID,
    name: str,
    form: Form,
    body: Callable[[Any], Mapping[str, Any]] = lambda _: {},
) -> HttpResponse:
    """A step as long as its round is large: asked for here with `body`, done by a worker."""
    found, _ = found_round(request, kind, uuid)
    about = About(kind.subject, found.id, found.uuid, found.number, found.territory_id)
    answer = asked(
        request,
        form,
        lambda: Wanted(kind.deeds[name], kind.allowed, about, body(found), request.proof),
        kind.step_fields,
        lambda _: moved(request, kind.one, uuid, said=f"stage.done.{name}"),
    )
    return step_page(request, kind, uuid, name, form) if answer is None else answer


def draw_page(request: SignedRequest, kind: Kind, uuid: UUID) -> HttpResponse:
    """The draw: the secrets are shown, the beacon is asked or its value typed by two; then a worker makes the seed."""
    found, _ = found_round(request, kind, uuid)
    kept = None if settings.PRODUCTION else draw_secrets.kept(uuid)
    form = draw_form(typed(request), found.parties, kept, is_typed=found.is_typed)
    read = Read()
    if request.method == "POST" and form.is_valid():
        read = read_value(request, found, form)

    def body(found: Any) -> dict[str, Any]:
        secrets = kept or form.secrets(found.parties)
        return {
            "value": read.value.hex(),
            "secrets": {party: secret.hex() for party, secret in secrets.items()},
            "second": read.second.user_id if read.second else None,
        }

    return by_worker(request, kind, uuid, "draw", form, body)


def plan_page(
    request: SignedRequest, kind: Kind, programme: ProgrammeFacts, form: PlanForm, act_on: Callable[[], UUID]
) -> HttpResponse:
    """The plan's page; a trial's secrets are kept on this computer once the round stands."""

    def planned() -> UUID:
        made = act_on()
        if form.secrets and draw_secrets.kept(made) is None:
            draw_secrets.keep(made, dict(form.secrets))
        return made

    if attempt(request, form, planned, kind.plan_fields):
        return moved(request, kind.one, form.outcome, said="stage.planned_done")
    return page(
        request,
        "office/round_plan.html",
        422 if form.errors else 200,
        programme=programme,
        form=form,
        is_trial=not settings.PRODUCTION,
        parties=[(i + 1, form[f"party_{i}"], form[f"commitment_{i}"]) for i in range(PARTIES)],
        choice=kind.subject == "choice_round",
    )
