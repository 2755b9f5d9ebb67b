"""Rows of the audit that say who read whose record."""

from __future__ import annotations

from qosymsha.domain.witness.states import READ
from qosymsha.kernel.models import AuditEvent


def readings(action: str = "") -> list[AuditEvent]:
    """The rows of reads, oldest first: all, or those in which a record was read by this action of a room."""
    found = AuditEvent.objects.filter(action=READ).order_by("id")
    return [event for event in found if not action or action in event.detail["read"]]


def children_read(action: str = "") -> set[int]:
    """The children whom these rows name."""
    return {child for event in readings(action) for child in event.subject_ids}
