"""Who may do what in casework."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    LOAD_CONSULTATION_POINTS = "load_consultation_points"


ALLOWED: dict[Action, frozenset[str]] = {
    Action.LOAD_CONSULTATION_POINTS: frozenset({Role.PROGRAMME_OFFICER, Role.OPERATOR, Role.SYSTEM})
}
