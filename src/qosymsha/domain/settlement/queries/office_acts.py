"""Acts of services as the customer's officials list them; no child is named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.queries.departments import of_department
from qosymsha.domain.settlement.queries.office import LOOK
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


_ACTS = """
SELECT a.id, a.programme_id, a.territory_id, a.number, c.number, p.name, c.month, a.amount_tiyn, a.state, a.reason,
       a.drawn_at, array(SELECT s.side FROM act_signature s WHERE s.service_act_id = a.id ORDER BY s.id)
  FROM service_act a JOIN claim c ON c.id = a.claim_id JOIN provider p ON p.id = a.provider_id
 WHERE (%s = '' OR a.state = %s) AND (%s = '' OR a.number = %s) ORDER BY c.month DESC, a.id DESC"""


def office_acts(*, actor: Actor, state: str = "", number: str = "") -> list[OfficeAct]:
    """The acts that an official may see, newest month first: all, of a state, or the one of a number.

    Raises:
        Forbidden: the actor is no official who reads papers.
    """
    require(actor, Action.READ_PAPERS, ALLOWED)
    found = [OfficeAct(*row) for row in rows(_ACTS, [state, state, number, number])]
    mine = set(of_department(actor, LOOK, "service_act", [one.id for one in found]))
    return [one for one in found if one.id in mine and actor.holds(LOOK, territory_id=one.territory_id)]
