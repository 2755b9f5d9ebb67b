"""Children for whom nobody speaks any more and who hold something here: an official finds who speaks next. Audited."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.access import ALLOWED, Action
from qosymsha.domain.people.rules import person_of
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.witness import reading
from qosymsha.kernel import iin
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day

MOST = 100
# Only whoever had a guardian here can have lost one; a child that holds nothing here is nobody's task.
_UNGUARDED = """
  FROM child c
  JOIN LATERAL (SELECT max(upper(g.valid)) AS since FROM guardianship g
                 WHERE g.child_id = c.id AND g.kind <> 'self' AND NOT isempty(g.valid)) w ON w.since IS NOT NULL
 WHERE EXISTS (SELECT FROM guardianship g WHERE g.child_id = c.id AND g.kind <> 'self' AND upper(g.valid) <= %(on)s)
   AND NOT EXISTS (SELECT FROM guardianship g
                    WHERE g.child_id = c.id AND g.kind <> 'self' AND g.valid @> %(on)s::date)
   AND (EXISTS (SELECT FROM voucher v WHERE v.child_id = c.id AND v.state <> 'closed')
        OR EXISTS (SELECT FROM application a WHERE a.child_id = c.id
                    AND a.state IN ('submitted', 'checked', 'frozen', 'waiting')))"""
_LIST = f"""
SELECT c.id, c.uuid, c.territory_id, w.since,
       ARRAY(SELECT v.number FROM voucher v WHERE v.child_id = c.id AND v.state <> 'closed' ORDER BY v.id),
       (SELECT count(*) FROM application a WHERE a.child_id = c.id
         AND a.state IN ('submitted', 'checked', 'frozen', 'waiting')),
       (SELECT count(*) FROM enrolment e WHERE e.child_id = c.id AND e.state <> 'ended')
{_UNGUARDED} AND (%(everywhere)s OR c.territory_id = ANY (%(places)s)) ORDER BY w.since, c.id LIMIT %(most)s"""  # noqa: S608
_COUNT = f"""
SELECT count(*), min(w.since) {_UNGUARDED} AND (%(everywhere)s OR c.territory_id = ANY (%(places)s))"""  # noqa: S608


class Unguarded(NamedTuple):
    """A child for whom nobody has spoken since a day, and what it holds: vouchers, open applications, places."""

    id: int
    uuid: UUID
    territory_id: int
    since: date
    vouchers: list[str]
    applications: int
    places: int
    name: str
    born_on: date | None
    masked_iin: str


class UnguardedWork(NamedTuple):
    """How many there are, and the first day on which one lost the last guardian."""

    n: int
    oldest: date | None


def unguarded_work(*, actor: Actor, at: datetime) -> UnguardedWork:
    """The figure of the list; no child is named.

    Raises:
        Forbidden: the actor may not register families.
    """
    require(actor, Action.REGISTER_FAMILIES, ALLOWED)
    return UnguardedWork(*rows(_COUNT, _asked(actor, at))[0])


def unguarded_everywhere(on: date) -> int:
    """The figure of the whole house, for the operator: a number, nobody's name."""
    return int(rows(_COUNT, {"on": on, "everywhere": True, "places": []})[0][0])


def unguarded(*, actor: Actor, at: datetime) -> list[Unguarded]:
    """The children of the actor's territories for whom nobody speaks, the longest first, at most a hundred; audited.

    Raises:
        Forbidden: the actor may not register families.
    """
    require(actor, Action.REGISTER_FAMILIES, ALLOWED)
    found = rows(_LIST, _asked(actor, at) | {"most": MOST})
    ids = [row[0] for row in found]
    if ids:
        reading.saw(actor=actor, at=at, action=Action.READ_PERSONS, kind="child", ids=ids)
    known = {i: person_of(plain) for i, plain in people.unseal("child", ids).items()}
    shown = []
    for row in found:
        one = known.get(row[0])
        name = f"{one.surname} {one.given}".strip() if one else ""
        number = iin.masked(one.iin) if one and one.iin else ""
        shown.append(Unguarded._make((*row, name, one.born_on if one else None, number)))
    return shown


def _asked(actor: Actor, at: datetime) -> dict[str, object]:
    mine = [g for g in actor.grants if g.role in ALLOWED[Action.REGISTER_FAMILIES]]
    everywhere = any(g.territory_ids is None for g in mine)
    places = sorted({place for g in mine for place in g.territory_ids or ()})
    return {"on": local_day(at), "everywhere": everywhere, "places": places}
