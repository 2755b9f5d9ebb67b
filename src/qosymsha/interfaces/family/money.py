"""Where the money of the children's vouchers is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.http import HttpResponse

from qosymsha.domain.agreements import queries as agreements
from qosymsha.domain.agreements.queries import FamilyMonth
from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.settlement.queries import families as settlement
from qosymsha.domain.settlement.queries.families import MonthMoney, OwnMoney
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.family.many import MANY
from qosymsha.interfaces.ui import reasons
from qosymsha.interfaces.ui.signed import SignedRequest, allowed, page
from qosymsha.kernel.text import sort_key


@dataclass(frozen=True, slots=True)
class MonthShown:
    """A month's budget: what the voucher covers, what the family adds to it."""

    month: date
    voucher: MonthMoney | None
    family: FamilyMonth | None

    @property
    def covered_tiyn(self) -> int:
        """Set aside, owed and paid out of the voucher."""
        return self.voucher.kept_tiyn + self.voucher.due_tiyn + self.voucher.paid_tiyn if self.voucher else 0


@dataclass(frozen=True, slots=True)
class MoneyShown:
    """A voucher's money, month by month, with the child's name and the kind of lessons."""

    one: OwnMoney
    name: str
    kind: str
    months: list[MonthShown]


@allowed(Look.MONEY)
def money(request: SignedRequest) -> HttpResponse:
    """`/family/money/`: what each voucher still holds, what is set aside, owed and paid, from the ledger itself."""
    children = attendance.own_children(actor=request.actor, at=request.at)
    found = settlement.own_money(actor=request.actor, at=request.at)
    added = agreements.own_additions(actor=request.actor, at=request.at)
    vouchers = [
        MoneyShown(
            one,
            children[one.child_id].name,
            reasons.kind_name(one.kind, request.language),
            _months(one, added.get(one.uuid, [])),
        )
        for one in found
    ]
    is_long = len(vouchers) > MANY
    if is_long:
        vouchers.sort(key=lambda one: sort_key(one.name))
    return page(request, "family/money.html", vouchers=vouchers, is_long=is_long)


def _months(voucher: OwnMoney, added: Sequence[FamilyMonth]) -> list[MonthShown]:
    """Each month in which the voucher or the family pays, newest first."""
    covered, family = {one.month: one for one in voucher.months}, {one.month: one for one in added}
    months = sorted(covered.keys() | family.keys(), reverse=True)
    return [MonthShown(month, covered.get(month), family.get(month)) for month in months]
