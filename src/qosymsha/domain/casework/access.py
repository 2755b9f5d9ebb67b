"""Who may do what in casework: rows held by name, vouchers' endings, consultation points."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.agreements import access as agreements
from qosymsha.domain.attendance import access as attendance
from qosymsha.domain.casework.states import Kind
from qosymsha.domain.flags import access as flags
from qosymsha.domain.intake import access as intake
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers import access as providers


class Action(StrEnum):
    """The verbs of this room."""

    LOAD_CONSULTATION_POINTS = "load_consultation_points"
    READ_HOLDS = "read_holds"
    TAKE_ROW = "take_row"
    PUT_BACK_ROW = "put_back_row"
    ASSIGN_ROW = "assign_row"
    READ_ENDINGS = "read_voucher_endings"
    PROPOSE_ENDING = "propose_voucher_ending"
    DECIDE_ENDING = "decide_voucher_ending"


# Who decides a row of each kind may hold it: the room that owns the decision says who.
HOLDERS: dict[Kind, frozenset[str]] = {
    Kind.ROW: attendance.ALLOWED[attendance.Action.DECIDE],
    Kind.CASE: intake.ALLOWED[intake.Action.CERTIFY_CASE],
    Kind.FILE: providers.ALLOWED[providers.Action.DECIDE_ACCREDITATION],
    Kind.FLAG: flags.ALLOWED[flags.Action.RESOLVE],
    Kind.ABSENCE: attendance.ALLOWED[attendance.Action.DECIDE_ABSENCE],
    Kind.REFUSAL: agreements.ALLOWED[agreements.Action.DECIDE_REFUSAL],
}
_HEADS = frozenset({Role.PROGRAMME_OFFICER})
_HANDS = frozenset(role for roles in HOLDERS.values() for role in roles) - {Role.SYSTEM}
_OFFICE = frozenset({Role.PROGRAMME_OFFICER, Role.CHECKER})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.LOAD_CONSULTATION_POINTS: frozenset({Role.PROGRAMME_OFFICER, Role.OPERATOR, Role.SYSTEM}),
    Action.READ_HOLDS: _HANDS | _HEADS | {Role.AUDITOR},
    Action.TAKE_ROW: _HANDS,
    Action.PUT_BACK_ROW: _HANDS | _HEADS,
    Action.ASSIGN_ROW: _HEADS,
    Action.READ_ENDINGS: _OFFICE | {Role.AUDITOR},
    Action.PROPOSE_ENDING: _OFFICE,
    Action.DECIDE_ENDING: _OFFICE,
}
