"""Making a list of wishes: the choice rounds that are open, one's vouchers in them, the groups wished so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from qosymsha.domain.choice.access import Action
from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.queries.facts import HOLDING
from qosymsha.domain.choice.queries.families import own_children
from qosymsha.domain.choice.states import ChoiceRoundState
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import Slot
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor

_WISHERS = """
SELECT v.id, v.uuid, v.number, v.child_id, v.kind, l.id, coalesce(l.wishes, '{}') FROM voucher v
  LEFT JOIN choice_list l ON l.round_id = %s AND l.voucher_id = v.id AND l.state = 'filed'
 WHERE v.child_id = ANY (%s) AND v.programme_id = %s AND v.state = ANY (%s) AND v.first_month <= %s
   AND v.last_month >= date_trunc('month', %s::date) ORDER BY v.id"""
_GROUPS = """
SELECT g.id, g.uuid, g.code, g.kind, p.name, a.name_kk, a.name_ru, a.name_en, n.address_kk, n.address_ru
  FROM club_group g JOIN offering o ON o.id = g.offering_id JOIN activity a ON a.code = o.activity_id
  JOIN venue n ON n.id = g.venue_id JOIN provider p ON p.id = g.provider_id WHERE g.id = ANY (%s)"""


@dataclass(frozen=True, slots=True)
class OpenChoice:
    """A choice round whose window is open now; a list holds at most `most` wishes."""

    id: int
    uuid: UUID
    number: str
    programme_id: int
    closes_at: datetime
    starts_on: date
    most: int


class Wished(NamedTuple):
    """A group on a list, in words; its lessons of a week."""

    id: int
    uuid: UUID
    code: str
    kind: str
    provider: str
    activity_kk: str
    activity_ru: str
    activity_en: str
    address_kk: str
    address_ru: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Wisher:
    """An own voucher that may wish in a round, and its list so far, the most wanted first."""

    voucher_id: int
    voucher_uuid: UUID
    voucher_number: str
    child_id: int
    kind: str
    list_id: int | None
    wishes: tuple[Wished, ...]

    @property
    def order(self) -> tuple[UUID, ...]:
        """The groups' outside ids in their order."""
        return tuple(one.uuid for one in self.wishes)


def open_choices(at: datetime) -> list[OpenChoice]:
    """The choice rounds in whose window the instant lies, the first to close first."""
    found = ChoiceRound.objects.filter(state=ChoiceRoundState.OPEN, opens_at__lte=at, closes_at__gt=at)
    return [
        OpenChoice(
            one.id,
            one.uuid,
            one.number,
            one.programme_id,
            one.closes_at,
            one.starts_on,
            programmes.rules_of(one.rule_set_id).rules.choice.wishes,
        )
        for one in found.order_by("closes_at", "id")
    ]


def own_wishers(*, actor: Actor, choice: OpenChoice, at: datetime) -> list[Wisher]:
    """The vouchers of the guardian's own children that may wish in the round, with their lists; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    own = own_children(actor, at)
    asked = [choice.id, own, choice.programme_id, list(HOLDING), choice.starts_on, choice.starts_on]
    found = _rows(_WISHERS, asked)
    groups = wished_groups({group_id for row in found for group_id in row[6]})
    reading.saw(
        actor=actor,
        at=at,
        action=Action.READ,
        kind="voucher",
        ids=[row[0] for row in found],
        children={row[3] for row in found},
    )
    return [Wisher(*(*row[:6], tuple(groups[group_id] for group_id in row[6]))) for row in found]


def wished_groups(group_ids: Collection[int]) -> dict[int, Wished]:
    """Groups in words by id, two statements."""
    found = _rows(_GROUPS, [sorted(group_ids)])
    slots: defaultdict[int, list[Slot]] = defaultdict(list)
    for slot in providers.timetable([row[0] for row in found]):
        slots[slot.group_id].append(slot)
    return {
        row[0]: Wished._make((*row, tuple(sorted(slots[row[0]], key=lambda s: (s.weekday, s.starts))))) for row in found
    }


def group_of(uuid: UUID) -> Wished | None:
    """The group of an outside id; None where there is none."""
    found = _rows("SELECT id FROM club_group WHERE uuid = %s", [uuid])
    return wished_groups([found[0][0]])[found[0][0]] if found else None


def _rows(statement: str, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())
