"""What a step of a choice round will do, in figures, before it is done: nothing is stored, no child is named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from qosymsha.domain.allocation.announcement import TYPED
from qosymsha.domain.choice.models import ChoiceRound, ChoiceSecret
from qosymsha.domain.choice.queries import facts
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers import queries as vouchers

_LISTS = "SELECT state, count(*) FROM choice_list WHERE round_id = %s GROUP BY state"
_HOLDERS = "SELECT count(*) FROM voucher WHERE programme_id = %s AND state = ANY(%s)"


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """A choice round in the office's list."""

    uuid: UUID
    number: str
    state: str
    opens_at: datetime
    closes_at: datetime
    programme_id: int


@dataclass(frozen=True, slots=True)
class ChoiceSeen:
    """A choice round as the office sees it, with what its next step will do.

    lists: filed or frozen lists that count now.   holders: vouchers that may still file one.   groups, places: groups
    open on the first day and their free places now.   freed: what the rules do with places that free up.
    """

    id: int
    uuid: UUID
    number: str
    state: str
    programme_id: int
    territory_id: int
    opens_at: datetime
    closes_at: datetime
    starts_on: date
    beacon_name: str
    parties: tuple[str, ...]
    is_typed: bool
    lists: int
    holders: int
    groups: int
    places: int
    wishes: int
    freed: str
    other_runs: str

    @property
    def will_get(self) -> int:
        """At most so many children get a place."""
        return min(self.lists, self.places)


@dataclass(frozen=True, slots=True)
class PlacesNow:
    """An allocated round today: free places in so many of its groups, lists that sit, lists that wait."""

    places: int
    groups: int
    placed: int
    unplaced: int


def places_now(round_id: int) -> PlacesNow:
    """What freed places there are to be given, and to how many at most."""
    groups = facts.groups_of(round_id)
    free = [places for places in vouchers.free_places(groups).values() if places > 0] if groups else []
    lists = dict(_rows(_LISTS, [round_id]))
    return PlacesNow(sum(free), len(free), lists.get("placed", 0), lists.get("unplaced", 0))


def programme_choice_rounds(programme_ids: list[int]) -> list[ChoiceRow]:
    """Choice rounds of these programmes, planned ones too, the latest first."""
    found = ChoiceRound.objects.filter(programme_id__in=programme_ids).order_by("-opens_at", "-id")
    names = ("uuid", "number", "state", "opens_at", "closes_at", "programme_id")
    return [ChoiceRow(*row) for row in found.values_list(*names)]


def choice_round_seen(uuid: UUID) -> ChoiceSeen | None:
    """The choice round of this uuid, or None; a constant number of statements."""
    found = ChoiceRound.objects.filter(uuid=uuid).first()
    if found is None:
        return None
    rules = programmes.rules_of(found.rule_set_id).rules
    groups = [group.id for group in providers.groups_open_on(found.programme_id, found.starts_on)]
    lists = dict(_rows(_LISTS, [found.id]))
    ((holders,),) = _rows(_HOLDERS, [found.programme_id, list(facts.HOLDING)])
    running = ChoiceRound.objects.filter(programme_id=found.programme_id, state__in=["open", "closed", "drawn"])
    parties = ChoiceSecret.objects.filter(round_id=found.id).order_by("id").values_list("party", flat=True)
    return ChoiceSeen(
        id=found.id,
        uuid=found.uuid,
        number=found.number,
        state=found.state,
        programme_id=found.programme_id,
        territory_id=found.territory_id,
        opens_at=found.opens_at,
        closes_at=found.closes_at,
        starts_on=found.starts_on,
        beacon_name=found.beacon_name,
        parties=tuple(parties),
        is_typed=found.beacon_name.startswith(TYPED),
        lists=sum(lists.get(state, 0) for state in ("filed", "frozen")),
        holders=holders,
        groups=len(groups),
        places=sum(vouchers.free_places(groups).values()) if groups else 0,
        wishes=rules.choice.wishes,
        freed=rules.choice.freed,
        other_runs=running.exclude(pk=found.id).values_list("number", flat=True).first() or "",
    )


def _rows(statement: str, arguments: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())
