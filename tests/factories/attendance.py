"""A month of lessons in the small city: sessions planned, marks made, sheets sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.attendance.rules import MarkRow, OfflineMark, SessionFacts, SessionMove
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.clock import local_instant
from tests.factories.vouchers import AT, FIRST, City, key

OVER = local_instant(date(2026, 10, 1), 9)  # September is over; the officer's day is the 8th
OFFICER_DAY = local_instant(date(2026, 10, 8), 9)


def manager(city: City) -> Actor:
    """The manager of the city's provider."""
    return Actor(300, "user:300", (Grant(Role.PROVIDER_MANAGER, provider_id=city.provider_id),))


def plan(city: City, month: date = FIRST) -> list[SessionFacts]:
    """The month's sessions of the city's provider."""
    commands.plan_sessions(actor=manager(city), provider_id=city.provider_id, month=month, at=AT, key=key())
    return queries.sessions_of(city.provider_id, month)


def mark(city: City, marks: Sequence[tuple[int, int, str]], at: datetime = OVER) -> list[Any]:
    """Mark (session, enrolment, value) rows; the reason of each, None where stored."""
    rows = [MarkRow(*m) for m in marks]
    outcomes = commands.mark_sessions(actor=manager(city), provider_id=city.provider_id, marks=rows, at=at, key=key())
    return [o.reason for o in outcomes]


def send(city: City, at: datetime = OVER, month: date = FIRST) -> list[Any]:
    """Send the month's sheets; the outcomes, one per group."""
    return commands.send_sheets(actor=manager(city), provider_id=city.provider_id, month=month, at=at, key=key())


def sent_sheet(city: City, enrolment_ids: Sequence[int], value: str = "present") -> tuple[int, list[SheetRow]]:
    """Every session of September marked for these places, the one group's sheet sent: (sheet, rows by enrolment)."""
    sessions = plan(city)
    assert set(mark(city, [(s.id, e, value) for s in sessions for e in enrolment_ids])) == {None}
    (outcome,) = send(city)
    assert outcome.reason is None
    return outcome.id, list(SheetRow.objects.filter(sheet_id=outcome.id).order_by("enrolment_id"))


def guardian_of(row: SheetRow) -> int:
    """Who may speak for the row's child."""
    return Guardianship.objects.get(child_id=row.child_id).guardian_id


def teacher(city: City, user_id: int = 310) -> Actor:
    """A teacher of the city's provider."""
    return Actor(user_id, f"user:{user_id}", (Grant(Role.TEACHER, provider_id=city.provider_id),))


def phone(number: int) -> UUID:
    """An installation of the page."""
    return UUID(int=number + (4 << 76) + (8 << 60))


def sync(
    city: City, device: UUID, words: Sequence[tuple[int, int, int, str]], at: datetime = OVER, user_id: int = 310
) -> list[tuple[str, Any]]:
    """A teacher's phone sends (counter, session, enrolment, value) words; (fate, reason) of each."""
    entries = [OfflineMark(*word) for word in words]
    synced = commands.sync_marks(
        actor=teacher(city, user_id), provider_id=city.provider_id, device=device, entries=entries, at=at, key=key()
    )
    return [(o.detail, o.reason) for o in synced.outcomes]


def cancel(city: City, *session_ids: int, reason: str = "flood", at: datetime = AT) -> list[Any]:
    """Cancel sessions; the reason of each refusal, None where done."""
    outcomes = commands.cancel_sessions(
        actor=manager(city), provider_id=city.provider_id, session_ids=session_ids, reason=reason, at=at, key=key()
    )
    return [o.reason for o in outcomes]


def move(city: City, session_id: int, starts_at: datetime, at: datetime = AT, **where: int) -> commands.Moved:
    """Move one session."""
    wish = SessionMove(session_id, starts_at, **where)
    return commands.move_session(
        actor=manager(city), provider_id=city.provider_id, move=wish, reason="flood", at=at, key=key()
    )
