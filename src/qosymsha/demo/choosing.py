"""Families choose groups: lists of wishes, one draw, the best place each can have; then freed places, one by one."""

from __future__ import annotations

import hashlib
import random
import shutil
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from qosymsha.demo.world import STAGE_HAND, YEAR, Term, World
from qosymsha.domain.allocation import draw
from qosymsha.domain.choice import commands, queries
from qosymsha.domain.choice.rules import ChoicePlan, ListRow, OfferAnswer
from qosymsha.domain.people import queries as people
from qosymsha.domain.providers.rules import GroupFacts
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.rules import whole_years
from qosymsha.kernel import clock

YEARS = Term("year", date(YEAR, 2, 12), date(YEAR, 2, 14), date(YEAR, 2, 15), date(YEAR, 3, 2))
PARTIES = ("akimat", "parents-council")
PUBLIC = "choice"  # the folder, beside the round's files, of what everybody may see
MOST_WISHES = 6
POPULAR = 3.0  # how much families agree on what is good: 1 is not at all
SILENT_PERMILLE = 20  # accepted, but file no list: they take what is left over
DECLINING_PERMILLE = 200


def plan_and_open(world: World, term: Term = YEARS) -> None:
    """Plan the round before its window and open it on its day, when the vouchers are accepted."""
    plan = ChoicePlan(
        opens_at=clock.local_instant(term.opens, 9),
        closes_at=clock.local_instant(term.closes, 18),
        starts_on=term.starts,
        beacon_name=f"demo beacon, first value after {term.closes.isoformat()} 18:00",
        commitments={party: draw.commitment(_secret(world, party, term)) for party in PARTIES},
    )
    planned = commands.plan_choice_round(
        actor=world.actors["officer"],
        programme_id=world.programme_id,
        plan=plan,
        at=world.at(term.opens - timedelta(days=1), 18),
        key=world.key("plan choice", term.name),
    )
    world.facts["choice_id"], world.facts["choice_beacon"] = planned.id, plan.beacon_name
    opened = world.at(term.opens, 9, 1)
    commands.open_choice_round(
        actor=world.actors["officer"], round_id=planned.id, at=opened, key=world.key("open choice", term.name)
    )


class Wishes:
    """What families would like: some of the groups of their child's kind and age, the popular ones more often."""

    def __init__(self, groups: Sequence[GroupFacts], seed: int) -> None:
        self._draw = random.Random(f"wishes {seed}")
        self._groups: dict[tuple[str, int], list[int]] = {}
        for group in groups:
            for age in range(group.age_min, group.age_max + 1):
                self._groups.setdefault((group.kind, age), []).append(group.id)

    def pick(self, kind: str, age: int) -> tuple[int, ...]:
        """Up to six different groups, the most wanted first; none where no group takes the age."""
        known = self._groups.get((kind, age), [])
        wanted = 1 + self._draw.randrange(MOST_WISHES)
        chosen: dict[int, None] = {}
        for _ in range(2 * wanted if known else 0):
            chosen[known[int(len(known) * self._draw.random() ** POPULAR)]] = None
            if len(chosen) == wanted:
                break
        return tuple(chosen)


def file(world: World, wishes: Wishes, batch: Sequence[VoucherFacts], number: int, term: Term = YEARS) -> None:
    """A batch of families files its lists; some stay silent, one guardian tries for somebody else's child."""
    luck = random.Random(f"lists {world.seed} {term.name} {number}")
    at = world.at(term.opens, 10, number % 60)
    children = [voucher.child_id for voucher in batch]
    born, guardians = people.birth_dates(children), people.guardians_of(children, term.opens)
    rows = []
    for voucher in batch:
        groups = wishes.pick(voucher.kind, whole_years(born[voucher.child_id], term.starts))
        if groups and luck.randrange(1000) >= SILENT_PERMILLE:
            rows.append(ListRow(voucher.id, guardians[voucher.child_id][0], groups))
    app, round_id = world.actors["app"], world.facts["choice_id"]
    if len(rows) > 1:
        strange = ListRow(rows[0].voucher_id, rows[-1].guardian_id, rows[0].group_ids)
        key = world.key("lists", term.name, "no kin", number)
        world.accepted(commands.file_lists(actor=app, round_id=round_id, rows=[strange], at=at, key=key))
    key = world.key("lists", term.name, number)
    world.accepted(commands.file_lists(actor=app, round_id=round_id, rows=rows, at=at, key=key))
    world.say("wishes", number + 1, number + 1)


def decide(world: World, folder: Path, term: Term = YEARS) -> None:
    """Close, draw, allocate, publish; the public part of the files goes into `folder`/choice."""
    officer, round_id = world.actors["officer"], world.facts["choice_id"]
    at = world.at(term.closes, 18, 1)
    commands.close_choice_round(actor=officer, round_id=round_id, at=at, key=world.key("close choice", term.name))
    commands.draw_choice_round(
        actor=officer,
        round_id=round_id,
        beacon_value=world.beacon.value(world.facts["choice_beacon"]),
        secrets={party: _secret(world, party, term) for party in PARTIES},
        at=world.at(term.drawn, 10),
        key=world.key("draw choice", term.name),
    )
    at = world.at(term.drawn, 11)
    commands.allocate_places(actor=officer, round_id=round_id, at=at, key=world.key("allocate places", term.name))
    at = world.at(term.drawn, 12)
    with tempfile.TemporaryDirectory(prefix="qosymsha-choice-") as whole:
        commands.publish_choice_round(
            actor=officer, round_id=round_id, folder=Path(whole), at=at, key=world.key("publish choice", term.name)
        )
        shutil.copytree(Path(whole) / "public", folder / PUBLIC, dirs_exist_ok=True)


def look(world: World, day: date) -> None:
    """The clock's look: offers end, freed places are offered."""
    commands.offer_freed_places(
        actor=STAGE_HAND, round_id=world.facts["choice_id"], at=world.at(day, 8), key=world.key("offers", day)
    )


def pass_on(world: World, day: date) -> None:
    """The clock looks for freed places twice; most families that are asked say yes within the days they have."""
    luck = random.Random(f"offers {world.seed} {day}")
    for turn in range(2):
        on = day + timedelta(days=turn)
        look(world, on)
        answers = []
        first_of = {offer.list_id: offer for offer in reversed(queries.offers_waiting(world.facts["choice_id"]))}
        for offer in sorted(first_of.values(), key=lambda offer: offer.id):  # a family answers one offer at a time
            is_yes = luck.randrange(1000) >= DECLINING_PERMILLE
            first = max(on + timedelta(days=1), YEARS.starts) if is_yes else None
            answers.append(OfferAnswer(offer.id, offer.guardian_id, is_yes, first))
        key = world.key("offers answered", on)
        outcomes = commands.answer_offers(actor=world.actors["app"], answers=answers, at=world.at(on, 12), key=key)
        world.facts["offers"] = world.facts.get("offers", 0) + len(world.accepted(outcomes))


def report(world: World) -> list[dict[str, object]]:
    """The choice round in the year's report."""
    life = queries.choice_life(queries.round_of(world.facts["choice_id"]).uuid)
    assert life.results is not None, "the year's round is allocated"
    found: dict[str, object] = {"id": life.number, "root": life.root, "seed": life.seed, "lists": life.rows}
    return [found | {"by_wish": life.results.by_wish, "offers": life.offers}]


def _secret(world: World, party: str, term: Term) -> bytes:
    """A party's sealed secret; in the demo it follows from the seed."""
    return hashlib.sha256(f"demo choice secret {world.seed} {term.name} {party}".encode()).digest()
