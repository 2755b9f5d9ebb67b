"""Money: INV-4, 5, 6, 7, 14, 15 and LEDGER.md 13."""

from __future__ import annotations

from qosymsha.domain.insights.queries.found import Checking, Found
from qosymsha.domain.insights.queries.places import timetables
from qosymsha.domain.keeping.terms import terms
from qosymsha.domain.ledger import queries as ledger
from qosymsha.kernel.clock import local_day, month_of

# One pass: entries per posting and line, beside the postings themselves, so that one without entries is seen too.
_POSTINGS = """
SELECT 'posting ' || coalesce(p.id, e.posting_id) AS example
  FROM (SELECT id FROM ledger_posting WHERE true /*only posting id*/) p
  FULL JOIN (SELECT posting_id, bool_or(total <> 0) AS is_off, sum(legs) AS legs FROM (
                SELECT posting_id, line_id, sum(amount_tiyn) AS total, count(*) AS legs FROM ledger_entry
                 WHERE true /*only posting posting_id*/ GROUP BY 1, 2) l GROUP BY 1) e ON e.posting_id = p.id
 WHERE p.id IS NULL OR e.posting_id IS NULL OR e.is_off OR e.legs < 2"""

# Entries and balances are summed together, so that millions of accounts are hashed once. Some kinds keep no balance.
_DRIFT = """
SELECT 'account ' || a.id AS example FROM (
    SELECT account_id FROM (
        SELECT account_id, amount_tiyn AS tiyn FROM ledger_entry WHERE true /*only account account_id*/
        UNION ALL SELECT id, -balance_tiyn FROM ledger_account WHERE balance_tiyn <> 0 /*only account id*/) both_sides
     GROUP BY 1 HAVING sum(tiyn) <> 0) e JOIN ledger_account a ON a.id = e.account_id
 WHERE a.balance_tiyn >= 0
UNION ALL
SELECT 'account ' || id FROM ledger_account WHERE balance_tiyn < 0 /*only account id*/"""


def postings(checking: Checking) -> Found:
    """INV-4: entries sum to zero for each line, none is alone, balance rows are the sums of their entries."""
    return checking.found(_POSTINGS) + checking.found(_DRIFT)


_BELOW_ZERO = """
SELECT 'line ' || line_id || ' entry ' || id AS example FROM (
    SELECT e.id, e.line_id, sum(e.amount_tiyn) OVER (PARTITION BY e.account_id ORDER BY e.id) AS balance
      FROM ledger_entry e JOIN ledger_account a ON a.id = e.account_id WHERE a.kind = 'free'
       /*only account a.id*/) b
 WHERE balance < 0"""


def budget_lines(checking: Checking) -> Found:
    """INV-5: `free` after every entry it ever had."""
    return checking.found(_BELOW_ZERO)


# The pay rule once more, in SQL and from the rule set's document: no code of settlement's. A part is what the row
# was due in all by the facts it was counted with, less what earlier parts had claimed: so parts sum to the last due.
_RULE = """
WITH rule AS MATERIALIZED (
    SELECT programme_id, valid, document #>> '{pay,mode}' AS mode, (document #>> '{pay,paid_absences_cap}')::int AS cap,
           (document #>> '{pay,month_threshold_permille}')::int AS threshold,
           (document #> '{pay,paid_reasons}') ? 'ill' AS ill, (document #> '{pay,paid_reasons}') ? 'excused' AS excused
      FROM rule_set WHERE state = 'approved'),
counted AS (
    SELECT c.id, c.amount_tiyn, c.due_tiyn, c.claimed_tiyn, c.unit_tariff_tiyn, r.word, e.unit_tariff_tiyn AS agreed,
           p.mode,
           p.threshold, c.present + least(p.cap, r.ill * p.ill::int + r.excused * p.excused::int, c.proved) AS units,
           r.present + r.ill + r.excused + r.absent AS lessons, g.units_per_month AS most,
           c.present + c.waiting > r.present AS beyond
      FROM claim_row c JOIN sheet_row r ON r.id = c.sheet_row_id JOIN month_sheet s ON s.id = r.sheet_id
      JOIN club_group g ON g.id = s.group_id JOIN enrolment e ON e.id = r.enrolment_id
      LEFT JOIN rule p ON p.programme_id = s.programme_id AND p.valid @> (s.month + interval '1 month - 1 day')::date
     WHERE c.live /*only sheet_row c.sheet_row_id*/)
SELECT 'claim row ' || id AS example FROM counted
 WHERE beyond OR unit_tariff_tiyn <> agreed OR amount_tiyn <> greatest(0, due_tiyn - claimed_tiyn)
    OR due_tiyn <> 0 AND due_tiyn IS DISTINCT FROM CASE
    WHEN mode = 'per_lesson' THEN least(units, most) * agreed
    WHEN units * 1000 >= lessons * threshold THEN least(lessons, most) * agreed
    ELSE div(2::numeric * least(lessons, most) * agreed * units + lessons, 2 * lessons) END"""

_PARTS = """
SELECT 'sheet row ' || sheet_row_id AS example FROM (
    SELECT c.sheet_row_id, sum(c.amount_tiyn) AS parts, max(c.due_tiyn) AS due FROM claim_row c
     WHERE c.live /*only sheet_row c.sheet_row_id*/ GROUP BY 1) p
  LEFT JOIN (SELECT sheet_row_id, sum(amount_tiyn) AS clawed FROM recovery_row WHERE is_decided GROUP BY 1) w
       USING (sheet_row_id)
 WHERE parts - coalesce(clawed, 0) > due"""

_CLAIM_SUMS = """
SELECT 'claim ' || c.id AS example FROM claim c
  LEFT JOIN (SELECT claim_id, sum(amount_tiyn) AS amount, sum(units) AS units FROM claim_row
              WHERE true /*only claim claim_id*/ GROUP BY 1) r
         ON r.claim_id = c.id
  LEFT JOIN (SELECT claim_id, sum(amount_tiyn) AS paid FROM payment_line WHERE state = 'accepted' GROUP BY 1) p
         ON p.claim_id = c.id
 WHERE (c.amount_tiyn <> coalesce(r.amount, 0) OR c.units <> coalesce(r.units, 0)
        OR coalesce(p.paid, 0) > c.amount_tiyn - c.offset_tiyn
        OR c.offset_tiyn <> coalesce((SELECT sum(f.amount_tiyn) FROM claim_offset f WHERE f.claim_id = c.id), 0))
       /*only claim c.id*/"""

_VOLUMES = """
SELECT 'contract ' || k.id AS example FROM contract k JOIN claim c ON c.contract_id = k.id AND c.state <> 'reversed'
 WHERE true /*only contract k.id*/ GROUP BY k.id HAVING sum(c.amount_tiyn) > k.volume_tiyn"""


def claims(checking: Checking) -> Found:
    """INV-6: each row recomputed by its month's rule, each claim its rows' sum, all within the contract."""
    return checking.found(_RULE) + checking.found(_PARTS) + checking.found(_CLAIM_SUMS) + checking.found(_VOLUMES)


_UNSPOKEN = """
SELECT 'sheet row ' || r.id AS example FROM claim_row c JOIN sheet_row r ON r.id = c.sheet_row_id
  JOIN month_sheet s ON s.id = r.sheet_id
 WHERE c.live AND c.amount_tiyn > 0 AND (s.sent_at IS NULL OR s.state NOT IN ('for_payment', 'closed') OR NOT (
       r.word = 'confirmed' AND r.confirmed_by IS NOT NULL OR r.word = 'decided' AND r.decided_by IS NOT NULL
       OR (r.word = 'silent' OR r.word = 'rejected' AND r.confirmed_by IS NULL) AND s.scan_is_word AND r.seen > 0
          AND c.proved = 0)) /*only sheet_row c.sheet_row_id*/"""

# Day by day, from marks, scans and holds themselves: what a day held back later costs is clawed back, not found here.
# Marks are read once; those before the first month asked about lie in partitions that are not opened.
_ONE_PARTY = """
WITH said AS MATERIALIZED (
    SELECT p.*, r.present AS counted, r.enrolment_id, s.month, r.word IN ('confirmed', 'decided') AS is_said,
           s.scan_is_word AND (r.word = 'silent' OR r.word = 'rejected' AND r.confirmed_by IS NULL) AS is_scanned
      FROM (SELECT c.sheet_row_id AS id, max(c.present) AS present FROM claim_row c
             WHERE c.live AND c.amount_tiyn > 0 /*only sheet_row c.sheet_row_id*/ GROUP BY 1) p
      JOIN sheet_row r USING (id) JOIN month_sheet s ON s.id = r.sheet_id AND s.month >= %(marks_from)s),
marked AS (
    SELECT enrolment_id, "on" - date_part('day', "on")::int + 1 AS month, count(*) AS days FROM mark
     WHERE value = 'present' AND "on" >= (SELECT min(month) FROM said)
           /*only sheet_row enrolment_id IN (SELECT enrolment_id FROM sheet_row WHERE id = ANY (@))*/ GROUP BY 1, 2),
held AS MATERIALIZED (
    SELECT DISTINCT r.id, h.session_id, h."on" FROM said r JOIN day_hold h ON h.sheet_row_id = r.id
     WHERE h.state <> 'cleared' AND h.opened_at < (
        SELECT max(k.drawn_at) FROM claim_row c JOIN claim k ON k.id = c.claim_id
         WHERE c.sheet_row_id = r.id AND c.live AND c.amount_tiyn > 0)),
taken AS (
    SELECT h.id, count(*) AS days FROM held h JOIN said r USING (id)
      JOIN mark m ON m."on" = h."on" AND m.session_id = h.session_id AND m.enrolment_id = r.enrolment_id
     WHERE m.value = 'present' GROUP BY 1),
scanned AS (
    SELECT r.id, count(*) AS days FROM said r JOIN check_in k ON k.enrolment_id = r.enrolment_id AND k.kind = 'code'
       AND k."on" >= r.month AND k."on" < r.month + interval '1 month'
      JOIN mark m ON m."on" = k."on" AND m.session_id = k.session_id AND m.enrolment_id = k.enrolment_id
      LEFT JOIN held h ON h.id = r.id AND h.session_id = m.session_id
     WHERE r.is_scanned AND m.value = 'present' AND h.id IS NULL GROUP BY 1)
SELECT 'sheet row ' || r.id AS example FROM said r LEFT JOIN marked m USING (enrolment_id, month)
  LEFT JOIN taken t ON t.id = r.id LEFT JOIN scanned s ON s.id = r.id
 WHERE r.counted > coalesce(m.days, 0)
    OR r.present > CASE WHEN r.is_said THEN coalesce(m.days, 0) - coalesce(t.days, 0)
                        WHEN r.is_scanned THEN coalesce(s.days, 0) ELSE 0 END"""


def two_parties(checking: Checking) -> Found:
    """INV-7: behind every paid day stand the provider's mark and the family's scan or word, or a named officer's.

    A day that was held back, by a guardian's dispute or a red flag, when the claim was drawn is in none. Months whose
    marks have left by their time are judged by the words on their rows alone.
    """
    marks_from = month_of(terms()["mark"].before(local_day(checking.at)))
    return checking.found(_UNSPOKEN) + checking.found(_ONE_PARTY, {"marks_from": marks_from})


_SUSPENSE = """
SELECT 'suspense account ' || a.id AS example FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id
 WHERE a.kind = 'suspense' /*only account a.id or refund a.subject_id*/
 GROUP BY a.id, a.subject_id
HAVING sum(e.amount_tiyn) <> coalesce(
    (SELECT r.amount_tiyn FROM refund r WHERE r.id = a.subject_id AND r.state = 'recorded'), 0)"""

_OWED = """
WITH owed AS (
    SELECT c.id, CASE WHEN c.state IN ('drawn', 'approved', 'held') OR c.state = 'in_file' AND EXISTS (
        SELECT FROM payment_line l WHERE l.claim_id = c.id AND l.state = 'drawn')
        THEN c.amount_tiyn - c.offset_tiyn ELSE 0 END AS tiyn
      FROM claim c),
    there AS (SELECT subject_id AS id, sum(balance_tiyn) AS tiyn FROM ledger_account WHERE kind = 'payable' GROUP BY 1)
SELECT 'payable of claim ' || id AS example FROM owed FULL JOIN there USING (id)
 WHERE coalesce(owed.tiyn, 0) <> coalesce(there.tiyn, 0) /*only claim id or owner id*/"""

_UNDER_WAY = """
WITH sent AS (SELECT id, CASE WHEN state = 'sent' THEN amount_tiyn ELSE 0 END AS tiyn FROM payment_line),
    there AS (SELECT subject_id AS id, sum(balance_tiyn) AS tiyn FROM ledger_account WHERE kind = 'transit' GROUP BY 1)
SELECT 'transit of payment line ' || id AS example FROM sent FULL JOIN there USING (id)
 WHERE coalesce(sent.tiyn, 0) <> coalesce(there.tiyn, 0) /*only payment_line id or owner id*/"""

_ORPHANS = """
SELECT 'held of voucher ' || a.subject_id AS example FROM ledger_account a LEFT JOIN voucher v ON v.id = a.subject_id
 WHERE a.kind = 'held' AND a.balance_tiyn > 0 AND (v.id IS NULL OR v.state = 'closed')
       /*only owner a.subject_id or voucher a.subject_id*/
UNION ALL
SELECT 'place of enrolment ' || a.subject_id FROM ledger_account a LEFT JOIN enrolment e ON e.id = a.subject_id
 WHERE a.kind = 'place' AND a.balance_tiyn > 0 AND e.id IS NULL
       /*only owner a.subject_id or enrolment a.subject_id*/"""


def clearing_accounts(checking: Checking) -> Found:
    """INV-14: each clearing balance is explained by its row: claims owed, lines under way, live vouchers."""
    found = timetables(checking)
    for statement in (_SUSPENSE, _OWED, _UNDER_WAY, _ORPHANS):
        found += checking.found(statement)
    return found


_TWICE_PAID = """
SELECT 'claim ' || claim_id AS example FROM payment_line WHERE state IN ('drawn', 'sent', 'accepted')
       /*only claim claim_id*/ GROUP BY claim_id HAVING count(*) > 1"""

_FILE_SUMS = """
SELECT 'payment file ' || f.id AS example FROM payment_file f
  LEFT JOIN (SELECT file_id, sum(amount_tiyn) AS tiyn FROM payment_line GROUP BY 1) l ON l.file_id = f.id
 WHERE (f.total_tiyn <> coalesce(l.tiyn, 0) OR f.content_hash <> sha256(f.content)) /*only file f.id*/"""

# A word's amount is the line's; a word that names none counts where it names the line's file.
_REPLIES = """
WITH word AS (
    SELECT b.end_to_end_id, b.outcome, b.amount_tiyn, b.file_number FROM bank_reply b WHERE b.currency = 'KZT')
SELECT 'payment line ' || l.id AS example FROM payment_line l JOIN payment_file f ON f.id = l.file_id
 WHERE l.state IN ('accepted', 'rejected', 'returned') AND NOT EXISTS (
    SELECT FROM word w WHERE w.end_to_end_id = l.end_to_end_id
       AND w.outcome = CASE l.state WHEN 'accepted' THEN 'paid' ELSE l.state END
       AND w.file_number IN ('', f.number)
       AND (w.amount_tiyn = l.amount_tiyn OR w.amount_tiyn = 0 AND w.file_number = f.number))
       /*only payment_line l.id*/"""

_DECIDED = """
SELECT 'bank reply ' || b.id AS example FROM bank_reply b WHERE right(b.reference, 8) = '#decided' AND NOT EXISTS (
    SELECT FROM reply_decision d JOIN bank_reply held ON held.id = d.reply_id
     WHERE b.reference = held.reference || '#decided' AND starts_with(held.outcome, 'held_') AND d.choice = 'apply')
       /*only reply b.id*/"""

# The rule set asks for an act: then both sides' signatures of these very bytes stand behind each approved claim.
_ACTS = """
SELECT 'act ' || a.number AS example FROM service_act a JOIN claim c ON c.id = a.claim_id
 WHERE (a.hash <> sha256(a.content) OR a.amount_tiyn <> c.amount_tiyn
        OR a.state IN ('awaiting_invoice', 'checking', 'done') AND 2 > (
           SELECT count(DISTINCT s.user_id) FROM act_signature s
            WHERE s.service_act_id = a.id AND s.content_hash = a.hash)) /*only act a.id or claim a.claim_id*/
UNION ALL
SELECT 'claim ' || c.number FROM claim c JOIN rule_set r ON r.id = c.rule_set_id
 WHERE c.state IN ('approved', 'in_file', 'paid') AND (r.document #>> '{papers,act_required}')::boolean
   AND NOT EXISTS (SELECT FROM service_act a WHERE a.claim_id = c.id AND a.state = 'done')
       /*only claim c.id*/"""

_SIGNED = """
SELECT 'claim ' || c.id AS example FROM claim c WHERE c.state IN ('in_file', 'paid')
   AND (SELECT count(DISTINCT a.user_id) FROM claim_approval a WHERE a.claim_id = c.id AND a.turn = c.turn) < 2
       /*only claim c.id*/"""


def payment_files(checking: Checking) -> Found:
    """INV-15: one live line per claim; file = lines = treasury's word; content = hash; two officials, signed papers."""
    found = Found()
    for statement in (_TWICE_PAID, _FILE_SUMS, _REPLIES, _DECIDED, _SIGNED, _ACTS):
        found += checking.found(statement)
    return found


_LINES = """
SELECT 'line ' || line_id AS example FROM ledger_entry WHERE true /*only posting posting_id*/
 GROUP BY line_id HAVING sum(amount_tiyn) <> 0"""


def lines_sum_to_zero(checking: Checking) -> Found:
    """LEDGER.md 13. What balanced before stays so while new entries sum to zero on each line."""
    if checking.ids("posting") is not None:
        return checking.found(_LINES)
    lines = ledger.unbalanced_lines()
    return Found(len(lines), [f"line {line}" for line in lines[:10]])
