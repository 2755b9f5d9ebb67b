"""What is done with papers; who may, is asked by the room that owns what a paper is about."""

from __future__ import annotations

from enum import StrEnum

from qosymsha.domain.people.states import Role


class Action(StrEnum):
    """The verbs of this room."""

    READ_DOCUMENT = "read_document"
    FORGET_DOCUMENTS = "forget_documents"
    ROTATE_DOCUMENTS = "rotate_documents"
    SCAN_DOCUMENTS = "scan_documents"


_RUNNERS = frozenset({Role.OPERATOR, Role.SYSTEM})

ALLOWED: dict[Action, frozenset[str]] = {
    Action.READ_DOCUMENT: frozenset(),  # through the owner's own queries only
    Action.FORGET_DOCUMENTS: _RUNNERS,
    Action.ROTATE_DOCUMENTS: _RUNNERS,
    Action.SCAN_DOCUMENTS: _RUNNERS,
}
