"""What the room's verbs share inside an open transaction: their audit event, and texts that must say something."""

from __future__ import annotations

from datetime import datetime

from qosymsha.domain.programmes.access import Action
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import BadInput


def require_texts(**texts: str) -> None:
    """Each text says something.

    Raises:
        BadInput: names the first that is empty.
    """
    for field, text in texts.items():
        if not text.strip():
            raise BadInput(field, "must not be empty")


def record(  # noqa: PLR0913 - the columns of an audit event
    actor: Actor,
    at: datetime,
    action: Action,
    subject_kind: str,
    subject_ids: list[int],
    territory_id: int | None,
    detail: dict[str, object] | None = None,
) -> None:
    """One event of this room, in the caller's transaction."""
    audit.record(
        actor=actor,
        at=at,
        action=action,
        subject_kind=subject_kind,
        subject_ids=subject_ids,
        territory_id=territory_id,
        detail=detail,
    )
