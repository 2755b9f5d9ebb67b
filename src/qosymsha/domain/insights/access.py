"""Who may run the checker and store what it found; who may ask who read a child's record."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import FAMILY, Role


class Action(StrEnum):
    """The verbs of this room."""

    RUN_INVARIANTS = "insights.run_invariants"
    READ_READERS = "read_readers"


ALLOWED: dict[Action, frozenset[str]] = {
    Action.RUN_INVARIANTS: frozenset({Role.OPERATOR, Role.AUDITOR, Role.SYSTEM}),
    Action.READ_READERS: FAMILY,
}
