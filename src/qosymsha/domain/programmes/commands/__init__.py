"""The officers' verbs on programmes, rules, lines and days, one file per subject."""

from qosymsha.domain.programmes.commands.budget import (
    BUDGET_CAUSE,
    LineDraft,
    PlanDraft,
    open_budget_line,
    plan_budget,
)
from qosymsha.domain.programmes.commands.calendar import forget_calendar_days, set_calendar_days
from qosymsha.domain.programmes.commands.drafts import (
    Edit,
    date_rule_draft,
    drop_rule_draft,
    edit_rule_draft,
    load_rule_draft,
    open_rule_draft,
    submit_rule_draft,
)
from qosymsha.domain.programmes.commands.draws import say_draw_value
from qosymsha.domain.programmes.commands.founding import ProgrammeDraft, create_programme, load_classifiers
from qosymsha.domain.programmes.commands.rule_sets import (
    RuleSetDraft,
    approve_rule_set,
    draft_rule_set,
    withdraw_rule_set,
)

__all__ = [
    "BUDGET_CAUSE",
    "Edit",
    "LineDraft",
    "PlanDraft",
    "ProgrammeDraft",
    "RuleSetDraft",
    "approve_rule_set",
    "create_programme",
    "date_rule_draft",
    "draft_rule_set",
    "drop_rule_draft",
    "edit_rule_draft",
    "forget_calendar_days",
    "load_classifiers",
    "load_rule_draft",
    "open_budget_line",
    "open_rule_draft",
    "plan_budget",
    "say_draw_value",
    "set_calendar_days",
    "submit_rule_draft",
    "withdraw_rule_set",
]
