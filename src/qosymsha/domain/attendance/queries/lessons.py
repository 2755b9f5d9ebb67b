"""Reading lessons: what is planned, what the timetable still wants, who and which room is taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from qosymsha.domain.attendance.rules import Booking, Diary, SessionFacts
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.queries import staff
from qosymsha.domain.providers.rules import GroupFacts, Lesson
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.rules import month_end
from qosymsha.kernel.clock import local_instant, next_month

SESSION_COLUMNS = (
    's.id, s.group_id, s."on", s.starts_at, s.state, s.territory_id, s.programme_id,'
    " s.ends_at, s.venue_id, s.teacher_id, s.moved_to_id"
)


def sessions_of(provider_id: int, month: date) -> list[SessionFacts]:
    """A provider's lessons of a month by day, group and time."""
    month = month.replace(day=1)
    found = rows(
        f"SELECT {SESSION_COLUMNS} FROM session s JOIN club_group g ON g.id = s.group_id WHERE g.provider_id = %s"  # noqa: S608
        ' AND s.starts_at >= %s AND s.starts_at < %s ORDER BY s."on", s.group_id, s.starts_at',
        [provider_id, local_instant(month), local_instant(next_month(month))],
    )
    return [SessionFacts(*row) for row in found]


def sessions_by_id(provider_id: int, session_ids: Collection[int]) -> dict[int, SessionFacts]:
    """A provider's lessons by id; those of others are left out."""
    found = rows(
        f"SELECT {SESSION_COLUMNS} FROM session s WHERE s.id = ANY (%s) AND s.provider_id = %s",  # noqa: S608
        [list(session_ids), provider_id],
    )
    return {row[0]: SessionFacts(*row) for row in found}


def left_months(group_ids: Collection[int]) -> set[tuple[int, date]]:
    """(group, month) of every sheet that is out of the provider's hands: sent, and not returned to be put right."""
    found = rows(
        "SELECT group_id, month FROM month_sheet WHERE group_id = ANY (%s) AND state NOT IN ('open', 'returned')",
        [list(group_ids)],
    )
    return {(group_id, month) for group_id, month in found}


def live_groups(provider_id: int, first: date, last: date) -> dict[int, GroupFacts]:
    """The provider's open groups with a day between the two."""
    found = rows(
        "SELECT id FROM club_group WHERE provider_id = %s AND valid && daterange(%s::date, %s::date, '[]') ORDER BY id",
        [provider_id, first, last],
    )
    return {g.id: g for g in providers.group_facts([i for (i,) in found]).values() if g.state == "open"}


def due_lessons(groups: Collection[GroupFacts], month: date) -> list[Lesson]:
    """The month's lessons by timetable and calendar that no session was ever made for, by day, group and time."""
    first, last = month.replace(day=1), month_end(month)
    due: list[Lesson] = []
    for territory_id in sorted({g.territory_id for g in groups}):
        mine = {g.id: g for g in groups if g.territory_id == territory_id}
        calendar = programmes.calendar(territory_id, first, last)
        due += [one for one in providers.lessons(mine, first, last, calendar) if mine[one.group_id].runs_on(one.on)]
    made = _made([g.id for g in groups], first)
    return [one for one in due if (one.group_id, start_of(one)) not in made]


def start_of(lesson: Lesson) -> datetime:
    """The instant at which a lesson of the timetable begins."""
    return local_instant(lesson.on, lesson.starts.hour, lesson.starts.minute)


def end_of(lesson: Lesson) -> datetime:
    """The instant at which a lesson of the timetable ends."""
    return local_instant(lesson.on, lesson.ends.hour, lesson.ends.minute)


def _made(group_ids: Sequence[int], month: date) -> set[tuple[int, datetime]]:
    found = rows(
        "SELECT group_id, starts_at FROM session WHERE group_id = ANY (%s) AND starts_at >= %s AND starts_at < %s",
        [list(group_ids), local_instant(month), local_instant(next_month(month))],
    )
    return {(group_id, starts_at) for group_id, starts_at in found}


def unplanned(provider_id: int, month: date) -> list[Lesson]:
    """Lessons of the timetable without a session: not planned yet, or left out because teacher or room is taken."""
    groups = live_groups(provider_id, month.replace(day=1), month_end(month))
    return due_lessons(list(groups.values()), month)


def diary(bookings: Sequence[Booking]) -> Diary:
    """All live lessons that could stand in the way of these: of their teachers, groups and rooms, on their days."""
    if not bookings:
        return Diary({})
    days = sorted({b.on for b in bookings})
    first, last = local_instant(days[0]), local_instant(days[-1] + timedelta(days=1))
    columns = 's.id, s.group_id, s.teacher_id, s.venue_id, s."on", s.starts_at, s.ends_at, g.capacity'
    found = rows(
        f"SELECT {columns} FROM session s JOIN club_group g ON g.id = s.group_id WHERE s.is_live"  # noqa: S608
        " AND s.teacher_id = ANY (%s) AND tstzrange(s.starts_at, s.ends_at) && tstzrange(%s, %s)"
        f" UNION SELECT {columns} FROM session s JOIN club_group g ON g.id = s.group_id WHERE s.is_live"
        ' AND s.venue_id = ANY (%s) AND s."on" = ANY (%s)'
        f" UNION SELECT {columns} FROM session s JOIN club_group g ON g.id = s.group_id WHERE s.is_live"
        " AND s.group_id = ANY (%s) AND s.starts_at >= %s AND s.starts_at < %s",
        [
            sorted({b.teacher_id for b in bookings}),
            first,
            last,
            sorted({b.venue_id for b in bookings}),
            days,
            sorted({b.group_id for b in bookings}),
            first,
            last,
        ],
    )
    return Diary(_rooms({b.venue_id for b in bookings}), [Booking(*row[1:]) for row in found])


def _rooms(venue_ids: Collection[int]) -> dict[int, int]:
    return dict(rows("SELECT id, capacity FROM venue WHERE id = ANY (%s)", [list(venue_ids)]))


def venues_of(provider_id: int) -> set[int]:
    """The provider's venues."""
    return {i for (i,) in rows("SELECT id FROM venue WHERE provider_id = %s", [provider_id])}


def teachers_of(provider_id: int) -> set[int]:
    """Who works at the provider, by its timetable or its manager's word: only they may be put before children."""
    return staff.working_at(provider_id)


def days_off(territory_ids: Collection[int], days: Collection[date]) -> set[date]:
    """Those of the days that the calendar declares free in one of the territories."""
    if not days:
        return set()
    first, last = min(days), max(days)
    calendars = [programmes.calendar(territory_id, first, last) for territory_id in sorted(territory_ids)]
    return set(days) & {day for calendar in calendars for day in providers.days_off(first, last, calendar)}


def clashes(session_ids: Collection[int]) -> dict[int, list[int]]:
    """Session → places whose child has another live lesson elsewhere at the same time (INV-8, INV-14)."""
    found = rows(
        "SELECT DISTINCT s.id, e.id FROM session s"
        ' JOIN enrolment e ON e.group_id = s.group_id AND e.starts_on <= s."on"'
        ' AND (e.ends_on IS NULL OR e.ends_on >= s."on")'
        ' JOIN enrolment o ON o.child_id = e.child_id AND o.group_id <> e.group_id AND o.starts_on <= s."on"'
        ' AND (o.ends_on IS NULL OR o.ends_on >= s."on")'
        " JOIN session t ON t.group_id = o.group_id AND t.is_live AND t.starts_at < s.ends_at"
        " AND t.ends_at > s.starts_at AND t.starts_at > s.starts_at - interval '1 day'"
        " WHERE s.id = ANY (%s) AND s.is_live ORDER BY 1, 2",
        [list(session_ids)],
    )
    listed: dict[int, list[int]] = {}
    for session_id, enrolment_id in found:
        listed.setdefault(session_id, []).append(enrolment_id)
    return listed
