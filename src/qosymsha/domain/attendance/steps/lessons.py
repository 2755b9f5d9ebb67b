"""What verbs do with lessons and marks inside an open transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import connection

from qosymsha.domain.attendance.rules import MarkRow, Place, SessionFacts
from qosymsha.domain.providers.rules import GroupFacts, Lesson
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel import locks
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.entropy import uuid4


def lock_marks(provider_id: int) -> None:
    """One of a provider's marks and sheets at a time, so that no mark slips in beside a sheet on its way out."""
    locks.exclusive(f"attendance.marks.{provider_id}")


def open_sessions(lessons: Sequence[Lesson], groups: Mapping[int, GroupFacts]) -> list[int]:
    """Store the lessons as planned sessions, those that are there already left alone; the ids of the rest."""
    found = rows(
        "INSERT INTO session (uuid, territory_id, programme_id, provider_id, group_id, venue_id, teacher_id,"
        ' "on", starts_at, ends_at, state, reason)'
        " SELECT l.uuid, g.territory_id, g.programme_id, g.provider_id, g.id, g.venue_id, l.teacher, l.day, l.a, l.z,"
        " 'planned', '' FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::date[], %s::timestamptz[],"
        " %s::timestamptz[]) WITH ORDINALITY AS l (uuid, grp, teacher, day, a, z, no) JOIN club_group g ON g.id = l.grp"
        " ORDER BY l.no ON CONFLICT (group_id, starts_at) DO NOTHING RETURNING id",
        [
            [uuid4() for _ in lessons],
            [lesson.group_id for lesson in lessons],
            [lesson.teacher_id for lesson in lessons],
            [lesson.on for lesson in lessons],
            [local_instant(lesson.on, lesson.starts.hour, lesson.starts.minute) for lesson in lessons],
            [local_instant(lesson.on, lesson.ends.hour, lesson.ends.minute) for lesson in lessons],
        ],
    )
    assert all(lesson.group_id in groups for lesson in lessons), "lessons of known groups"
    return [session_id for (session_id,) in found]


def copy_marks(deed: Deed, marks: Sequence[tuple[MarkRow, SessionFacts, Place]]) -> None:
    """Store marks nobody made before, by COPY: whole numbers, days and known words only, so nothing needs escaping."""
    if not marks:
        return
    tail = f"provider\t{deed.at.isoformat()}\t{deed.actor.user_id}\n"
    lines = [
        f"{s.on}\t{s.id}\t{m.enrolment_id}\t{p.child_id}\t{s.territory_id}\t{s.programme_id}\t{m.value}\t{tail}"
        for m, s, p in marks
    ]
    with connection.cursor() as cursor:
        statement = (
            'COPY mark ("on", session_id, enrolment_id, child_id, territory_id, programme_id, value, source,'
            " marked_at, marked_by) FROM STDIN"
        )
        with cursor.copy(statement) as copy:
            copy.write("".join(lines))


def hold_sessions(session_ids: Sequence[int]) -> None:
    """A planned session that is marked was held."""
    run("UPDATE session SET state = 'held' WHERE id = ANY (%s) AND state <> 'held'", [list(session_ids)])


def cancel_sessions(session_ids: Sequence[int], reason: str) -> None:
    """Sessions that will not take place, and why."""
    run("UPDATE session SET state = 'cancelled', reason = %s WHERE id = ANY (%s)", [reason, list(session_ids)])


def run(statement: str, arguments: Sequence[object]) -> None:
    """One statement that gives nothing back."""
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)  # type: ignore[arg-type]
