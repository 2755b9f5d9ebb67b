"""Who may look children up: officials whose work is a single child's case, in their own territory."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    SEARCH = "search_people"
    OPEN = "open_record"
    READ = "read_record"
    READ_CATEGORIES = "read_record_categories"


_OFFICIALS = frozenset({Role.CHECKER, Role.PROGRAMME_OFFICER, Role.AUDITOR})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.SEARCH: _OFFICIALS,
    Action.OPEN: _OFFICIALS,
    Action.READ: _OFFICIALS,
    Action.READ_CATEGORIES: frozenset({Role.CHECKER}),
}
