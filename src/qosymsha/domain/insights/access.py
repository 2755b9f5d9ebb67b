"""Who may run the checker and store what it found."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    RUN_INVARIANTS = "insights.run_invariants"


ALLOWED: dict[Action, frozenset[str]] = {
    Action.RUN_INVARIANTS: frozenset({Role.OPERATOR, Role.AUDITOR, Role.SYSTEM}),
}
