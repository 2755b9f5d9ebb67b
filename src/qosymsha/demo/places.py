"""Vouchers find places: families accept, refuse or stay silent, the list moves up, groups fill, some move on."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

from qosymsha.demo import choosing
from qosymsha.demo.world import STAGE_HAND, YEAR, Term, World
from qosymsha.domain.admission.commands import refilling
from qosymsha.domain.people import queries as people
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import GroupFacts
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.domain.vouchers.commands import answers, ends, money, places, transfers
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.rules import EnrolWish, Move, VoucherAnswer
from qosymsha.domain.vouchers.states import CloseReason
from qosymsha.kernel.errors import RowOutcome

BATCH = 2_000
ANSWERED, REFILLED, LAST_EXPIRY = date(YEAR, 2, 11), date(YEAR, 2, 17), date(YEAR, 3, 5)
LESSONS_FROM = date(YEAR, 3, 2)
REFUSING_PERMILLE, SILENT_PERMILLE, MOVING_PERMILLE = 40, 30, 25
TURNS = 2


def answer(world: World) -> None:
    """Most accept, some refuse, some stay silent."""
    answer_all(world, "first answers", ANSWERED)


def choose(world: World, folder: Path, term: Term = choosing.YEARS) -> None:
    """All groups first by a choice round; its public files go into `folder`/choice."""
    choosing.plan_and_open(world, term)
    wishes = choosing.Wishes(providers.groups_open_on(world.programme_id, term.starts), world.seed)
    for number, batch in enumerate(pages(world, "accepted")):
        choosing.file(world, wishes, batch, number, term)
    choosing.decide(world, folder, term)


def move_up(world: World) -> None:
    """What the choice round left over is taken directly; the waiting list moves up twice; freed places are offered."""
    catalogue = left_over(world, LESSONS_FROM)
    take_places(world, catalogue, choosing.YEARS.drawn + timedelta(days=1))
    for turn in range(TURNS):
        day = REFILLED + timedelta(days=7 * turn)
        _expire_and_sweep(world, day)
        refilling.refill(
            actor=world.actors["officer"], round_id=world.round_id, at=world.at(day, 11), key=world.key("refill", turn)
        )
        answer_all(world, f"answers {turn}", day + timedelta(days=1))
        take_places(world, catalogue, day + timedelta(days=2))
    _expire_and_sweep(world, LAST_EXPIRY)
    choosing.pass_on(world, LAST_EXPIRY + timedelta(days=1))


def left_over(world: World, first: date) -> Catalogue:
    """The groups in which a choice round left places over, from a first day of lessons on."""
    groups = providers.groups_open_on(world.programme_id, first)
    spare = vouchers.left_over([group.id for group in groups])
    return Catalogue([group for group in groups if group.id in spare], world.seed)


def _expire_and_sweep(world: World, day: date) -> None:
    """The clock's jobs: vouchers not answered or not placed in time are closed, their money is free again."""
    world.facts["expired"] = world.facts.get("expired", 0) + answers.expire_vouchers(
        actor=STAGE_HAND, territory_id=world.territory_id, on=day, at=world.at(day, 9), key=world.key("expire", day)
    )
    money.sweep_released(
        actor=STAGE_HAND, programme_id=world.programme_id, at=world.at(day), key=world.key("sweep", day)
    )


def answer_all(world: World, name: str, day: date) -> None:
    """Every issued voucher is accepted, refused, or left without an answer."""
    draw = random.Random(f"{name} {world.seed}")
    at = world.at(day, 12)
    for number, batch in enumerate(pages(world, "issued")):
        guardians = people.guardians_of([v.child_id for v in batch], day)
        yes, no = [], []
        for voucher in batch:
            luck = draw.randrange(1000)
            if luck >= REFUSING_PERMILLE + SILENT_PERMILLE:
                yes.append(VoucherAnswer(voucher.id, guardians[voucher.child_id][0]))
            elif luck < REFUSING_PERMILLE:
                no.append(VoucherAnswer(voucher.id, guardians[voucher.child_id][0]))
        app = world.actors["app"]
        if len(yes) > 1:  # somebody else's guardian tries to accept: each row's own guardian is asked for
            stranger = VoucherAnswer(yes[0].voucher_id, yes[-1].guardian_id)
            world.accepted(
                answers.accept_vouchers(actor=app, answers=[stranger], at=at, key=world.key(name, "no kin", number))
            )
        world.accepted(answers.accept_vouchers(actor=app, answers=yes, at=at, key=world.key(name, "yes", number)))
        world.accepted(answers.refuse_vouchers(actor=app, answers=no, at=at, key=world.key(name, "no", number)))
        world.say("answers", number + 1, number + 1)


def take_places(world: World, catalogue: Catalogue, day: date, first: date = LESSONS_FROM) -> None:
    """Every accepted voucher looks for a group of its kind and age with a place."""
    at = world.at(day, 12)
    for number, batch in enumerate(pages(world, "accepted")):
        wishes = _wishes(catalogue, batch, day, first)
        outcomes = places.enrol(actor=world.actors["app"], wishes=wishes, at=at, key=world.key("enrol", day, number))
        catalogue.note(wishes, outcomes)
        world.accepted(outcomes)
        world.say("places", number + 1, number + 1)


def _wishes(catalogue: Catalogue, batch: Sequence[VoucherFacts], today: date, first: date) -> list[EnrolWish]:
    children = [v.child_id for v in batch]
    born, guardians = people.birth_dates(children), people.guardians_of(children, today)
    wishes = []
    for voucher in batch:
        age = _age(born[voucher.child_id], first)
        group = catalogue.pick(voucher.kind, age)
        if group is not None:
            wishes.append(EnrolWish(voucher.id, guardians[voucher.child_id][0], group, first))
    return wishes


def move_some(world: World, day: date) -> None:
    """In the middle of a month some children change to another group of their kind; their money goes with them."""
    draw = random.Random(f"moves {world.seed}")
    catalogue = Catalogue(providers.groups_open_on(world.programme_id, day), world.seed + 1)
    at = world.at(day, 12)
    moved = 0
    for number, batch in enumerate(pages(world, "active")):
        leaving = [v for v in batch if draw.randrange(1000) < MOVING_PERMILLE]
        children = [v.child_id for v in leaving]
        born, guardians = people.birth_dates(children), people.guardians_of(children, day)
        moves = []
        for voucher in leaving:
            group = catalogue.pick(voucher.kind, _age(born[voucher.child_id], day))
            if group is not None:
                moves.append(Move(voucher.id, guardians[voucher.child_id][0], group, day + timedelta(days=1)))
        outcomes = transfers.transfer(actor=world.actors["app"], moves=moves, at=at, key=world.key("move", day, number))
        moved += len(world.accepted(outcomes))
    world.facts["moved"] = world.facts.get("moved", 0) + moved
    choosing.pass_on(world, day + timedelta(days=1))


def close_all(world: World, day: date) -> None:
    """At the year's end every voucher is closed, its place with it; the money still held comes back."""
    at = world.at(day, 17)
    for state in ("active", "suspended", "released", "accepted"):
        for number, batch in enumerate(pages(world, state)):
            outcomes = ends.close_vouchers(
                actor=world.actors["officer"],
                voucher_ids=[voucher.id for voucher in batch],
                reason=CloseReason.BUDGET,
                at=at,
                key=world.key("close", state, number),
            )
            world.accepted(outcomes)
    choosing.look(world, day + timedelta(days=1))


class Catalogue:
    """Groups with places as a family would see them: by kind and age; places as known to this day."""

    def __init__(self, groups: Sequence[GroupFacts], seed: int) -> None:
        self._draw = random.Random(f"catalogue {seed}")
        self._free = dict(vouchers.free_places([g.id for g in groups]))
        self._groups: dict[tuple[str, int], list[int]] = {}
        for group in groups:
            for age in range(group.age_min, group.age_max + 1):
                self._groups.setdefault((group.kind, age), []).append(group.id)

    def pick(self, kind: str, age: int) -> int | None:
        """A group that may have a place; full ones are forgotten on the way. None when all are full."""
        known = self._groups.get((kind, age), [])
        while known:
            at = self._draw.randrange(len(known))
            if self._free[known[at]] > 0:
                self._free[known[at]] -= 1
                return known[at]
            known[at] = known[-1]
            known.pop()
        return None

    def note(self, wishes: Sequence[EnrolWish], outcomes: Sequence[RowOutcome]) -> None:
        """Give back the places of wishes that were refused."""
        for outcome in outcomes:
            if outcome.reason is not None:
                self._free[wishes[outcome.row].group_id] += 1


def pages(world: World, state: str) -> Iterator[list[VoucherFacts]]:
    """All vouchers in a state, page by page, read by the officer."""
    after = 0
    read: Callable[..., list[VoucherFacts]] = vouchers.vouchers_in_state
    while page := read(
        actor=world.actors["officer"],
        programme_id=world.programme_id,
        state=state,
        at=world.now,
        after=after,
        limit=BATCH,
    ):
        yield page
        after = page[-1].id


def _age(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
