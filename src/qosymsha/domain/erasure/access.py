"""Who may erase, and hold back an erasure."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    ERASE_PERSONS = "erase_persons"
    FORGET_OVER = "forget_over"
    READ_ERASURES = "read_erasures"
    HOLD_ERASURE = "hold_erasure"
    LIFT_ERASURE_HOLD = "lift_erasure_hold"


_CLOCK = frozenset({Role.SYSTEM})
_RUNNERS = frozenset({Role.OPERATOR, Role.SYSTEM})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.ERASE_PERSONS: _CLOCK,
    Action.FORGET_OVER: _CLOCK,
    Action.READ_ERASURES: _RUNNERS | {Role.AUDITOR},
    Action.HOLD_ERASURE: _RUNNERS,
    Action.LIFT_ERASURE_HOLD: _RUNNERS,
}
