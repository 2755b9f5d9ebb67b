"""Where the money of the children's vouchers is."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse

from qosymsha.domain.agreements import queries as agreements
from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.settlement.queries import families as settlement
from qosymsha.domain.settlement.queries.families import OwnMoney
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui import reasons
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page


@dataclass(frozen=True, slots=True)
class MoneyShown:
    """A voucher's money with the child's name and the kind of lessons."""

    one: OwnMoney
    name: str
    kind: str


@allowed(Look.MONEY)
def money(request: SignedRequest) -> HttpResponse:
    """`/family/money/`: what each voucher still holds, what is set aside, owed and paid, from the ledger itself."""
    children = attendance.own_children(actor=request.actor, at=request.at)
    found = settlement.own_money(actor=request.actor, at=request.at)
    vouchers = [
        MoneyShown(one, children[one.child_id].name, reasons.kind_name(one.kind, request.language)) for one in found
    ]
    contracts = agreements.own_contracts(actor=request.actor, at=request.at)
    charges = [one for one in contracts if one.charge_tiyn and not one.is_over]
    return page(request, "family/money.html", vouchers=vouchers, charges=charges)
