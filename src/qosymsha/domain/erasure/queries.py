"""Who is due to be erased, what holds others back, what was erased. Ids and counts alone: nobody's record is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count

from qosymsha.domain.erasure.access import ALLOWED, Action
from qosymsha.domain.erasure.models import Erasure, ErasureRun, LegalHold
from qosymsha.domain.erasure.rules import Kind
from qosymsha.domain.keeping.rules import Term
from qosymsha.domain.keeping.terms import terms
from qosymsha.domain.people import queries as people
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day

# A child whose record nothing has touched for the period: no voucher lives or ended since, nothing was filed since.
_CHILD = """
SELECT c.id FROM child c JOIN person_secret s ON s.subject_kind = 'child' AND s.subject_id = c.id
 WHERE c.created_at < %(person)s
   AND NOT EXISTS (SELECT FROM voucher v WHERE v.child_id = c.id AND v.state <> 'closed')
   AND NOT EXISTS (SELECT FROM voucher v JOIN voucher_history h ON h.voucher_id = v.id
                    WHERE v.child_id = c.id AND h.at >= %(person)s)
   AND NOT EXISTS (SELECT FROM application a WHERE a.child_id = c.id AND a.submitted_at >= %(person)s)
   AND NOT EXISTS (SELECT FROM group_wait w WHERE w.child_id = c.id AND w.asked_at >= %(person)s)
   AND NOT EXISTS (SELECT FROM trial_lesson t WHERE t.child_id = c.id AND t.booked_at >= %(person)s)"""

# What keeps such a child: each by its name, so that an operator is told why.
HOLDS: Mapping[str, str] = {
    "legal hold": "SELECT FROM legal_hold l WHERE l.child_id = c.id AND l.lifted_at IS NULL",
    "open application": """SELECT FROM application a JOIN admission_round r ON r.id = a.round_id
        WHERE a.child_id = c.id AND a.is_live
          AND (r.last_month >= %(month)s OR r.state NOT IN ('allocated', 'published', 'cancelled'))""",
    "place": "SELECT FROM enrolment e WHERE e.child_id = c.id AND e.state <> 'ended'",
    "place on a list": "SELECT FROM group_wait w WHERE w.child_id = c.id AND w.state IN ('waiting', 'offered')",
    "draft": "SELECT FROM application_draft d WHERE d.child_id = c.id",
    "category being checked": "SELECT FROM category_case k WHERE k.child_id = c.id AND k.state IN ('open', 'asked')",
    "absence being heard": """SELECT FROM absence_case k JOIN enrolment e ON e.id = k.enrolment_id
        WHERE e.child_id = c.id AND k.state IN ('warned', 'suspended')""",
    "refusal being decided": "SELECT FROM child_refusal f WHERE f.child_id = c.id AND f.state = 'filed'",
    "ending being decided": """SELECT FROM voucher_ending n JOIN voucher v ON v.id = n.voucher_id
        WHERE v.child_id = c.id AND n.state = 'proposed'""",
    "transfer waiting": """SELECT FROM transfer_request t JOIN voucher v ON v.id = t.voucher_id
        WHERE v.child_id = c.id AND t.state = 'waiting'""",
    "red flag": "SELECT FROM red_flag f WHERE f.child_id = c.id AND f.state = 'open'",
    "day held back": """SELECT FROM day_hold h JOIN sheet_row r ON r.id = h.sheet_row_id
        WHERE r.child_id = c.id AND h.state = 'open'""",
    "disputed row": "SELECT FROM sheet_row r WHERE r.child_id = c.id AND r.word = 'disputed'",
    "contradicted mark": """SELECT FROM mark_objection o JOIN enrolment e ON e.id = o.enrolment_id
        WHERE e.child_id = c.id AND o.state = 'open'""",
    "money not paid": """SELECT FROM sheet_row r JOIN claim_row k ON k.sheet_row_id = r.id
          JOIN claim m ON m.id = k.claim_id
        WHERE r.child_id = c.id AND m.state IN ('drawn', 'approved', 'in_file', 'held')""",
    "money being recovered": """SELECT FROM sheet_row r JOIN recovery_row k ON k.sheet_row_id = r.id
          JOIN recovery m ON m.id = k.recovery_id
        WHERE r.child_id = c.id AND m.state IN ('proposed', 'supported')""",
    "paper within its time": """SELECT FROM document d
        WHERE d.child_id = c.id AND d.erased_at IS NULL AND d.keep_until >= %(today)s""",
    "account in use": """SELECT FROM guardianship w JOIN guardian g ON g.id = w.guardian_id
          JOIN app_user u ON u.id = g.user_id
        WHERE w.child_id = c.id AND w.valid @> %(today)s AND u.last_login >= %(account)s""",
    "own account in use": """SELECT FROM guardian g JOIN app_user u ON u.id = g.user_id
        WHERE g.child_id = c.id AND u.last_login >= %(account)s""",
}
_GUARDIAN = """
SELECT g.id FROM guardian g JOIN person_secret s ON s.subject_kind = 'guardian' AND s.subject_id = g.id
 WHERE g.created_at < %(person)s
   AND NOT EXISTS (SELECT FROM guardianship w
                     JOIN person_secret c ON c.subject_kind = 'child' AND c.subject_id = w.child_id
                    WHERE w.guardian_id = g.id)
   AND NOT EXISTS (SELECT FROM assisted_visit v WHERE v.guardian_id = g.id AND v.made_at >= %(account)s)
   AND NOT EXISTS (SELECT FROM app_user u WHERE u.id = g.user_id AND u.last_login >= %(account)s)"""
_TEACHER = """
SELECT t.id FROM teacher t JOIN person_secret s ON s.subject_kind = 'teacher' AND s.subject_id = t.id
 WHERE NOT EXISTS (SELECT FROM timetable_slot o WHERE o.teacher_id = t.id
                      AND (upper_inf(o.valid) OR upper(o.valid) > %(teacher)s::date))
   AND NOT EXISTS (SELECT FROM engagement o WHERE o.teacher_id = t.id
                      AND (o.ended_at IS NULL OR o.ended_at >= %(teacher)s))
   AND NOT EXISTS (SELECT FROM session o WHERE o.teacher_id = t.id AND o.starts_at >= %(teacher)s)"""
_TRADER = """
SELECT p.id FROM provider p JOIN person_secret s ON s.subject_kind = 'provider' AND s.subject_id = p.id
 WHERE p.created_at < %(trader)s AND p.legal_form = 'sole_trader'
   AND NOT EXISTS (SELECT FROM accreditation a WHERE a.provider_id = p.id
                      AND a.state IN ('filed', 'in_review', 'accredited', 'limited'))
   AND NOT EXISTS (SELECT FROM claim m WHERE m.provider_id = p.id
                      AND (m.drawn_at >= %(trader)s OR m.state IN ('drawn', 'approved', 'in_file', 'held')))
   AND NOT EXISTS (SELECT FROM claim m JOIN payment_line l ON l.claim_id = m.id
                     JOIN bank_reply b ON b.end_to_end_id = l.end_to_end_id
                    WHERE m.provider_id = p.id AND b.at >= %(trader)s)
   AND NOT EXISTS (SELECT FROM recovery r WHERE r.provider_id = p.id AND r.state IN ('proposed', 'supported'))"""
_USER = """
SELECT u.id FROM app_user u
 WHERE left(u.subject, 7) <> 'erased:' AND (u.last_login IS NULL OR u.last_login < %(account)s)
   AND NOT EXISTS (SELECT FROM membership m WHERE m.user_id = u.id
                      AND (upper_inf(m.valid) OR upper(m.valid) > %(user)s::date))
   AND NOT EXISTS (SELECT FROM guardian g JOIN person_secret s ON s.subject_kind = 'guardian' AND s.subject_id = g.id
                    WHERE g.user_id = u.id)
   AND NOT EXISTS (SELECT FROM guardian g JOIN person_secret s ON s.subject_kind = 'child' AND s.subject_id = g.child_id
                    WHERE g.user_id = u.id)
   AND NOT EXISTS (SELECT FROM teacher t JOIN person_secret s ON s.subject_kind = 'teacher' AND s.subject_id = t.id
                    WHERE t.user_id = u.id)
   AND NOT EXISTS (SELECT FROM person_secret s WHERE s.subject_kind = 'signatory' AND s.subject_id = u.id)
   AND (EXISTS (SELECT FROM membership m WHERE m.user_id = u.id) OR u.last_login < %(user)s
        OR EXISTS (SELECT FROM guardian g JOIN erasure e ON e.subject_kind = 'guardian' AND e.subject_id = g.id
                    WHERE g.user_id = u.id)
        OR EXISTS (SELECT FROM guardian g JOIN erasure e ON e.subject_kind = 'child' AND e.subject_id = g.child_id
                    WHERE g.user_id = u.id))"""
_FREE = "".join(f" AND NOT EXISTS ({hold})" for hold in HOLDS.values())
_DUE: Mapping[Kind, tuple[str, str]] = {
    Kind.CHILD: (_CHILD + _FREE, "c.id"),
    Kind.GUARDIAN: (_GUARDIAN, "g.id"),
    Kind.TEACHER: (_TEACHER, "t.id"),
    Kind.TRADER: (_TRADER, "p.id"),
    Kind.USER: (_USER, "u.id"),
}
_HELD = "SELECT " + ", ".join(f"count(*) FILTER (WHERE EXISTS ({hold}))" for hold in HOLDS.values())
_NOBODY = 0


@dataclass(frozen=True, slots=True)
class Stand:
    """How the erasing stands: whom each kind has due now, what holds old children back, the last night, who is gone."""

    due: dict[str, int]
    held: dict[str, int]
    last_on: date | None
    last_gone: dict[str, int]
    erased: dict[str, int]
    last_at: datetime | None


def due(kind: Kind, at: datetime, most: int, periods: Mapping[str, Term] | None = None) -> list[int]:
    """The first persons of a kind whose time is over and whom nothing holds back; laid-out honeytokens never are.

    Raises:
        NotConfigured: the installation's own periods cannot be read or lie below a floor.
    """
    statement, column = _DUE[kind]
    values, found, after = _values(at, periods), list[int](), _NOBODY
    while True:
        page = {"after": after, "most": most}
        some = _ids(f"{statement} AND {column} > %(after)s ORDER BY {column} LIMIT %(most)s", values | page)
        laid = _honey(some) if kind is Kind.CHILD else frozenset()
        found += [one for one in some if one not in laid]
        if len(found) >= most or len(some) < most:
            return found[:most]
        after = some[-1]


def still_due(kind: Kind, at: datetime, ids: Collection[int]) -> list[int]:
    """Those of these persons who are due now: asked again once they are locked, for what came in between.

    Raises:
        NotConfigured: the installation's own periods cannot be read or lie below a floor.
    """
    statement, column = _DUE[kind]
    return _ids(f"{statement} AND {column} = ANY (%(ids)s) ORDER BY {column}", _values(at) | {"ids": list(ids)})


def due_count(kind: Kind, at: datetime, most: int = 100_000) -> int:
    """How many persons of a kind are due (`most` at most)."""
    return len(due(kind, at, most))


def stand(*, actor: Actor, at: datetime) -> Stand:
    """How the erasing stands now: counts alone.

    Raises:
        Forbidden: the actor is neither operator nor auditor.
        NotConfigured: the installation's own periods cannot be read or lie below a floor.
    """
    require(actor, Action.READ_ERASURES, ALLOWED)
    last = ErasureRun.objects.order_by("-on").first()
    counted: dict[str, int] = dict.fromkeys((kind.value for kind in Kind), 0)
    counted.update(Erasure.objects.values_list("subject_kind").annotate(n=Count("id")).order_by())
    newest = Erasure.objects.order_by("-at").values_list("at", flat=True).first()
    return Stand(
        due={kind.value: due_count(kind, at) for kind in Kind},
        held=_held(at),
        last_on=last.on if last else None,
        last_gone=dict(last.gone) if last else {},
        erased=counted,
        last_at=newest,
    )


def overdue(at: datetime, grace: Term) -> dict[str, int]:
    """Kind → how many persons should have been erased before `grace` began; kinds with none are left out."""
    then = grace.before(at)
    return {kind.value: n for kind in Kind if (n := due_count(kind, then, 1_000))}


def last_run() -> ErasureRun | None:
    """The last night on which everybody due was erased."""
    return ErasureRun.objects.order_by("-on").first()


def erased_on(kind: Kind, subject_ids: Collection[int]) -> dict[int, date]:
    """Subject → the day it was erased; who is there is left out."""
    rows = Erasure.objects.filter(subject_kind=kind, subject_id__in=list(subject_ids)).values_list("subject_id", "at")
    return {subject_id: local_day(at) for subject_id, at in rows}


def holds(*, actor: Actor) -> list[tuple[UUID, UUID, str, datetime]]:
    """Legal holds that stand: (the hold, the child's outside id, why, since).

    Raises:
        Forbidden: the actor is neither operator nor auditor.
    """
    require(actor, Action.READ_ERASURES, ALLOWED)
    standing = LegalHold.objects.filter(lifted_at=None).order_by("id")
    return list(standing.values_list("uuid", "child__uuid", "reason", "held_at"))


def _held(at: datetime) -> dict[str, int]:
    inner = _CHILD.replace("SELECT c.id FROM", "FROM", 1)
    with connection.cursor() as cursor:
        cursor.execute(_HELD + inner, _values(at))
        row = cursor.fetchone()
    return {name: n for name, n in zip(HOLDS, row, strict=True) if n}


def _values(at: datetime, periods: Mapping[str, Term] | None = None) -> dict[str, Any]:
    found, today = periods or terms(), local_day(at)
    names = ("person", "account", "user", "teacher", "trader")
    return {name: found[name].before(at) for name in names} | {"today": today, "month": today.replace(day=1)}


def _ids(statement: str, values: Mapping[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [row for (row,) in cursor.fetchall()]


def _honey(child_ids: Collection[int]) -> frozenset[int]:
    marks = {people.honey_mark(i): i for i in child_ids}
    with connection.cursor() as cursor:
        cursor.execute("SELECT mark FROM honeytoken WHERE mark = ANY (%s)", [list(marks)])
        return frozenset(marks[bytes(mark)] for (mark,) in cursor.fetchall())
