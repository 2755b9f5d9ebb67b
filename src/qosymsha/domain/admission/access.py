"""Who may do what with rounds and applications, and the news this room tells."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The room's verbs."""

    PLAN_ROUND = "plan_round"
    OPEN_ROUND = "open_round"
    SUBMIT = "submit_applications"
    WITHDRAW = "withdraw_application"
    CLOSE_ROUND = "close_round"
    CANCEL_ROUND = "cancel_round"
    DRAW = "draw_round"
    ALLOCATE = "allocate_round"
    PUBLISH = "publish_round"
    REFILL = "refill_places"
    READ_APPLICATION = "read_application"
    READ_CATEGORY = "read_application_category"
    READ_RECEIPT = "read_receipt"


class Topic(StrEnum):
    """What the outbox says of rounds and applications; ids only, never a ticket, never a category."""

    ROUND_OPENED = "round_opened"
    ROUND_CLOSED = "round_closed"
    ROUND_CANCELLED = "round_cancelled"
    ROUND_DRAWN = "round_drawn"
    ROUND_PUBLISHED = "round_published"
    APPLICATION_SUBMITTED = "application_submitted"
    APPLICATION_WITHDRAWN = "application_withdrawn"
    APPLICATION_REJECTED = "application_rejected"
    APPLICATION_GRANTED = "application_granted"
    APPLICATION_WAITING = "application_waiting"
    APPLICATION_ENDED = "application_ended"


_OFFICE = frozenset({Role.PROGRAMME_OFFICER})
_CLOCK = frozenset({Role.PROGRAMME_OFFICER, Role.SYSTEM})
_FAMILY = frozenset({Role.GUARDIAN, Role.CLERK, Role.CHANNEL})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.PLAN_ROUND: _OFFICE,
    Action.OPEN_ROUND: _CLOCK,
    Action.SUBMIT: _FAMILY,
    Action.WITHDRAW: _FAMILY,
    Action.CLOSE_ROUND: _CLOCK,
    Action.CANCEL_ROUND: _OFFICE,
    Action.DRAW: _OFFICE,
    Action.ALLOCATE: _CLOCK,
    Action.PUBLISH: _CLOCK,
    Action.REFILL: _CLOCK,
    Action.READ_APPLICATION: frozenset({Role.GUARDIAN, Role.CHECKER, Role.PROGRAMME_OFFICER, Role.AUDITOR}),
    Action.READ_CATEGORY: frozenset({Role.GUARDIAN, Role.CHECKER, Role.AUDITOR}),
    Action.READ_RECEIPT: frozenset({Role.GUARDIAN, Role.CLERK, Role.CHANNEL}),
}
