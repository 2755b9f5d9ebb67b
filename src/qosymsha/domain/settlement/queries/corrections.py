"""What providers owe back, and rows that claimed more than they are due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.queries.claims import FACTS, claimable_months, payable_rows
from qosymsha.domain.settlement.queries.month_rules import month_rules
from qosymsha.domain.settlement.rules.pay import Attended, Due, due, most, next_part
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require


@dataclass(frozen=True, slots=True)
class Owed:
    """A decided recovery that is not settled: whose it is, on which line, what is left, the share of each claim."""

    recovery_id: int
    provider_id: int
    line_id: int
    left_tiyn: int
    plan_permille: int


_SETTLED = """
coalesce((SELECT sum(f.amount_tiyn) FROM claim_offset f WHERE f.recovery_id = o.id AND f.live), 0)
  + coalesce((SELECT sum(b.amount_tiyn) FROM refund b WHERE b.recovery_id = o.id), 0)"""

_OWED = f"""
SELECT * FROM (SELECT o.id, o.provider_id, o.line_id, (o.amount_tiyn - ({_SETTLED}))::bigint AS left_tiyn,
                      o.plan_permille
                 FROM recovery o WHERE o.provider_id = ANY (%s::bigint[]) AND o.state = 'decided'
                ORDER BY o.id FOR NO KEY UPDATE OF o) AS owed
 WHERE left_tiyn > 0 ORDER BY id"""  # noqa: S608 - two statements of this file


def lock_owed(provider_ids: Sequence[int]) -> dict[tuple[int, int], list[Owed]]:
    """(provider, line) -> what is still owed there, oldest first; locked until commit."""
    found: defaultdict[tuple[int, int], list[Owed]] = defaultdict(list)
    for row in rows(_OWED, [sorted(set(provider_ids))]):
        owed = Owed(*row)
        found[owed.provider_id, owed.line_id].append(owed)
    return dict(found)


@dataclass(frozen=True, slots=True)
class ClaimedPart:
    """A live part of a sheet row: the claim that holds it, its state, units and tiyn."""

    claim_id: int
    state: str
    units: int
    amount_tiyn: int


@dataclass(frozen=True, slots=True)
class ClaimedRow:
    """A claimed row whose facts have become less since: facts today, live parts from the last, what is clawed back."""

    sheet_row_id: int
    month: date
    facts: Attended
    is_payable: bool
    parts: tuple[ClaimedPart, ...]
    clawed: Due


_LESSENED = f"""
WITH last AS MATERIALIZED (
    SELECT DISTINCT ON (c.sheet_row_id) c.sheet_row_id, c.present, c.proved
      FROM claim k JOIN claim_row c ON c.claim_id = k.id AND c.live
     WHERE k.programme_id = %(programme)s ORDER BY c.sheet_row_id, c.part DESC)
SELECT r.id, s.month, d.present, r.ill, r.excused, r.absent, e.unit_tariff_tiyn, g.units_per_month, d.waiting, d.lost,
       d.proved, d.unspoken, (r.word <> 'rejected' OR d.present > 0),
       (SELECT json_agg(json_build_array(k.id, k.state, c.units, c.amount_tiyn) ORDER BY c.part DESC)
          FROM claim_row c JOIN claim k ON k.id = c.claim_id WHERE c.sheet_row_id = r.id AND c.live),
       coalesce((SELECT sum(w.units) FROM recovery_row w WHERE w.sheet_row_id = r.id), 0)::int,
       coalesce((SELECT sum(w.amount_tiyn) FROM recovery_row w WHERE w.sheet_row_id = r.id), 0)::bigint
  FROM last l JOIN sheet_row r ON r.id = l.sheet_row_id JOIN month_sheet s ON s.id = r.sheet_id
  JOIN club_group g ON g.id = s.group_id JOIN enrolment e ON e.id = r.enrolment_id
{FACTS}
 WHERE d.present < l.present OR d.proved < l.proved OR r.word = 'rejected' AND d.present = 0 ORDER BY r.id"""  # noqa: S608


def lessened_rows(programme_id: int, paper_months: Collection[date]) -> list[ClaimedRow]:
    """Claimed rows of which fewer units are payable today than when they were claimed: upheld, disputed, rejected days.

    `clawed` counts every recovery, dismissed ones too, so that nothing is proposed twice.
    """
    asked = {"programme": programme_id, "paper_months": sorted(paper_months)}
    return [
        ClaimedRow(
            row[0],
            row[1],
            Attended(*row[2:12]),
            row[12],
            tuple(ClaimedPart(*part) for part in row[13]),
            Due(*row[14:16]),
        )
        for row in rows(_LESSENED, asked)
    ]


def claimed_months(programme_id: int) -> set[date]:
    """The months that live claim rows are about."""
    statement = (
        "SELECT DISTINCT s.month FROM claim k JOIN claim_row c ON c.claim_id = k.id AND c.live"
        " JOIN sheet_row r ON r.id = c.sheet_row_id JOIN month_sheet s ON s.id = r.sheet_id WHERE k.programme_id = %s"
    )
    return {month for (month,) in rows(statement, [programme_id])}


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A row due more than its place holds: whose place, and what it lacks (tiyn)."""

    sheet_row_id: int
    enrolment_id: int
    voucher_id: int
    line_id: int
    month: date
    lacks_tiyn: int


def uncovered(programme_id: int, sheet_row_ids: Sequence[int]) -> dict[int, Uncovered]:
    """Sheet row -> what its place lacks for the next part, for those that lack something."""
    statement = (
        "SELECT DISTINCT g.contract_id, s.month FROM sheet_row r JOIN month_sheet s ON s.id = r.sheet_id"
        " JOIN club_group g ON g.id = s.group_id WHERE r.id = ANY (%s::bigint[]) AND r.programme_id = %s"
    )
    asked = rows(statement, [list(sheet_row_ids), programme_id])
    if not asked:
        return {}
    contracts, last = sorted({contract for contract, _ in asked}), max(month for _, month in asked)
    rules = month_rules(programme_id, claimable_months(contracts, last))
    by_contract = payable_rows(contracts, last, [month for month, rule in rules.items() if rule.asks_papers])
    wanted, found = set(sheet_row_ids), {}
    for row in (row for mine in by_contract.values() for row in mine if row.sheet_row_id in wanted):
        if row.month not in rules or not row.is_payable:
            continue
        pay = rules[row.month].month_rule.pay
        amount = next_part(row, due(pay, row.attended), most(pay, row.attended).amount_tiyn).due.amount_tiyn
        if amount > row.place_tiyn:
            lacks = amount - row.place_tiyn
            found[row.sheet_row_id] = Uncovered(
                row.sheet_row_id, row.enrolment_id, row.voucher_id, row.line_id, row.month, lacks
            )
    return dict(sorted(found.items()))


def paid_of_rows(claim_id: int) -> dict[int, int]:
    """Sheet row -> tiyn of a claim's live rows that no recovery claims back yet."""
    statement = (
        "SELECT c.sheet_row_id, (c.amount_tiyn - coalesce((SELECT sum(w.amount_tiyn) FROM recovery_row w"
        " JOIN recovery o ON o.id = w.recovery_id AND o.claim_id = c.claim_id"
        " WHERE w.sheet_row_id = c.sheet_row_id), 0))::bigint"
        " FROM claim_row c WHERE c.claim_id = %s AND c.live"
    )
    return dict(rows(statement, [claim_id]))


class PaidRow(NamedTuple):
    """A paid row of a claim: its place's outside id, group, month, units, and what no recovery claims back yet."""

    row_id: int
    place: UUID
    code: str
    month: date
    units: int
    left_tiyn: int

    @property
    def short(self) -> str:
        """How the place is called where no name is shown."""
        return self.place.hex[:8].upper()


_PAID_ROWS = """
SELECT r.id, e.uuid, g.code, s.month, c.units, r.child_id FROM claim_row c JOIN sheet_row r ON r.id = c.sheet_row_id
  JOIN enrolment e ON e.id = r.enrolment_id JOIN month_sheet s ON s.id = r.sheet_id JOIN club_group g
    ON g.id = s.group_id WHERE c.claim_id = %s AND c.live ORDER BY s.month, g.code, r.id"""


def paid_rows(*, actor: Actor, claim_id: int, territory_id: int, at: datetime) -> list[PaidRow]:
    """A claim's rows with what was paid for each and is not claimed back yet; no child is named; an audited read.

    Raises:
        Forbidden: the actor supports no recoveries there.
    """
    require(actor, Action.SUPPORT_RECOVERY, ALLOWED, territory_id=territory_id)
    found, left = rows(_PAID_ROWS, [claim_id]), paid_of_rows(claim_id)
    reading.saw(
        actor=actor,
        at=at,
        action=Action.SUPPORT_RECOVERY,
        kind="sheet_row",
        ids=[row[0] for row in found],
        children={row[-1] for row in found},
        territory_id=territory_id,
        about={"claim": claim_id},
    )
    return [PaidRow._make((*row[:-1], left.get(row[0], 0))) for row in found]


def left_of(recovery_id: int) -> int:
    """What is still owed of a decided recovery, in tiyn."""
    statement = f"SELECT (o.amount_tiyn - ({_SETTLED}))::bigint FROM recovery o WHERE o.id = %s"  # noqa: S608
    ((left,),) = rows(statement, [recovery_id])
    return int(left)


@dataclass(frozen=True, slots=True)
class Debt:
    """What a provider sees of money it owes back: why, by which act, how it is paid back, what is left (tiyn)."""

    number: str
    claim: str
    reason: str
    state: str
    decision: str
    plan_permille: int
    amount_tiyn: int
    offset_tiyn: int
    refunded_tiyn: int

    @property
    def left_tiyn(self) -> int:
        """Still owed: 0 until it is decided and after it was dismissed."""
        return self.amount_tiyn - self.offset_tiyn - self.refunded_tiyn if self.state == "decided" else 0


_DEBTS = """
SELECT o.number, c.number, o.reason, o.state, o.decision, o.plan_permille, o.amount_tiyn,
       coalesce((SELECT sum(f.amount_tiyn) FROM claim_offset f WHERE f.recovery_id = o.id AND f.live), 0)::bigint,
       coalesce((SELECT sum(b.amount_tiyn) FROM refund b WHERE b.recovery_id = o.id), 0)::bigint
  FROM recovery o JOIN claim c ON c.id = o.claim_id
 WHERE (%(provider)s::bigint IS NULL OR o.provider_id = %(provider)s)
   AND (%(programme)s::bigint IS NULL OR o.programme_id = %(programme)s) ORDER BY o.id"""


def provider_debts(provider_id: int) -> list[Debt]:
    """The claw-back plan of a provider, oldest first (H8): proposals too, so that it may be heard before a decision."""
    return [Debt(*row) for row in rows(_DEBTS, {"provider": provider_id, "programme": None})]


def programme_debts(programme_id: int) -> list[Debt]:
    """Every recovery of a programme, oldest first."""
    return [Debt(*row) for row in rows(_DEBTS, {"provider": None, "programme": programme_id})]
