"""Every tenge explained (H6): ledger and documents side by side, and a claim's way from a child's day to the bank."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKind
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.models import Claim, MoneyDay
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.queries.departments import is_of_department
from qosymsha.domain.settlement.rules.explained import Explained, Finding, LineMoney, ties
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

EXAMPLES = 50

_LINES = """
SELECT l.id, d.code || ' · ' || l.kind || ' · ' || l.code, l.fiscal_year FROM budget_line l
  JOIN department d ON d.id = l.department_id WHERE l.programme_id = %(programme)s ORDER BY l.fiscal_year, l.id"""

# What documents say of each subject: (kind, line, subject, tiyn). No balance is read, except where money has no other
# paper yet than its account: of a live voucher, and of a place's month that nobody has claimed.
_EXPECTED = """
mine AS MATERIALIZED (SELECT id, programme_id, fiscal_year FROM budget_line WHERE programme_id = %(programme)s),
lines_paid AS MATERIALIZED (
    SELECT c.line_id, c.id AS claim_id, l.id, l.state, l.amount_tiyn
      FROM payment_line l JOIN claim c ON c.id = l.claim_id WHERE c.programme_id = %(programme)s),
owed AS MATERIALIZED (
    SELECT o.line_id, o.provider_id, o.amount_tiyn,
           coalesce((SELECT sum(f.amount_tiyn) FROM claim_offset f WHERE f.recovery_id = o.id AND f.live), 0) AS kept,
           coalesce((SELECT sum(b.amount_tiyn) FROM refund b WHERE b.recovery_id = o.id), 0) AS refunded
      FROM recovery o WHERE o.programme_id = %(programme)s AND o.state = 'decided'),
last_part AS MATERIALIZED (
    SELECT DISTINCT ON (c.enrolment_id, s.month) c.enrolment_id, s.month, k.line_id,
           c.kept_tiyn + coalesce((SELECT sum(v.amount_tiyn) FROM place_cover v
                                    WHERE v.sheet_row_id = c.sheet_row_id AND v.decided_at > k.drawn_at), 0) AS kept
      FROM claim k JOIN claim_row c ON c.claim_id = k.id AND c.live JOIN sheet_row r ON r.id = c.sheet_row_id
      JOIN month_sheet s ON s.id = r.sheet_id WHERE k.programme_id = %(programme)s
     ORDER BY c.enrolment_id, s.month, c.part DESC),
gone AS MATERIALIZED (
    SELECT m.id AS line_id FROM mine m JOIN closed_year y ON y.programme_id = m.programme_id AND y.year = m.fiscal_year
     WHERE y.december <> 'pay'),
expected AS MATERIALIZED (
    SELECT 'held' AS kind, a.line_id, a.subject_id, 'voucher' AS what, a.balance_tiyn AS tiyn
      FROM ledger_account a JOIN mine m ON m.id = a.line_id JOIN voucher v ON v.id = a.subject_id
       AND v.state <> 'closed' WHERE a.kind = 'held' AND a.balance_tiyn > 0
    UNION ALL
    SELECT 'place', a.line_id, a.subject_id, 'enrolment', sum(CASE WHEN g.line_id IS NOT NULL THEN 0
                                                               WHEN k.line_id = a.line_id THEN k.kept
                                                               ELSE a.balance_tiyn END)
      FROM ledger_account a JOIN mine m ON m.id = a.line_id JOIN enrolment e ON e.id = a.subject_id
      LEFT JOIN last_part k ON k.enrolment_id = a.subject_id AND k.month = a.month
      LEFT JOIN gone g ON g.line_id = a.line_id WHERE a.kind = 'place' GROUP BY a.line_id, a.subject_id
    UNION ALL
    SELECT 'payable', c.line_id, c.id, 'claim', c.amount_tiyn - c.offset_tiyn - coalesce(l.tiyn, 0)
      FROM claim c LEFT JOIN (SELECT claim_id, sum(amount_tiyn) AS tiyn FROM lines_paid
                               WHERE state IN ('sent', 'accepted') GROUP BY 1) l ON l.claim_id = c.id
     WHERE c.programme_id = %(programme)s AND c.state <> 'reversed'
    UNION ALL SELECT 'transit', line_id, id, 'payment line', amount_tiyn FROM lines_paid WHERE state = 'sent'
    UNION ALL
    SELECT 'receivable', line_id, provider_id, 'provider', sum(amount_tiyn - kept - refunded)
      FROM owed GROUP BY 2, 3)"""

_SUBJECTS = f"""
WITH {_EXPECTED},
there AS (
    SELECT a.kind, a.line_id, a.subject_id, sum(a.balance_tiyn)::bigint AS tiyn FROM ledger_account a
      JOIN mine m ON m.id = a.line_id
     WHERE a.kind IN ('held', 'place', 'payable', 'transit', 'receivable') GROUP BY 1, 2, 3)
SELECT line_id, kind, coalesce(e.what, kind) || ' ' || subject_id, coalesce(t.tiyn, 0), coalesce(e.tiyn, 0)::bigint
  FROM there t FULL JOIN expected e USING (kind, line_id, subject_id)
 WHERE coalesce(t.tiyn, 0) <> coalesce(e.tiyn, 0) ORDER BY line_id, kind, subject_id LIMIT {EXAMPLES}"""  # noqa: S608

_REPLIES = """
SELECT c.line_id, 'paid', 'payment line ' || l.id, CASE WHEN l.state = 'accepted' THEN l.amount_tiyn ELSE 0 END,
       coalesce(b.tiyn, 0)::bigint
  FROM payment_line l JOIN claim c ON c.id = l.claim_id
  LEFT JOIN (SELECT end_to_end_id, sum(CASE outcome WHEN 'paid' THEN amount_tiyn WHEN 'returned' THEN -amount_tiyn
                                       ELSE 0 END) AS tiyn FROM bank_reply GROUP BY 1) b USING (end_to_end_id)
 WHERE c.programme_id = %(programme)s AND l.state IN ('accepted', 'sent', 'rejected')
   AND CASE WHEN l.state = 'accepted' THEN l.amount_tiyn ELSE 0 END <> coalesce(b.tiyn, 0)"""

# Postings without the paper they name, first; their lines then. Each kind is an anti-join of its own: by hash where
# there are many, by the paper's index where there are few, whatever statistics say (an id is never cast to text).
_CAUSES = """
WITH named AS NOT MATERIALIZED (
    SELECT p.id, p.cause_kind, p.cause_key,
           CASE WHEN p.cause_key ~ '^[1-9][0-9]{0,17}$' THEN p.cause_key::bigint END AS cause_id FROM ledger_posting p),
alone AS MATERIALIZED (
    SELECT p.id, p.cause_kind, p.cause_key FROM named p WHERE p.cause_kind = 'claim'
       AND NOT EXISTS (SELECT FROM claim c WHERE c.number = p.cause_key)
    UNION ALL SELECT p.id, p.cause_kind, p.cause_key FROM named p WHERE p.cause_kind = 'claim_reversed'
       AND NOT EXISTS (SELECT FROM claim c WHERE c.number = p.cause_key AND c.state = 'reversed')
    UNION ALL SELECT p.id, p.cause_kind, p.cause_key FROM named p WHERE p.cause_kind = 'payment_sent'
       AND NOT EXISTS (SELECT FROM payment_line t WHERE t.end_to_end_id = p.cause_key)
    UNION ALL SELECT p.id, p.cause_kind, p.cause_key FROM named p WHERE p.cause_kind = 'bank_reply'
       AND NOT EXISTS (SELECT FROM bank_reply b WHERE b.reference = p.cause_key)
    UNION ALL SELECT p.id, p.cause_kind, p.cause_key FROM named p WHERE p.cause_kind = 'recovery'
       AND NOT EXISTS (SELECT FROM recovery o WHERE o.number = p.cause_key AND o.state = 'decided')
    UNION ALL SELECT p.id, p.cause_kind, p.cause_key FROM named p WHERE p.cause_kind = 'enrol'
       AND NOT EXISTS (SELECT FROM enrolment n WHERE n.id = p.cause_id)
    UNION ALL SELECT p.id, p.cause_kind, p.cause_key FROM named p WHERE p.cause_kind = 'leave'
       AND NOT EXISTS (SELECT FROM enrolment n WHERE n.id = p.cause_id AND n.ends_on IS NOT NULL)
    UNION ALL SELECT p.id, p.cause_kind, p.cause_key FROM named p WHERE p.cause_kind = 'close'
       AND NOT EXISTS (SELECT FROM voucher v WHERE v.id = p.cause_id AND v.state = 'closed'))
SELECT e.line_id, 'posting', p.cause_kind || ' ' || p.cause_key, sum(abs(e.amount_tiyn))::bigint / 2, 0::bigint
  FROM alone p JOIN ledger_entry e ON e.posting_id = p.id JOIN budget_line l ON l.id = e.line_id
 WHERE l.programme_id = %(programme)s
 GROUP BY e.line_id, p.id, p.cause_kind, p.cause_key ORDER BY p.id LIMIT 50"""

_TOTALS = f"""
WITH {_EXPECTED},
ended AS MATERIALIZED (
    SELECT a.line_id, a.kind, p.cause_kind, sum(e.amount_tiyn) AS tiyn
      FROM ledger_account a JOIN mine m ON m.id = a.line_id JOIN ledger_entry e ON e.account_id = a.id
      JOIN ledger_posting p ON p.id = e.posting_id
     WHERE a.kind IN ('released', 'lapsed') GROUP BY 1, 2, 3)
SELECT line_id, kind, sum(tiyn)::bigint FROM (
    SELECT b.line_id, 'approp' AS kind, -b.amount_tiyn AS tiyn FROM budget_plan b JOIN mine m ON m.id = b.line_id
    UNION ALL SELECT line_id, kind, tiyn FROM expected
    UNION ALL SELECT line_id, 'paid', amount_tiyn FROM lines_paid WHERE state = 'accepted'
    UNION ALL SELECT line_id, 'paid', kept - amount_tiyn FROM owed
    UNION ALL SELECT o.line_id, CASE WHEN b.state = 'recorded' THEN 'suspense'
                                     WHEN extract(year FROM b.confirmed_at AT TIME ZONE 'Asia/Almaty') > m.fiscal_year
                                       OR EXISTS (SELECT FROM closed_year y WHERE y.programme_id = m.programme_id
                                                     AND y.year = m.fiscal_year AND y.closed_at <= b.confirmed_at)
                                     THEN 'refunds' ELSE 'released' END, b.amount_tiyn
      FROM refund b JOIN recovery o ON o.id = b.recovery_id JOIN mine m ON m.id = o.line_id
    UNION ALL SELECT c.line_id, CASE WHEN EXISTS (SELECT FROM closed_year y WHERE y.programme_id = m.programme_id
                                        AND y.year = m.fiscal_year AND y.closed_at <= c.drawn_at)
                                     THEN 'refunds' ELSE 'released' END, c.offset_tiyn
      FROM claim c JOIN mine m ON m.id = c.line_id WHERE c.offset_tiyn > 0 AND c.state <> 'reversed'
    UNION ALL SELECT line_id, kind, tiyn FROM ended WHERE kind = 'released'
       AND cause_kind IN ('claim', 'claim_reversed', 'close', 'transfer_out', 'sweep', 'year_end')
    UNION ALL SELECT line_id, kind, tiyn FROM ended WHERE kind = 'lapsed'
       AND cause_kind IN ('year_end', 'claim', 'claim_reversed')) x
 GROUP BY 1, 2"""  # noqa: S608 - statements of this file


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Read ledger and documents as of one instant, so that money under way between two reads is no difference.

    Inside a transaction its own snapshots hold (tests, and verbs that lock what they read).
    """
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def explained(programme_id: int, at: datetime) -> Explained:
    """A programme's lines now: each account tied to its documents, every difference named by its subject."""
    with one_snapshot():
        return _explained(programme_id, at)


def _explained(programme_id: int, at: datetime) -> Explained:
    asked = {"programme": programme_id}
    documents: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for line_id, kind, tiyn in rows(_TOTALS, asked):
        documents[line_id][kind] = tiyn
    lines = rows(_LINES, asked)
    by_ledger = ledger.totals([line_id for line_id, _, _ in lines])
    found = [Finding(*row) for statement in (_SUBJECTS, _REPLIES, _CAUSES) for row in rows(statement, asked)]
    return Explained(
        local_day(at).isoformat(),
        tuple(
            LineMoney(line_id, name, year, ties(by_ledger.get(line_id, {}), documents[line_id]))
            for line_id, name, year in lines
        ),
        tuple(found),
    )


@dataclass(frozen=True, slots=True)
class StoredDay:
    """A day's explanation as the nightly job sealed it."""

    day: date
    at: datetime
    hash: bytes
    summary: dict[str, Any]
    differences: int


def money_day(programme_id: int, day: date) -> StoredDay | None:
    """What was sealed about a day, or None."""
    row = MoneyDay.objects.filter(programme_id=programme_id, day=day).first()
    return StoredDay(row.day, row.at, bytes(row.hash), row.summary, row.differences) if row else None


def money_days(programme_id: int) -> Iterator[StoredDay]:
    """Every sealed day of a programme, oldest first."""
    for row in MoneyDay.objects.filter(programme_id=programme_id).order_by("day").iterator(100):
        yield StoredDay(row.day, row.at, bytes(row.hash), row.summary, row.differences)


@dataclass(frozen=True, slots=True)
class RowTrail:
    """One part of a claim back to the days: sheet (id, hash), row, marks (day, value), what was paid for it."""

    sheet_id: int
    sheet_hash: str
    sheet_row_id: int
    word: str
    part: int
    units: int
    amount_tiyn: int
    kept_tiyn: int
    days: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Trail:
    """A claim's way from the days to the bank."""

    number: str
    provider: str
    month: str
    state: str
    amount_tiyn: int
    offset_tiyn: int
    hash: str
    rows: tuple[RowTrail, ...]
    movements: tuple[dict[str, Any], ...]
    payments: tuple[dict[str, Any], ...]
    replies: tuple[dict[str, Any], ...]


_ROWS_OF = """
SELECT r.child_id, s.id, encode(s.hash, 'hex'), r.id, r.word, c.part, c.units, c.amount_tiyn, c.kept_tiyn,
       (SELECT json_agg(json_build_array(m."on", m.value) ORDER BY m."on", m.session_id)
          FROM session t JOIN mark m ON m."on" = t."on" AND m.session_id = t.id
         WHERE t.group_id = s.group_id AND m.enrolment_id = r.enrolment_id
           AND m."on" >= s.month AND m."on" < (s.month + interval '1 month')::date)
  FROM claim_row c JOIN sheet_row r ON r.id = c.sheet_row_id JOIN month_sheet s ON s.id = r.sheet_id
 WHERE c.claim_id = %s ORDER BY s.month, r.id"""
_PAYMENTS_OF = """
SELECT l.end_to_end_id, f.number, encode(f.content_hash, 'hex'), l.state, l.amount_tiyn
  FROM payment_line l JOIN payment_file f ON f.id = l.file_id WHERE l.claim_id = %s ORDER BY l.id"""
_REPLIES_OF = """
SELECT b.reference, b.end_to_end_id, b.status, b.outcome, b.amount_tiyn, b.at FROM bank_reply b
  JOIN payment_line l ON l.end_to_end_id = b.end_to_end_id WHERE l.claim_id = %s ORDER BY b.id"""


def trail(*, actor: Actor, number: str, at: datetime) -> Trail:
    """A claim's way: marks → sheet rows → claim rows → postings → payment lines → replies; an audited read.

    Raises:
        Forbidden: the actor may not read here.
        Refused: `unknown_claim`.
    """
    claim = Claim.objects.filter(number=number).select_related("provider").first()
    if claim is None or not is_of_department(actor, ALLOWED[Action.READ_TRAIL], "claim", claim.id):
        raise Refused(SettlementRefusal.UNKNOWN_CLAIM)
    require(actor, Action.READ_TRAIL, ALLOWED, territory_id=claim.territory_id)
    found = rows(_ROWS_OF, [claim.id])
    reading.saw(
        actor=actor,
        at=at,
        action=Action.READ_TRAIL,
        kind="sheet_row",
        ids=[row[3] for row in found],
        children={row[0] for row in found},
        territory_id=claim.territory_id,
        about={"claim": claim.id},
    )
    payments = rows(_PAYMENTS_OF, [claim.id])
    return Trail(
        claim.number,
        claim.provider.number,
        f"{claim.month:%Y-%m}",
        claim.state,
        claim.amount_tiyn,
        claim.offset_tiyn,
        bytes(claim.hash).hex(),
        tuple(_row_trail(row[1:]) for row in found),
        tuple(_movements(claim)),
        tuple(dict(zip(("line", "file", "file_hash", "state", "tiyn"), row, strict=True)) for row in payments),
        tuple(
            dict(zip(("reference", "line", "status", "outcome", "tiyn", "at"), row, strict=True))
            for row in rows(_REPLIES_OF, [claim.id])
        ),
    )


def _row_trail(row: tuple[Any, ...]) -> RowTrail:
    *facts, marks = row
    days = tuple((str(day), str(value)) for day, value in marks or ())
    sheet_id, sheet_hash, row_id, word, part, units, amount, kept = facts
    return RowTrail(sheet_id, sheet_hash, row_id, word, part, units, amount, kept, days)


def _movements(claim: Claim) -> list[dict[str, Any]]:
    """Every posting that touched the claim's payable account, oldest first."""
    moved = ledger.movements(AccountKind.PAYABLE, claim.id)
    return [
        {"posting": m.posting_id, "at": m.at, "cause": m.cause_kind, "key": m.cause_key, "tiyn": m.amount_tiyn}
        for m in moved
    ]
