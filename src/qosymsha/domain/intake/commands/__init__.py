"""Verbs for the doors: a family's drafts and named categories, an officer's decisions."""

from qosymsha.domain.intake.commands.deciding import ask_paper, certify_case, refuse_case
from qosymsha.domain.intake.commands.drafts import drop_draft, forget_drafts, save_draft
from qosymsha.domain.intake.commands.naming import add_paper, name_category, withdraw_case

__all__ = [
    "add_paper",
    "ask_paper",
    "certify_case",
    "drop_draft",
    "forget_drafts",
    "name_category",
    "refuse_case",
    "save_draft",
    "withdraw_case",
]
