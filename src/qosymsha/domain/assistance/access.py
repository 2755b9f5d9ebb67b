"""Who may help, and who looks at what was done."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The room's verbs."""

    BEGIN_VISIT = "begin_visit"
    PROVE_VISIT = "prove_visit"
    SEND_CODE = "send_visit_code"
    CONFIRM_ACT = "confirm_assisted_act"
    END_VISIT = "end_visit"
    READ_OWN_HELP = "read_own_help"


_CLERK = frozenset({Role.CLERK})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.BEGIN_VISIT: _CLERK,
    Action.PROVE_VISIT: _CLERK,
    Action.SEND_CODE: _CLERK,
    Action.CONFIRM_ACT: _CLERK,
    Action.END_VISIT: _CLERK,
    Action.READ_OWN_HELP: frozenset({Role.GUARDIAN}),
}
