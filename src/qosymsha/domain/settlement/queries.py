"""Reads of settlement: rows to be claimed, claims by state, what waits for the treasury, what a provider sees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from qosymsha.domain.attendance.states import SheetState, WordState
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.settlement.models import BankReply, Claim, ClosedMonth, ClosedYear, PaymentFile, PaymentLine
from qosymsha.domain.settlement.rules.pay import Attended, Payable
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.settlement.states import FileState
from qosymsha.domain.vouchers.models import LIVE_VOUCHER
from qosymsha.kernel.errors import Refused

SPOKEN = [WordState.CONFIRMED.value, WordState.DECIDED.value, WordState.REJECTED.value]


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """A contract as a claim needs it: whose it is, its line, how much of its volume is not claimed yet (tiyn)."""

    id: int
    provider_id: int
    line_id: int
    volume_left_tiyn: int


@dataclass(frozen=True, slots=True)
class Release:
    """A claim that two officials signed and no file holds yet; `account_now` is the provider's IBAN today."""

    claim_id: int
    number: str
    line_id: int
    month: date
    amount_tiyn: int
    iban: str
    account_now: str
    provider_name: str
    provider_bin: str
    contract_number: str
    earlier_lines: int


def programme_of(programme_id: int) -> Programme:
    """The programme.

    Raises:
        Refused: `unknown_programme`.
    """
    found = Programme.objects.filter(id=programme_id).first()
    if found is None:
        raise Refused(SettlementRefusal.UNKNOWN_PROGRAMME)
    return found


def lock_contracts(programme_id: int, provider_ids: Sequence[int] | None) -> list[ContractFacts]:
    """The contracts of these providers (None: of all), locked in the order of their ids against another draw."""
    rows = _rows(
        "WITH mine AS MATERIALIZED (SELECT id, provider_id, line_id, volume_tiyn FROM contract"
        " WHERE programme_id = %s AND (%s OR provider_id = ANY (%s::bigint[])) ORDER BY id FOR NO KEY UPDATE)"
        " SELECT m.id, m.provider_id, m.line_id, m.volume_tiyn - coalesce((SELECT sum(c.amount_tiyn) FROM claim c"
        " WHERE c.contract_id = m.id AND c.state <> 'reversed'), 0)::bigint FROM mine m ORDER BY m.id",
        [programme_id, provider_ids is None, list(provider_ids or [])],
    )
    return [ContractFacts(*row) for row in rows]


_PAYABLE = """
SELECT g.contract_id, r.id, r.enrolment_id, e.voucher_id, s.month, r.present, r.ill, r.excused, r.absent,
       e.unit_tariff_tiyn, g.units_per_month, r.word <> 'rejected',
       v.state = ANY (%s) AND v.line_id = e.line_id, coalesce(a.balance_tiyn, 0)
  FROM club_group g
  JOIN month_sheet s ON s.group_id = g.id AND s.state = %s AND s.month <= %s
  JOIN sheet_row r ON r.sheet_id = s.id AND r.word = ANY (%s)
  JOIN enrolment e ON e.id = r.enrolment_id
  JOIN voucher v ON v.id = e.voucher_id
  LEFT JOIN ledger_account a ON a.kind = 'place' AND a.line_id = e.line_id AND a.subject_id = e.id AND a.month = s.month
 WHERE g.contract_id = ANY (%s::bigint[])
   AND NOT EXISTS (SELECT FROM claim_row c WHERE c.sheet_row_id = r.id AND c.live)
 ORDER BY g.contract_id, s.month, r.id"""


def payable_rows(contract_ids: Sequence[int], up_to_month: date) -> dict[int, list[Payable]]:
    """Rows with a second party's or an officer's word that no live claim has, by contract, oldest first."""
    found: dict[int, list[Payable]] = defaultdict(list)
    arguments = [LIVE_VOUCHER, SheetState.FOR_PAYMENT.value, up_to_month, SPOKEN, list(contract_ids)]
    for contract_id, row_id, enrolment_id, voucher_id, month, *rest in _rows(_PAYABLE, arguments):
        attended, (is_payable, is_live, place) = Attended(*rest[:6]), rest[6:]
        found[contract_id].append(
            Payable(row_id, enrolment_id, voucher_id, month, attended, is_payable, is_live, place)
        )
    return found


def claimed_contracts(contract_ids: Sequence[int], month: date) -> set[int]:
    """The contracts that have a live claim of this month already."""
    claims = Claim.objects.filter(contract_id__in=contract_ids, month=month).exclude(state="reversed")
    return set(claims.values_list("contract_id", flat=True))


def is_month_closed(programme_id: int, month: date) -> bool:
    """True where the month, and with it its claims, is closed."""
    return ClosedMonth.objects.filter(programme_id=programme_id, month=month).exists()


_RELEASED = """
SELECT c.id, c.number, c.line_id, c.month, c.amount_tiyn, c.iban, p.iban, p.name, coalesce(p.bin, ''), k.number,
       (SELECT count(*) FROM payment_line l WHERE l.claim_id = c.id)
  FROM claim c JOIN provider p ON p.id = c.provider_id JOIN contract k ON k.id = c.contract_id
 WHERE c.programme_id = %s AND c.state = 'approved'
   AND EXISTS (SELECT FROM claim_approval a WHERE a.claim_id = c.id AND a.turn = c.turn AND a.step = 'release')
 ORDER BY c.id FOR NO KEY UPDATE OF c"""


def lock_released_claims(programme_id: int) -> list[Release]:
    """Claims ready for a payment file, locked, in the order of their ids."""
    return [Release(*row) for row in _rows(_RELEASED, [programme_id])]


def files_to_deliver(programme_id: int) -> list[PaymentFile]:
    """Files that left the ledger but have no receipt of the treasury yet: the job delivers them, again if need be."""
    return list(PaymentFile.objects.filter(programme_id=programme_id, state=FileState.SENT, receipt="").order_by("id"))


def claims_by_state(programme_id: int) -> dict[str, int]:
    """How many claims stand in each state."""
    return dict(
        _rows("SELECT state, count(*) FROM claim WHERE programme_id = %s GROUP BY 1 ORDER BY 1", [programme_id])
    )


def is_year_closed(programme_id: int, year: int) -> bool:
    """True after the year's close: money that comes back lapses."""
    return ClosedYear.objects.filter(programme_id=programme_id, year=year).exists()


def claims_in_state(programme_id: int, state: str) -> list[int]:
    """The ids of a programme's claims in a state, oldest first."""
    found = Claim.objects.filter(programme_id=programme_id, state=state).order_by("id")
    return list(found.values_list("id", flat=True))


def payments_by_state(programme_id: int) -> dict[str, int]:
    """How many payment lines stand in each state."""
    statement = "SELECT state, count(*) FROM payment_line WHERE programme_id = %s GROUP BY 1 ORDER BY 1"
    return dict(_rows(statement, [programme_id]))


def held_replies() -> list[BankReply]:
    """Replies that nobody understands yet, named one by one (LEDGER.md, suspense)."""
    return list(BankReply.objects.filter(outcome__startswith="held_").order_by("id"))


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What a provider sees of a claim: what is due, why, and where it stands; `paid_at` is the treasury's word."""

    number: str
    month: date
    state: str
    reason: str
    units: int
    amount_tiyn: int
    formula: dict[str, Any]
    paid_at: datetime | None


def provider_statement(provider_id: int) -> list[StatementLine]:
    """A provider's claims, newest month first (H7)."""
    rows = _rows(
        "SELECT c.number, c.month, c.state, c.reason, c.units, c.amount_tiyn, c.id,"
        " (SELECT max(b.at) FROM payment_line l JOIN bank_reply b ON b.end_to_end_id = l.end_to_end_id"
        " WHERE b.outcome = 'paid' AND l.claim_id = c.id AND l.state = 'accepted')"
        " FROM claim c WHERE c.provider_id = %s ORDER BY c.month DESC, c.id",
        [provider_id],
    )
    formulas = dict(Claim.objects.filter(id__in=[row[6] for row in rows]).values_list("id", "formula"))
    return [
        StatementLine(number, month, state, reason, units, amount, formulas[claim_id], paid_at)
        for number, month, state, reason, units, amount, claim_id, paid_at in rows
    ]


def lines_by_end_to_end_id(ids: Sequence[str]) -> dict[str, PaymentLine]:
    """The payment lines that replies speak of, locked in the order of their ids."""
    lines = PaymentLine.objects.filter(end_to_end_id__in=ids).select_related("claim").order_by("id")
    return {line.end_to_end_id: line for line in lines.select_for_update(of=("self",), no_key=True)}


def _rows(statement: str, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())
