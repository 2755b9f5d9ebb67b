"""Contracts of families with their clubs: drawn for every place, signed by the clubs; a paper, a refusal overturned."""

from __future__ import annotations

from datetime import date

from qosymsha.demo.world import STAGE_HAND, YEAR, World
from qosymsha.domain.agreements import commands, queries
from qosymsha.domain.agreements.commands import PaperDraft
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.people.states import Way

DRAWN, DECIDED = date(YEAR, 3, 10), date(YEAR, 3, 12)
SIGNED, PAPERS = 40, 5  # of a club's contracts and papers, in the first clubs: enough to try the pages
CLUBS = 3


def agree(world: World) -> None:
    """Draw the contracts of all places; the first clubs sign, see papers, and one of them refuses a child in vain."""
    draw(world, DRAWN)
    for provider_id in world.facts["providers"][:CLUBS]:
        _see_papers(world, provider_id)
    _refuse_in_vain(world, world.facts["providers"][0])


def draw(world: World, day: date) -> None:
    """Draw the contracts of places that have none yet; the first clubs sign."""
    at = world.at(day, 3)
    key = world.key("family contracts", day)
    commands.draw_contracts(actor=STAGE_HAND, programme_id=world.programme_id, at=at, key=key)
    for provider_id in world.facts["providers"][:CLUBS]:
        _sign(world, provider_id, day)


def _sign(world: World, provider_id: int, day: date) -> None:
    manager, at = world.actors[f"provider {provider_id}"], world.at(day, 12)
    found = queries.contracts_of_provider(actor=manager, provider_id=provider_id, at=at, unsigned=True, limit=SIGNED)
    outcomes = commands.sign_as_provider(
        actor=manager, provider_id=provider_id, contract_ids=[one.id for one in found], proof=Proof(at, Way.CODE),
        at=at, key=world.key("sign contracts", provider_id, day),
    )  # fmt: skip
    world.accepted(outcomes)


def _see_papers(world: World, provider_id: int) -> None:
    manager, at = world.actors[f"provider {provider_id}"], world.at(DRAWN, 15)
    places = queries.places_of_provider(actor=manager, provider_id=provider_id, at=at)
    for place in places[:PAPERS]:
        paper = PaperDraft(place.id, "health_027u", f"D-{place.id}", date(YEAR, 3, 1))
        commands.record_paper(actor=manager, paper=paper, at=at, key=world.key("paper", place.id))


def _refuse_in_vain(world: World, provider_id: int) -> None:
    """A club names a doctor's paper; the checker finds that it speaks of something else."""
    manager, at = world.actors[f"provider {provider_id}"], world.at(DRAWN, 16)
    places = queries.places_of_provider(actor=manager, provider_id=provider_id, at=at)
    if not places:
        return
    refusal_id = commands.refuse_child(
        actor=manager, enrolment_id=places[-1].id, ground="medical", paper_number="D-0", at=at, key=world.key("refuse"),
    )  # fmt: skip
    commands.decide_refusal(
        actor=world.actors["checker"], refusal_id=refusal_id, overturn=True,
        reason="Справка о другом виде занятий", at=world.at(DECIDED, 11), key=world.key("overturn"),
    )  # fmt: skip
