"""Lessons are planned from timetables, cancelled, and marked by the provider."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import steps
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries import SESSION_COLUMNS, sent_months
from qosymsha.domain.attendance.rules import (
    REASONS,
    AttendanceRefusal,
    MarkRow,
    Place,
    SessionFacts,
    refuse_mark,
)
from qosymsha.domain.attendance.states import SessionState, Topic
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.rules import month_end, outcomes_of, unpacked
from qosymsha.domain.vouchers.steps import Deed, begin, conclude, keep, record
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import RowOutcome


@transaction.atomic(durable=True)
def plan_sessions(*, actor: Actor, provider_id: int, month: date, at: datetime, key: UUID) -> int:
    """Make the month's sessions of a provider's open groups from their timetables; return how many are new.

    Public holidays and days on which group or contract do not run are left out. Run again after the timetable changed,
    it adds what is missing and takes nothing away.

    Raises:
        Forbidden: the actor is not this provider's manager.
    """
    require(actor, Action.PLAN, ALLOWED, provider_id=provider_id)
    deed, first = Deed(actor, Action.PLAN, at, key), month.replace(day=1)
    seen = begin(deed, [provider_id, first.isoformat()])
    if seen is not None:
        return int(seen["planned"])
    last = month_end(first)
    groups = {
        g.id: g for g in providers.group_facts(_groups_of(provider_id, first, last)).values() if g.state == "open"
    }
    planned: list[int] = []
    for territory_id in sorted({g.territory_id for g in groups.values()}):
        calendar = programmes.calendar(territory_id, first, last)
        mine = [g.id for g in groups.values() if g.territory_id == territory_id]
        lessons = providers.lessons(mine, first, last, calendar)
        planned += steps.open_sessions([one for one in lessons if groups[one.group_id].runs_on(one.on)], groups)
    record(deed, Topic.PLANNED, "session", planned)
    keep(deed, {"planned": len(planned)})
    return len(planned)


def _groups_of(provider_id: int, first: date, last: date) -> list[int]:
    found = rows(
        "SELECT id FROM club_group WHERE provider_id = %s AND valid && daterange(%s::date, %s::date, '[]') ORDER BY id",
        [provider_id, first, last],
    )
    return [group_id for (group_id,) in found]


@transaction.atomic(durable=True)
def cancel_sessions(  # noqa: PLR0913 (whose, which, why; and the envelope of every verb)
    *, actor: Actor, provider_id: int, session_ids: Sequence[int], reason: str, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Cancel planned sessions with a reason; one that was marked stays. Ids are sessions.

    Raises:
        Forbidden: the actor does not work for this provider.
    """
    require(actor, Action.CANCEL, ALLOWED, provider_id=provider_id)
    deed = Deed(actor, Action.CANCEL, at, key)
    steps.lock_marks(provider_id)
    seen = begin(deed, [provider_id, reason, list(session_ids)])
    if seen is not None:
        return unpacked(seen, REASONS)
    sessions = _sessions(provider_id, session_ids)
    ids: dict[int, int] = {}
    refused: dict[int, AttendanceRefusal] = {}
    for row, session_id in enumerate(session_ids):
        session = sessions.get(session_id)
        if session is None:
            refused[row] = AttendanceRefusal.UNKNOWN_SESSION
        elif session.state != SessionState.PLANNED or session_id in ids.values():
            refused[row] = AttendanceRefusal.WRONG_STATE
        elif not reason.strip():
            refused[row] = AttendanceRefusal.REASON_MISSING
        else:
            ids[row] = session_id
    steps.cancel_sessions(list(ids.values()), reason.strip())
    return conclude(deed, Topic.CANCELLED, "session", outcomes_of(len(session_ids), ids, refused))


@transaction.atomic(durable=True)
def mark_sessions(
    *, actor: Actor, provider_id: int, marks: Sequence[MarkRow], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Store the provider's marks: present, ill, excused or absent, once per child and session; ids are enrolments.

    A mark repeated with the same value answers as the first time; with another it is refused `duplicate`. Marked
    sessions were held. Marks of a month whose sheet has left are refused `sheet_sent`.

    Raises:
        Forbidden: the actor does not work for this provider.
    """
    require(actor, Action.MARK, ALLOWED, provider_id=provider_id)
    deed = Deed(actor, Action.MARK, at, key)
    steps.lock_marks(provider_id)
    seen = begin(deed, [provider_id, len(marks), _fingerprint(marks)])
    if seen is not None:
        return _answers(marks, seen)
    sessions = _sessions(provider_id, {m.session_id for m in marks})
    fresh, refused = _judge(deed, marks, sessions)
    steps.copy_marks(deed, fresh)
    held = sorted({session.id for _, session, _ in fresh})
    steps.hold_sessions(held)
    record(deed, Topic.MARKED, "session", held, provider_id=provider_id, marks=len(fresh))
    kept = {"no": {str(row): reason.value for row, reason in refused.items()}}
    keep(deed, kept)
    return _answers(marks, kept)


def _fingerprint(marks: Sequence[MarkRow]) -> str:
    text = "\n".join([f"{m.session_id} {m.enrolment_id} {m.value}" for m in marks])
    return hashlib.sha256(text.encode()).hexdigest()


def _answers(marks: Sequence[MarkRow], kept: Mapping[str, Any]) -> list[RowOutcome]:
    refused = {int(row): REASONS[reason] for row, reason in kept["no"].items()}
    return [
        RowOutcome(row, None, refused[row]) if row in refused else RowOutcome(row, mark.enrolment_id)
        for row, mark in enumerate(marks)
    ]


def _judge(
    deed: Deed, marks: Sequence[MarkRow], sessions: Mapping[int, SessionFacts]
) -> tuple[list[tuple[MarkRow, SessionFacts, Place]], dict[int, AttendanceRefusal]]:
    places = _places({m.enrolment_id for m in marks})
    sent = sent_months(sorted({s.group_id for s in sessions.values()}))
    made = _marks(sessions)
    fresh, refused = [], {}
    for row, mark in enumerate(marks):
        session, place = sessions.get(mark.session_id), places.get(mark.enrolment_id)
        before = made.get((mark.session_id, mark.enrolment_id))
        reason = None
        if before is None:
            reason = refuse_mark(mark.value, session, place, sent, deed.at)
        elif before != mark.value:
            reason = AttendanceRefusal.DUPLICATE
        if reason is not None:
            refused[row] = reason
        elif before is None and session is not None and place is not None:
            made[mark.session_id, mark.enrolment_id] = mark.value
            fresh.append((mark, session, place))
    return fresh, refused


def _sessions(provider_id: int, session_ids: Sequence[int] | set[int]) -> dict[int, SessionFacts]:
    found = rows(
        f"SELECT {SESSION_COLUMNS} FROM session s WHERE s.id = ANY (%s) AND s.provider_id = %s",  # noqa: S608
        [list(session_ids), provider_id],
    )
    return {row[0]: SessionFacts(*row) for row in found}


def _places(enrolment_ids: set[int]) -> dict[int, Place]:
    found = rows(
        "SELECT id, child_id, group_id, starts_on, ends_on FROM enrolment WHERE id = ANY (%s)", [list(enrolment_ids)]
    )
    return {enrolment_id: Place(*rest) for enrolment_id, *rest in found}


def _marks(sessions: Mapping[int, SessionFacts]) -> dict[tuple[int, int], str]:
    """(session, enrolment) → value, of the marks made before."""
    if not sessions:
        return {}
    days = [s.on for s in sessions.values()]
    found = rows(
        "SELECT m.session_id, m.enrolment_id, m.value FROM unnest(%s::date[], %s::bigint[]) AS s (day, id)"
        ' JOIN mark m ON m."on" = s.day AND m.session_id = s.id'
        ' WHERE m."on" BETWEEN %s AND %s',  # lets the planner look into these months only
        [days, list(sessions), min(days), max(days)],
    )
    return {(session_id, enrolment_id): value for session_id, enrolment_id, value in found}
