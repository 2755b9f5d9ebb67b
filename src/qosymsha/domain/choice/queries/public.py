"""Choice rounds as everybody may see them: each step of the life, counts, never a class of fewer than ten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from qosymsha.domain.allocation.small_classes import FEWEST
from qosymsha.domain.choice.models import ChoiceLine, ChoiceRound, ChoiceSecret
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.choice.states import ListState
from qosymsha.domain.programmes import queries as programmes
from qosymsha.kernel.errors import Refused

OTHER, NONE = "other", "none"

_LISTS = "SELECT state, count(*) FROM choice_list WHERE round_id = %s GROUP BY state"
_OFFERS = "SELECT state, count(*) FROM choice_offer WHERE round_id = %s GROUP BY state ORDER BY state"
_WISHES = """
SELECT coalesce(wish::text, 'none'), count(*) FROM choice_outcome WHERE round_id = %s
 GROUP BY wish ORDER BY wish NULLS LAST"""
_GROUPS = """
SELECT g.uuid, p.name, a.name_kk, a.name_ru, a.name_en, g.kind, g.code, g.language, c.places, c.taken, c.wished
  FROM choice_cutoff c JOIN club_group g ON g.id = c.group_id JOIN provider p ON p.id = g.provider_id
  JOIN offering o ON o.id = g.offering_id JOIN activity a ON a.code = o.activity_id
 WHERE c.round_id = %s AND c.wished >= %s ORDER BY c.wished DESC, g.id LIMIT %s OFFSET %s"""
_TOTALS = """
SELECT count(*) FILTER (WHERE wished >= %(least)s), count(*) FILTER (WHERE wished < %(least)s),
       coalesce(sum(places) FILTER (WHERE wished < %(least)s), 0),
       coalesce(sum(taken) FILTER (WHERE wished < %(least)s), 0),
       coalesce(sum(wished) FILTER (WHERE wished < %(least)s), 0), coalesce(sum(places), 0), coalesce(sum(taken), 0)
  FROM choice_cutoff WHERE round_id = %(round)s"""
# Where the small groups together are fewer than ten wishes, the next larger ones join them: a total less the rows that
# are shown would tell.
_LEAST = """
SELECT CASE WHEN sum(wished) FILTER (WHERE wished < %(fewest)s) BETWEEN 1 AND %(fewest)s - 1
            THEN coalesce(min(wished) FILTER (WHERE wished >= %(fewest)s) + 1, %(fewest)s) ELSE %(fewest)s END
  FROM choice_cutoff WHERE round_id = %(round)s"""


@dataclass(frozen=True, slots=True)
class ChoiceHead:
    """A choice round in a list."""

    uuid: UUID
    number: str
    state: str
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class ChoiceParty:
    """A party of the draw: its commitment, and its secret once shown (hex)."""

    name: str
    commitment: str
    secret: str


@dataclass(frozen=True, slots=True)
class GroupResult:
    """A group at the run: free places, children placed, children who wished it (ten at least)."""

    uuid: UUID
    provider: str
    activity_kk: str
    activity_ru: str
    activity_en: str
    kind: str
    code: str
    language: str
    places: int
    taken: int
    wished: int


@dataclass(frozen=True, slots=True)
class SmallGroups:
    """Groups wished by fewer than ten, together; taken and wished are None where even together they are so few."""

    groups: int
    places: int
    taken: int | None
    wished: int | None


@dataclass(frozen=True, slots=True)
class ChoiceResults:
    """What a run gave. `by_wish`: "1" is the first wish, "none" no place; ranks of fewer than ten are merged, `other`.

    taken: None where it would tell of fewer than ten.   groups: how many have a row of their own; read them page by
    page with `group_results`.
    """

    places: int
    taken: int | None
    by_wish: dict[str, int]
    groups: int
    small: SmallGroups


@dataclass(frozen=True, slots=True)
class ChoiceLife:
    """A choice round step by step; hashes and values in hex, empty before they are known.

    lists: filed, withdrawn, … by state now.   rows: lines of the closed list, None before it is closed.
    offers: of freed places, by state.   results: None before the run.
    """

    uuid: UUID
    number: str
    state: str
    opens_at: datetime
    closes_at: datetime
    starts_on: date
    rule_set_hash: str
    beacon_name: str
    parties: tuple[ChoiceParty, ...]
    lists: dict[str, int]
    closed_at: datetime | None
    rows: int | None
    root: str
    drawn_at: datetime | None
    beacon_value: str
    seed: str
    output_hash: str
    published_at: datetime | None
    cancelled_at: datetime | None
    cancel_reason: str
    results: ChoiceResults | None
    offers: dict[str, int]


def choice_heads() -> list[ChoiceHead]:
    """Every choice round of the installation that was opened, the latest first."""
    found = ChoiceRound.objects.exclude(state="planned").order_by("-opens_at", "-id")
    return [ChoiceHead(*row) for row in found.values_list("uuid", "number", "state", "opens_at", "closes_at")]


def choice_round_numbers(programme_id: int) -> list[str]:
    """The numbers of a programme's choice rounds, the latest first."""
    found = ChoiceRound.objects.filter(programme_id=programme_id).order_by("-opens_at", "-id")
    return list(found.values_list("number", flat=True))


def choice_round_numbered(number: str) -> ChoiceRound:
    """The choice round of a human number; how the doors name rounds.

    Raises:
        Refused: `choice_round_unknown`.
    """
    found = ChoiceRound.objects.filter(number=number.strip().upper()).first()
    if found is None:
        raise Refused(ChoiceRefusal.CHOICE_ROUND_UNKNOWN, number=number)
    return found


def choice_life(uuid: UUID) -> ChoiceLife:
    """The round's life so far; a constant number of statements.

    Raises:
        Refused: `choice_round_unknown`.
    """
    found = ChoiceRound.objects.filter(uuid=uuid).first()
    if found is None:
        raise Refused(ChoiceRefusal.CHOICE_ROUND_UNKNOWN, uuid=uuid)
    secrets = ChoiceSecret.objects.filter(round_id=found.id).order_by("id")
    return ChoiceLife(
        uuid=found.uuid,
        number=found.number,
        state=found.state,
        opens_at=found.opens_at,
        closes_at=found.closes_at,
        starts_on=found.starts_on,
        rule_set_hash=programmes.rules_of(found.rule_set_id).hash.hex(),
        beacon_name=found.beacon_name,
        parties=tuple(ChoiceParty(s.party, _hex(s.commitment), _hex(s.secret)) for s in secrets),
        lists=_counted(_LISTS, found.id),
        closed_at=found.closed_at,
        rows=ChoiceLine.objects.filter(round_id=found.id).count() if found.root else None,
        root=_hex(found.root),
        drawn_at=found.drawn_at,
        beacon_value=_hex(found.beacon_value),
        seed=_hex(found.seed),
        output_hash=_hex(found.output_hash),
        published_at=found.published_at,
        cancelled_at=found.cancelled_at,
        cancel_reason=found.cancel_reason,
        results=_results(found.id) if found.output_hash else None,
        offers=_counted(_OFFERS, found.id),
    )


def group_results(uuid: UUID, *, limit: int, after: int = 0) -> list[GroupResult]:
    """Groups of an allocated round that ten children or more wished, the most wished first; a page of them."""
    found = ChoiceRound.objects.filter(uuid=uuid, output_hash__isnull=False).values_list("id", flat=True).first()
    if found is None:
        return []
    return [GroupResult(*row) for row in _rows(_GROUPS, [found, _least(found), limit, after])]


def choice_root_statement(uuid: UUID) -> str:
    """The closed list's root as a text for time-stamping outside: the same bytes for ever.

    Raises:
        Refused: `choice_round_unknown`, or `choice_window_still_open` before the list is closed.
    """
    found = ChoiceRound.objects.filter(uuid=uuid).first()
    if found is None:
        raise Refused(ChoiceRefusal.CHOICE_ROUND_UNKNOWN, uuid=uuid)
    if not found.root:
        raise Refused(ChoiceRefusal.CHOICE_WINDOW_STILL_OPEN, uuid=uuid)
    return f"qosymsha root 1\nround {found.number}\nroot {_hex(found.root)}\n"


def counts_now(round_id: int) -> dict[str, int]:
    """Lists of a round by their state now: placed, unplaced, left, …"""
    counted = _counted(_LISTS, round_id)
    return {state.value: counted[state.value] for state in ListState if state.value in counted}


def merged_ranks(by_wish: dict[str, int]) -> dict[str, int]:
    """Ranks got by fewer than ten are merged into `other`, and the next smallest one where that is fewer than ten."""
    small = {rank for rank, count in by_wish.items() if count < FEWEST}
    for rank in sorted(by_wish, key=lambda rank: by_wish[rank]):
        if not small or sum(by_wish[r] for r in small) >= FEWEST:
            break
        small.add(rank)
    shown = {rank: count for rank, count in by_wish.items() if rank not in small}
    together = sum(by_wish[rank] for rank in small)
    return shown | ({OTHER: together} if together >= FEWEST else {})


def _results(round_id: int) -> ChoiceResults:
    ((shown, few, few_places, few_taken, few_wished, places, taken),) = _rows(
        _TOTALS, {"least": _least(round_id), "round": round_id}
    )
    is_told = few_wished == 0 or few_wished >= FEWEST
    small = SmallGroups(few, few_places, few_taken if is_told else None, few_wished if is_told else None)
    by_wish = merged_ranks(_counted(_WISHES, round_id))
    return ChoiceResults(places, taken if is_told else None, by_wish, shown, small)


def _least(round_id: int) -> int:
    """From how many wishes on a group has a row of its own."""
    return int(_rows(_LEAST, {"fewest": FEWEST, "round": round_id})[0][0])


def _counted(statement: str, round_id: int) -> dict[str, int]:
    return {str(name): int(count) for name, count in _rows(statement, [round_id])}


def _rows(statement: str, arguments: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())


def _hex(value: bytes | memoryview | None) -> str:
    return bytes(value).hex() if value else ""
