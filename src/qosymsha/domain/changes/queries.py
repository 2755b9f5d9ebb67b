"""What a change would do, told before it is done; children whose group has closed and who still have a place there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance.rules import SessionFacts
from qosymsha.domain.attendance.states import SessionState
from qosymsha.domain.changes.rules import Fate, Wanted, fate_of
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.queries import running
from qosymsha.domain.providers.rules import GroupFacts, Lesson, Slot, lessons_of
from qosymsha.domain.providers.rules.running import Clash, WeekSlot
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.rules import month_end


@dataclass(frozen=True, slots=True)
class Affected:
    """How many children have a place (`children`), how many places like it are free elsewhere, in how many groups."""

    children: int
    free: int
    groups: int


def children_in(group_ids: Sequence[int]) -> dict[int, int]:
    """Group → how many children have a place in it; groups without any have 0."""
    found = rows(
        "SELECT group_id, count(*) FROM enrolment WHERE group_id = ANY (%s) AND state <> 'ended' GROUP BY 1",
        [list(group_ids)],
    )
    return dict.fromkeys(group_ids, 0) | dict(found)


def children_of_provider(provider_id: int, programme_id: int) -> int:
    """How many children have a place at a provider in a programme."""
    ((n,),) = rows(
        "SELECT count(DISTINCT child_id) FROM enrolment WHERE provider_id = %s AND programme_id = %s"
        " AND state <> 'ended'",
        [provider_id, programme_id],
    )
    return int(n)


def elsewhere(group: GroupFacts, on: date) -> Affected:
    """Who is affected by a group's end, and where the like is free on that day: same direction, ages that overlap."""
    open_groups = [
        one
        for one in providers.groups_open_on(group.programme_id, on)
        if one.id != group.id
        and one.activity == group.activity
        and one.age_min <= group.age_max
        and group.age_min <= one.age_max
    ]
    free = rows(
        "SELECT greatest(g.capacity - coalesce(s.taken, 0), 0) FROM club_group g LEFT JOIN seat s ON s.group_id = g.id"
        " WHERE g.id = ANY (%s) AND g.capacity > coalesce(s.taken, 0)",
        [[one.id for one in open_groups]],
    )
    return Affected(children_in([group.id])[group.id], sum(n for (n,) in free), len(free))


def fate_of_week(group: GroupFacts, week: Sequence[WeekSlot], first: date) -> Fate:
    """What another timetable from `first` on would do to the lessons that are planned already, month by month."""
    standing = sessions_from(group.id, first)
    return fate_of(standing, _moved_here(standing), _wanted(group, week, first))


def sessions_from(group_id: int, first: date) -> list[SessionFacts]:
    """A group's lessons from a day on, in order."""
    found = rows(
        f"SELECT {attendance.SESSION_COLUMNS} FROM session s WHERE s.group_id = %s"  # noqa: S608
        ' AND s.starts_at >= %s::date - 1 AND s."on" >= %s ORDER BY s.starts_at, s.id',
        [group_id, first, first],
    )
    return [SessionFacts(*row) for row in found]


def _moved_here(standing: Sequence[SessionFacts]) -> set[int]:
    found = rows("SELECT moved_to_id FROM session WHERE moved_to_id = ANY (%s)", [[s.id for s in standing]])
    return {i for (i,) in found}


def clashes_in_hall(group: GroupFacts, first: date, venue_id: int, capacity: int | None = None) -> list[Clash]:
    """What the group's week, as it stands from a day on, would clash with in a hall."""
    now = running.week_of([group.id], first).get(group.id, [])
    found: list[Clash] = []
    for begins in sorted({max(one.first_day, first) for one in now}):
        week = [
            WeekSlot(one.weekday, one.starts, one.ends, one.teacher_id)
            for one in now
            if max(one.first_day, first) == begins
        ]
        found += running.timetable_clashes(group, week, begins, capacity, venue_id)
    return found


def to_rehouse(group: GroupFacts, first: date, venue_id: int) -> list[SessionFacts]:
    """The planned lessons that another hall takes over from that day on; those somebody moved by hand stay."""
    standing = sessions_from(group.id, first)
    kept = _moved_here(standing)
    return [s for s in standing if s.state == SessionState.PLANNED and s.id not in kept and s.venue_id != venue_id]


def _wanted(group: GroupFacts, week: Sequence[WeekSlot], first: date) -> list[Wanted]:
    """The wished lessons of the months that are planned already; later months are planned when their time comes."""
    months = sorted(_planned_months(group.id, first))
    hall = running.hall_on(group, first)
    slots = [Slot(group.id, w.teacher_id, hall, w.weekday, w.starts, w.ends, first, group.last_day) for w in week]
    return [_as_wanted(lesson) for month in months for lesson in _lessons(group, slots, month)]


def _planned_months(group_id: int, first: date) -> set[date]:
    found = rows(
        'SELECT DISTINCT date_trunc(\'month\', s."on")::date FROM session s WHERE s.group_id = %s AND s."on" >= %s'
        " AND s.starts_at >= %s::date - 1",
        [group_id, first.replace(day=1), first.replace(day=1)],
    )
    return {month for (month,) in found}


def _lessons(group: GroupFacts, slots: Sequence[Slot], month: date) -> list[Lesson]:
    last = month_end(month)
    calendar = programmes.calendar(group.territory_id, month, last)
    off = providers.days_off(month, last, calendar)
    return [one for one in lessons_of(slots, month, last, off) if group.runs_on(one.on)]


def _as_wanted(lesson: Lesson) -> Wanted:
    return Wanted(lesson.on, attendance.start_of(lesson), attendance.end_of(lesson), lesson.teacher_id)


def stranded(on: date) -> list[tuple[int, date]]:
    """(voucher, last day) of each place in a group that closed before that day."""
    return [
        (voucher_id, last)
        for voucher_id, last in rows(
            "SELECT e.voucher_id, upper(g.valid) - 1 FROM enrolment e JOIN club_group g ON g.id = e.group_id"
            " WHERE g.state = 'closed' AND upper(g.valid) <= %s AND e.state <> 'ended' ORDER BY e.voucher_id",
            [on],
        )
    ]


def day_after(day: date) -> date:
    """The next day: the first on which a child of a closed group may be elsewhere."""
    return day + timedelta(days=1)
