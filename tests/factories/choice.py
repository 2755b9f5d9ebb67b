"""A choice round at any stage of its life, in the small city of `factories.vouchers`. All people are made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from qosymsha.domain.allocation import draw
from qosymsha.domain.choice import commands
from qosymsha.domain.choice.models import ChoiceEntry, ChoiceList, ChoiceOffer, ChoiceOutcome, ChoiceRound
from qosymsha.domain.choice.rules import ChoicePlan, ListRow, OfferAnswer
from qosymsha.domain.people.models import ChildStatus, Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Enrolment, Seat
from qosymsha.domain.vouchers.rules import Release
from qosymsha.domain.vouchers.states import CloseReason
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import RowOutcome
from tests.factories.vouchers import CHANNEL, YEAR, City, accepted, key, make_city

OPENS = local_instant(date(2026, 9, 2), 8)
INSIDE = OPENS + timedelta(hours=4)
CLOSES = local_instant(date(2026, 9, 4), 18)
AFTER = CLOSES + timedelta(hours=1)
STARTS = date(2026, 9, 7)
PARTIES = {"akimat": b"\1" * 32, "parents": b"\2" * 32}
OFFICER = Actor(501, "user:501", (Grant(Role.PROGRAMME_OFFICER),))
CHECKER = Actor(502, "user:502", (Grant(Role.CHECKER),))
LATER = local_instant(STARTS + timedelta(days=2), 12)  # a Wednesday
BEACON = "fake:2026-09-05"


def town(**choice: object) -> City:
    """A city whose rule set has these fields of the section `choice`."""
    return make_city(choice=choice)


@dataclass
class Child:
    """A holder of an accepted voucher."""

    voucher: int
    child: int
    guardian: int


def holders(city: City, how_many: int) -> list[Child]:
    """So many holders of accepted sport vouchers."""
    return [Child(*row) for row in accepted(city, how_many)]


def siblings(*children: Child) -> None:
    """Make the first one's guardian a guardian of the others too."""
    own = Guardianship.objects.get(child_id=children[0].child)
    Guardianship.objects.bulk_create(
        Guardianship(guardian=own.guardian, child_id=c.child, kind="mother", evidence="test", valid=own.valid)
        for c in children[1:]
    )


def plan(**changes: object) -> ChoicePlan:
    """A plan that is accepted, unless `changes` spoil it."""
    fields: dict[str, object] = {
        "opens_at": OPENS,
        "closes_at": CLOSES,
        "starts_on": STARTS,
        "beacon_name": BEACON,
        "commitments": {party: draw.commitment(secret) for party, secret in PARTIES.items()},
    }
    return ChoicePlan(**(fields | changes))  # type: ignore[arg-type]


def opened(city: City, draft: ChoicePlan | None = None) -> ChoiceRound:
    """An open round."""
    draft = draft or plan()
    planned = commands.plan_choice_round(
        actor=OFFICER, programme_id=city.programme_id, plan=draft, at=draft.opens_at, key=key()
    )
    return commands.open_choice_round(actor=OFFICER, round_id=planned.id, at=draft.opens_at, key=key())


def file(
    the_round: ChoiceRound,
    wishes: Sequence[tuple[Child, Sequence[int]]],
    at: datetime = INSIDE,
    own: UUID | None = None,
) -> list[RowOutcome]:
    """Lists filed by a channel."""
    rows = [ListRow(child.voucher, child.guardian, tuple(groups)) for child, groups in wishes]
    return commands.file_lists(actor=CHANNEL, round_id=the_round.id, rows=rows, at=at, key=own or key())


def close(the_round: ChoiceRound, at: datetime = CLOSES) -> commands.Closed:
    """Close the window."""
    return commands.close_choice_round(actor=OFFICER, round_id=the_round.id, at=at, key=key())


def drawn(the_round: ChoiceRound, secrets: Mapping[str, bytes] = PARTIES, beacon: bytes = b"beacon") -> ChoiceRound:
    """Draw a closed round."""
    return commands.draw_choice_round(
        actor=OFFICER, round_id=the_round.id, beacon_value=beacon, secrets=secrets, at=AFTER, key=key()
    )


def allocate(the_round: ChoiceRound, at: datetime = AFTER) -> commands.Placed:
    """Run a drawn round."""
    return commands.allocate_places(actor=OFFICER, round_id=the_round.id, at=at, key=key())


def run(city: City, wishes: Sequence[tuple[Child, Sequence[int]]]) -> ChoiceRound:
    """A whole round: opened, filed, closed, drawn, allocated."""
    the_round = opened(city)
    outcomes = file(the_round, wishes)
    assert all(o.reason is None for o in outcomes), outcomes
    close(the_round)
    drawn(the_round)
    allocate(the_round)
    the_round.refresh_from_db()
    return the_round


def offer(the_round: ChoiceRound, at: datetime) -> commands.Offered:
    """The job's look at freed places."""
    return commands.offer_freed_places(actor=OFFICER, round_id=the_round.id, at=at, key=key())


def answer(offer_id: int, guardian: int, at: datetime, *, yes: bool = True, own: UUID | None = None) -> RowOutcome:
    """A guardian's answer through a channel; with yes, from the day after."""
    on = at.date() + timedelta(days=1) if yes else None
    (outcome,) = commands.answer_offers(
        actor=CHANNEL, answers=[OfferAnswer(offer_id, guardian, yes, on)], at=at, key=own or key()
    )
    return outcome


def give_up(child: Child, at: datetime) -> None:
    """The child leaves its place, the voucher is kept."""
    release = Release(child.voucher, child.guardian, at.date() + timedelta(days=1))
    (outcome,) = vouchers.release_vouchers(actor=CHANNEL, releases=[release], reason="family", at=at, key=key())
    assert outcome.reason is None, outcome


def certified(child_id: int, category: str) -> ChildStatus:
    """A certificate of a category, valid at the cut-off; not stored yet."""
    return ChildStatus(
        child_id=child_id,
        category=category,
        source="registry",
        evidence="e",
        state="certified",
        valid=YEAR,
        certified_at=OPENS,
        certified_by=0,
    )


def order_on(the_round: ChoiceRound, group: int) -> list[int]:
    """The lists on a group's list, the best first."""
    entries = ChoiceEntry.objects.filter(round=the_round, group_id=group).order_by("place")
    return list(entries.values_list("choice_list_id", flat=True))


def place_of(child: Child) -> int | None:
    """The group in which the child has a live place."""
    return Enrolment.objects.filter(voucher_id=child.voucher, state="active").values_list("group_id", flat=True).first()


def open_offers() -> dict[int, ChoiceOffer]:
    """Voucher → its open offer."""
    found = ChoiceOffer.objects.filter(state="offered").select_related("choice_list")
    return {o.choice_list.voucher_id: o for o in found}


def list_of(child: Child) -> ChoiceList:
    """The child's latest list."""
    return ChoiceList.objects.filter(voucher_id=child.voucher).latest("id")


def seats_fit() -> bool:
    """Whether every seat counter equals live places and open offers."""
    for seat in Seat.objects.all():
        live = Enrolment.objects.filter(group_id=seat.group_id, state="active").count()
        if seat.taken != live + ChoiceOffer.objects.filter(group_id=seat.group_id, state="offered").count():
            return False
    return True


def queue(city: City, group: int, how_many: int) -> tuple[ChoiceRound, list[Child]]:
    """A round in which so many wish one group, and they in the order of its list: by number, the best first."""
    children = holders(city, how_many)
    the_round = run(city, [(c, [group]) for c in children])
    numbers = {o.choice_list.voucher_id: bytes(o.number) for o in ChoiceOutcome.objects.select_related("choice_list")}
    return the_round, sorted(children, key=lambda c: numbers[c.voucher])


def closed_for_good(child: Child) -> None:
    """The child moves away: its voucher is closed."""
    vouchers.close_vouchers(actor=CHECKER, voucher_ids=[child.voucher], reason=CloseReason.MOVED, at=LATER, key=key())


def reasons(the_round: ChoiceRound, *rows: tuple[Child, list[int]]) -> list[object]:
    """Why each of these lists is refused; None for one that is taken."""
    return [outcome.reason for outcome in file(the_round, rows)]
