"""A command under way: the steps `repeat?`, `record` and `tell` that every batch verb takes in the same form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from qosymsha.domain.vouchers.rules import packed
from qosymsha.kernel import audit, idempotency, outbox
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import RowOutcome


@dataclass(frozen=True, slots=True)
class Deed:
    """Who does which verb when, under which key; the action's value is the verb of the idempotency row."""

    actor: Actor
    action: StrEnum
    at: datetime
    key: UUID

    @property
    def today(self) -> date:
        """The local day of the deed."""
        return local_day(self.at)


def begin(deed: Deed, body: Any) -> Any | None:
    """Step `repeat?`: what this key answered before, or None when it is the first time.

    Raises:
        Refused: `key_reused` — the key was used with another body.
    """
    return idempotency.repeat(actor=deed.actor, verb=deed.action.value, key=deed.key, body=body, at=deed.at)


def record(  # noqa: PLR0913 - the deed, its news, of which rows, where, whose word
    deed: Deed,
    topic: StrEnum,
    kind: str,
    ids: Sequence[int],
    territory_id: int | None = None,
    *,
    by: Mapping[int, int] | None = None,
    **detail: object,
) -> None:
    """Steps `record` and `tell` for the subjects `ids`. A try that changed nothing is recorded too, but is no news.

    `by`: subject → the guardian whose word it was; the news says so, for whoever else speaks for the child.
    """
    audit.record(
        actor=deed.actor,
        at=deed.at,
        action=deed.action,
        subject_kind=kind,
        subject_ids=ids,
        territory_id=territory_id,
        detail=detail,
    )
    if ids:
        each = None if by is None else {subject: {"by": guardian} for subject, guardian in by.items()}
        outbox.tell(topic=topic, subject_kind=kind, subject_ids=ids, at=deed.at, detail=detail, each=each)


def keep(deed: Deed, outcome: Mapping[str, Any]) -> None:
    """Store what the key answers from now on."""
    idempotency.keep(actor=deed.actor, verb=deed.action.value, key=deed.key, outcome=outcome)


def conclude(  # noqa: PLR0913 - the deed, its news, of which rows, what came of them, whose words
    deed: Deed,
    topic: StrEnum,
    kind: str,
    outcomes: list[RowOutcome],
    *,
    by: Sequence[int | None] = (),
    **also_kept: Any,
) -> list[RowOutcome]:
    """The last steps of a batch verb: audit and news for the rows done, the outcomes under the key; returns them.

    `by`: the guardian of each row, in the rows' order, where rows are guardians' words.
    """
    spoken = {o.id: by[o.row] for o in outcomes if o.id is not None and o.row < len(by)}
    whose = {subject: guardian for subject, guardian in spoken.items() if guardian is not None}
    record(deed, topic, kind, [o.id for o in outcomes if o.id is not None], by=whose or None)
    keep(deed, packed(outcomes) | also_kept)
    return outcomes
