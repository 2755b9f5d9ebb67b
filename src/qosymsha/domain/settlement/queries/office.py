"""What officials see of claims, payment files, replies and corrections of their programmes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.queries import ProgrammeFacts
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.queries.explained import StoredDay
from qosymsha.domain.settlement.rules.pay import RELEASE, approvals_needed
from qosymsha.domain.settlement.states import ClaimState
from qosymsha.kernel.actor import Actor

LOOK = ALLOWED[Action.READ_PAPERS] - {Role.PROVIDER_MANAGER}
WAITING_CLAIMS = (ClaimState.DRAWN, ClaimState.APPROVED, ClaimState.HELD)
LOOK_AT_MONEY = (ALLOWED[Action.EXPLAIN_MONEY] | {Role.APPROVER}) - {Role.SYSTEM}


@dataclass(frozen=True, slots=True)
class OfficeClaim:
    """A claim in the officials' list: who signed this turn, how many approvals its band asks for, its papers.

    total: how many claims the question has in all.
    """

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
    total: int

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


class ClaimWork(NamedTuple):
    """Claims of a state that wait alike: of a band with two approvals, released, signed by the asker in this turn."""

    state: str
    is_large: bool
    is_released: bool
    is_signed: bool
    n: int
    tiyn: int
    oldest: datetime


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


class RecoveryWork(NamedTuple):
    """Recoveries that wait for a person, in figures."""

    state: str
    n: int
    tiyn: int
    oldest: datetime


class ClosedMonthFacts(NamedTuple):
    """A month closed by hash."""

    month: date
    hash: str
    closed_at: datetime
    claims: int
    amount_tiyn: int


# Which band a claim is in is said by `rules.pay`; here its answers stand as ranges of amounts, for each rule set.
_MINE = """
WITH band AS (SELECT * FROM unnest(%(sets)s::bigint[], %(above)s::bigint[], %(upto)s::bigint[], %(needed)s::int[])
                AS t (rule_set_id, above, upto, needed)),
found AS (
    SELECT c.id, c.month, c.state, c.turn, c.amount_tiyn, c.offset_tiyn, c.drawn_at, b.needed FROM claim c
      JOIN band b ON b.rule_set_id = c.rule_set_id AND c.amount_tiyn > b.above AND c.amount_tiyn <= b.upto
     WHERE c.programme_id = ANY (%(programmes)s) AND (%(lines)s::bigint[] IS NULL OR c.line_id = ANY (%(lines)s))
       AND (%(states)s::text[] IS NULL OR c.state = ANY (%(states)s))
       AND (%(numbers)s::text[] IS NULL OR c.number = ANY (%(numbers)s))"""
_RELEASED = "EXISTS (SELECT FROM claim_approval z WHERE (z.claim_id, z.turn, z.step) = (f.id, f.turn, %(release)s))"
_CLAIMS = f"""{_MINE}),
part AS MATERIALIZED (
    SELECT f.id, f.needed, count(*) OVER () AS total, row_number() OVER (
           ORDER BY CASE WHEN %(oldest)s THEN f.month END, CASE WHEN %(oldest)s THEN f.id END, f.month DESC, f.id DESC)
           AS no FROM found f
     WHERE (%(band)s = '' OR (f.needed > 1) = (%(band)s = '2')) AND (NOT %(ready)s OR {_RELEASED})
     ORDER BY no LIMIT %(most)s OFFSET %(after)s)
SELECT c.id, c.number, c.programme_id, p.number, p.name, k.number, c.month, c.units, c.amount_tiyn, c.offset_tiyn,
       c.state, c.reason, c.turn, c.drawn_at,
       array(SELECT y.user_id FROM claim_approval y WHERE y.claim_id = c.id AND y.turn = c.turn ORDER BY y.id),
       array(SELECT y.step FROM claim_approval y WHERE y.claim_id = c.id AND y.turn = c.turn ORDER BY y.id),
       coalesce(a.number, ''), coalesce(a.state, ''),
       coalesce((SELECT i.state FROM e_invoice i WHERE i.service_act_id = a.id AND i.state <> 'rejected' LIMIT 1), ''),
       c.iban, p.iban, (SELECT count(*) FROM claim_row r WHERE r.claim_id = c.id), f.needed, f.total
  FROM part f JOIN claim c ON c.id = f.id JOIN provider p ON p.id = c.provider_id
  JOIN contract k ON k.id = c.contract_id
  LEFT JOIN service_act a ON a.claim_id = c.id AND a.state <> 'refused' ORDER BY f.no"""  # noqa: S608 - of this file
_WORK = f"""{_MINE})
SELECT f.state, f.needed > 1, {_RELEASED}, EXISTS (SELECT FROM claim_approval y WHERE y.claim_id = f.id
       AND y.turn = f.turn AND y.user_id = %(me)s), count(*)::int, sum(f.amount_tiyn - f.offset_tiyn)::bigint,
       min(f.drawn_at)
  FROM found f GROUP BY 1, 2, 3, 4"""  # noqa: S608 - statements of this file
_ALL = 2**62  # no claim is larger

_FILES = """
SELECT f.id, f.number, f.programme_id, f.state, f.total_tiyn, count(l.id),
       count(l.id) FILTER (WHERE l.state = 'accepted'), count(l.id) FILTER (WHERE l.state IN ('rejected', 'returned')),
       encode(f.content_hash, 'hex'), f.drawn_at, f.sent_at, f.receipt,
       coalesce(encode(f.signature, 'hex'), ''), coalesce(encode(f.signed_by, 'hex'), '')
  FROM payment_file f LEFT JOIN payment_line l ON l.file_id = f.id
 WHERE f.programme_id = ANY (%(programmes)s) AND (%(number)s = '' OR f.number = %(number)s)
   AND (%(lines)s::bigint[] IS NULL OR EXISTS (SELECT FROM payment_line x JOIN claim c ON c.id = x.claim_id
                                                WHERE x.file_id = f.id AND c.line_id = ANY (%(lines)s)))
 GROUP BY f.id ORDER BY f.id DESC LIMIT %(most)s OFFSET %(after)s"""

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
   AND (l.id IS NULL OR l.programme_id = ANY (%(programmes)s)
                        AND (%(lines)s::bigint[] IS NULL OR c.line_id = ANY (%(lines)s)))
   AND (%(reference)s = '' OR b.reference = %(reference)s) ORDER BY b.id LIMIT %(most)s OFFSET %(after)s"""

_RECOVERIES = """
SELECT o.id, o.uuid, o.number, o.programme_id, c.number, p.number, p.name, o.amount_tiyn, o.reason, o.state, o.evidence,
       o.decision, o.plan_permille, o.supported_by, o.proposed_at
  FROM recovery o JOIN claim c ON c.id = o.claim_id JOIN provider p ON p.id = o.provider_id
 WHERE o.programme_id = ANY (%(programmes)s) AND (%(uuid)s::uuid IS NULL OR o.uuid = %(uuid)s)
   AND (%(lines)s::bigint[] IS NULL OR o.line_id = ANY (%(lines)s))
 ORDER BY array_position(ARRAY['proposed', 'supported', 'decided', 'dismissed'], o.state), o.id
 LIMIT %(most)s OFFSET %(after)s"""
_RECOVERY_WORK = """
SELECT o.state, count(*)::int, sum(o.amount_tiyn)::bigint, min(o.proposed_at) FROM recovery o
 WHERE o.programme_id = ANY (%(programmes)s) AND o.state IN ('proposed', 'supported')
   AND (%(lines)s::bigint[] IS NULL OR o.line_id = ANY (%(lines)s)) GROUP BY 1"""


def settled_programmes(actor: Actor, roles: frozenset[str] = LOOK) -> list[ProgrammeFacts]:
    """The programmes whose money the actor may look at in one of these roles."""
    return [p for p in programmes.programmes() if actor.holds(roles, territory_id=p.territory_id)]


def _mine(actor: Actor) -> list[int]:
    return [p.id for p in settled_programmes(actor)]


def _own(actor: Actor) -> dict[str, Any]:
    """The actor's programmes, and the lines of the actor's departments (None: all)."""
    return {"programmes": _mine(actor), "lines": programmes.own_lines(actor, LOOK)}


def office_claims(  # noqa: PLR0913 - the filters of a queue
    *,
    actor: Actor,
    state: str = "",
    band: str = "",
    is_ready: bool = False,
    numbers: Sequence[str] | None = None,
    after: int = 0,
    most: int = 2000,
) -> list[OfficeClaim]:
    """Claims of the actor's programmes and departments: what waits for a step the oldest first, else the newest first.

    band: "1" where one approval is enough, "2" where more are needed, "" both.   is_ready: released, so that a file
    may pay it.   after: so many are passed over.
    """
    asked = _claims_of(actor) | {
        "states": [state] if state else None,
        "numbers": None if numbers is None else [number.strip().upper() for number in numbers],
        "band": band,
        "ready": is_ready,
        "oldest": state in WAITING_CLAIMS or numbers is not None,
        "after": after,
        "most": most,
    }
    found: list[list[Any]] = [[*row[:14], tuple(row[14]), tuple(row[15]), *row[16:]] for row in rows(_CLAIMS, asked)]
    return [OfficeClaim(*row) for row in found]


def claim_work(*, actor: Actor) -> list[ClaimWork]:
    """Claims that wait for a step, counted over all the actor's programmes and departments; one statement."""
    asked = _claims_of(actor) | {"states": list(WAITING_CLAIMS), "numbers": None, "me": actor.user_id}
    return [ClaimWork(*row) for row in rows(_WORK, asked)]


def _claims_of(actor: Actor) -> dict[str, Any]:
    mine = _mine(actor)
    found = [(one.id, *band) for one in programmes.rules_ever_approved(mine) for band in _ranges(one.rules)]
    sets, above, upto, needed = zip(*found, strict=True) if found else ((), (), (), ())
    return {
        "programmes": mine,
        "lines": programmes.own_lines(actor, LOOK),
        "sets": list(sets),
        "above": list(above),
        "upto": list(upto),
        "needed": list(needed),
        "release": RELEASE,
    }


def _ranges(rules: Rules) -> list[tuple[int, int, int]]:
    """A rule set's answers as ranges of amounts: (above, up to, approvals needed)."""
    bands = rules.approval_bands
    ends = [-_ALL, *sorted({upto for upto, _ in bands if upto is not None}), _ALL]
    return [(above, upto, approvals_needed(bands, upto)) for above, upto in pairwise(ends)]


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


def office_files(*, actor: Actor, number: str = "", after: int = 0, most: int = 100) -> list[OfficeFile]:
    """Payment files of the actor's programmes, the newest first; or the one of a number."""
    asked = _own(actor) | {"number": number.strip().upper(), "after": after, "most": most}
    return [OfficeFile(*row) for row in rows(_FILES, asked)]


def file_lines(file: OfficeFile) -> list[FileLine]:
    """The payments of a file that was found for the actor."""
    return [FileLine(*row) for row in rows(_LINES, [file.id])]


def office_held(*, actor: Actor, reference: str = "", after: int = 0, most: int = 1_000) -> list[HeldReply]:
    """Words of the treasury that wait for a person: about the actor's programmes, or about nothing known."""
    asked = _own(actor) | {"reference": reference, "after": after, "most": most}
    return [HeldReply(*row) for row in rows(_HELD, asked)]


def office_recoveries(
    *, actor: Actor, uuid: UUID | None = None, after: int = 0, most: int = 100
) -> list[OfficeRecovery]:
    """Money to be claimed back in the actor's programmes; what waits for a person comes first."""
    asked = _own(actor) | {"uuid": uuid}
    return [OfficeRecovery(*row) for row in rows(_RECOVERIES, asked | {"after": after, "most": most})]


def recovery_work(*, actor: Actor) -> list[RecoveryWork]:
    """Recoveries that wait for a person, counted over the actor's programmes and departments."""
    return [RecoveryWork(*row) for row in rows(_RECOVERY_WORK, _own(actor))]


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
