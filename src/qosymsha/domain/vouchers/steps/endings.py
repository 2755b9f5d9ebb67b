"""Vouchers let go: of their place (release) or for good (close); the money follows in the same transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft
from qosymsha.domain.ledger.steps import post
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.states import CloseReason, VoucherState
from qosymsha.domain.vouchers.steps.deeds import Deed
from qosymsha.domain.vouchers.steps.lives import move_vouchers
from qosymsha.domain.vouchers.steps.places import Leaving, end_enrolments, leavings, remainders
from qosymsha.domain.vouchers.steps.waits import give_up_requests


def release(deed: Deed, vouchers: Sequence[VoucherFacts], last_days: Mapping[int, date], reason: str) -> None:
    """End the places with their last days and let the vouchers choose again; what a place needs no more → held."""
    leaving = list(leavings(last_days).values())
    back = remainders(leaving)
    cause = deed.action.value
    give_up_requests(deed, [v.id for v in vouchers], [w.enrolment.group_id for w in leaving])
    end_enrolments(leaving, reason=reason, cause=cause, actor=deed.actor, at=deed.at)
    ids = [v.id for v in vouchers]
    move_vouchers(ids, VoucherState.RELEASED, reason=reason, cause=cause, actor=deed.actor, at=deed.at)
    post([d for w in leaving for d in returned(w, back[w.enrolment.id])], at=deed.at)


def close(deed: Deed, vouchers: Sequence[VoucherFacts], reason: CloseReason) -> None:
    """Close the vouchers, their places with them (today is the last day): place and held → released."""
    leaving = leavings(dict.fromkeys((v.id for v in vouchers), deed.today))
    back = remainders(list(leaving.values()))
    held = _held([v.id for v in vouchers])
    cause = deed.action.value
    give_up_requests(deed, [v.id for v in vouchers], [w.enrolment.group_id for w in leaving.values()])
    end_enrolments(list(leaving.values()), reason=reason.value, cause=cause, actor=deed.actor, at=deed.at)
    ids = [v.id for v in vouchers]
    move_vouchers(ids, VoucherState.CLOSED, reason=reason.value, cause=cause, actor=deed.actor, at=deed.at)
    drafts = []
    for voucher in vouchers:
        off = list(back[leaving[voucher.id].enrolment.id]) if voucher.id in leaving else []
        drafts += _let_go(voucher, off + held[voucher.id])
    post(drafts, at=deed.at)


def returned(leaving: Leaving, back: Sequence[tuple[AccountKey, int]]) -> list[Draft]:
    """place → held of the line the place was paid by, once per place, or held → place for what it lacks; or nothing."""
    place = leaving.enrolment
    if not back:
        return []
    held = AccountKey(AccountKind.HELD, place.line_id, place.voucher_id)
    entries = ((held, sum(amount for _, amount in back)), *((key, -amount) for key, amount in back))
    return [Draft("leave", str(place.id), entries)]


def _held(voucher_ids: Sequence[int]) -> defaultdict[int, list[tuple[AccountKey, int]]]:
    """Voucher id → its held money, on lines it has left too (a month settled after a transfer comes back there)."""
    found: defaultdict[int, list[tuple[AccountKey, int]]] = defaultdict(list)
    for key, amount in ledger.subject_balances(AccountKind.HELD, voucher_ids):
        found[key.subject_id].append((key, amount))
    return found


def _let_go(voucher: VoucherFacts, off: Sequence[tuple[AccountKey, int]]) -> list[Draft]:
    by_line: defaultdict[int, int] = defaultdict(int)
    for key, amount in off:
        by_line[key.line_id] += amount
    if not by_line:
        return []
    released = [(AccountKey(AccountKind.RELEASED, line), amount) for line, amount in sorted(by_line.items()) if amount]
    return [Draft("close", str(voucher.id), (*released, *((key, -amount) for key, amount in off)))]
