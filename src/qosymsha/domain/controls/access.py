"""Who may do what in a control: officers plan, checkers visit, another person decides, the provider answers."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    PLAN = "plan_campaign"
    FREEZE = "freeze_campaign"
    CANCEL = "cancel_campaign"
    DRAW = "draw_sample"
    VISIT = "record_visit"
    ANSWER = "answer_finding"
    ESCALATE = "escalate_unanswered"
    DECIDE = "decide_finding"
    END = "end_campaign"
    READ = "read_campaigns"
    READ_OWN = "read_own_findings"
    ROTATE = "rotate_campaigns"


_OFFICER = frozenset({Role.PROGRAMME_OFFICER})
_PROVIDER = frozenset({Role.PROVIDER_MANAGER})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.PLAN: _OFFICER,
    Action.FREEZE: _OFFICER,
    Action.CANCEL: _OFFICER,
    Action.DRAW: _OFFICER,
    Action.VISIT: frozenset({Role.CHECKER}),
    Action.ANSWER: _PROVIDER,
    Action.ESCALATE: frozenset({Role.SYSTEM, Role.OPERATOR}),
    Action.DECIDE: frozenset({Role.CHECKER, Role.PROGRAMME_OFFICER}),
    Action.END: _OFFICER,
    Action.READ: frozenset({Role.CHECKER, Role.PROGRAMME_OFFICER, Role.AUDITOR}),
    Action.READ_OWN: _PROVIDER,
    Action.ROTATE: frozenset({Role.SYSTEM, Role.OPERATOR}),
}
