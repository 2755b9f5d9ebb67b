"""Months kept elsewhere are brought in to be screened."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.flags import steps
from qosymsha.domain.flags.access import ALLOWED, Action
from qosymsha.domain.flags.rules.recording import FlagRefusal, OutsideRow
from qosymsha.domain.flags.states import Topic
from qosymsha.domain.vouchers.rules import unpacked
from qosymsha.domain.vouchers.steps import Deed, begin, conclude
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome

_REASONS: dict[str, StrEnum] = {reason.value: reason for reason in FlagRefusal}


@transaction.atomic(durable=True)
def record_outside_marks(  # noqa: PLR0913 (where, what; and the envelope of every verb)
    *, actor: Actor, territory_id: int, programme_id: int, marks: Sequence[OutsideRow], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Store marks of a month kept elsewhere, with their evidence, to be screened; nothing of it is ever paid.

    A mark of the same provider, group, child and lesson is told anew. Named twice in a batch, the second is refused.

    Raises:
        Forbidden: the actor is no officer of the territory.
    """
    require(actor, Action.RECORD, ALLOWED, territory_id=territory_id)
    deed = Deed(actor, Action.RECORD, at, key)
    seen = begin(deed, [programme_id, len(marks), hashlib.sha256(repr(marks).encode()).hexdigest()])
    if seen is not None:
        return unpacked(seen, _REASONS)
    first: dict[object, int] = {}
    outcomes = []
    for number, mark in enumerate(marks):
        is_first = first.setdefault(mark.key, number) == number
        outcomes.append(RowOutcome(number, None, None if is_first else FlagRefusal.OUTSIDE_MARK_TWICE))
    if first:
        steps.store_outside(deed, (territory_id, programme_id), [marks[number] for number in first.values()])
    return conclude(deed, Topic.RECORDED, "outside_mark", outcomes)
