"""What waits for a guardian in a visit, read with the guardian's own rights: vouchers, months."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance.queries import OwnMonth
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.domain.vouchers.queries import OwnVoucher
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.interfaces.ui import reasons
from qosymsha.interfaces.ui.signed import SignedRequest
from qosymsha.interfaces.ui.templatetags.words import in_language
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day, next_month

_CHOOSES = frozenset({VoucherState.ACCEPTED, VoucherState.RELEASED})


@dataclass(frozen=True, slots=True)
class MonthShown:
    """A month that waits for the guardian's word."""

    one: OwnMonth
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class VoucherShown:
    """A voucher that waits for the guardian: for an answer, or for a club to be chosen."""

    one: OwnVoucher
    name: str
    kind: str
    may_accept: bool
    may_choose: bool


def open_months(request: SignedRequest, hand: Actor) -> list[MonthShown]:
    """Months that wait for the guardian's word."""
    children = attendance.own_children(actor=hand, at=request.at)
    found = attendance.own_family_months(actor=hand, at=request.at)
    return [
        MonthShown(month, children[month.row.child_id].name, in_language(month.group, "title"))
        for month in found
        if month.is_open
    ]


def waiting_vouchers(request: SignedRequest, hand: Actor, names: Mapping[int, str]) -> list[VoucherShown]:
    """Vouchers that wait for the guardian's answer or for a club, those with a last day first."""
    today = local_day(request.at)
    found = [
        VoucherShown(
            one,
            names[one.child_id],
            reasons.kind_name(one.kind, request.language),
            one.state == VoucherState.ISSUED and today <= one.accept_by,
            one.state in _CHOOSES and today < next_month(one.last_month),
        )
        for one in vouchers.own_vouchers(actor=hand, at=request.at)
    ]
    waiting = [one for one in found if one.may_accept or one.may_choose]
    return sorted(waiting, key=lambda one: (not one.may_accept, one.one.accept_by))
