"""Who may change running groups; the manager's verbs are those of `providers`."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    END_PLACES = "end_places_of_closed_groups"
    SETTLE_HALLS = "settle_halls"


ALLOWED: dict[Action, frozenset[str]] = dict.fromkeys(Action, frozenset({Role.SYSTEM, Role.OPERATOR}))
