"""Who may do what with notices: each person reads and chooses one's own; the jobs make and send them."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    MAKE_NOTICES = "make_notices"
    SEND_NOTICES = "send_notices"
    HEAR_RECEIPTS = "hear_receipts"
    FORGET_NOTICES = "forget_notices"
    READ_NOTICES = "read_notices"
    MARK_NOTICES = "mark_notices"
    CHOOSE_NOTICES = "choose_notices"
    SEE_WAYS = "see_notice_ways"


_CLOCK = frozenset({Role.SYSTEM})
_PEOPLE = frozenset(Role) - {Role.SYSTEM, Role.CHANNEL}
ALLOWED: dict[Action, frozenset[str]] = {
    Action.MAKE_NOTICES: _CLOCK,
    Action.SEND_NOTICES: _CLOCK,
    Action.HEAR_RECEIPTS: _CLOCK,
    Action.FORGET_NOTICES: _CLOCK,
    Action.READ_NOTICES: _PEOPLE,
    Action.MARK_NOTICES: _PEOPLE,
    Action.CHOOSE_NOTICES: _PEOPLE,
    Action.SEE_WAYS: frozenset({Role.OPERATOR, Role.AUDITOR, Role.SYSTEM}),
}
