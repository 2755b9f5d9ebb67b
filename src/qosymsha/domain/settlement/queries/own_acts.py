"""A provider's own acts of services, as its pages list them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.states import ActState, Side
from qosymsha.kernel.actor import Actor, require


class OwnAct(NamedTuple):
    """An act in its provider's list; `sides` have signed; `invoice_fault`: why its last e-invoice was rejected."""

    id: int
    uuid: UUID
    programme_id: int
    number: str
    claim: str
    month: date
    amount_tiyn: int
    state: str
    reason: str
    sides: Sequence[str]
    invoice_fault: str

    @property
    def is_to_sign(self) -> bool:
        """The provider's signature is wanted."""
        return self.state == ActState.SIGNING and Side.PROVIDER not in self.sides

    @property
    def is_to_invoice(self) -> bool:
        """The number of its e-invoice is wanted."""
        return self.state == ActState.AWAITING_INVOICE


_ACTS = """
SELECT a.id, a.uuid, a.programme_id, a.number, c.number, c.month, a.amount_tiyn, a.state, a.reason,
       array(SELECT s.side FROM act_signature s WHERE s.service_act_id = a.id ORDER BY s.id),
       coalesce((SELECT e.reason FROM e_invoice e WHERE e.service_act_id = a.id AND e.state = 'rejected'
                    AND a.state = 'awaiting_invoice' ORDER BY e.id DESC LIMIT 1), '')
  FROM service_act a JOIN claim c ON c.id = a.claim_id
 WHERE a.provider_id = %s AND (%s::uuid IS NULL OR a.uuid = %s) ORDER BY c.month DESC, a.id DESC"""


def acts_of_provider(*, actor: Actor, provider_id: int, uuid: UUID | None = None) -> list[OwnAct]:
    """The provider's acts, newest month first; all, or the one of this outside id.

    Raises:
        Forbidden: the actor may not read this provider's papers.
    """
    require(actor, Action.READ_PAPERS, ALLOWED, provider_id=provider_id)
    return [OwnAct(*row) for row in rows(_ACTS, [provider_id, uuid, uuid])]
