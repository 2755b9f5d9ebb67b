"""The lists of wishes of a guardian's own children, for the family's page; each read is audited."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.choice.access import ALLOWED, Action
from qosymsha.domain.choice.models import ChoiceList
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden


class OwnList(NamedTuple):
    """A list of wishes in short."""

    id: int
    uuid: UUID
    round_number: str
    child_id: int
    state: str


def own_children(actor: Actor, at: datetime) -> list[int]:
    """The ids of the children who are the guardian's own today.

    Raises:
        Forbidden: the actor is no guardian.
    """
    require(actor, Action.READ, ALLOWED)
    if actor.guardian_id is None or not actor.holds({Role.GUARDIAN}):
        raise Forbidden(Action.READ)
    return people.own_child_ids(actor.guardian_id, local_day(at))


def own_lists(*, actor: Actor, at: datetime) -> list[OwnList]:
    """The lists of the children who are the guardian's own today, newest first; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    own = own_children(actor, at)
    columns = ("id", "uuid", "round__number", "child_id", "state")
    found = [OwnList._make(row) for row in ChoiceList.objects.filter(child_id__in=own).values_list(*columns)]
    ids, children = [one.id for one in found], {one.child_id for one in found}
    reading.saw(actor=actor, at=at, action=Action.READ, kind="choice_list", ids=ids, children=children)
    return sorted(found, key=lambda one: -one.id)
