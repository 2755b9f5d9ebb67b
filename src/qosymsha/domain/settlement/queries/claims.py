"""Rows to be claimed, contracts, claims by state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from qosymsha.domain.attendance.states import SheetState, WordState
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.settlement.models import Claim, ClosedMonth, ClosedYear
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.rules.pay import Attended, Due, Payable
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.vouchers.models import LIVE_VOUCHER
from qosymsha.kernel.errors import Refused

SPOKEN = [WordState.CONFIRMED.value, WordState.DECIDED.value, WordState.REJECTED.value]
UNSPOKEN = [WordState.SILENT.value, WordState.DISPUTED.value]


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """A contract as a claim needs it: whose it is, the line that pays now, what is left of its volume (tiyn).

    The line is the contract's, or the next year's where its places were promised again; `is_over`: that line's year is
    closed.
    """

    id: int
    provider_id: int
    line_id: int
    volume_left_tiyn: int
    is_over: bool = False


def programme_of(programme_id: int) -> Programme:
    """The programme.

    Raises:
        Refused: `unknown_programme`.
    """
    found = Programme.objects.filter(id=programme_id).first()
    if found is None:
        raise Refused(SettlementRefusal.UNKNOWN_PROGRAMME)
    return found


_CONTRACTS = """
WITH mine AS MATERIALIZED (
    SELECT id, provider_id, line_id, volume_tiyn, programme_id FROM contract
     WHERE programme_id = %s AND (%s OR provider_id = ANY (%s::bigint[])) ORDER BY id FOR NO KEY UPDATE)
SELECT m.id, m.provider_id, l.id, m.volume_tiyn - coalesce((SELECT sum(c.amount_tiyn) FROM claim c
           WHERE c.contract_id = m.id AND c.state <> 'reversed'), 0)::bigint,
       EXISTS (SELECT FROM closed_year y WHERE y.programme_id = m.programme_id AND y.year = l.fiscal_year)
  FROM mine m LEFT JOIN carried_line n ON n.line_id = m.line_id
  JOIN budget_line l ON l.id = coalesce(n.next_line_id, m.line_id) ORDER BY m.id"""


def contracts(programme_id: int, provider_ids: Sequence[int]) -> list[ContractFacts]:
    """The contracts of these providers as they stand now, nothing locked: for a look before a draw."""
    asked = [programme_id, False, list(provider_ids)]
    return [ContractFacts(*row) for row in rows(_CONTRACTS.replace(" FOR NO KEY UPDATE", ""), asked)]


def lock_contracts(programme_id: int, provider_ids: Sequence[int] | None) -> list[ContractFacts]:
    """The contracts of these providers (None: of all), locked in the order of their ids against another draw."""
    asked = [programme_id, provider_ids is None, list(provider_ids or [])]
    return [ContractFacts(*row) for row in rows(_CONTRACTS, asked)]


# What was claimed of a row is read from its live parts, less what was decided to be clawed back. A row whose facts are
# those of its last part has nothing new to say.
_CLAIMED = """
claimed AS MATERIALIZED (
    SELECT c.sheet_row_id, sum(c.units)::int AS units, sum(c.amount_tiyn)::bigint AS amount, max(c.part) AS part,
           (array_agg(c.present ORDER BY c.part DESC))[1] AS present,
           (array_agg(c.waiting ORDER BY c.part DESC))[1] AS waiting,
           (array_agg(c.proved ORDER BY c.part DESC))[1] AS proved
      FROM claim k JOIN claim_row c ON c.claim_id = k.id AND c.live
     WHERE k.contract_id = ANY (%(contracts)s::bigint[]) AND k.state <> 'reversed' GROUP BY 1),
clawed AS MATERIALIZED (
    SELECT w.sheet_row_id, sum(w.units)::int AS units, sum(w.amount_tiyn)::bigint AS amount
      FROM recovery o JOIN claim k ON k.id = o.claim_id JOIN recovery_row w ON w.recovery_id = o.id
     WHERE k.contract_id = ANY (%(contracts)s::bigint[]) AND w.is_decided GROUP BY 1)"""

# Present days come from what two parties agree on (attendance's view). Absences count once a second party or an officer
# spoke; in months whose rule asks for papers only those days for which a family named one.
FACTS = """
  JOIN sheet_row_due u ON u.sheet_row_id = r.id
 CROSS JOIN LATERAL (
    SELECT CASE WHEN r.ill + r.excused = 0 THEN 0
                WHEN s.month <> ALL (%(paper_months)s::date[]) THEN r.ill + r.excused
                ELSE (SELECT count(*)::int FROM session t JOIN mark m ON m."on" = t."on" AND m.session_id = t.id
                       WHERE t.group_id = s.group_id AND m.enrolment_id = r.enrolment_id
                         AND m."on" >= s.month AND m."on" < (s.month + interval '1 month')::date
                         AND m.value IN ('ill', 'excused')
                         AND EXISTS (SELECT FROM absence_notice n WHERE n.enrolment_id = m.enrolment_id
                                        AND n.days @> m."on" AND n.paper <> '')) END AS valid) a
 CROSS JOIN LATERAL (
    SELECT u.payable_present AS present, u.waiting_present AS waiting,
           r.present - u.payable_present - u.waiting_present AS lost,
           CASE WHEN r.word IN ('confirmed', 'decided') THEN a.valid ELSE 0 END AS proved,
           CASE WHEN r.word IN ('silent', 'disputed') THEN a.valid ELSE 0 END AS unspoken) d"""

_PAYABLE = f"""
WITH {_CLAIMED}
SELECT g.contract_id, r.id, r.enrolment_id, e.voucher_id, s.month, d.present, r.ill, r.excused, r.absent,
       e.unit_tariff_tiyn, g.units_per_month, d.waiting, d.lost, d.proved, d.unspoken,
       (r.word <> 'rejected' OR d.present > 0),
       v.state = ANY (%(live)s) AND v.line_id = e.line_id AND n.line_id IS NULL, coalesce(b.balance_tiyn, 0),
       coalesce(n.next_line_id, e.line_id), coalesce(l.units, 0) - coalesce(w.units, 0),
       coalesce(l.amount, 0) - coalesce(w.amount, 0), coalesce(l.part, 0) + 1
  FROM club_group g
  JOIN month_sheet s ON s.group_id = g.id AND s.state = %(sheet)s AND s.month <= %(month)s
  JOIN sheet_row r ON r.sheet_id = s.id AND (r.word = ANY (%(words)s) OR r.word = 'silent' AND s.scan_is_word)
{FACTS}
  JOIN enrolment e ON e.id = r.enrolment_id
  JOIN voucher v ON v.id = e.voucher_id
  LEFT JOIN carried_line n ON n.line_id = e.line_id
  LEFT JOIN ledger_account b ON b.kind = 'place' AND b.line_id = coalesce(n.next_line_id, e.line_id)
                            AND b.subject_id = e.id AND b.month = s.month
  LEFT JOIN claimed l ON l.sheet_row_id = r.id
  LEFT JOIN clawed w ON w.sheet_row_id = r.id
 WHERE g.contract_id = ANY (%(contracts)s::bigint[])
   AND (l.part IS NULL OR w.sheet_row_id IS NOT NULL
        OR (l.present, l.waiting, l.proved) IS DISTINCT FROM (d.present, d.waiting, d.proved))
 ORDER BY g.contract_id, s.month, r.id"""  # noqa: S608 - statements of this file

_MONTHS = """
SELECT DISTINCT s.month FROM club_group g JOIN month_sheet s ON s.group_id = g.id
 WHERE g.contract_id = ANY (%s::bigint[]) AND s.state = %s AND s.month <= %s"""


def claimable_months(contract_ids: Sequence[int], up_to_month: date) -> set[date]:
    """The months of the contracts' sheets for payment."""
    return {month for (month,) in rows(_MONTHS, [list(contract_ids), SheetState.FOR_PAYMENT.value, up_to_month])}


def payable_rows(
    contract_ids: Sequence[int], up_to_month: date, paper_months: Collection[date] = ()
) -> dict[int, list[Payable]]:
    """Rows of which a part may be claimed, by contract, oldest first: a second party, an officer or a scan spoke.

    `paper_months` are the months whose rule pays only absences that a paper stands behind.
    """
    found: dict[int, list[Payable]] = defaultdict(list)
    asked = {
        "contracts": list(contract_ids),
        "live": LIVE_VOUCHER,
        "sheet": SheetState.FOR_PAYMENT.value,
        "month": up_to_month,
        "words": SPOKEN,
        "paper_months": sorted(paper_months),
    }
    for row in rows(_PAYABLE, asked):
        contract_id, row_id, enrolment_id, voucher_id, month = row[:5]
        facts, (payable, live, place, line_id, units, tiyn, part) = Attended(*row[5:15]), row[15:]
        found[contract_id].append(
            Payable(
                row_id,
                enrolment_id,
                voucher_id,
                month,
                facts,
                payable,
                live,
                place,
                line_id,
                Due(units, tiyn),
                part,
            )
        )
    return found


_INCOMPLETE = """
SELECT r.id FROM club_group g JOIN month_sheet s ON s.group_id = g.id AND s.state = %s AND s.month = ANY (%s::date[])
  JOIN sheet_row r ON r.sheet_id = s.id
 WHERE g.contract_id = ANY (%s::bigint[])
   AND EXISTS (SELECT FROM sheet_row o WHERE o.sheet_id = s.id AND o.word = ANY (%s))"""


def incomplete_rows(contract_ids: Sequence[int], months: Collection[date]) -> set[int]:
    """Rows of sheets of these months on which somebody has not spoken yet, for rules that claim whole sheets only."""
    asked = [SheetState.FOR_PAYMENT.value, sorted(months), list(contract_ids), UNSPOKEN]
    return {row_id for (row_id,) in rows(_INCOMPLETE, asked)} if months else set()


def claimed_contracts(contract_ids: Sequence[int], month: date) -> set[int]:
    """The contracts that have a live claim of this month already."""
    claims = Claim.objects.filter(contract_id__in=contract_ids, month=month).exclude(state="reversed")
    return set(claims.values_list("contract_id", flat=True))


def is_month_closed(programme_id: int, month: date) -> bool:
    """True where the month, and with it its claims, is closed."""
    return ClosedMonth.objects.filter(programme_id=programme_id, month=month).exists()


def claims_by_state(programme_id: int) -> dict[str, int]:
    """How many claims stand in each state."""
    return dict(rows("SELECT state, count(*) FROM claim WHERE programme_id = %s GROUP BY 1 ORDER BY 1", [programme_id]))


def is_year_closed(programme_id: int, year: int) -> bool:
    """True after the year's close: money that comes back lapses."""
    return ClosedYear.objects.filter(programme_id=programme_id, year=year).exists()


def claims_in_state(programme_id: int, state: str) -> list[int]:
    """The ids of a programme's claims in a state, oldest first."""
    found = Claim.objects.filter(programme_id=programme_id, state=state).order_by("id")
    return list(found.values_list("id", flat=True))
