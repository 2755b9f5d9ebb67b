"""Providers as the office finds them: their contracts with what is used of each volume; figures alone, no child."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.access import ALLOWED, Action
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.text import sort_key

MOST = 100
LOOK = ALLOWED[Action.READ_ACCREDITATION] - {Role.PROVIDER_MANAGER}


class House(NamedTuple):
    """A provider in the officials' list: its accreditations' states, contracts in force, groups that live today."""

    id: int
    uuid: UUID
    number: str
    name: str
    bin: str
    territory_id: int
    states: list[str]
    contracts: int
    groups: int
    iban: str
    total: int


class HouseContract(NamedTuple):
    """A contract with the line it stands on and what its claims have used of its volume (tiyn)."""

    id: int
    uuid: UUID
    number: str
    programme_id: int
    territory_id: int
    department_id: int
    kind: str
    year: int
    volume_tiyn: int
    used_tiyn: int
    first: date
    last: date | None
    state: str
    provider: UUID
    provider_name: str

    @property
    def left_tiyn(self) -> int:
        """What may still be claimed."""
        return self.volume_tiyn - self.used_tiyn


_HOUSES = """
SELECT p.id, p.uuid, p.number, p.name, coalesce(p.bin, ''), p.territory_id,
       array(SELECT a.state FROM accreditation a WHERE a.provider_id = p.id
              AND a.state IN ('filed', 'in_review', 'accredited', 'limited') ORDER BY a.id),
       (SELECT count(*) FROM contract c WHERE c.provider_id = p.id AND c.state = 'signed')::int,
       (SELECT count(*) FROM club_group g WHERE g.provider_id = p.id AND g.valid @> %(today)s::date)::int,
       p.iban, (count(*) OVER ())::int
  FROM provider p WHERE (%(places)s::bigint[] IS NULL OR p.territory_id = ANY (%(places)s))
   AND (%(uuid)s::uuid IS NULL OR p.uuid = %(uuid)s)
   AND (%(sought)s = '' OR p.bin = %(sought)s OR p.number = upper(%(sought)s) OR strpos(p.folded, %(folded)s) > 0)
 ORDER BY p.folded, p.id LIMIT %(most)s OFFSET %(after)s"""
_CONTRACTS = """
SELECT c.id, c.uuid, c.number, c.programme_id, c.territory_id, l.department_id, l.kind, l.fiscal_year, c.volume_tiyn,
       coalesce((SELECT sum(k.amount_tiyn) FROM claim k
                  WHERE k.contract_id = c.id AND k.state <> 'reversed'), 0)::bigint,
       lower(c.valid), upper(c.valid) - 1, c.state, p.uuid, p.name
  FROM contract c JOIN budget_line l ON l.id = c.line_id JOIN provider p ON p.id = c.provider_id
 WHERE (%(provider)s::bigint IS NULL OR c.provider_id = %(provider)s) AND (%(uuid)s::uuid IS NULL OR c.uuid = %(uuid)s)
 ORDER BY c.state DESC, lower(c.valid) DESC, c.id DESC"""


def houses(  # noqa: PLR0913 - the filters of a list
    *, actor: Actor, today: date, sought: str = "", folded: str = "", uuid: UUID | None = None, after: int = 0
) -> list[House]:
    """Providers of the actor's territories by name, number or BIN, at most `MOST` after so many; or the one of a uuid.

    Raises:
        Forbidden: the actor is no official who reads accreditations.
    """
    require(actor, Action.READ_ACCREDITATION, ALLOWED)
    mine = [grant.territory_ids for grant in actor.grants if grant.role in LOOK]
    everywhere = any(one is None for one in mine)
    places = None if everywhere else sorted(set().union(*(one for one in mine if one is not None)))
    asked = {"today": today, "places": places, "uuid": uuid, "sought": sought, "folded": folded or sought} | {
        "most": MOST,
        "after": after,
    }
    return sorted((House(*row) for row in rows(_HOUSES, asked)), key=lambda one: (sort_key(one.name), one.id))


def house_contracts(*, actor: Actor, provider_id: int | None = None, uuid: UUID | None = None) -> list[HouseContract]:
    """A provider's contracts, or the one of an outside id, where the actor may see them; those in force first.

    Raises:
        Forbidden: the actor is no official who reads accreditations.
    """
    require(actor, Action.READ_ACCREDITATION, ALLOWED)
    found = [HouseContract(*row) for row in rows(_CONTRACTS, {"provider": provider_id, "uuid": uuid})]
    return [one for one in found if actor.holds(LOOK, territory_id=one.territory_id, department_id=one.department_id)]
