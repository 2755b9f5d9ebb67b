"""What officials see of claims, payment files, replies and corrections of their programmes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.queries.departments import of_department
from qosymsha.domain.settlement.queries.explained import StoredDay
from qosymsha.domain.settlement.rules.pay import RELEASE, approvals_needed
from qosymsha.kernel.actor import Actor

LOOK = ALLOWED[Action.READ_PAPERS] - {Role.PROVIDER_MANAGER}
LOOK_AT_MONEY = (ALLOWED[Action.EXPLAIN_MONEY] | {Role.APPROVER}) - {Role.SYSTEM}


@dataclass(frozen=True, slots=True)
class OfficeClaim:
    """A claim in the officials' list: who signed this turn, how many approvals its band asks for, its papers."""

    id: int
    number: str
    programme_id: int
    provider_number: str
    provider_name: str
    contract: str
    month: date
    units: int
    amount_tiyn: int
    offset_tiyn: int
    state: str
    reason: str
    turn: int
    drawn_at: datetime
    signers: tuple[int, ...]
    steps: tuple[str, ...]
    act: str
    act_state: str
    invoice_state: str
    iban: str
    account_now: str
    rows: int
    approvals_needed: int

    @property
    def to_pay_tiyn(self) -> int:
        """What goes to the bank."""
        return self.amount_tiyn - self.offset_tiyn

    @property
    def is_released(self) -> bool:
        """True where all signatures of this turn are there."""
        return RELEASE in self.steps

    @property
    def approvals(self) -> int:
        """Approvals of this turn, the release not among them."""
        return sum(step != RELEASE for step in self.steps)


class ClaimFormula(NamedTuple):
    """Why a claim is what it is: its formula's document, its hash."""

    formula: dict[str, Any]
    hash: bytes


class Signed(NamedTuple):
    """One signature on a claim; earlier turns too."""

    turn: int
    step: str
    user_id: int
    at: datetime


class OfficeFile(NamedTuple):
    """A payment file."""

    id: int
    number: str
    programme_id: int
    state: str
    total_tiyn: int
    lines: int
    accepted: int
    refused: int
    content_hash: str
    drawn_at: datetime
    sent_at: datetime | None
    receipt: str
    signature: str
    signed_by: str


class FileLine(NamedTuple):
    """A payment of a file."""

    end_to_end_id: str
    claim: str
    provider: str
    iban: str
    amount_tiyn: int
    state: str


class HeldReply(NamedTuple):
    """A word of the treasury that nobody understood yet; `is_line_known`: it names a payment of ours."""

    reference: str
    end_to_end_id: str
    file_number: str
    status: str
    amount_tiyn: int
    currency: str
    reason: str
    outcome: str
    at: datetime
    ordered_tiyn: int | None
    claim: str


class OfficeRecovery(NamedTuple):
    """Money to be claimed back, on its way."""

    id: int
    uuid: UUID
    number: str
    programme_id: int
    claim: str
    provider_number: str
    provider_name: str
    amount_tiyn: int
    reason: str
    state: str
    evidence: str
    decision: str
    plan_permille: int
    supported_by: int | None
    proposed_at: datetime


class ClosedMonthFacts(NamedTuple):
    """A month closed by hash."""

    month: date
    hash: str
    closed_at: datetime
    claims: int
    amount_tiyn: int


_CLAIMS = """
SELECT c.id, c.number, c.programme_id, p.number, p.name, k.number, c.month, c.units, c.amount_tiyn, c.offset_tiyn,
       c.state, c.reason, c.turn, c.drawn_at,
       array(SELECT y.user_id FROM claim_approval y WHERE y.claim_id = c.id AND y.turn = c.turn ORDER BY y.id),
       array(SELECT y.step FROM claim_approval y WHERE y.claim_id = c.id AND y.turn = c.turn ORDER BY y.id),
       coalesce(a.number, ''), coalesce(a.state, ''),
       coalesce((SELECT i.state FROM e_invoice i WHERE i.service_act_id = a.id AND i.state <> 'rejected' LIMIT 1), ''),
       c.iban, p.iban, (SELECT count(*) FROM claim_row r WHERE r.claim_id = c.id), c.rule_set_id
  FROM claim c JOIN provider p ON p.id = c.provider_id JOIN contract k ON k.id = c.contract_id
  LEFT JOIN service_act a ON a.claim_id = c.id AND a.state <> 'refused'
 WHERE c.programme_id = ANY (%(programmes)s) AND (%(state)s = '' OR c.state = %(state)s)
   AND (%(numbers)s::text[] IS NULL OR c.number = ANY (%(numbers)s::text[])) ORDER BY c.month, c.id LIMIT %(most)s"""

_FILES = """
SELECT f.id, f.number, f.programme_id, f.state, f.total_tiyn, count(l.id),
       count(l.id) FILTER (WHERE l.state = 'accepted'), count(l.id) FILTER (WHERE l.state IN ('rejected', 'returned')),
       encode(f.content_hash, 'hex'), f.drawn_at, f.sent_at, f.receipt,
       coalesce(encode(f.signature, 'hex'), ''), coalesce(encode(f.signed_by, 'hex'), '')
  FROM payment_file f LEFT JOIN payment_line l ON l.file_id = f.id
 WHERE f.programme_id = ANY (%(programmes)s) AND (%(number)s = '' OR f.number = %(number)s)
 GROUP BY f.id ORDER BY f.id DESC LIMIT 100"""

_LINES = """
SELECT l.end_to_end_id, c.number, p.name, l.iban, l.amount_tiyn, l.state
  FROM payment_line l JOIN claim c ON c.id = l.claim_id JOIN provider p ON p.id = c.provider_id
 WHERE l.file_id = %s ORDER BY l.id"""

# A word that names no payment of ours belongs to nobody's programme: whoever pays may see and end it.
_HELD = """
SELECT b.reference, b.end_to_end_id, b.file_number, b.status, b.amount_tiyn, b.currency, b.reason, b.outcome, b.at,
       l.amount_tiyn, coalesce(c.number, '')
  FROM bank_reply b LEFT JOIN payment_line l ON l.end_to_end_id = b.end_to_end_id LEFT JOIN claim c ON c.id = l.claim_id
 WHERE b.outcome LIKE 'held%%' AND NOT EXISTS (SELECT FROM reply_decision d WHERE d.reply_id = b.id)
   AND (l.id IS NULL OR l.programme_id = ANY (%(programmes)s))
   AND (%(reference)s = '' OR b.reference = %(reference)s) ORDER BY b.id"""

_RECOVERIES = """
SELECT o.id, o.uuid, o.number, o.programme_id, c.number, p.number, p.name, o.amount_tiyn, o.reason, o.state, o.evidence,
       o.decision, o.plan_permille, o.supported_by, o.proposed_at
  FROM recovery o JOIN claim c ON c.id = o.claim_id JOIN provider p ON p.id = o.provider_id
 WHERE o.programme_id = ANY (%(programmes)s) AND (%(uuid)s::uuid IS NULL OR o.uuid = %(uuid)s)
 ORDER BY array_position(ARRAY['proposed', 'supported', 'decided', 'dismissed'], o.state), o.id LIMIT 200"""


def settled_programmes(actor: Actor, roles: frozenset[str] = LOOK) -> list[ProgrammeFacts]:
    """The programmes whose money the actor may look at in one of these roles."""
    return [p for p in programmes.programmes() if actor.holds(roles, territory_id=p.territory_id)]


def _mine(actor: Actor) -> list[int]:
    return [p.id for p in settled_programmes(actor)]


def office_claims(
    *, actor: Actor, state: str = "", numbers: Sequence[str] | None = None, most: int = 2000
) -> list[OfficeClaim]:
    """Claims of the actor's programmes, the oldest first."""
    asked = {
        "programmes": _mine(actor),
        "state": state,
        "numbers": None if numbers is None else [number.strip().upper() for number in numbers],
        "most": most,
    }
    found = rows(_CLAIMS, asked)
    mine = set(of_department(actor, LOOK, "claim", [row[0] for row in found]))
    found = [row for row in found if row[0] in mine]
    bands = {rule_set: programmes.rules_of(rule_set).rules.approval_bands for rule_set in {row[-1] for row in found}}
    return [_claim(row, bands[row[-1]]) for row in found]


def _claim(row: tuple[Any, ...], bands: tuple[tuple[int | None, int], ...]) -> OfficeClaim:
    values: list[Any] = [*row[:14], tuple(row[14]), tuple(row[15]), *row[16:-1], approvals_needed(bands, row[8])]
    return OfficeClaim(*values)


def claim_formula(claim_id: int) -> ClaimFormula:
    """A claim's formula and hash."""
    ((formula, hash_),) = rows("SELECT formula, hash FROM claim WHERE id = %s", [claim_id])
    return ClaimFormula(json.loads(formula) if isinstance(formula, str) else formula, bytes(hash_))


def claim_signatures(claim_id: int) -> list[Signed]:
    """Every signature on a claim, oldest first."""
    return [
        Signed(*row)
        for row in rows(
            "SELECT turn, step, user_id, at FROM claim_approval WHERE claim_id = %s ORDER BY id", [claim_id]
        )
    ]


def office_files(*, actor: Actor, number: str = "") -> list[OfficeFile]:
    """Payment files of the actor's programmes, the newest first; or the one of a number."""
    return [OfficeFile(*row) for row in rows(_FILES, {"programmes": _mine(actor), "number": number.strip().upper()})]


def file_lines(file: OfficeFile) -> list[FileLine]:
    """The payments of a file that was found for the actor."""
    return [FileLine(*row) for row in rows(_LINES, [file.id])]


def office_held(*, actor: Actor, reference: str = "") -> list[HeldReply]:
    """Words of the treasury that wait for a person: about the actor's programmes, or about nothing known."""
    return [HeldReply(*row) for row in rows(_HELD, {"programmes": _mine(actor), "reference": reference})]


def office_recoveries(*, actor: Actor, uuid: UUID | None = None) -> list[OfficeRecovery]:
    """Money to be claimed back in the actor's programmes; what waits for a person comes first."""
    found = [OfficeRecovery(*row) for row in rows(_RECOVERIES, {"programmes": _mine(actor), "uuid": uuid})]
    mine = set(of_department(actor, LOOK, "recovery", [one.id for one in found]))
    return [one for one in found if one.id in mine]


def money_days(programme_id: int, most: int = 31) -> list[StoredDay]:
    """The last days whose money was explained and sealed, newest first."""
    found = rows(
        "SELECT day, at, hash, summary, differences FROM money_day WHERE programme_id = %s ORDER BY day DESC LIMIT %s",
        [programme_id, most],
    )
    return [
        StoredDay(day, at, bytes(hash_), json.loads(summary) if isinstance(summary, str) else summary, n)
        for day, at, hash_, summary, n in found
    ]


def closed_months(programme_id: int) -> list[ClosedMonthFacts]:
    """The months closed by hash, newest first."""
    found = rows(
        "SELECT month, encode(hash, 'hex'), closed_at, (summary->>'claims')::int, (summary->>'amount_tiyn')::bigint"
        " FROM closed_month WHERE programme_id = %s ORDER BY month DESC",
        [programme_id],
    )
    return [ClosedMonthFacts(*row) for row in found]
