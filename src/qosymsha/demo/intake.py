"""The way in: families come through the app, registers answer, the window closes, the draw decides, it is published."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from qosymsha.demo.people import DemoFamily, Person, families
from qosymsha.demo.world import STAGE_HAND, YEAR, Term, World
from qosymsha.domain.admission.commands import allocating, closing, drawing, filing, planning, publishing
from qosymsha.domain.admission.rules import RoundPlan
from qosymsha.domain.allocation import draw
from qosymsha.domain.people import asking
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.commands import families as family_commands
from qosymsha.domain.people.commands import statuses
from qosymsha.domain.people.ports import ProvedChild, StatusAnswer
from qosymsha.domain.people.rules import FamilyRow, PersonDetails
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor

OPENS = date(YEAR, 1, 26)
YEARS = Term("year", OPENS, date(YEAR, 2, 9), date(YEAR, 2, 10), date(YEAR, 3, 1))
PLANNED_DAYS_BEFORE = 10
FAMILIES_PER_BATCH = 1_500
FILING_TWICE_EVERY = 90  # families file again "to be sure"; the second try is refused
UNPROVED_EVERY = 300  # guardians whom no register knows as one
PARTIES = ("akimat", "parents-council")
CERTIFIED_FROM = date(YEAR, 1, 1)


def plan_and_open(world: World, term: Term = YEARS) -> None:
    """Publish the plan of the round (window, beacon, commitments) before it opens; open it on its day."""
    at = world.at(term.opens - timedelta(days=PLANNED_DAYS_BEFORE))
    plan = RoundPlan(
        opens_at=clock.local_instant(term.opens, 9),
        closes_at=clock.local_instant(term.closes, 18),
        first_month=term.starts,
        last_month=date(term.starts.year, 12, 1),
        beacon_name=f"demo beacon, first value after {term.closes.isoformat()} 18:00",
        commitments={party: draw.commitment(_secret(world, party, term)) for party in PARTIES},
    )
    officer = world.actors["officer"]
    planned = planning.plan_round(
        actor=officer, programme_id=world.programme_id, plan=plan, at=at, key=world.key("plan round", term.name)
    )
    world.round_id = planned.id
    world.facts["round_number"], world.facts["beacon_name"] = planned.number, plan.beacon_name
    at = world.at(term.opens, 9, 1)
    planning.open_round(actor=officer, round_id=planned.id, at=at, key=world.key("open round", term.name))


def take_in(world: World) -> None:
    """Register every family, record what the registers certify, file the applications: batch by batch."""
    districts = sorted(world.facts["districts"])
    stream = families(
        children=world.children, seed=world.seed, school_year=YEAR, districts=districts, kinds=list(world.lines)
    )
    done = 0
    for number, batch in enumerate(_batches(stream, FAMILIES_PER_BATCH)):
        _take_in(world, batch, number)
        done += sum(len(family.children) for family in batch)
        world.say("families", done, world.children)


def _take_in(world: World, batch: Sequence[DemoFamily], number: int) -> None:
    at = world.at(OPENS + timedelta(days=number % 14), 10, number % 60)
    app = world.actors["app"]
    teach(world, batch)
    proofs = asking.families_of(world.registry, [family.guardian.iin for family in batch]).proved
    children = [child.person.iin for family in batch for child in family.children]
    answers = asking.statuses_of(world.registry, children, clock.local_day(at)).answers
    outcomes = family_commands.register_families(
        actor=app,
        territory_id=world.territory_id,
        families=[_row(world, family) for family in batch],
        proofs=proofs,
        at=at,
        key=world.key("families", number),
    )
    world.accepted(outcomes)
    statuses.record_statuses(actor=STAGE_HAND, answers=answers, at=at, key=world.key("statuses", number))
    _file(world, app, batch, [outcome.id for outcome in outcomes], number)


def _file(world: World, app: Actor, batch: Sequence[DemoFamily], child_ids: list[int | None], number: int) -> None:
    guardians = people.by_iin("guardian", [family.guardian.iin for family in batch])
    pairs = [(guardians.get(family.guardian.iin), child.kind) for family in batch for child in family.children]
    rows = [
        filing.ApplicationRow(guardian_id, child_id, kind)
        for (guardian_id, kind), child_id in zip(pairs, child_ids, strict=True)
        if guardian_id is not None and child_id is not None
    ]
    at = world.at(OPENS + timedelta(days=number % 14), 11, number % 60)
    outcomes = filing.submit_applications(
        actor=app, round_id=world.round_id, rows=rows, at=at, key=world.key("applications", number)
    )
    world.accepted(outcomes)
    again = rows[::FILING_TWICE_EVERY]
    at = world.at(OPENS + timedelta(days=number % 14), 12, number % 60)
    outcomes = filing.submit_applications(
        actor=app, round_id=world.round_id, rows=again, at=at, key=world.key("applications again", number)
    )
    world.accepted(outcomes)


def decide(world: World, folder: Path, term: Term = YEARS) -> None:
    """Close, draw, allocate, publish: each step on its day, none can be done twice."""
    officer, round_id = world.actors["officer"], world.round_id
    at = world.at(term.closes, 18, 1)
    closing.close_round(actor=officer, round_id=round_id, at=at, key=world.key("close", term.name))
    world.say("round", 1, 4)
    drawing.draw_round(
        actor=officer,
        round_id=round_id,
        beacon_value=world.beacon.value(world.facts["beacon_name"]),
        secrets={party: _secret(world, party, term) for party in PARTIES},
        at=world.at(term.drawn, 10),
        key=world.key("draw", term.name),
    )
    world.say("round", 2, 4)
    at = world.at(term.drawn, 11)
    allocating.allocate_round(actor=officer, round_id=round_id, at=at, key=world.key("allocate", term.name))
    world.say("round", 3, 4)
    at = world.at(term.drawn, 12)
    publishing.publish_round(
        actor=officer, round_id=round_id, folder=folder, at=at, key=world.key("publish", term.name)
    )
    world.say("round", 4, 4)


def _secret(world: World, party: str, term: Term) -> bytes:
    """A party's sealed secret; in the demo it follows from the seed."""
    return hashlib.sha256(f"demo secret {world.seed} {term.name} {party}".encode()).digest()


def teach(world: World, batch: Sequence[DemoFamily]) -> None:
    """Tell the fake registers about the families, as real registers would know them already."""
    proofs: dict[str, list[ProvedChild]] = {}
    answers: list[StatusAnswer] = []
    for index, family in enumerate(batch):
        if index % UNPROVED_EVERY == UNPROVED_EVERY - 1:
            continue
        proofs[family.guardian.iin] = [
            ProvedChild(child.person.iin, "parent", f"birth-{child.person.iin[-4:]}", child.person.born_on)
            for child in family.children
        ]
        for child in family.children:
            answers += [
                StatusAnswer(child.person.iin, code, f"registry:{code}", f"demo-{code}", CERTIFIED_FROM, None)
                for code in child.categories
            ]
    world.registry.forget()
    world.registry.teach(proofs, answers)


def _row(world: World, family: DemoFamily) -> FamilyRow:
    home: Mapping[str, int] = world.facts["districts"]
    children = tuple(_details(child.person) for child in family.children)
    return FamilyRow(_details(family.guardian), children, family.language, home[family.children[0].home_kato])


def _details(person: Person) -> PersonDetails:
    return PersonDetails(person.iin, person.surname, person.given, person.patronymic, person.born_on, person.phone)


def _batches(stream: Iterable[DemoFamily], size: int) -> Iterator[list[DemoFamily]]:
    batch: list[DemoFamily] = []
    for family in stream:
        batch.append(family)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
