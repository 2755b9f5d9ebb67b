"""Trust: audit chain, keys, jobs, rights, retention, the server: INV-9, 12, 13, 20, 21, 22."""

from __future__ import annotations

from qosymsha.domain.insights.queries.found import Checking, Found, by_statement

_CHAIN = """
SELECT 'link ' || seq AS example FROM (
    SELECT l.seq, l.prev_hash, l.hash, lag(l.hash) OVER w AS before, lag(l.seq) OVER w AS seq_before, e.id AS event_id,
           sha256(l.prev_hash || audit_event_hash(e)) AS again
      FROM audit_link l LEFT JOIN audit_event e ON e.id = l.event_id AND e.at = l.event_at
    WINDOW w AS (ORDER BY l.seq)) x
 WHERE event_id IS NULL OR seq <> coalesce(seq_before, 0) + 1 OR hash <> again
    OR prev_hash <> coalesce(before, ''::bytea)"""


# An event that could have been linked (its transaction, and every one before it, is finished) and was not.
_UNLINKED = """
SELECT 'event ' || e.id AS example FROM audit_event e
 WHERE e.at < %s - interval '10 minutes' AND e.txid < pg_snapshot_xmin(pg_current_snapshot())
   AND NOT EXISTS (SELECT FROM audit_link l WHERE l.event_id = e.id)"""


def audit_chain(checking: Checking) -> Found:
    """INV-9: no gap, each link holds the one before, each event its hash; none waits for its link for ten minutes."""
    return by_statement(_CHAIN) + by_statement(_UNLINKED, [checking.at])


_KEYS = """
SELECT 'key ' || k.id AS example FROM idempotency_key k
 WHERE k.outcome IS NULL OR NOT EXISTS (SELECT FROM audit_event a WHERE a.at = k.at AND a.actor_id = k.user_id)"""


def keys(_: Checking) -> Found:
    """INV-12: an acknowledged key has an outcome, and an audit row of the same person and instant."""
    return by_statement(_KEYS)


_STUCK = """
SELECT 'job ' || j.id AS example FROM procrastinate_jobs j WHERE j.status = 'doing' AND NOT EXISTS (
    SELECT FROM procrastinate_events e
     WHERE e.job_id = j.id AND e.type = 'started' AND e.at > now() - interval '3 minutes')"""


def jobs(_: Checking) -> Found:
    """INV-13: by the server's own clock, which the queue uses."""
    return by_statement(_STUCK)


_SPEAKERS = """
SELECT 'sheet row ' || r.id AS example FROM sheet_row r WHERE r.word = 'confirmed' AND NOT EXISTS (
    SELECT FROM guardianship g WHERE g.guardian_id = r.confirmed_by AND g.child_id = r.child_id
       AND g.valid @> (r.confirmed_at AT TIME ZONE 'Asia/Almaty')::date)
UNION ALL
SELECT 'application ' || a.id FROM application a WHERE NOT EXISTS (
    SELECT FROM guardianship g WHERE g.guardian_id = a.guardian_id AND g.child_id = a.child_id
       AND g.valid @> (a.submitted_at AT TIME ZONE 'Asia/Almaty')::date)"""

_MEMBERSHIPS = """
SELECT 'membership ' || m.id AS example FROM membership m JOIN app_user u ON u.id = m.user_id
  LEFT JOIN provider p ON p.id = m.provider_id
 WHERE m.valid @> (%s AT TIME ZONE 'Asia/Almaty')::date
   AND (NOT u.is_active OR m.provider_id IS NOT NULL AND p.id IS NULL
        OR m.role IN ('provider_manager', 'teacher') AND m.provider_id IS NULL)"""


def rights(checking: Checking) -> Found:
    """INV-20: who filed or confirmed was the child's guardian that day; a role of today hangs on somebody."""
    return by_statement(_SPEAKERS) + by_statement(_MEMBERSHIPS, [checking.at])


_OUTLIVED = """
SELECT 'child ' || c.id AS example FROM child c JOIN person_secret s ON s.subject_kind = 'child' AND s.subject_id = c.id
 WHERE c.created_at < %(at)s - interval '5 years'
   AND NOT EXISTS (SELECT FROM voucher v WHERE v.child_id = c.id AND v.state <> 'closed')
   AND NOT EXISTS (SELECT FROM voucher v JOIN voucher_history h ON h.voucher_id = v.id
                    WHERE v.child_id = c.id AND h.at > %(at)s - interval '5 years')
   AND NOT EXISTS (SELECT FROM application a WHERE a.child_id = c.id AND a.submitted_at > %(at)s - interval '5 years')
UNION ALL
SELECT 'mark of ' || min(m."on") FROM mark m WHERE m."on" < (%(at)s - interval '5 years')::date HAVING count(*) > 0"""


def retention(checking: Checking) -> Found:
    """INV-21: secrets of children five years after the last voucher or application; marks after five years."""
    return by_statement(_OUTLIVED, {"at": checking.at})


_SETTINGS = """
SELECT name || ' = ' || setting AS example FROM pg_settings
 WHERE name IN ('fsync', 'full_page_writes', 'data_checksums') AND setting <> 'on'
    OR name = 'synchronous_commit' AND setting NOT IN ('on', 'remote_apply')"""


def server(_: Checking) -> Found:
    """INV-22."""
    return by_statement(_SETTINGS)
