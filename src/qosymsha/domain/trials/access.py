"""Who may do what with trial lessons. Whose child it is, is asked of `people`; whose lesson, of `attendance`."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    BOOK = "trials.book"
    CANCEL = "trials.cancel"
    MARK = "trials.mark"
    READ_OWN = "trials.read_own"
    READ_GUESTS = "trials.read_guests"


_GUARDIAN = frozenset({Role.GUARDIAN})
_PROVIDER = frozenset({Role.PROVIDER_MANAGER, Role.TEACHER})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.BOOK: _GUARDIAN,
    Action.CANCEL: _GUARDIAN,
    Action.READ_OWN: _GUARDIAN,
    Action.MARK: _PROVIDER,
    Action.READ_GUESTS: _PROVIDER,
}
