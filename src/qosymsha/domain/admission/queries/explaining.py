"""Why an application stands where it stands, from the run as it was published, and each later step with its cause (E6).

The category, its evidence and what follows from it are told only where they are asked for by who may see them; all
else is what the round's own files say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from qosymsha.domain.admission.access import ALLOWED, Action
from qosymsha.domain.admission.models import Application, ApplicationHistory, Outcome, Refill
from qosymsha.domain.admission.queries import facts, frozen, rounds
from qosymsha.domain.admission.queries.personal import position, readable
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden

RESERVE = "reserve"

_BEFORE = """
SELECT count(*) FILTER (WHERE result = 'granted'), count(*) FILTER (WHERE result = 'waiting') FROM outcome
 WHERE round_id = %s AND segment = %s AND rank < %s"""
_CLASSES_BEFORE = r"""
SELECT split_part(f.line, E'\t', 3)::int, split_part(f.line, E'\t', 4), count(*),
       count(*) FILTER (WHERE o.result = 'granted')
  FROM outcome o JOIN frozen_line f ON f.application_id = o.application_id
 WHERE o.round_id = %s AND o.segment = %s AND o.rank < %s GROUP BY 1, 2 ORDER BY 1, 2"""
_LAST = """
SELECT rank, number FROM outcome WHERE round_id = %s AND segment = %s AND result = 'granted' AND how IN ('', 'open')
 ORDER BY rank DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Move:
    """One step of an application's life with its cause."""

    at: datetime
    from_state: str
    to_state: str
    cause: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What certifies a category at the cut-off: the source, its reference, first and last day (None: open)."""

    source: str
    reference: str
    first_day: date | None
    last_day: date | None


@dataclass(frozen=True, slots=True)
class ClassBefore:
    """A published class: how many of it stood before, and how many of these were granted at the run.

    categories: those of its tier; empty for the small classes together.   claims: reserves it may claim.
    """

    categories: tuple[str, ...]
    claims: tuple[str, ...]
    applications: int
    granted: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an application stands where it stands; ranks from 1, None where there is none yet.

    places: of its segment.   rank: its place in the segment's order.   last_rank, last_number: of the last that got an
    open place.   granted_before, waiting_before, before: at the run.   position: its place on the waiting list now, so
    how many places must become free.   refilled: places given to the waiting list since.   Numbers are hex.
    category, coefficient (places per iteration), iteration, turn (its number within the category), evidence: empty
    unless asked for.   how: "open", "reserve", or where the category is told "reserve:" and the category.
    """

    number: str
    round_number: str
    state: str
    reason: str
    segment: str
    category: str
    evidence: Evidence | None
    coefficient: int | None
    iteration: int | None
    turn: int | None
    lottery_number: str
    places: int | None
    rank: int | None
    how: str
    granted_before: int | None
    waiting_before: int | None
    before: tuple[ClassBefore, ...]
    last_rank: int | None
    last_number: str
    position: int | None
    refilled: int
    moves: tuple[Move, ...]


@transaction.atomic
def explain(*, actor: Actor, application_id: int, at: datetime, with_category: bool = False) -> Explanation:
    """Where an application stands and why, with each move and its cause. The read is recorded, with a category twice.

    `with_category`: tell the category too. A guardian's door asks so only behind a fresh step-up.

    Raises:
        Forbidden: the actor is neither the child's guardian nor an official of the territory who may, or asks for a
            category that only the family, a checker and an auditor may see.
        Refused: `unknown_application`.
    """
    found = readable(actor, Action.READ_APPLICATION, application_id, at)
    if with_category:
        _require_category(actor, found, at)
    outcome = Outcome.objects.filter(application_id=found.id).first()
    granted, waiting = _before(outcome) if outcome else (None, None)
    last_rank, last_number = _last(outcome) if outcome else (None, "")
    rules = programmes.rules_of(found.round.rule_set_id).rules
    told = with_category and bool(found.category)
    return Explanation(
        number=found.number,
        round_number=found.round.number,
        state=found.state,
        reason=found.reason,
        segment=found.segment,
        category=found.category if told else "",
        evidence=_evidence(found) if told else None,
        coefficient=rules.category(found.category).coefficient if told else None,
        iteration=outcome.iteration if outcome and told else None,
        turn=outcome.turn if outcome and told else None,
        lottery_number=bytes(outcome.number).hex() if outcome else "",
        places=_places(found),
        rank=outcome.rank if outcome else None,
        how=_how(outcome, told) if outcome else "",
        granted_before=granted,
        waiting_before=waiting,
        before=_classes_before(found, outcome) if outcome else (),
        last_rank=last_rank,
        last_number=last_number,
        position=position(found.id),
        refilled=_refilled(found),
        moves=_moves(found.id),
    )


def _require_category(actor: Actor, found: Application, at: datetime) -> None:
    is_family = bool(people.wards([(actor.guardian_id or 0, found.child_id)], local_day(at)))
    officials = ALLOWED[Action.READ_CATEGORY] - {Role.GUARDIAN}
    if not is_family and not actor.holds(officials, territory_id=found.territory_id):
        raise Forbidden(Action.READ_CATEGORY)
    readable(actor, Action.READ_CATEGORY, found.id, at)


def _evidence(found: Application) -> Evidence | None:
    """The word of a source that stood at the cut-off, the latest first; None for the category that needs none."""
    on = facts.cut_off_day(found.round)
    words = people.certificates(found.child_id, found.category, on)
    return Evidence(*words[0]) if words else None


def _places(found: Application) -> int | None:
    places = frozen.places_of(found.round).get(found.segment)
    return places.places if places else None


def _how(outcome: Outcome, told: bool) -> str:
    return outcome.how if told or not outcome.how.startswith(RESERVE) else RESERVE


def _before(outcome: Outcome) -> tuple[int, int]:
    ((granted, waiting),) = _rows(_BEFORE, [outcome.round_id, outcome.segment, outcome.rank])
    return granted, waiting


def _last(outcome: Outcome) -> tuple[int | None, str]:
    found = _rows(_LAST, [outcome.round_id, outcome.segment])
    return (found[0][0], bytes(found[0][1]).hex()) if found else (None, "")


def _classes_before(found: Application, outcome: Outcome) -> tuple[ClassBefore, ...]:
    """Counted by the classes that the round's files show; all others together."""
    results = rounds.results_of(found.round)
    own = next((one for one in results.segments if one.segment == outcome.segment), None) if results else None
    shown = {(one.categories, one.claims) for one in own.classes} if own else set()
    tiers = rounds.categories_of_tiers(found.round)
    counted: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[int, int]] = {}
    for tier, claims, count, granted in _rows(_CLASSES_BEFORE, [found.round_id, outcome.segment, outcome.rank]):
        name = (tiers.get(tier, ()), tuple(filter(None, claims.split(","))))
        name = name if name in shown else ((), ())
        before = counted.get(name, (0, 0))
        counted[name] = (before[0] + count, before[1] + granted)
    return tuple(ClassBefore(*name, *counts) for name, counts in counted.items())


def _refilled(found: Application) -> int:
    return sum(Refill.objects.filter(round_id=found.round_id, segment=found.segment).values_list("granted", flat=True))


def _moves(application_id: int) -> tuple[Move, ...]:
    rows = ApplicationHistory.objects.filter(application_id=application_id).order_by("seq")
    return tuple(Move(row.at, row.from_state, row.to_state, row.cause) for row in rows)


def _rows(statement: str, arguments: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())
