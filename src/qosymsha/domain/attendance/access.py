"""Who may do what with lessons, marks and month sheets."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    PLAN = "plan_sessions"
    CANCEL = "cancel_sessions"
    MARK = "mark_sessions"
    SEND = "send_sheets"
    CONFIRM = "confirm_rows"
    DECIDE = "decide_rows"
    APPROVE = "approve_sheets"
    CLOSE = "close_sheets"
    READ = "read_attendance"


_PROVIDER = frozenset({Role.PROVIDER_MANAGER, Role.TEACHER})
_SPEAKERS = frozenset({Role.GUARDIAN, Role.CHANNEL, Role.CLERK})
_OFFICE = frozenset({Role.CHECKER, Role.PROGRAMME_OFFICER})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.PLAN: frozenset({Role.PROVIDER_MANAGER, Role.SYSTEM}),
    Action.CANCEL: _PROVIDER,
    Action.MARK: _PROVIDER,
    Action.SEND: frozenset({Role.PROVIDER_MANAGER}),
    Action.CONFIRM: _SPEAKERS,
    Action.DECIDE: frozenset({Role.CHECKER}),
    Action.APPROVE: _OFFICE,
    Action.CLOSE: frozenset({Role.SYSTEM, Role.APPROVER, Role.PAYER, Role.PROGRAMME_OFFICER, Role.OPERATOR}),
    Action.READ: _PROVIDER | _SPEAKERS | _OFFICE | {Role.SYSTEM, Role.AUDITOR, Role.APPROVER},
}
