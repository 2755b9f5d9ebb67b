"""Whose word a row is: the guardian's right to the child is asked of `people`, row by row, in one query."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from qosymsha.domain.people import queries as people
from qosymsha.domain.vouchers.access import Action, may_decide, may_speak
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.rules import VoucherRefusal, repeated
from qosymsha.domain.vouchers.steps.deeds import Deed
from qosymsha.domain.vouchers.steps.lives import lock_vouchers


def hear(
    deed: Deed, action: Action, spoken: Sequence[tuple[int, int | None]]
) -> tuple[dict[int, VoucherFacts], dict[int, StrEnum]]:
    """Lock the vouchers of (voucher, guardian) rows and judge who speaks; without a guardian the office must be.

    Returns the vouchers by id, and row → reason for the rows that may not be heard.
    """
    vouchers = lock_vouchers([voucher_id for voucher_id, _ in spoken])
    wards = people.wards(
        [(guardian, vouchers[v].child_id) for v, guardian in spoken if v in vouchers and guardian is not None],
        deed.today,
    )
    refused: dict[int, StrEnum] = dict.fromkeys(repeated(v for v, _ in spoken), VoucherRefusal.NAMED_TWICE)
    for row, (voucher_id, guardian_id) in enumerate(spoken):
        voucher = vouchers.get(voucher_id)
        if voucher is None:
            refused[row] = VoucherRefusal.UNKNOWN_VOUCHER
        elif not _may_be_heard(deed, action, voucher, guardian_id, wards):
            refused[row] = VoucherRefusal.NOT_GUARDIAN
    return vouchers, refused


def _may_be_heard(
    deed: Deed, action: Action, voucher: VoucherFacts, guardian_id: int | None, wards: set[tuple[int, int]]
) -> bool:
    if guardian_id is None:
        return may_decide(deed.actor, action, voucher.territory_id)
    return (guardian_id, voucher.child_id) in wards and may_speak(deed.actor, guardian_id, voucher.territory_id)
