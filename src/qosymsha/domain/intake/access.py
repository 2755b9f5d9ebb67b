"""Who may do what with drafts and with categories named by papers, and the news this room tells."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The room's verbs."""

    SAVE_DRAFT = "save_draft"
    DROP_DRAFT = "drop_draft"
    READ_DRAFTS = "read_drafts"
    FORGET_DRAFTS = "forget_drafts"
    NAME_CATEGORY = "name_category"
    ADD_PAPER = "add_category_paper"
    WITHDRAW_CASE = "withdraw_category_case"
    READ_OWN_CASES = "read_own_category_cases"
    READ_CASES = "read_category_cases"
    READ_CASE_PAPER = "read_category_paper"
    CERTIFY_CASE = "certify_category_case"
    REFUSE_CASE = "refuse_category_case"
    ASK_PAPER = "ask_category_paper"


class Topic(StrEnum):
    """What the outbox says of cases; ids only, never a category."""

    CASE_OPENED = "category_case_opened"
    CASE_CERTIFIED = "category_case_certified"
    CASE_REFUSED = "category_case_refused"
    CASE_ASKED = "category_case_asked"


_FAMILY = frozenset({Role.GUARDIAN})
_OFFICER = frozenset({Role.CHECKER})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.SAVE_DRAFT: _FAMILY,
    Action.DROP_DRAFT: _FAMILY,
    Action.READ_DRAFTS: _FAMILY,
    Action.FORGET_DRAFTS: frozenset({Role.SYSTEM, Role.OPERATOR}),
    Action.NAME_CATEGORY: _FAMILY,
    Action.ADD_PAPER: _FAMILY,
    Action.WITHDRAW_CASE: _FAMILY,
    Action.READ_OWN_CASES: _FAMILY,
    Action.READ_CASES: _OFFICER | {Role.AUDITOR},
    Action.READ_CASE_PAPER: _FAMILY | _OFFICER,
    Action.CERTIFY_CASE: _OFFICER,
    Action.REFUSE_CASE: _OFFICER,
    Action.ASK_PAPER: _OFFICER,
}
