"""Who may do what with lessons, marks and month sheets."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import FAMILY, Role


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
    READ_OWN = "read_own_lessons"
    MOVE = "move_sessions"
    REINSTATE = "reinstate_sessions"
    SUBSTITUTE = "substitute_teachers"
    SYNC = "sync_marks"
    AMEND = "amend_marks"
    RESOLVE = "resolve_objections"
    READ_LESSONS = "read_lessons"
    CHECK_IN = "check_in_children"
    READ_CARD = "read_cards"
    SHOW_CODES = "show_codes"
    RETURN = "return_sheet"
    RESEND = "resend_sheet"
    PAUSE = "pause_sheets"
    RESUME = "resume_sheets"
    VOID = "void_sheets"
    DECIDE_DAYS = "decide_days"
    REMIND = "remind_guardians"
    ANNOUNCE = "announce_absence"
    WATCH = "watch_absences"
    OBJECT = "object_to_absence"
    DECIDE_ABSENCE = "decide_absences"
    FORGET = "forget_traces"
    ASK = "ask_guardians"
    CONTROL = "control_decisions"


_PROVIDER = frozenset({Role.PROVIDER_MANAGER, Role.TEACHER})
_SPEAKERS = frozenset({Role.GUARDIAN, Role.CHANNEL, Role.CLERK})
_OFFICE = frozenset({Role.CHECKER, Role.PROGRAMME_OFFICER})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.PLAN: frozenset({Role.PROVIDER_MANAGER, Role.SYSTEM}),
    Action.CANCEL: _PROVIDER,
    Action.MARK: _PROVIDER,
    Action.MOVE: frozenset({Role.PROVIDER_MANAGER}),
    Action.REINSTATE: frozenset({Role.PROVIDER_MANAGER}),
    Action.SUBSTITUTE: frozenset({Role.PROVIDER_MANAGER}),
    Action.SYNC: _PROVIDER,
    Action.AMEND: frozenset({Role.PROVIDER_MANAGER}),
    Action.RESOLVE: frozenset({Role.PROVIDER_MANAGER, Role.CHECKER}),
    Action.READ_LESSONS: _PROVIDER | _OFFICE | {Role.AUDITOR},
    Action.SEND: frozenset({Role.PROVIDER_MANAGER}),
    Action.CONFIRM: _SPEAKERS,
    Action.DECIDE: frozenset({Role.CHECKER}),
    Action.APPROVE: _OFFICE,
    Action.CLOSE: frozenset({Role.SYSTEM, Role.APPROVER, Role.PAYER, Role.PROGRAMME_OFFICER, Role.OPERATOR}),
    Action.CHECK_IN: _SPEAKERS | FAMILY,
    Action.READ_CARD: _PROVIDER,
    Action.SHOW_CODES: _PROVIDER,
    Action.RETURN: _OFFICE,
    Action.RESEND: frozenset({Role.PROVIDER_MANAGER}),
    Action.PAUSE: _OFFICE,
    Action.RESUME: _OFFICE,
    Action.VOID: _OFFICE,
    Action.DECIDE_DAYS: frozenset({Role.CHECKER}),
    Action.REMIND: frozenset({Role.SYSTEM, Role.OPERATOR}),
    Action.ANNOUNCE: _SPEAKERS,
    Action.WATCH: frozenset({Role.SYSTEM, Role.OPERATOR}),
    Action.OBJECT: _SPEAKERS,
    Action.DECIDE_ABSENCE: frozenset({Role.CHECKER}),
    Action.ASK: frozenset({Role.CLERK}),
    Action.CONTROL: frozenset({Role.AUDITOR, Role.PROGRAMME_OFFICER}),
    Action.FORGET: frozenset({Role.SYSTEM, Role.OPERATOR}),
    Action.READ_OWN: FAMILY,
    Action.READ: _PROVIDER | _SPEAKERS | _OFFICE | {Role.SYSTEM, Role.AUDITOR, Role.APPROVER},
}
