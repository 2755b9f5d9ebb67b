"""Red flags as officials work through them: how many wait, the queue, one flag."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from qosymsha.domain.flags.access import ALLOWED, Action
from qosymsha.domain.flags.queries.flags import FlagFacts, facts, noted
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.queries import rows
from qosymsha.kernel.actor import Actor

MOST = 100  # of a queue's page


@dataclass(frozen=True, slots=True)
class FlagWork:
    """Open flags in figures."""

    flags: int
    oldest: datetime | None


# A flag of a month kept elsewhere moves no money: it is no department's.
_OWN = (
    "(%s::bigint[] IS NULL OR enrolment_id IS NULL OR EXISTS (SELECT FROM enrolment e"
    " WHERE e.id = enrolment_id AND e.line_id = ANY (%s::bigint[])))"
)
_WHICH = (
    "f.id IN (SELECT id FROM red_flag WHERE programme_id = ANY (%s) AND (%s = '' OR state = %s)"  # noqa: S608
    " AND (%s::date IS NULL OR month = %s) AND (%s = '' OR provider = %s OR provider_id IN"
    " (SELECT id FROM provider WHERE number = %s OR bin = %s))"
    f" AND (%s::bigint[] IS NULL OR id = ANY (%s::bigint[])) AND id <> ALL (%s::bigint[]) AND {_OWN}"
    " ORDER BY opened_at, id LIMIT %s OFFSET %s)"
)


def _mine(actor: Actor) -> list[int]:
    return [p.id for p in programmes.programmes() if actor.holds(ALLOWED[Action.READ], territory_id=p.territory_id)]


def _lines(actor: Actor) -> list[list[int] | None]:
    """What `_OWN` is given: the lines of the actor's departments."""
    return [programmes.own_lines(actor, ALLOWED[Action.READ])] * 2


def flags_of_others(actor: Actor, roles: Collection[str], flag_ids: Sequence[int]) -> set[int]:
    """Those of the flags that hold another department's money: to this actor as unknown as nothing."""
    lines = programmes.own_lines(actor, roles)
    if lines is None:
        return set()
    which = (
        "SELECT f.id FROM red_flag f JOIN enrolment e ON e.id = f.enrolment_id"
        " WHERE f.id = ANY (%s) AND e.line_id <> ALL (%s)"
    )
    return {flag_id for (flag_id,) in rows(which, [list(flag_ids), lines])}


def flag_work(*, actor: Actor) -> FlagWork:
    """How many flags of the actor's programmes wait for a checker, and since when."""
    ((n, oldest),) = rows(
        f"SELECT count(*), min(opened_at) FROM red_flag WHERE programme_id = ANY (%s) AND state = 'open' AND {_OWN}",  # noqa: S608
        [_mine(actor), *_lines(actor)],
    )
    return FlagWork(n, oldest)


def office_flags(  # noqa: PLR0913 (the filters of a queue)
    *,
    actor: Actor,
    at: datetime,
    state: str = "",
    month: date | None = None,
    provider: str = "",
    only: Sequence[int] | None = None,
    but: Sequence[int] = (),
    after: int = 0,
    most: int = MOST,
) -> list[FlagFacts]:
    """Flags of the actor's programmes, those that wait longest; `only` these ids, `but` not those.

    An audited read. `after`: so many are passed over.
    """
    wanted = provider.strip().upper()
    asked: list[Any] = [_mine(actor), state, state, month, month, wanted, wanted, wanted, wanted]
    some = None if only is None else list(only)
    asked += [some, some, list(but), *_lines(actor), most, after]
    return noted(actor, at, facts(_WHICH, asked))


def office_flag(*, actor: Actor, uuid: UUID, at: datetime) -> FlagFacts | None:
    """A flag of the actor's programmes by its outside id, another's is as unknown as none; an audited read."""
    which = f"f.uuid = %s AND f.programme_id = ANY (%s) AND {_OWN.replace('enrolment_id', 'f.enrolment_id')}"
    found = noted(actor, at, facts(which, [uuid, _mine(actor), *_lines(actor)]))
    return found[0] if found else None
