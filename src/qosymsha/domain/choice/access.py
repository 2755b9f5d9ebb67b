"""Who may do what with choice rounds, lists and offers, and the news this room tells."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor


class Action(StrEnum):
    """The room's verbs."""

    PLAN = "plan_choice_round"
    OPEN = "open_choice_round"
    FILE = "file_lists"
    WITHDRAW = "withdraw_list"
    CLOSE = "close_choice_round"
    CANCEL = "cancel_choice_round"
    DRAW = "draw_choice_round"
    ALLOCATE = "allocate_places"
    PUBLISH = "publish_choice_round"
    OFFER = "offer_freed_places"
    ANSWER = "answer_offers"
    RERUN = "rerun_places"
    READ = "read_choice_list"


class Topic(StrEnum):
    """What the outbox says; ids only, never a ticket, never a wish."""

    ROUND_OPENED = "choice_round_opened"
    ROUND_CLOSED = "choice_round_closed"
    ROUND_CANCELLED = "choice_round_cancelled"
    ROUND_DRAWN = "choice_round_drawn"
    ROUND_PUBLISHED = "choice_round_published"
    LIST_FILED = "choice_list_filed"
    LIST_WITHDRAWN = "choice_list_withdrawn"
    LIST_REJECTED = "choice_list_rejected"
    PLACED = "choice_placed"
    UNPLACED = "choice_unplaced"
    OFFERED = "choice_offered"
    ANSWERED = "choice_offer_answered"
    EXPIRED = "choice_offer_expired"
    SET_BACK = "choice_set_back"


_OFFICE = frozenset({Role.PROGRAMME_OFFICER})
_CLOCK = frozenset({Role.PROGRAMME_OFFICER, Role.SYSTEM})
SPEAKERS = frozenset({Role.GUARDIAN, Role.CLERK, Role.CHANNEL})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.PLAN: _OFFICE,
    Action.OPEN: _CLOCK,
    Action.FILE: SPEAKERS,
    Action.WITHDRAW: SPEAKERS,
    Action.CLOSE: _CLOCK,
    Action.CANCEL: _OFFICE,
    Action.DRAW: _OFFICE,
    Action.ALLOCATE: _CLOCK,
    Action.PUBLISH: _CLOCK,
    Action.OFFER: _CLOCK,
    Action.ANSWER: SPEAKERS,
    Action.RERUN: _CLOCK,
    Action.READ: frozenset({Role.GUARDIAN, Role.CHECKER, Role.PROGRAMME_OFFICER, Role.AUDITOR}),
}


def may_speak(actor: Actor, guardian_id: int, territory_id: int) -> bool:
    """True where the actor may bring this guardian's word: the guardian, or a channel or clerk of the territory."""
    if actor.guardian_id is not None and actor.guardian_id == guardian_id:
        return True
    return actor.holds({Role.CHANNEL, Role.CLERK}, territory_id=territory_id)
