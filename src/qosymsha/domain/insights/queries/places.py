"""Places, vouchers, presence, lives: INV-1, 2, 3, 8, 10, 11, and a child's timetables (INV-14)."""

from __future__ import annotations

from dataclasses import dataclass

from qosymsha.domain.admission.states import ROUND_TRANSITIONS
from qosymsha.domain.admission.states import TRANSITIONS as APPLICATION_TRANSITIONS
from qosymsha.domain.attendance.states import ABSENCE_TRANSITIONS, SHEET_TRANSITIONS
from qosymsha.domain.choice.states import CHOICE_ROUND_TRANSITIONS, LIST_TRANSITIONS, OFFER_TRANSITIONS
from qosymsha.domain.insights.queries.found import Checking, Found
from qosymsha.domain.providers.states import TRANSITIONS as ACCREDITATION_TRANSITIONS
from qosymsha.domain.settlement.states import CLAIM_TRANSITIONS, FILE_TRANSITIONS, LINE_TRANSITIONS
from qosymsha.domain.vouchers.models import LIVE_ENROLMENT, LIVE_VOUCHER
from qosymsha.domain.vouchers.states import ENROLMENT_TRANSITIONS, TRANSFER_TRANSITIONS
from qosymsha.domain.vouchers.states import TRANSITIONS as VOUCHER_TRANSITIONS

_SEATS = """
SELECT 'group ' || g.id AS example FROM club_group g LEFT JOIN seat s ON s.group_id = g.id
  LEFT JOIN (SELECT group_id, count(*) AS n FROM (
                SELECT group_id FROM enrolment WHERE state = ANY (%s) /*only group group_id*/
                 UNION ALL SELECT group_id FROM choice_offer WHERE state = 'offered'
                 UNION ALL SELECT group_id FROM group_wait WHERE state = 'offered'
                 UNION ALL SELECT group_id FROM transfer_request WHERE state = 'waiting') held GROUP BY 1) e
         ON e.group_id = g.id
 WHERE (coalesce(e.n, 0) > least(g.capacity, coalesce(s.capacity, g.capacity))
        OR coalesce(e.n, 0) <> coalesce(s.taken, 0)) /*only group g.id*/"""


def seats(checking: Checking) -> Found:
    """INV-1: a seat is held by a live place, an open offer of a freed one, or a transfer that waits for money."""
    return checking.found(_SEATS, [LIVE_ENROLMENT])


def places_per_voucher(checking: Checking) -> Found:
    """INV-2."""
    return checking.found(
        "SELECT 'voucher ' || voucher_id AS example FROM enrolment WHERE state = ANY (%s) /*only voucher voucher_id*/"
        " GROUP BY voucher_id HAVING count(*) > 1",
        [LIVE_ENROLMENT],
    )


_ONE_IIN = """
SELECT 'child ' || min(subject_id) AS example FROM person_secret WHERE subject_kind = 'child' AND lookup IS NOT NULL
       /*only secret lookup IN (
           SELECT lookup FROM person_secret WHERE subject_kind = 'child' AND subject_id = ANY (@))*/
 GROUP BY lookup HAVING count(*) > 1"""


def vouchers_per_child(checking: Checking) -> Found:
    """INV-3: by child, programme and slot; and no two children with one IIN."""
    doubled = checking.found(
        "SELECT 'child ' || child_id AS example FROM voucher WHERE state = ANY (%s) /*only child child_id*/"
        " GROUP BY child_id, programme_id, slot HAVING count(*) > 1",
        [LIVE_VOUCHER],
    )
    return doubled + checking.found(_ONE_IIN)


# Only children who were in two groups can be in two places: twelve million marks are read once and few are kept.
_TWICE = """
WITH several AS (SELECT child_id FROM enrolment WHERE true /*only seen child_id or lesson child_id IN (
                        SELECT child_id FROM enrolment WHERE group_id = ANY (@))*/
                  GROUP BY 1 HAVING count(DISTINCT group_id) > 1),
     there AS MATERIALIZED (
        SELECT m.child_id, m.session_id, s.group_id, s.starts_at, s.ends_at
          FROM enrolment e JOIN several USING (child_id)
          JOIN mark m ON m.enrolment_id = e.id AND m.value = 'present'
               /*only day m."on" IN (SELECT date '2000-01-01' + d::int FROM unnest(@) d)*/
          JOIN session s ON s.id = m.session_id)
SELECT 'child ' || child_id || ' sessions ' || earlier || ' ' || session_id AS example FROM (
    SELECT child_id, session_id, starts_at, lag(session_id) OVER w AS earlier, lag(ends_at) OVER w AS ended
      FROM there WINDOW w AS (PARTITION BY child_id ORDER BY starts_at, session_id)) o
 WHERE starts_at < ended"""

_SAME_GROUP = """
SELECT 'group ' || group_id || ' session ' || id AS example FROM (
    SELECT id, group_id, starts_at, lag(ends_at) OVER (PARTITION BY group_id ORDER BY starts_at) AS ended
      FROM session WHERE state = 'held' /*only lesson group_id*/) o
 WHERE starts_at < ended"""


def presence(checking: Checking) -> Found:
    """INV-8: a child present in two groups' lessons that overlap; and a group whose own held lessons overlap."""
    return checking.found(_TWICE) + checking.found(_SAME_GROUP)


_OVERLAPS = """
WITH several AS (SELECT child_id FROM enrolment WHERE state = ANY (%s) /*only child child_id or slot child_id*/
                  GROUP BY 1 HAVING count(*) > 1),
     mine AS (SELECT e.id, e.child_id, e.group_id FROM enrolment e JOIN several USING (child_id)
               WHERE e.state = ANY (%s))
SELECT DISTINCT 'child ' || a.child_id AS example FROM mine a JOIN mine b ON a.child_id = b.child_id AND a.id < b.id
  JOIN timetable_slot s ON s.group_id = a.group_id
  JOIN timetable_slot t ON t.group_id = b.group_id AND t.weekday = s.weekday
                       AND s.starts < t.ends AND t.starts < s.ends AND s.valid && t.valid"""


def timetables(checking: Checking) -> Found:
    """INV-14, second half."""
    return checking.found(_OVERLAPS, [LIVE_ENROLMENT, LIVE_ENROLMENT])


@dataclass(frozen=True, slots=True)
class _Life:
    """A table with a state, the transitions it may make, and its history where it has one (ordered by `order`)."""

    table: str
    transitions: frozenset[tuple[str, str]]
    history: str = ""
    key: str = ""
    order: str = "seq"


LIVES = (
    _Life("voucher", VOUCHER_TRANSITIONS, "voucher_history", "voucher_id"),
    _Life("enrolment", ENROLMENT_TRANSITIONS, "enrolment_history", "enrolment_id"),
    _Life("transfer_request", TRANSFER_TRANSITIONS, "transfer_request_history", "transfer_request_id"),
    _Life("application", APPLICATION_TRANSITIONS, "application_history", "application_id"),
    _Life("month_sheet", SHEET_TRANSITIONS, "month_sheet_history", "month_sheet_id"),
    _Life("absence_case", ABSENCE_TRANSITIONS, "absence_case_history", "absence_case_id"),
    _Life("admission_round", ROUND_TRANSITIONS, "round_history", "round_id", "id"),
    _Life("choice_round", CHOICE_ROUND_TRANSITIONS, "choice_round_history", "round_id", "id"),
    _Life("choice_list", LIST_TRANSITIONS, "choice_list_history", "choice_list_id"),
    _Life("choice_offer", OFFER_TRANSITIONS, "choice_offer_history", "choice_offer_id"),
    _Life("accreditation", ACCREDITATION_TRANSITIONS, "accreditation_history", "accreditation_id", "id"),
    _Life("claim", CLAIM_TRANSITIONS),
    _Life("payment_file", FILE_TRANSITIONS),
    _Life("payment_line", LINE_TRANSITIONS),
)

# Gaps only where the history counts: ids of others may jump.
_ILLEGAL = """
WITH legal (from_state, to_state) AS (SELECT * FROM unnest(%s::text[], %s::text[]))
SELECT '{table} ' || {key} || ' step ' || {order} AS example FROM (
    SELECT {key}, {order}, from_state, to_state, lag(to_state) OVER w AS came_from, row_number() OVER w AS nth
      FROM {history} WHERE true /*only {table} {key}*/ WINDOW w AS (PARTITION BY {key} ORDER BY {order})) h
 WHERE h.from_state <> coalesce(h.came_from, '') OR ('{order}' = 'seq' AND h.{order} <> h.nth)
    OR NOT EXISTS (SELECT FROM legal l WHERE l.from_state = h.from_state AND l.to_state = h.to_state)"""


def histories(checking: Checking) -> Found:
    """INV-10: each step is in the table of transitions and begins where the last one ended."""
    total = Found()
    for life in LIVES:
        if life.history:
            names = {"table": life.table, "key": life.key, "order": life.order, "history": life.history}
            before, after = zip(*sorted((str(a), str(b)) for a, b in life.transitions), strict=True)
            total += checking.found(_ILLEGAL.format(**names), [list(before), list(after)])
    return total


_UNKNOWN_STATE = "SELECT '{table} ' || id AS example FROM {table} WHERE state <> ALL (%s)"
_OTHER_STATE = """
SELECT '{table} ' || t.id AS example FROM {table} t
  LEFT JOIN (SELECT DISTINCT ON (x.{key}) x.{key} AS owner, x.to_state FROM {history} x
              WHERE true /*only {table} x.{key}*/ ORDER BY x.{key}, x.{order} DESC) h ON h.owner = t.id
 WHERE h.to_state IS DISTINCT FROM t.state /*only {table} t.id*/"""


def states(checking: Checking) -> Found:
    """INV-11: the state is the history's last; where there is no history, it is a state that can be reached."""
    total = Found()
    for life in LIVES:
        names = {"table": life.table, "key": life.key, "order": life.order, "history": life.history}
        if life.history:
            total += checking.found(_OTHER_STATE.format(**names))
        else:
            known = sorted({str(after) for _, after in life.transitions})
            statement = _UNKNOWN_STATE.format(**names)
            total += checking.found(statement, [known])
    return total
