"""What verbs do with lessons inside an open transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import connection

from qosymsha.domain.attendance.queries import end_of, start_of
from qosymsha.domain.attendance.rules import Booking, SessionFacts, Substitution
from qosymsha.domain.attendance.states import ChangeKind, SessionState
from qosymsha.domain.providers.rules import Lesson
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel import locks
from qosymsha.kernel.entropy import uuid4


def lock_marks(provider_id: int) -> None:
    """One of a provider's marks, lessons and sheets at a time: no mark slips in beside a sheet on its way out."""
    locks.exclusive(f"attendance.marks.{provider_id}")


def lock_bookings(teacher_ids: Collection[int], venue_ids: Collection[int]) -> None:
    """Whoever books these teachers and rooms waits for the other; after `lock_marks`, always in the same order."""
    rows(
        "SELECT count(pg_advisory_xact_lock(hashtextextended('attendance.teacher.' || t.id, 0)))"
        " FROM (SELECT DISTINCT id FROM unnest(%s::bigint[]) AS id ORDER BY id OFFSET 0) AS t",
        [list(teacher_ids)],
    )
    rows("SELECT lock_rooms(%s::bigint[])", [list(venue_ids)])


def open_sessions(lessons: Sequence[Lesson]) -> list[int]:
    """Store the lessons as planned sessions and return their ids."""
    found = rows(
        "INSERT INTO session (uuid, territory_id, programme_id, provider_id, group_id, venue_id, teacher_id,"
        ' "on", starts_at, ends_at, state, reason)'
        " SELECT l.uuid, g.territory_id, g.programme_id, g.provider_id, g.id, l.venue, l.teacher, l.day, l.a, l.z,"
        " 'planned', '' FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::date[],"
        " %s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY AS l (uuid, grp, venue, teacher, day, a, z, no)"
        " JOIN club_group g ON g.id = l.grp ORDER BY l.no RETURNING id",
        [
            [uuid4() for _ in lessons],
            [lesson.group_id for lesson in lessons],
            [lesson.venue_id for lesson in lessons],
            [lesson.teacher_id for lesson in lessons],
            [lesson.on for lesson in lessons],
            [start_of(lesson) for lesson in lessons],
            [end_of(lesson) for lesson in lessons],
        ],
    )
    return [session_id for (session_id,) in found]


def hold_sessions(session_ids: Sequence[int]) -> None:
    """A planned session that is marked was held."""
    run("UPDATE session SET state = 'held' WHERE id = ANY (%s) AND state <> 'held'", [list(session_ids)])


def cancel_sessions(deed: Deed, session_ids: Sequence[int], reason: str) -> None:
    """Sessions that will not take place, and why."""
    run("UPDATE session SET state = 'cancelled', reason = %s WHERE id = ANY (%s)", [reason, list(session_ids)])
    change_sessions(deed, ChangeKind.CANCELLED, session_ids, reason)


def reinstate_sessions(deed: Deed, session_ids: Sequence[int], reason: str) -> None:
    """Cancelled sessions that take place after all."""
    run("UPDATE session SET state = 'planned', reason = '' WHERE id = ANY (%s)", [list(session_ids)])
    change_sessions(deed, ChangeKind.REINSTATED, session_ids, reason)


def substitute(deed: Deed, given: Sequence[tuple[SessionFacts, Substitution]], reason: str) -> None:
    """Other teachers for sessions."""
    ids, teachers = [s.id for s, _ in given], [w.teacher_id for _, w in given]
    run(
        "UPDATE session s SET teacher_id = w.teacher FROM unnest(%s::bigint[], %s::bigint[]) AS w (id, teacher)"
        " WHERE s.id = w.id",
        [ids, teachers],
    )
    change_sessions(deed, ChangeKind.SUBSTITUTED, ids, reason, Changed([s.teacher_id for s, _ in given], teachers))


def rehouse_sessions(deed: Deed, session_ids: Sequence[int], venue_id: int, reason: str) -> None:
    """The same lessons in another of the provider's halls."""
    run("UPDATE session SET venue_id = %s WHERE id = ANY (%s)", [venue_id, list(session_ids)])
    change_sessions(deed, ChangeKind.REHOUSED, session_ids, reason)


def move_sessions(deed: Deed, moved: Sequence[tuple[SessionFacts, Booking]], reason: str) -> list[int]:
    """Another session instead of each: the planned one is moved, the cancelled one made up; the new ids, in order."""
    if not moved:
        return []
    found = rows("SELECT nextval(pg_get_serial_sequence('session', 'id')) FROM generate_series(1, %s)", [len(moved)])
    ids = sorted(number for (number,) in found)
    run(
        "UPDATE session s SET moved_to_id = m.target,"
        " state = CASE s.state WHEN 'planned' THEN 'moved' ELSE s.state END,"
        " reason = CASE s.state WHEN 'planned' THEN %s ELSE s.reason END"
        " FROM unnest(%s::bigint[], %s::bigint[]) AS m (id, target) WHERE s.id = m.id",
        [reason, [s.id for s, _ in moved], ids],
    )
    run(
        "INSERT INTO session (id, uuid, territory_id, programme_id, provider_id, group_id, venue_id, teacher_id,"
        ' "on", starts_at, ends_at, state, reason)'
        " SELECT l.id, l.uuid, s.territory_id, s.programme_id, s.provider_id, s.group_id, l.venue, l.teacher, l.day,"
        " l.a, l.z, 'planned', '' FROM unnest(%s::bigint[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[],"
        " %s::date[], %s::timestamptz[], %s::timestamptz[]) AS l (id, uuid, origin, venue, teacher, day, a, z)"
        " JOIN session s ON s.id = l.origin ORDER BY l.id",
        [
            ids,
            [uuid4() for _ in ids],
            [s.id for s, _ in moved],
            [b.venue_id for _, b in moved],
            [b.teacher_id for _, b in moved],
            [b.on for _, b in moved],
            [b.starts_at for _, b in moved],
            [b.ends_at for _, b in moved],
        ],
    )
    for kind in (ChangeKind.MOVED, ChangeKind.MADE_UP):
        is_moved = kind is ChangeKind.MOVED
        of = [(s.id, i) for (s, _), i in zip(moved, ids, strict=True) if (s.state == SessionState.PLANNED) is is_moved]
        change_sessions(deed, kind, [s for s, _ in of], reason, Changed(to_sessions=[i for _, i in of]))
    return ids


@dataclass(frozen=True, slots=True)
class Changed:
    """From which teachers to which, or to which sessions; one for each session changed, or none at all."""

    from_teachers: Sequence[int] = ()
    to_teachers: Sequence[int] = ()
    to_sessions: Sequence[int] = ()


def change_sessions(
    deed: Deed, kind: ChangeKind, session_ids: Sequence[int], reason: str, changed: Changed | None = None
) -> None:
    """One line of history per session."""
    what = changed or Changed()
    run(
        "INSERT INTO session_change (session_id, kind, reason, from_teacher, to_teacher, to_session, at, actor_id)"
        " SELECT c.id, %s, %s, c.a, c.b, c.target, %s, %s FROM"
        " unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) AS c (id, a, b, target) ORDER BY c.id",
        [
            kind.value,
            reason,
            deed.at,
            deed.actor.user_id,
            list(session_ids),
            list(what.from_teachers),
            list(what.to_teachers),
            list(what.to_sessions),
        ],
    )


def run(statement: str, arguments: Sequence[object]) -> None:
    """One statement that gives nothing back."""
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)  # type: ignore[arg-type]
