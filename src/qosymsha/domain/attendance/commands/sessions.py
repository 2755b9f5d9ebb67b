"""Lessons are planned from timetables, moved, made up, cancelled, reinstated, and given another teacher."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import queries, steps
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.rules import (
    REASONS,
    AttendanceRefusal,
    Booking,
    MoveGround,
    SessionFacts,
    SessionMove,
    Substitution,
    booking_of,
    moved_booking,
    refuse_move,
    refuse_reinstatement,
    refuse_substitution,
)
from qosymsha.domain.attendance.states import SessionState, Topic
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers.rules import month_end, outcomes_of, unpacked
from qosymsha.domain.vouchers.steps import Deed, begin, conclude, keep, record
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused, RowOutcome

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Moved:
    """The lesson that takes place instead; `clashes`: places whose child has another lesson at that time."""

    session_id: int
    clashes: tuple[int, ...]


@transaction.atomic(durable=True)
def plan_sessions(*, actor: Actor, provider_id: int, month: date, at: datetime, key: UUID) -> int:
    """Make the month's sessions of a provider's open groups from their timetables; return how many are new.

    Public holidays and days on which group or contract do not run are left out. Run again after the timetable changed,
    it adds what is missing and takes nothing away. A lesson whose teacher or room is taken by a moved or substituted
    one is left out and listed by `queries.unplanned`.

    Raises:
        Forbidden: the actor is not this provider's manager.
    """
    require(actor, Action.PLAN, ALLOWED, provider_id=provider_id)
    deed, first = Deed(actor, Action.PLAN, at, key), month.replace(day=1)
    steps.lock_marks(provider_id)
    seen = begin(deed, [provider_id, first.isoformat()])
    if seen is not None:
        return int(seen["planned"])
    groups = queries.live_groups(provider_id, first, month_end(first))
    due = queries.due_lessons(list(groups.values()), first)
    planned = steps.open_sessions(steps.fitting(due, groups))
    record(deed, Topic.PLANNED, "session", planned)
    keep(deed, {"planned": len(planned)})
    return len(planned)


@transaction.atomic(durable=True)
def cancel_sessions(  # noqa: PLR0913 (whose, which, why; and the envelope of every verb)
    *, actor: Actor, provider_id: int, session_ids: Sequence[int], reason: str, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Cancel planned sessions with a reason; one that was marked stays. Ids are sessions.

    Raises:
        Forbidden: the actor does not work for this provider.
    """
    return _cancel(Deed(actor, Action.CANCEL, at, key), provider_id, session_ids, reason)


@transaction.atomic(durable=True)
def cancel_session(  # noqa: PLR0913 (whose, which, why; and the envelope of every verb)
    *, actor: Actor, provider_id: int, session_id: int, reason: str, at: datetime, key: UUID
) -> None:
    """Cancel one session, as `cancel_sessions` does.

    Raises:
        Forbidden: the actor does not work for this provider.
        Refused: unknown_session; wrong_state; reason_missing.
    """
    _only(_cancel(Deed(actor, Action.CANCEL, at, key), provider_id, [session_id], reason))


def _cancel(deed: Deed, provider_id: int, session_ids: Sequence[int], reason: str) -> list[RowOutcome]:
    def refuse(session_id: int, session: SessionFacts | None) -> AttendanceRefusal | None:
        if session is None:
            return AttendanceRefusal.UNKNOWN_SESSION
        return None if session.state == SessionState.PLANNED else AttendanceRefusal.WRONG_STATE

    def store(good: Sequence[tuple[SessionFacts, int]]) -> list[int]:
        steps.cancel_sessions(deed, [s.id for s, _ in good], reason.strip())
        return [s.id for s, _ in good]

    change = _Change(deed, provider_id, reason, Topic.CANCELLED, list(session_ids))
    return _changed(change, session_ids, int, lambda _: refuse, store)


@transaction.atomic(durable=True)
def reinstate_sessions(  # noqa: PLR0913 (whose, which, why; and the envelope of every verb)
    *, actor: Actor, provider_id: int, session_ids: Sequence[int], reason: str, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Let cancelled sessions take place after all, where teacher and room are still free. Ids are sessions.

    Raises:
        Forbidden: the actor is not this provider's manager.
    """
    return _reinstate(Deed(actor, Action.REINSTATE, at, key), provider_id, session_ids, reason)


@transaction.atomic(durable=True)
def reinstate_session(  # noqa: PLR0913 (whose, which, why; and the envelope of every verb)
    *, actor: Actor, provider_id: int, session_id: int, reason: str, at: datetime, key: UUID
) -> None:
    """Reinstate one session, as `reinstate_sessions` does.

    Raises:
        Forbidden: the actor is not this provider's manager.
        Refused: the row's reason.
    """
    _only(_reinstate(Deed(actor, Action.REINSTATE, at, key), provider_id, [session_id], reason))


def _reinstate(deed: Deed, provider_id: int, session_ids: Sequence[int], reason: str) -> list[RowOutcome]:
    def judge(sessions: Mapping[int, SessionFacts]) -> _Refuse[int]:
        left = queries.left_months({s.group_id for s in sessions.values()})
        groups = providers.group_facts({s.group_id for s in sessions.values()})
        bookings = {s.id: booking_of(s, groups[s.group_id].capacity) for s in sessions.values()}
        diary = steps.locked_diary(list(bookings.values()))

        def refuse(session_id: int, session: SessionFacts | None) -> AttendanceRefusal | None:
            refused = refuse_reinstatement(session, left) or diary.refuse(bookings[session_id])
            if refused is None:
                diary.add(bookings[session_id])
            return refused

        return refuse

    def store(good: Sequence[tuple[SessionFacts, int]]) -> list[int]:
        steps.reinstate_sessions(deed, [s.id for s, _ in good], reason.strip())
        return [s.id for s, _ in good]

    change = _Change(deed, provider_id, reason, Topic.REINSTATED, list(session_ids))
    return _changed(change, session_ids, int, judge, store)


@transaction.atomic(durable=True)
def substitute_teachers(  # noqa: PLR0913 (whose, which, why; and the envelope of every verb)
    *, actor: Actor, provider_id: int, wishes: Sequence[Substitution], reason: str, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Give sessions another of the provider's teachers, who must be free then. Ids are sessions.

    Raises:
        Forbidden: the actor is not this provider's manager.
    """
    return _substitute(Deed(actor, Action.SUBSTITUTE, at, key), provider_id, wishes, reason)


@transaction.atomic(durable=True)
def substitute_teacher(  # noqa: PLR0913 (whose, which, who, why; and the envelope of every verb)
    *, actor: Actor, provider_id: int, wish: Substitution, reason: str, at: datetime, key: UUID
) -> None:
    """Give one session another teacher, as `substitute_teachers` does.

    Raises:
        Forbidden: the actor is not this provider's manager.
        Refused: the row's reason, as teacher_busy.
    """
    _only(_substitute(Deed(actor, Action.SUBSTITUTE, at, key), provider_id, [wish], reason))


def _substitute(deed: Deed, provider_id: int, wishes: Sequence[Substitution], reason: str) -> list[RowOutcome]:
    def judge(sessions: Mapping[int, SessionFacts]) -> _Refuse[Substitution]:
        left = queries.left_months({s.group_id for s in sessions.values()})
        teachers = queries.teachers_of(provider_id)
        known = [w for w in wishes if w.session_id in sessions]
        wanted = [moved_booking(sessions[w.session_id], _given(sessions[w.session_id], w), 0) for w in known]
        diary = steps.locked_diary([*wanted, *(booking_of(s, 0) for s in sessions.values())])

        def refuse(wish: Substitution, session: SessionFacts | None) -> AttendanceRefusal | None:
            refused = refuse_substitution(session, wish.teacher_id, teachers, left)
            if refused is not None or session is None:
                return refused
            booking = moved_booking(session, _given(session, wish), 0)
            struck = diary.strike(session.group_id, session.starts_at)
            refused = diary.refuse(booking)
            for one in [booking] if refused is None else struck:
                diary.add(one)
            return refused

        return refuse

    def store(good: Sequence[tuple[SessionFacts, Substitution]]) -> list[int]:
        steps.substitute(deed, good, reason.strip())
        return [s.id for s, _ in good]

    change = _Change(deed, provider_id, reason, Topic.SUBSTITUTED, [[w.session_id, w.teacher_id] for w in wishes])
    return _changed(change, wishes, lambda w: w.session_id, judge, store)


def _given(session: SessionFacts, wish: Substitution) -> SessionMove:
    return SessionMove(session.id, session.starts_at, teacher_id=wish.teacher_id)


@transaction.atomic(durable=True)
def move_sessions(  # noqa: PLR0913 (whose, where to, why; and the envelope of every verb)
    *, actor: Actor, provider_id: int, moves: Sequence[SessionMove], reason: str, at: datetime, key: UUID
) -> list[RowOutcome]:
    """Move planned sessions, or make up cancelled ones, at another time, in another room; ids are the new sessions.

    What is moved stays where it was in the books, as `moved`, and points to the new one. Children who have another
    lesson at that time are no reason against it: `queries.clashes` lists them.

    Raises:
        Forbidden: the actor is not this provider's manager.
    """
    return _move(Deed(actor, Action.MOVE, at, key), provider_id, moves, reason)


@transaction.atomic(durable=True)
def move_session(  # noqa: PLR0913 (whose, where to, why; and the envelope of every verb)
    *, actor: Actor, provider_id: int, move: SessionMove, reason: str, at: datetime, key: UUID
) -> Moved:
    """Move or make up one session, as `move_sessions` does.

    Raises:
        Forbidden: the actor is not this provider's manager.
        Refused: the row's reason, as teacher_busy, venue_full, day_off.
    """
    session_id = _only(_move(Deed(actor, Action.MOVE, at, key), provider_id, [move], reason))
    return Moved(session_id, tuple(queries.clashes([session_id]).get(session_id, ())))


def _move(deed: Deed, provider_id: int, moves: Sequence[SessionMove], reason: str) -> list[RowOutcome]:
    wanted: dict[int, Booking] = {}

    def judge(sessions: Mapping[int, SessionFacts]) -> _Refuse[SessionMove]:
        groups = providers.group_facts({s.group_id for s in sessions.values()})
        for move in moves:
            if move.session_id in sessions:
                session = sessions[move.session_id]
                wanted[session.id] = moved_booking(session, move, groups[session.group_id].capacity)
        ground = _move_ground(deed, provider_id, sessions, wanted)
        diary = steps.locked_diary(list(wanted.values()))

        def refuse(move: SessionMove, session: SessionFacts | None) -> AttendanceRefusal | None:
            group = None if session is None else groups[session.group_id]
            refused = refuse_move(move, session, group, ground)
            if refused is not None or session is None or group is None:
                return refused
            struck = diary.strike(session.group_id, session.starts_at) if session.state == SessionState.PLANNED else []
            refused = diary.refuse(wanted[session.id])
            for booking in [wanted[session.id]] if refused is None else struck:
                diary.add(booking)
            return refused

        return refuse

    def store(good: Sequence[tuple[SessionFacts, SessionMove]]) -> list[int]:
        return steps.move_sessions(deed, [(s, wanted[s.id]) for s, _ in good], reason.strip())

    body = [[m.session_id, m.starts_at.isoformat(), m.venue_id, m.teacher_id] for m in moves]
    return _changed(_Change(deed, provider_id, reason, Topic.MOVED, body), moves, lambda m: m.session_id, judge, store)


def _move_ground(
    deed: Deed, provider_id: int, sessions: Mapping[int, SessionFacts], wanted: Mapping[int, Booking]
) -> MoveGround:
    return MoveGround(
        left=queries.left_months({s.group_id for s in sessions.values()}),
        days_off=queries.days_off({s.territory_id for s in sessions.values()}, {b.on for b in wanted.values()}),
        venue_ids=queries.venues_of(provider_id),
        teacher_ids=queries.teachers_of(provider_id) | {s.teacher_id for s in sessions.values()},
        at=deed.at,
    )


_Refuse = Callable[[T, SessionFacts | None], AttendanceRefusal | None]


@dataclass(frozen=True, slots=True)
class _Change:
    """What all changes of lessons have in common; `body` is what the key stands for."""

    deed: Deed
    provider_id: int
    reason: str
    topic: Topic
    body: Sequence[object]


def _changed(
    change: _Change,
    wishes: Sequence[T],
    session_of: Callable[[T], int],
    judge: Callable[[Mapping[int, SessionFacts]], _Refuse[T]],
    store: Callable[[Sequence[tuple[SessionFacts, T]]], list[int]],
) -> list[RowOutcome]:
    """The eight steps of each verb that changes lessons; each says only how it judges and what it stores."""
    deed = change.deed
    require(deed.actor, Action(deed.action), ALLOWED, provider_id=change.provider_id)
    steps.lock_marks(change.provider_id)
    seen = begin(deed, [change.provider_id, change.reason, change.body])
    if seen is not None:
        return unpacked(seen, REASONS)
    sessions = queries.sessions_by_id(change.provider_id, {session_of(w) for w in wishes})
    refuse, named = judge(sessions), set[int]()
    refused: dict[int, StrEnum] = {}
    good: dict[int, tuple[SessionFacts, T]] = {}
    for row, wish in enumerate(wishes):
        session = sessions.get(session_of(wish))
        reason = _refuse_envelope(session, named, change.reason) or refuse(wish, session)
        if reason is not None:
            refused[row] = reason
        elif session is not None:
            good[row] = (session, wish)
            named.add(session.id)
    ids = dict(zip(good, store(list(good.values())), strict=True))
    return conclude(deed, change.topic, "session", outcomes_of(len(wishes), ids, refused))


def _refuse_envelope(session: SessionFacts | None, named: set[int], reason: str) -> AttendanceRefusal | None:
    if session is not None and session.id in named:
        return AttendanceRefusal.WRONG_STATE
    return None if session is None or reason.strip() else AttendanceRefusal.REASON_MISSING


def _only(outcomes: Sequence[RowOutcome]) -> int:
    """The one row's id.

    Raises:
        Refused: the row was refused; nothing is stored.
    """
    (outcome,) = outcomes
    if outcome.reason is not None or outcome.id is None:
        raise Refused(outcome.reason or AttendanceRefusal.UNKNOWN_SESSION)
    return outcome.id
