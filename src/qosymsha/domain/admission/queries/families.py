"""The applications of a guardian's own children, for the list on the family's page; each read is audited."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.admission.access import ALLOWED, Action
from qosymsha.domain.admission.models import Application
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden

_COLUMNS = (
    "id", "uuid", "number", "round__number", "child_id", "kind", "state", "submitted_at", "round__uuid", "child__uuid",
)  # fmt: skip


class OwnApplication(NamedTuple):
    """An application in short; never a category."""

    id: int
    uuid: UUID
    number: str
    round_number: str
    child_id: int
    kind: str
    state: str
    submitted_at: datetime
    round_uuid: UUID
    child_uuid: UUID


def own_applications(*, actor: Actor, at: datetime) -> list[OwnApplication]:
    """The applications of the children who are the guardian's own today, newest first; an audited read.

    Raises:
        Forbidden: the actor is no guardian.
    """
    require(actor, Action.READ_APPLICATION, ALLOWED)
    if actor.guardian_id is None or not actor.holds({Role.GUARDIAN}):
        raise Forbidden(Action.READ_APPLICATION)
    own = people.own_child_ids(actor.guardian_id, local_day(at))
    found = [OwnApplication._make(row) for row in Application.objects.filter(child_id__in=own).values_list(*_COLUMNS)]
    reading.saw(
        actor=actor,
        at=at,
        action=Action.READ_APPLICATION,
        kind="application",
        ids=[one.id for one in found],
        children={one.child_id for one in found},
    )
    return sorted(found, key=lambda one: -one.id)
