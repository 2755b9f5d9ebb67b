"""Who may ask for errands, look at them, take them back; the verb that is asked for has its own room's table beside."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import FAMILY, Role


class Action(StrEnum):
    """The room's verbs."""

    ASK = "ask_errand"
    READ = "read_errand"
    WITHDRAW = "withdraw_errand"
    CARRY = "carry_errand"
    ROTATE = "rotate_errands"


_OFFICE = frozenset(Role) - FAMILY - {Role.TEACHER, Role.PROVIDER_MANAGER, Role.CHANNEL, Role.SYSTEM}

ALLOWED: dict[Action, frozenset[str]] = {
    Action.ASK: _OFFICE,
    Action.READ: _OFFICE,
    Action.WITHDRAW: _OFFICE,
    Action.CARRY: frozenset({Role.SYSTEM}),
    Action.ROTATE: frozenset({Role.SYSTEM, Role.OPERATOR}),
}
