"""What one family may see of its own list: the receipt, where it stands and why. Every read is audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from qosymsha.domain.allocation import draw
from qosymsha.domain.choice.access import ALLOWED, Action
from qosymsha.domain.choice.models import (
    ChoiceLine,
    ChoiceList,
    ChoiceListHistory,
    ChoiceOffer,
    ChoiceOutcome,
    ChoiceSetback,
)
from qosymsha.domain.choice.queries.waiting import positions_of
from qosymsha.domain.choice.rules import TICKET_KIND, ChoiceRefusal
from qosymsha.domain.choice.states import ChoiceRoundState
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden, Refused

# Of each wished group: the list's place on its list, its places, how many it took and where the last of them stood.
_AT_RUN = """
SELECT g.id, mine.place, c.places, c.taken, CASE WHEN c.reserved = 0 THEN (
           SELECT max(e.place) FROM choice_entry e JOIN choice_outcome o ON o.choice_list_id = e.choice_list_id
                  AND o.group_id = e.group_id WHERE e.round_id = c.round_id AND e.group_id = g.id) END,
       p.name, a.name_kk, a.name_ru, a.name_en, g.code
  FROM club_group g JOIN provider p ON p.id = g.provider_id JOIN offering f ON f.id = g.offering_id
  JOIN activity a ON a.code = f.activity_id
  LEFT JOIN choice_entry mine ON mine.choice_list_id = %s AND mine.group_id = g.id
  LEFT JOIN choice_cutoff c ON c.round_id = %s AND c.group_id = g.id
 WHERE g.id = ANY (%s)"""

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
    """One wish, at the run and now.

    wish: its rank on the list filed, from 1.   place: on the group's list at the run, by the group's own order; None
    where the wish was left out at close.   places: free then.   taken: how many it took; last_place: where the last of
    them stood.   position: on the group's list now, None where the child no longer waits.   offer: its latest state.
    """

    group_id: int
    position: int | None
    offer: str
    wish: int = 0
    place: int | None = None
    places: int | None = None
    taken: int | None = None
    last_place: int | None = None
    provider: str = ""
    activity: tuple[str, str, str] = ("", "", "")
    code: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a list stands where it stands. `wish`: the rank of the wish that the run gave, from 1; number is hex.

    criteria: what every group looks at, in order.
    """

    round_number: str
    criteria: tuple[str, ...]
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

    Raises:
        Forbidden: the actor is neither the child's guardian nor an official of the territory who may.
        Refused: `choice_list_unknown`.
    """
    found = _readable(actor, list_id, at)
    outcome = ChoiceOutcome.objects.filter(choice_list_id=found.id).first()
    history = ChoiceListHistory.objects.filter(choice_list_id=found.id).order_by("seq")
    setbacks = ChoiceSetback.objects.filter(choice_list_id=found.id).order_by("id")
    rules = programmes.rules_of(found.round.rule_set_id).rules
    return Explanation(
        round_number=found.round.number,
        criteria=rules.choice.criteria,
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
    now = positions_of(found.round, found.id) if found.round.state in ALLOCATED else {}
    at_run = {row[0]: row[1:] for row in rows(_AT_RUN, [found.id, found.round_id, list(found.wishes)])}
    return tuple(
        WishStanding(group, now.get(group), offers.get(group, ""), rank, *_named(*at_run[group]))
        for rank, group in enumerate(found.wishes, 1)
    )


def _named(  # noqa: PLR0913, PLR0917 - the columns of a row
    place: int | None,
    places: int | None,
    taken: int | None,
    last_place: int | None,
    provider: str,
    kk: str,
    ru: str,
    en: str,
    code: str,
) -> tuple[int | None, int | None, int | None, int | None, str, tuple[str, str, str], str]:
    return place, places, taken, last_place, provider, (kk, ru, en or ru), code


def list_of_voucher(number: str) -> int:
    """The id of a voucher's latest list by the voucher's human number: how the doors name it. No personal data.

    Raises:
        Refused: `choice_list_unknown`.
    """
    lists = ChoiceList.objects.filter(voucher__number=number.strip().upper()).order_by("-id")
    found = lists.values_list("id", flat=True).first()
    if found is None:
        raise Refused(ChoiceRefusal.CHOICE_LIST_UNKNOWN, number=number)
    return found


def _readable(actor: Actor, list_id: int, at: datetime) -> ChoiceList:
    """The list, if the actor may read it, with the read recorded."""
    found = ChoiceList.objects.select_related("round").filter(pk=list_id).first()
    if found is None:
        require(actor, Action.READ, ALLOWED)
        raise Refused(ChoiceRefusal.CHOICE_LIST_UNKNOWN)
    is_family = bool(people.wards([(actor.guardian_id or 0, found.child_id)], local_day(at)))
    if not is_family and not actor.holds(ALLOWED[Action.READ] - {Role.GUARDIAN}, territory_id=found.territory_id):
        raise Forbidden(Action.READ)
    reading.saw(
        actor=actor,
        at=at,
        action=Action.READ,
        kind="choice_list",
        ids=[found.id],
        children=[found.child_id],
        territory_id=found.territory_id,
    )
    return found
