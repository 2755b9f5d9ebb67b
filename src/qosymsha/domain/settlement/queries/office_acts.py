"""Acts of services as the customer's officials list them; no child is named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.queries.office import LOOK, settled_programmes
from qosymsha.kernel.actor import Actor, require


class OfficeAct(NamedTuple):
    """An act in the officials' list; `sides` have signed."""

    id: int
    programme_id: int
    territory_id: int
    number: str
    claim: str
    provider_name: str
    month: date
    amount_tiyn: int
    state: str
    reason: str
    drawn_at: datetime
    sides: Sequence[str]
    total: int


class ActWork(NamedTuple):
    """Acts of a state that wait for the customer, in figures."""

    state: str
    n: int
    tiyn: int
    oldest: datetime


# The line of an act's claim says whose money it is.
_OWN = """ a.programme_id = ANY (%(programmes)s) AND (%(lines)s::bigint[] IS NULL OR c.line_id = ANY (%(lines)s))"""
_ACTS = f"""
SELECT a.id, a.programme_id, a.territory_id, a.number, c.number, p.name, c.month, a.amount_tiyn, a.state, a.reason,
       a.drawn_at, array(SELECT s.side FROM act_signature s WHERE s.service_act_id = a.id ORDER BY s.id),
       count(*) OVER ()
  FROM service_act a JOIN claim c ON c.id = a.claim_id JOIN provider p ON p.id = a.provider_id
 WHERE {_OWN} AND (%(state)s = '' OR a.state = %(state)s) AND (%(number)s = '' OR a.number = %(number)s)
 ORDER BY c.month DESC, a.id DESC LIMIT %(most)s OFFSET %(after)s"""  # noqa: S608 - statements of this file
_WORK = f"""
SELECT a.state, count(*)::int, sum(a.amount_tiyn)::bigint, min(a.drawn_at)
  FROM service_act a JOIN claim c ON c.id = a.claim_id
 WHERE {_OWN} AND (a.state = 'checking' OR a.state = 'signing' AND NOT EXISTS (
       SELECT FROM act_signature s WHERE s.service_act_id = a.id AND s.side = 'customer'))
 GROUP BY 1"""  # noqa: S608 - statements of this file


def office_acts(*, actor: Actor, state: str = "", number: str = "", after: int = 0, most: int = 100) -> list[OfficeAct]:
    """The acts that an official may see, newest month first: all, of a state, or the one of a number.

    after: so many are passed over.   `total` says how many there are in all.

    Raises:
        Forbidden: the actor is no official who reads papers.
    """
    asked = _mine(actor) | {"state": state, "number": number, "after": after, "most": most}
    return [OfficeAct(*row) for row in rows(_ACTS, asked)]


def act_work(*, actor: Actor) -> list[ActWork]:
    """Acts that wait for the customer's signature or for its word on the invoice; one statement.

    Raises:
        Forbidden: the actor is no official who reads papers.
    """
    return [ActWork(*row) for row in rows(_WORK, _mine(actor))]


def _mine(actor: Actor) -> dict[str, Any]:
    require(actor, Action.READ_PAPERS, ALLOWED)
    mine = [one.id for one in settled_programmes(actor)]
    return {"programmes": mine, "lines": programmes.own_lines(actor, LOOK)}
