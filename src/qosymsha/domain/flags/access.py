"""Who may do what with red flags: never the provider, never the guardian."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    SCREEN = "screen_months"
    RESOLVE = "resolve_flags"
    RECORD = "record_outside_marks"
    READ = "read_flags"
    REGISTER_POINTS = "register_points"


ALLOWED: dict[Action, frozenset[str]] = {
    Action.SCREEN: frozenset({Role.SYSTEM, Role.CHECKER}),
    Action.RESOLVE: frozenset({Role.CHECKER}),
    Action.RECORD: frozenset({Role.CHECKER, Role.PROGRAMME_OFFICER}),
    Action.REGISTER_POINTS: frozenset({Role.PROGRAMME_OFFICER}),
    Action.READ: frozenset({Role.SYSTEM, Role.CHECKER, Role.APPROVER, Role.AUDITOR}),
}
