"""Money: INV-4, 5, 6, 7, 14, 15 and LEDGER.md 13."""

from __future__ import annotations

from qosymsha.domain.insights.queries.found import Checking, Found, by_statement
from qosymsha.domain.insights.queries.places import timetables
from qosymsha.domain.ledger import queries as ledger

_POSTINGS = """
SELECT 'posting ' || posting_id AS example FROM (
    SELECT posting_id, line_id, sum(amount_tiyn) AS total, count(*) AS legs FROM ledger_entry GROUP BY 1, 2) e
 GROUP BY posting_id HAVING bool_or(total <> 0) OR sum(legs) < 2"""

_EMPTY = """
SELECT 'posting ' || p.id AS example FROM ledger_posting p
 WHERE NOT EXISTS (SELECT FROM ledger_entry e WHERE e.posting_id = p.id)"""

_DRIFT = """
SELECT 'account ' || a.id AS example FROM ledger_account a
  LEFT JOIN (SELECT account_id, sum(amount_tiyn) AS total FROM ledger_entry GROUP BY 1) e ON e.account_id = a.id
 WHERE a.balance_tiyn <> coalesce(e.total, 0) OR a.balance_tiyn < 0"""


def postings(_: Checking) -> Found:
    """INV-4: entries sum to zero for each line, none is alone, balance rows are the sums of their entries."""
    return by_statement(_POSTINGS) + by_statement(_EMPTY) + by_statement(_DRIFT)


_BELOW_ZERO = """
SELECT 'line ' || line_id || ' entry ' || id AS example FROM (
    SELECT e.id, e.line_id, sum(e.amount_tiyn) OVER (PARTITION BY e.account_id ORDER BY e.id) AS balance
      FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id WHERE a.kind = 'free') b
 WHERE balance < 0"""


def budget_lines(_: Checking) -> Found:
    """INV-5: `free` after every entry it ever had."""
    return by_statement(_BELOW_ZERO)


# The pay rule once more, in SQL and from the rule set's document: shares no code with settlement.
_RULE = """
WITH rule AS MATERIALIZED (
    SELECT programme_id, valid, document #>> '{pay,mode}' AS mode, (document #>> '{pay,paid_absences_cap}')::int AS cap,
           (document #>> '{pay,month_threshold_permille}')::int AS threshold FROM rule_set WHERE state = 'approved'),
counted AS (
    SELECT c.id, c.amount_tiyn, c.unit_tariff_tiyn, r.word, e.unit_tariff_tiyn AS agreed, p.mode, p.threshold,
           r.present + least(p.cap, r.ill + r.excused) AS units,
           r.present + r.ill + r.excused + r.absent AS lessons, g.units_per_month AS most
      FROM claim_row c JOIN sheet_row r ON r.id = c.sheet_row_id JOIN month_sheet s ON s.id = r.sheet_id
      JOIN club_group g ON g.id = s.group_id JOIN enrolment e ON e.id = r.enrolment_id
      LEFT JOIN rule p ON p.programme_id = s.programme_id AND p.valid @> (s.month + interval '1 month - 1 day')::date
     WHERE c.live)
SELECT 'claim row ' || id AS example FROM counted
 WHERE unit_tariff_tiyn <> agreed OR amount_tiyn IS DISTINCT FROM CASE
    WHEN word = 'rejected' THEN 0
    WHEN mode = 'per_lesson' THEN least(units, most) * agreed
    WHEN units * 1000 >= lessons * threshold THEN least(lessons, most) * agreed
    ELSE div(2::numeric * least(lessons, most) * agreed * units + lessons, 2 * lessons) END"""

_CLAIM_SUMS = """
SELECT 'claim ' || c.id AS example FROM claim c
  LEFT JOIN (SELECT claim_id, sum(amount_tiyn) AS amount, sum(units) AS units FROM claim_row GROUP BY 1) r
         ON r.claim_id = c.id
  LEFT JOIN (SELECT claim_id, sum(amount_tiyn) AS paid FROM payment_line WHERE state = 'accepted' GROUP BY 1) p
         ON p.claim_id = c.id
 WHERE c.amount_tiyn <> coalesce(r.amount, 0) OR c.units <> coalesce(r.units, 0)
    OR coalesce(p.paid, 0) > c.amount_tiyn"""

_VOLUMES = """
SELECT 'contract ' || k.id AS example FROM contract k JOIN claim c ON c.contract_id = k.id AND c.state <> 'reversed'
 GROUP BY k.id HAVING sum(c.amount_tiyn) > k.volume_tiyn"""


def claims(_: Checking) -> Found:
    """INV-6: each row recomputed by its month's rule, each claim its rows' sum, all within the contract."""
    return by_statement(_RULE) + by_statement(_CLAIM_SUMS) + by_statement(_VOLUMES)


_UNSPOKEN = """
SELECT 'sheet row ' || r.id AS example FROM claim_row c JOIN sheet_row r ON r.id = c.sheet_row_id
  JOIN month_sheet s ON s.id = r.sheet_id
 WHERE c.live AND c.amount_tiyn > 0 AND (s.sent_at IS NULL OR s.state NOT IN ('for_payment', 'closed') OR NOT (
       r.word = 'confirmed' AND r.confirmed_by IS NOT NULL OR r.word = 'decided' AND r.decided_by IS NOT NULL))"""

_UNMARKED = """
SELECT 'sheet row ' || r.id AS example FROM claim_row c JOIN sheet_row r ON r.id = c.sheet_row_id
  JOIN month_sheet s ON s.id = r.sheet_id
  LEFT JOIN (SELECT enrolment_id, ("on" - extract(day FROM "on")::int + 1) AS month, count(*) AS present
               FROM mark WHERE value = 'present' GROUP BY 1, 2) m
         ON m.enrolment_id = r.enrolment_id AND m.month = s.month
 WHERE c.live AND c.amount_tiyn > 0 AND r.present > coalesce(m.present, 0)"""


def two_parties(_: Checking) -> Found:
    """INV-7: behind every paid row stand the provider's marks and a guardian's or a named officer's word.

    Red flags are not kept yet: nothing can be said about flagged days.
    """
    return by_statement(_UNSPOKEN) + by_statement(_UNMARKED)


_SUSPENSE = """
SELECT 'suspense account ' || a.id AS example FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id
 WHERE a.kind = 'suspense' GROUP BY a.id HAVING sum(e.amount_tiyn) <> 0"""

_OWED = """
WITH owed AS (
    SELECT c.id, CASE WHEN c.state IN ('drawn', 'approved', 'held') OR c.state = 'in_file' AND EXISTS (
        SELECT FROM payment_line l WHERE l.claim_id = c.id AND l.state = 'drawn') THEN c.amount_tiyn ELSE 0 END AS tiyn
      FROM claim c),
    there AS (SELECT subject_id AS id, sum(balance_tiyn) AS tiyn FROM ledger_account WHERE kind = 'payable' GROUP BY 1)
SELECT 'payable of claim ' || id AS example FROM owed FULL JOIN there USING (id)
 WHERE coalesce(owed.tiyn, 0) <> coalesce(there.tiyn, 0)"""

_UNDER_WAY = """
WITH sent AS (SELECT id, CASE WHEN state = 'sent' THEN amount_tiyn ELSE 0 END AS tiyn FROM payment_line),
    there AS (SELECT subject_id AS id, sum(balance_tiyn) AS tiyn FROM ledger_account WHERE kind = 'transit' GROUP BY 1)
SELECT 'transit of payment line ' || id AS example FROM sent FULL JOIN there USING (id)
 WHERE coalesce(sent.tiyn, 0) <> coalesce(there.tiyn, 0)"""

_ORPHANS = """
SELECT 'held of voucher ' || a.subject_id AS example FROM ledger_account a LEFT JOIN voucher v ON v.id = a.subject_id
 WHERE a.kind = 'held' AND a.balance_tiyn > 0 AND (v.id IS NULL OR v.state = 'closed')
UNION ALL
SELECT 'place of enrolment ' || a.subject_id FROM ledger_account a LEFT JOIN enrolment e ON e.id = a.subject_id
 WHERE a.kind = 'place' AND a.balance_tiyn > 0 AND e.id IS NULL"""


def clearing_accounts(checking: Checking) -> Found:
    """INV-14: each clearing balance is explained by its row: claims owed, lines under way, live vouchers."""
    found = timetables(checking)
    for statement in (_SUSPENSE, _OWED, _UNDER_WAY, _ORPHANS):
        found += by_statement(statement)
    return found


_TWICE_PAID = """
SELECT 'claim ' || claim_id AS example FROM payment_line WHERE state IN ('drawn', 'sent', 'accepted')
 GROUP BY claim_id HAVING count(*) > 1"""

_FILE_SUMS = """
SELECT 'payment file ' || f.id AS example FROM payment_file f
  LEFT JOIN (SELECT file_id, sum(amount_tiyn) AS tiyn FROM payment_line GROUP BY 1) l ON l.file_id = f.id
 WHERE f.total_tiyn <> coalesce(l.tiyn, 0) OR f.content_hash <> sha256(f.content)"""

_REPLIES = """
SELECT 'payment line ' || l.id AS example FROM payment_line l
 WHERE (l.state = 'accepted' AND NOT EXISTS (SELECT FROM bank_reply b WHERE b.end_to_end_id = l.end_to_end_id
                                AND b.outcome = 'paid' AND b.amount_tiyn = l.amount_tiyn))
    OR (l.state IN ('rejected', 'returned') AND NOT EXISTS (SELECT FROM bank_reply b
             WHERE b.end_to_end_id = l.end_to_end_id AND b.outcome = l.state AND b.amount_tiyn = l.amount_tiyn))"""

_SIGNED = """
SELECT 'claim ' || c.id AS example FROM claim c WHERE c.state IN ('in_file', 'paid')
   AND (SELECT count(DISTINCT a.user_id) FROM claim_approval a WHERE a.claim_id = c.id AND a.turn = c.turn) < 2"""


def payment_files(_: Checking) -> Found:
    """INV-15: one live line per claim, file = lines = treasury's word, content = hash, two officials behind it."""
    found = Found()
    for statement in (_TWICE_PAID, _FILE_SUMS, _REPLIES, _SIGNED):
        found += by_statement(statement)
    return found


def lines_sum_to_zero(_: Checking) -> Found:
    """LEDGER.md 13."""
    lines = ledger.unbalanced_lines()
    return Found(len(lines), [f"line {line}" for line in lines[:10]])
