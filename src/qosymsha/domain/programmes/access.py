"""Who may do what with programmes, rules, lines and days."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The room's verbs."""

    CREATE_PROGRAMME = "create_programme"
    DRAFT_RULES = "draft_rules"
    APPROVE_RULES = "approve_rules"
    WITHDRAW_RULES = "withdraw_rules"
    LOAD_CLASSIFIERS = "load_classifiers"
    SET_CALENDAR = "set_calendar"
    SET_NATIONAL_CALENDAR = "set_national_calendar"
    OPEN_LINE = "open_budget_line"
    PLAN_BUDGET = "plan_budget"
    SAY_DRAW_VALUE = "say_draw_value"


_OFFICER = frozenset({Role.PROGRAMME_OFFICER.value})
_INSTALLATION = frozenset({Role.OPERATOR.value, Role.SYSTEM.value})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.CREATE_PROGRAMME: _OFFICER | {Role.OPERATOR.value},
    Action.DRAFT_RULES: _OFFICER,
    Action.APPROVE_RULES: frozenset({Role.RULE_APPROVER.value}),
    Action.WITHDRAW_RULES: _OFFICER | {Role.RULE_APPROVER.value},
    Action.LOAD_CLASSIFIERS: _INSTALLATION,
    Action.SET_CALENDAR: _OFFICER,
    Action.SET_NATIONAL_CALENDAR: _INSTALLATION,
    Action.OPEN_LINE: _OFFICER,
    Action.PLAN_BUDGET: _OFFICER,
    Action.SAY_DRAW_VALUE: _OFFICER,
}
