"""A rule set's life, and the news of this room."""

from __future__ import annotations

from enum import StrEnum


class RuleSetState(StrEnum):
    """`approved` holds on its valid days, past ones too; `superseded` was approved but never came into force."""

    DRAFT = "draft"
    APPROVED = "approved"
    SUPERSEDED = "superseded"


TRANSITIONS: frozenset[tuple[str, str]] = frozenset({("", "draft"), ("draft", "approved"), ("approved", "superseded")})


class Topic(StrEnum):
    """What this room tells."""

    RULES_APPROVED = "rules_approved"
    BUDGET_PLANNED = "budget_planned"
