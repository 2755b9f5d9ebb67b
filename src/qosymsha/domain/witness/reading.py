"""Reads of children's records: gathered over a request, written as one row before its answer leaves.

docs/decisions/0038 says what stands in the row. A room's query that shows a child's record calls `saw`; a door's gate
opens the scope. Outside a request (verbs of the command line, jobs) each query writes its own row at once, before it
hands anything over; the rows of one verb bear the verb's id.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import connection, transaction

from qosymsha.domain.witness.access import Action
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor

CHILD = "child"


@dataclass(slots=True)
class Reading:
    """What one request, or one query outside a request, has read so far.

    `request` ties the row to the request log; `door` is the page's or verb's name; `roles` those by which it was open.
    `unsealed` counts children's names decrypted, told by the table of secrets itself and not by the queries.
    """

    request: str = ""
    door: str = ""
    roles: tuple[str, ...] = ()
    at_once: bool = False
    actor: Actor | None = None
    at: datetime | None = None
    children: set[int] = field(default_factory=set)
    records: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    about: list[Mapping[str, object]] = field(default_factory=list)
    territories: set[int | None] = field(default_factory=set)
    unsealed: int = 0

    def detail(self) -> dict[str, Any]:
        """The row's detail: which kinds of record by which action; a child's own id is among the row's subjects."""
        read = {
            action: {kind: sorted(ids) if kind != CHILD else [] for kind, ids in sorted(kinds.items())}
            for action, kinds in sorted(self.records.items())
        }
        given = {"request": self.request, "door": self.door, "roles": list(self.roles), "about": self.about}
        return {"read": read} | {name: value for name, value in given.items() if value}


_open: ContextVar[Reading | None] = ContextVar("reading", default=None)


def saw(  # noqa: PLR0913 - who, when, by which right, what, whose
    *,
    actor: Actor,
    at: datetime,
    action: StrEnum,
    kind: str,
    ids: Collection[int],
    children: Collection[int] = (),
    territory_id: int | None = None,
    about: Mapping[str, object] | None = None,
) -> None:
    """Say that records (`kind`, `ids`) of these children were read; without children it is a read that found none."""
    scope = _open.get()
    gathered = scope if scope is not None and not scope.at_once else _alone(scope)
    gathered.actor, gathered.at = gathered.actor or actor, gathered.at or at
    gathered.children |= set(children) | (set(ids) if kind == CHILD else set())
    gathered.records.setdefault(action.value, {}).setdefault(kind, set()).update(ids)
    gathered.territories.add(territory_id)
    if about and about not in gathered.about:
        gathered.about.append(dict(about))
    if gathered is not scope:
        _write(gathered)


def unsealed(count: int) -> None:
    """The table of secrets has opened so many children's names in this request."""
    scope = _open.get()
    if scope is not None:
        scope.unsealed += count


@contextmanager
def request(gathered: Reading, *, whole: bool) -> Iterator[None]:
    """The scope of one request: what was read in it is written at its end, or nothing of it is shown.

    `whole`: the request only looks, so that its reads and their row are one transaction. Where it also does something,
    the command's transaction is its own, and the row commits before the answer leaves.
    """
    token = _open.set(gathered)
    try:
        with transaction.atomic() if whole else nullcontext():
            yield
            _write(gathered)
    finally:
        _open.reset(token)


@contextmanager
def verb(*, request_id: str, door: str) -> Iterator[None]:
    """The scope of one verb of the command line: each of its queries writes at once, under the verb's id."""
    token = _open.set(Reading(request=request_id, door=door, at_once=True))
    try:
        yield
    finally:
        _open.reset(token)


def _alone(verb_: Reading | None) -> Reading:
    return Reading(request=verb_.request, door=verb_.door) if verb_ else Reading()


def _write(gathered: Reading) -> None:
    if gathered.actor is None or gathered.at is None:
        return
    if not connection.in_atomic_block:
        with transaction.atomic():
            _write(gathered)
        return
    (territory_id,) = gathered.territories if len(gathered.territories) == 1 else (None,)
    audit.record(
        actor=gathered.actor,
        at=gathered.at,
        action=Action.READ,
        subject_kind=CHILD,
        subject_ids=sorted(gathered.children),
        territory_id=territory_id,
        detail=gathered.detail(),
    )
