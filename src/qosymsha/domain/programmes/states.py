"""A rule set's life, and the news of this room."""

from __future__ import annotations

from enum import StrEnum


class RuleSetState(StrEnum):
    """`approved` holds on its valid days, past ones too; `superseded` was approved but never came into force.

    `withdrawn`: a draft that nobody will approve, with its reason.
    """

    DRAFT = "draft"
    APPROVED = "approved"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {("", "draft"), ("draft", "approved"), ("draft", "withdrawn"), ("approved", "superseded")}
)


class RuleDraftState(StrEnum):
    """A working draft is edited over several sittings, then submitted (a rule set of state `draft`) or dropped."""

    OPEN = "open"
    SUBMITTED = "submitted"
    DROPPED = "dropped"


DRAFT_TRANSITIONS: frozenset[tuple[str, str]] = frozenset({("", "open"), ("open", "submitted"), ("open", "dropped")})


class Topic(StrEnum):
    """What this room tells."""

    RULES_APPROVED = "rules_approved"
    BUDGET_PLANNED = "budget_planned"
