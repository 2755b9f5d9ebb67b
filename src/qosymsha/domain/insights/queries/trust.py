"""Trust: audit chain, keys, jobs, rights, retention, the server: INV-9, 12, 13, 20, 21, 22."""

from __future__ import annotations

from typing import Any

from django.db import connection

from qosymsha.domain.erasure import queries as erasure
from qosymsha.domain.erasure.rules import Kind
from qosymsha.domain.errands.rules import LONGEST_SECONDS, TASK
from qosymsha.domain.insights.queries.found import Checking, Found, by_statement, of
from qosymsha.domain.keeping.rules import Term
from qosymsha.domain.keeping.terms import terms
from qosymsha.domain.witness import queries as witness
from qosymsha.kernel.clock import local_day, month_of

_CHAIN = """
SELECT 'link ' || l.seq AS example FROM audit_link l
  LEFT JOIN audit_link b ON b.seq = l.seq - 1
  LEFT JOIN audit_event e ON e.id = l.event_id AND e.at = l.event_at
 WHERE l.seq > %(seq)s
   AND (e.id IS NULL AND l.event_at >= %(kept_from)s
        OR e.id IS NOT NULL AND l.hash <> sha256(l.prev_hash || audit_event_hash(e))
        OR l.prev_hash <> coalesce(b.hash, ''::bytea) OR b.seq IS NULL AND l.seq <> 1)"""

# The link where the last green run ended must still stand as it was seen.
_SEEN = """
SELECT 'link ' || %(seq)s || ' is not the one seen before' AS example
 WHERE %(seq)s > 0 AND NOT EXISTS (SELECT FROM audit_link WHERE seq = %(seq)s AND hash = decode(%(hash)s, 'hex'))"""

# An event that could have been linked (its transaction, and every one before it, is finished) and was not.
_UNLINKED = """
SELECT 'event ' || e.id AS example FROM audit_event e
 WHERE e.txid >= %(low)s::xid8 AND e.txid < pg_snapshot_xmin(pg_current_snapshot())
   AND e.at < %(at)s - interval '10 minutes'
   AND NOT EXISTS (SELECT FROM audit_link l WHERE l.event_id = e.id)"""
_END = "SELECT seq, encode(hash, 'hex') FROM audit_link ORDER BY seq DESC LIMIT 1"
# Every event of a transaction below this one has its link: an event that waits today may be late tomorrow.
_LOW = """
SELECT coalesce((SELECT min(e.txid) FROM audit_event e WHERE e.txid >= %(low)s::xid8 AND NOT EXISTS (
           SELECT FROM audit_link l WHERE l.event_id = e.id)), pg_snapshot_xmin(pg_current_snapshot()))::text"""


def audit_chain(checking: Checking) -> Found:
    """INV-9: no gap, each link holds the one before, each event its hash; none waits for its link for ten minutes.

    Events older than the audit is kept may have left: their links stay, and with them the chain.
    """
    seen: dict[str, Any] = {"seq": 0, "hash": "", "low": "0", **checking.reached}
    whence: dict[str, Any] = {"seq": 0, "low": "0"} if checking.touched is None else seen
    reached = _reached(whence["low"])
    chain = by_statement(_CHAIN, whence | {"kept_from": witness.first_kept()}) + by_statement(_SEEN, seen)
    return chain + by_statement(_UNLINKED, whence | {"at": checking.at}) + Found(reached=reached)


def _reached(low: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(_LOW, {"low": low})
        (lowest,) = cursor.fetchone()
        cursor.execute(_END)
        seq, last = cursor.fetchone() or (0, "")
    return {"seq": seq, "hash": last, "low": lowest}


_KEYS = """
SELECT 'key ' || k.id AS example FROM idempotency_key k
 WHERE (k.outcome IS NULL OR NOT EXISTS (
           SELECT FROM audit_event a WHERE a.at = k.at AND a.actor_id = k.user_id AND a.at >= (
               SELECT min(f.at) FROM idempotency_key f WHERE true /*only key f.id*/))) /*only key k.id*/"""


def keys(checking: Checking) -> Found:
    """INV-12: an acknowledged key has an outcome, and an audit row of the same person and instant."""
    return checking.found(_KEYS)


_STUCK = """
SELECT 'job ' || j.id AS example FROM procrastinate_jobs j WHERE j.status = 'doing' AND NOT EXISTS (
    SELECT FROM procrastinate_events e
     WHERE e.job_id = j.id AND e.type = 'started' AND e.at > now() - interval '3 minutes'
           - make_interval(secs => CASE WHEN j.task_name = %(errand)s THEN %(longest)s ELSE 0 END))"""


def jobs(_: Checking) -> Found:
    """INV-13: by the server's own clock, which the queue uses; an officer's errand may take longer than a duty."""
    return by_statement(_STUCK, {"errand": TASK, "longest": LONGEST_SECONDS})


_SPEAKERS = """
SELECT 'sheet row ' || r.id AS example FROM sheet_row r WHERE r.word = 'confirmed' AND NOT EXISTS (
    SELECT FROM guardianship g WHERE g.guardian_id = r.confirmed_by AND g.child_id = r.child_id
       AND g.valid @> (r.confirmed_at AT TIME ZONE 'Asia/Almaty')::date) /*only sheet_row r.id or ward r.child_id*/
UNION ALL
SELECT 'application ' || a.id FROM application a WHERE NOT EXISTS (
    SELECT FROM guardianship g WHERE g.guardian_id = a.guardian_id AND g.child_id = a.child_id
       AND g.valid @> (a.submitted_at AT TIME ZONE 'Asia/Almaty')::date)
       /*only application a.id or ward a.child_id*/"""

_MEMBERSHIPS = """
SELECT 'membership ' || m.id AS example FROM membership m JOIN app_user u ON u.id = m.user_id
  LEFT JOIN provider p ON p.id = m.provider_id
 WHERE m.valid @> (%s AT TIME ZONE 'Asia/Almaty')::date
   AND (NOT u.is_active OR m.provider_id IS NOT NULL AND p.id IS NULL
        OR m.role IN ('provider_manager', 'teacher') AND m.provider_id IS NULL)"""


def rights(checking: Checking) -> Found:
    """INV-20: who filed or confirmed was the child's guardian that day; a role of today hangs on somebody."""
    return checking.found(_SPEAKERS) + by_statement(_MEMBERSHIPS, [checking.at])


_OUTLIVED = """
SELECT 'mark of ' || min(m."on") AS example FROM mark m WHERE m."on" < %(marks)s HAVING count(*) > 0
UNION ALL
SELECT 'notice ' || min(n.id) FROM notice n WHERE n.keep_until < (%(at)s - interval '2 days')::date
HAVING count(*) > 0"""
_MOST_LATE = 1_000
_GRACE = Term(days=3)  # nights that the erasing may miss


def retention(checking: Checking) -> Found:
    """INV-21: nobody's secrets past their time and three nights, no mark or notice past theirs.

    By the minute of children alone: their guardians, teachers, traders and accounts are the night's work.
    """
    then, kinds = _GRACE.before(checking.at), tuple(Kind) if checking.touched is None else (Kind.CHILD,)
    marks = month_of(terms()["mark"].before(local_day(then)))
    late = [f"{kind} {i}" for kind in kinds for i in erasure.due(kind, then, _MOST_LATE)]
    return of(late) + by_statement(_OUTLIVED, {"at": checking.at, "marks": marks})


_SETTINGS = """
SELECT name || ' = ' || setting AS example FROM pg_settings
 WHERE name IN ('fsync', 'full_page_writes', 'data_checksums') AND setting <> 'on'
    OR name = 'synchronous_commit' AND setting NOT IN ('on', 'remote_apply')"""


def server(_: Checking) -> Found:
    """INV-22."""
    return by_statement(_SETTINGS)
