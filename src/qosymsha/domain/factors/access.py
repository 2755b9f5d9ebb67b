"""Who may have factors of their own, and who ends another's lost ones."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import FAMILY, Role


class Action(StrEnum):
    """The verbs of this room."""

    SEE_FACTORS = "see_factors"
    ADD_PASSKEY = "add_passkey"
    NAME_PASSKEY = "name_passkey"
    REMOVE_FACTOR = "remove_factor"
    MAKE_RECOVERY_CODES = "make_recovery_codes"
    END_FACTORS = "end_factors"
    FORGET_QUESTIONS = "forget_questions"


STAFF = frozenset(Role) - FAMILY - {Role.SYSTEM, Role.CHANNEL}
ALLOWED: dict[Action, frozenset[str]] = {
    Action.SEE_FACTORS: STAFF,
    Action.ADD_PASSKEY: STAFF,
    Action.NAME_PASSKEY: STAFF,
    Action.REMOVE_FACTOR: STAFF,
    Action.MAKE_RECOVERY_CODES: STAFF,
    Action.END_FACTORS: frozenset({Role.OPERATOR, Role.SYSTEM}),
    Action.FORGET_QUESTIONS: frozenset({Role.SYSTEM}),
}
