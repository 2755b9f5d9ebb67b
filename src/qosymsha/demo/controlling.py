"""A control by sample: groups drawn, visited, one finding answered and decided, ended in public; another under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from qosymsha.demo.world import YEAR, World
from qosymsha.domain.controls import commands, queries
from qosymsha.domain.controls.rules import Found, Plan
from qosymsha.domain.controls.states import Strata, Unit
from qosymsha.domain.people.rules import Proof
from qosymsha.domain.people.states import Way

DRAWN, VISITED, ANSWERED, DECIDED, ENDED = (date(YEAR, 11, day) for day in (10, 12, 16, 18, 20))
PLACES = 6


def control(world: World) -> None:
    """November's control goes to its end; the next one is drawn, and its places are still to be visited."""
    for number, ends in enumerate((True, False)):
        _campaign(world, number, ends=ends)


def _campaign(world: World, number: int, *, ends: bool) -> None:
    officer, beacon = world.actors["officer"], f"demo beacon of control {number + 1}"
    wish = Plan(Unit.GROUP, Strata.ALL, DRAWN, date(YEAR, 11, 30), PLACES, beacon)
    groups = len(queries.frame(world.programme_id, wish))
    if not groups:  # a city of a few children in a test
        return
    plan = replace(wish, size=min(PLACES, groups))
    at = world.at(DRAWN, 9 + number)
    uuid = commands.plan_campaign(
        actor=officer, programme_id=world.programme_id, plan=plan, at=at, key=world.key("plan control", number)
    )
    commands.freeze_campaign(actor=officer, campaign_uuid=uuid, at=at, key=world.key("freeze control", number))
    commands.draw_sample(
        actor=officer, campaign_uuid=uuid, beacon_value=world.beacon.value(beacon), at=at,
        key=world.key("draw control", number),
    )  # fmt: skip
    if not ends:
        return
    visits = queries.visits(actor=world.actors["checker"], campaign=uuid)
    for visit in visits:
        seen = Found(2, "absent_children", "Отмечены все, в зале двое") if visit.place == 1 else Found(9)
        commands.record_visit(
            actor=world.actors["checker"], visit_uuid=visit.uuid, found=seen, at=world.at(VISITED, 15),
            key=world.key("visit", visit.place),
        )  # fmt: skip
    manager = world.actors[f"provider {visits[0].provider_id}"]
    commands.answer_finding(
        actor=manager, visit_uuid=visits[0].uuid, answer="Автобус опоздал, дети пришли через двадцать минут",
        at=world.at(ANSWERED, 10), key=world.key("answer finding"),
    )  # fmt: skip
    at = world.at(DECIDED, 11)
    commands.decide_finding(
        actor=officer, visit_uuid=visits[0].uuid, sanction="warning", reason="Отметки ставить после начала занятия",
        proof=Proof(at, Way.CODE), at=at, key=world.key("decide finding"),
    )  # fmt: skip
    commands.end_campaign(actor=officer, campaign_uuid=uuid, at=world.at(ENDED, 17), key=world.key("end control"))
