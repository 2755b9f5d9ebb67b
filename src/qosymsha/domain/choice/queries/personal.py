"""What one family may see of its own list: the receipt, where it stands and why. Every read is audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from qosymsha.domain.allocation import draw
from qosymsha.domain.allocation.standing import positions
from qosymsha.domain.choice.access import ALLOWED, Action
from qosymsha.domain.choice.models import (
    ChoiceLine,
    ChoiceList,
    ChoiceListHistory,
    ChoiceOffer,
    ChoiceOutcome,
    ChoiceSetback,
)
from qosymsha.domain.choice.queries.standing import standing
from qosymsha.domain.choice.rules import TICKET_KIND, ChoiceRefusal
from qosymsha.domain.choice.states import ChoiceRoundState
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden, Refused

ALLOCATED = frozenset({ChoiceRoundState.ALLOCATED.value, ChoiceRoundState.PUBLISHED.value})


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a family keeps: the ticket is its secret; line id and leaf (hex) stand in public, the leaf after close."""

    round_number: str
    ticket: str
    line_id: str
    group_ids: tuple[int, ...]
    line: str
    leaf: str


@dataclass(frozen=True, slots=True)
class Move:
    """One step of a list's life with its cause."""

    at: datetime
    from_state: str
    to_state: str
    cause: str
    group_id: int | None


@dataclass(frozen=True, slots=True)
class Setback:
    """A position that got worse: the group, from where to where, why."""

    at: datetime
    group_id: int
    was: int
    became: int
    cause: str


@dataclass(frozen=True, slots=True)
class WishStanding:
    """One wish now: `position` on the group's list from 1, None where the child no longer waits; its offer's state."""

    group_id: int
    position: int | None
    offer: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a list stands where it stands. `wish`: the rank of the wish that the run gave, from 1; number is hex."""

    state: str
    reason: str
    group_id: int | None
    wish: int | None
    lottery_number: str
    wishes: tuple[WishStanding, ...]
    moves: tuple[Move, ...]
    setbacks: tuple[Setback, ...]


@transaction.atomic
def receipt(*, actor: Actor, list_id: int, at: datetime) -> Receipt:
    """The receipt of a list, for its guardian, a clerk, or an official who may read lists.

    Raises:
        Forbidden: the actor is none of them.
        Refused: `choice_list_unknown`, also where the family's ticket is erased.
    """
    found = _readable(actor, list_id, at)
    ticket = people.unseal(TICKET_KIND, [found.id]).get(found.id)
    if ticket is None:
        raise Refused(ChoiceRefusal.CHOICE_LIST_UNKNOWN)
    frozen = ChoiceLine.objects.filter(choice_list_id=found.id).first()
    return Receipt(
        round_number=found.round.number,
        ticket=draw.ticket_text(ticket),
        line_id=bytes(found.line_id).hex(),
        group_ids=tuple(found.wishes),
        line=frozen.line if frozen else "",
        leaf=bytes(frozen.leaf).hex() if frozen else "",
    )


@transaction.atomic
def explain(*, actor: Actor, list_id: int, at: datetime) -> Explanation:
    """Where a list stands and why: every move with its cause, every position that got worse with its.

    Reads the whole round's list, which is what positions are made of: seconds for a city, not a page's query.

    Raises:
        Forbidden: the actor is neither the child's guardian nor an official of the territory who may.
        Refused: `choice_list_unknown`.
    """
    found = _readable(actor, list_id, at)
    outcome = ChoiceOutcome.objects.filter(choice_list_id=found.id).first()
    history = ChoiceListHistory.objects.filter(choice_list_id=found.id).order_by("seq")
    setbacks = ChoiceSetback.objects.filter(choice_list_id=found.id).order_by("id")
    return Explanation(
        state=found.state,
        reason=found.reason,
        group_id=found.group_id,
        wish=outcome.wish if outcome else None,
        lottery_number=bytes(outcome.number).hex() if outcome else "",
        wishes=_wishes(found),
        moves=tuple(Move(h.at, h.from_state, h.to_state, h.cause, h.group_id) for h in history),
        setbacks=tuple(Setback(s.at, s.group_id, s.was, s.became, s.cause) for s in setbacks),
    )


def _wishes(found: ChoiceList) -> tuple[WishStanding, ...]:
    offers = dict(ChoiceOffer.objects.filter(choice_list_id=found.id).order_by("id").values_list("group_id", "state"))
    now = _positions(found)
    return tuple(WishStanding(group, now.get(group), offers.get(group, "")) for group in found.wishes)


def _positions(found: ChoiceList) -> dict[int, int]:
    """Group → position now, where the child waits for it."""
    if found.round.state not in ALLOCATED:
        return {}
    today = standing(found.round)
    row = next((row for row, one in enumerate(today.now) if one.list_id == found.id), None)
    if row is None:
        return {}
    market = today.line.market
    own = slice(int(market.offsets[row]), int(market.offsets[row + 1]))
    found_at = positions(today.line, today.match, today.gone, today.out)[own].tolist()
    groups = market.groups[own].tolist()
    return {today.found.group_ids[group]: at for group, at in zip(groups, found_at, strict=True) if at}


def _readable(actor: Actor, list_id: int, at: datetime) -> ChoiceList:
    """The list, if the actor may read it, with the read recorded."""
    found = ChoiceList.objects.select_related("round").filter(pk=list_id).first()
    if found is None:
        require(actor, Action.READ, ALLOWED)
        raise Refused(ChoiceRefusal.CHOICE_LIST_UNKNOWN)
    is_family = bool(people.wards([(actor.guardian_id or 0, found.child_id)], local_day(at)))
    if not is_family and not actor.holds(ALLOWED[Action.READ] - {Role.GUARDIAN}, territory_id=found.territory_id):
        raise Forbidden(Action.READ)
    audit.record(
        actor=actor,
        at=at,
        action=Action.READ,
        subject_kind="choice_list",
        subject_ids=[found.id],
        territory_id=found.territory_id,
    )
    return found
