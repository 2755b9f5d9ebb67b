"""A provider's live places with their children's names."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.agreements.access import Action
from qosymsha.domain.agreements.queries.asked import names, of_house, rows
from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.text import sort_key


class HousePlace(NamedTuple):
    """A live place of the provider's: the child's name, its group."""

    id: int
    uuid: UUID
    child_id: int
    rule_set_id: int
    group: str
    activity: str
    starts_on: date
    taken_at: datetime
    name: str = ""


_PLACES = """
SELECT e.id, e.uuid, e.child_id, v.rule_set_id, g.code, o.activity_id, e.starts_on, e.created_at FROM enrolment e
  JOIN voucher v ON v.id = e.voucher_id JOIN club_group g ON g.id = e.group_id JOIN offering o ON o.id = g.offering_id
 WHERE g.provider_id = %s AND e.state IN ('contracted', 'active') AND (%s::uuid IS NULL OR e.uuid = %s)
 ORDER BY g.code, e.id"""


def places_of_provider(*, actor: Actor, provider_id: int, at: datetime, uuid: UUID | None = None) -> list[HousePlace]:
    """The provider's live places by group, or the one of this outside id; an audited read.

    Raises:
        Forbidden: the actor does not manage the provider.
    """
    territory_id = of_house(actor, provider_id)
    found = [HousePlace(*row) for row in rows(_PLACES, [provider_id, uuid, uuid])]
    children, ids = {one.child_id for one in found}, [one.id for one in found]
    named = names(actor, Action.READ_HOUSE, ("enrolment", ids), children, at, territory_id)
    shown = (one._replace(name=named.get(one.child_id, ERASED_NAME)) for one in found)
    return sorted(shown, key=lambda one: (one.group, sort_key(one.name)))
