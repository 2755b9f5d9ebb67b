"""What pages show of lessons and marks. Children's names and presence leave here only by an audited read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries.lessons import (
    SESSION_COLUMNS,
    days_off,
    diary,
    live_groups,
)
from qosymsha.domain.attendance.queries.marks import late_after_hours
from qosymsha.domain.attendance.rules import SessionFacts, candidates, is_late
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import ERASED_NAME, person_of
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.rules import month_end
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.text import sort_key

_ON_THE_DAY = ' AND e.starts_on <= s."on" AND (e.ends_on IS NULL OR e.ends_on >= s."on")'
_WIDER = frozenset({Role.PROVIDER_MANAGER, Role.CHECKER, Role.PROGRAMME_OFFICER, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class ChildToMark:
    """A child of a lesson: the place, the name, the mark if one stands, whether an objection waits."""

    enrolment_id: int
    child_id: int
    surname: str
    given: str
    value: str | None
    is_contested: bool
    place: UUID


@dataclass(frozen=True, slots=True)
class LessonToMark:
    """A lesson with its children, by name."""

    session: SessionFacts
    uuid: UUID
    group_code: str
    address_kk: str
    address_ru: str
    children: tuple[ChildToMark, ...]


@dataclass(frozen=True, slots=True)
class LateMark:
    """A mark that reached the server later than the rules' hours after the lesson."""

    session_id: int
    on: date
    group_id: int
    enrolment_id: int
    child_id: int
    value: str
    source: str
    marked_by: int
    marked_at: datetime
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class ObjectionRow:
    """A phone's word beside a mark: who said what when, what the mark says, and what became of it."""

    id: int
    session_id: int
    on: date
    group_id: int
    enrolment_id: int
    child_id: int | None
    value: str
    said_by: int
    recorded_at: datetime | None
    received_at: datetime
    state: str
    reason: str
    resolution: str
    resolved_by: int | None
    mark_value: str | None
    marked_by: int | None
    marked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChildMonth:
    """A child's marks of a month by session; `None` where none was made though the child had a place."""

    enrolment_id: int
    child_id: int
    surname: str
    given: str
    values: dict[int, str | None]


@dataclass(frozen=True, slots=True)
class GroupMonth:
    """A group's month: all its sessions, moved and cancelled ones too, and its children's marks."""

    sessions: list[SessionFacts]
    children: list[ChildMonth]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A planned lesson on a day that became free; `starts_at` where it could be moved to, None: cancel it."""

    session: SessionFacts
    starts_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change of a session."""

    session_id: int
    kind: str
    reason: str
    from_teacher: int | None
    to_teacher: int | None
    to_session: int | None
    at: datetime
    actor_id: int


def teacher_of_user(user_id: int) -> int | None:
    """The teacher that a user is, if any."""
    found = rows("SELECT id FROM teacher WHERE user_id = %s ORDER BY id LIMIT 1", [user_id])
    return found[0][0] if found else None


def lessons_to_mark(  # noqa: PLR0913 (a page: whose lessons, of which days, of which teacher)
    *, actor: Actor, provider_id: int, first: date, last: date, at: datetime, teacher_id: int | None = None
) -> list[LessonToMark]:
    """The live lessons between two days (both counted) with the children to mark; one audited read of them all.

    A teacher sees only lessons of their own; a manager those of `teacher_id`, or of all where it is None.

    Raises:
        Forbidden: the actor may not read this provider's lessons.
    """
    territory_id = allow_lessons(actor, provider_id)
    if not _sees_all(actor, provider_id):
        teacher_id = teacher_of_user(actor.user_id) or 0
    found = rows(
        f"SELECT {SESSION_COLUMNS}, s.uuid, g.code, v.address_kk, v.address_ru"  # noqa: S608
        " FROM session s JOIN club_group g ON g.id = s.group_id JOIN venue v ON v.id = s.venue_id"
        ' WHERE g.provider_id = %s AND s.is_live AND s."on" BETWEEN %s AND %s'
        " AND (%s::bigint IS NULL OR s.teacher_id = %s) ORDER BY s.starts_at, s.id",
        [provider_id, first, last, teacher_id, teacher_id],
    )
    children = _children_of([row[0] for row in found], first, last)
    names = named(actor, {c[2] for c in children}, territory_id, at)
    by_session: dict[int, list[ChildToMark]] = {}
    for session_id, enrolment_id, child_id, value, is_contested, place in children:
        child = ChildToMark(enrolment_id, child_id, *names.get(child_id, (ERASED_NAME, "")), value, is_contested, place)
        by_session.setdefault(session_id, []).append(child)
    return [
        LessonToMark(
            SessionFacts(*facts), uuid, code, kk, ru, tuple(sorted(by_session.get(facts[0], ()), key=_by_name))
        )
        for *facts, uuid, code, kk, ru in found
    ]


def _children_of(session_ids: Sequence[int], first: date, last: date) -> list[tuple[Any, ...]]:
    return rows(
        "SELECT s.id, e.id, e.child_id, m.value, EXISTS (SELECT 1 FROM mark_objection o WHERE o.session_id = s.id"  # noqa: S608
        " AND o.enrolment_id = e.id AND o.state = 'open'), e.uuid FROM session s"
        " JOIN enrolment e ON e.group_id = s.group_id" + _ON_THE_DAY + ' LEFT JOIN mark m ON m."on" = s."on"'
        ' AND m.session_id = s.id AND m.enrolment_id = e.id AND m."on" BETWEEN %s AND %s'
        " WHERE s.id = ANY (%s) ORDER BY s.id, e.id",
        [first, last, list(session_ids)],
    )


def _by_name(child: ChildToMark | ChildMonth) -> tuple[str, str, int]:
    return sort_key(child.surname), sort_key(child.given), child.enrolment_id


def marking_ids(
    provider_id: int, sessions: Collection[UUID], places: Collection[UUID]
) -> tuple[dict[UUID, int], dict[UUID, int]]:
    """Ids of a provider's lessons and places by the outside ids that phones know; those of others are left out."""
    return (
        dict(
            rows(
                "SELECT uuid, id FROM session WHERE uuid = ANY (%s) AND provider_id = %s", [list(sessions), provider_id]
            )
        ),
        dict(
            rows(
                "SELECT e.uuid, e.id FROM enrolment e JOIN club_group g ON g.id = e.group_id"
                " WHERE e.uuid = ANY (%s) AND g.provider_id = %s",
                [list(places), provider_id],
            )
        ),
    )


def late_marks(
    *, actor: Actor, provider_id: int, month: date, at: datetime, group_id: int | None = None
) -> list[LateMark]:
    """A month's marks that came late by the rules of their programme, by lesson and place; an audited read.

    Of one group, or of all the provider's.

    Raises:
        Forbidden: the actor may not read this provider's lessons.
    """
    territory_id, first = allow_lessons(actor, provider_id), month.replace(day=1)
    sessions = {
        row[0]: SessionFacts(*row)
        for row in rows(
            f"SELECT {SESSION_COLUMNS} FROM session s WHERE s.provider_id = %s AND s.group_id IN ("  # noqa: S608
            "SELECT id FROM club_group WHERE provider_id = %s) AND (%s::bigint IS NULL OR s.group_id = %s)"
            ' AND s."on" BETWEEN %s AND %s',
            [provider_id, provider_id, group_id, group_id, first, month_end(first)],
        )
    }
    hours = late_after_hours(sessions.values())
    found = rows(
        'SELECT m.session_id, m."on", 0, m.enrolment_id, m.child_id, m.value, m.source, m.marked_by, m.marked_at,'
        " m.recorded_at FROM unnest(%s::date[], %s::bigint[]) AS k (day, id) JOIN mark m"
        ' ON m."on" = k.day AND m.session_id = k.id WHERE m."on" BETWEEN %s AND %s ORDER BY 2, 1, 4',
        [[s.on for s in sessions.values()], list(sessions), first, month_end(first)],
    )
    late = []
    for session_id, on, _, *rest in found:
        session = sessions[session_id]
        limit = hours.get((session.programme_id, first))
        if limit is not None and is_late(session.ends_at, rest[5], limit):
            late.append(LateMark(session_id, on, session.group_id, *rest))
    _audit(actor, {m.child_id for m in late}, territory_id, at)
    return late


def objections(  # noqa: PLR0913 (a page: whose words, in which states, of which month and group)
    *,
    actor: Actor,
    provider_id: int,
    at: datetime,
    states: Collection[str] = ("open",),
    month: date | None = None,
    group_id: int | None = None,
) -> list[ObjectionRow]:
    """Phones' words in these states beside the marks, by day; of a month or all, a group or all. An audited read.

    Raises:
        Forbidden: the actor may not read this provider's lessons.
    """
    territory_id = allow_lessons(actor, provider_id)
    found = rows(
        'SELECT o.id, o.session_id, o."on", s.group_id, o.enrolment_id, e.child_id, o.value, o.said_by, o.recorded_at,'
        " o.received_at, o.state, o.reason, o.resolution, o.resolved_by, m.value, m.marked_by, m.marked_at"
        " FROM mark_objection o JOIN session s ON s.id = o.session_id LEFT JOIN enrolment e ON e.id = o.enrolment_id"
        ' LEFT JOIN mark m ON m."on" = o."on" AND m.session_id = o.session_id AND m.enrolment_id = o.enrolment_id'
        " WHERE o.provider_id = %s AND o.state = ANY (%s::text[]) AND (%s::bigint IS NULL OR s.group_id = %s)"
        ' AND (%s::date IS NULL OR o."on" >= %s AND o."on" <= %s) ORDER BY o."on", o.session_id, o.enrolment_id, o.id',
        [
            provider_id,
            list(states),
            group_id,
            group_id,
            month,
            month and month.replace(day=1),
            month and month_end(month),
        ],
    )
    shown = [ObjectionRow(*row) for row in found]
    _audit(actor, {o.child_id for o in shown if o.child_id is not None}, territory_id, at)
    return shown


def group_month(*, actor: Actor, group_id: int, month: date, at: datetime) -> GroupMonth:
    """A group's month: sessions by time, children by name with their marks; an audited read.

    Raises:
        Forbidden: the actor may not read this group's lessons.
    """
    group = providers.group_facts([group_id]).get(group_id)
    territory_id = allow_lessons(actor, group.provider_id if group else 0)
    first, last = month.replace(day=1), month_end(month)
    found = rows(
        f"SELECT {SESSION_COLUMNS} FROM session s WHERE s.group_id = %s"  # noqa: S608
        ' AND s."on" BETWEEN %s AND %s ORDER BY s.starts_at, s.id',
        [group_id, first, last],
    )
    sessions = [SessionFacts(*row) for row in found]
    if not _sees_all(actor, group.provider_id if group else 0):
        mine = teacher_of_user(actor.user_id)
        sessions = [s for s in sessions if s.teacher_id == mine]
    marked = _children_of([s.id for s in sessions], first, last)
    names = named(actor, {c[2] for c in marked}, territory_id, at)
    children: dict[int, ChildMonth] = {}
    for session_id, enrolment_id, child_id, value, *_ in marked:
        name = names.get(child_id, (ERASED_NAME, ""))
        child = children.setdefault(enrolment_id, ChildMonth(enrolment_id, child_id, *name, values={}))
        child.values[session_id] = value
    return GroupMonth(sessions, sorted(children.values(), key=_by_name))


def proposals(provider_id: int, month: date) -> list[Proposal]:
    """Planned lessons of a month that lie on days free by today's calendar, each with the next day it could move to.

    That day is in the month, worked by the calendar's word, without another lesson of the group, its teacher and room
    free. Nothing is changed: `move_sessions` and `cancel_sessions` do it.
    """
    first, last = month.replace(day=1), month_end(month)
    groups = live_groups(provider_id, first, last)
    found = rows(
        f"SELECT {SESSION_COLUMNS} FROM session s WHERE s.group_id = ANY (%s) AND s.state = 'planned'"  # noqa: S608
        ' AND s."on" BETWEEN %s AND %s ORDER BY s.starts_at, s.id',
        [list(groups), first, last],
    )
    sessions = [SessionFacts(*row) for row in found]
    off = days_off({g.territory_id for g in groups.values()}, {first, last, *(s.on for s in sessions)})
    hit = [s for s in sessions if s.on in off]
    options = {s.id: candidates(s, groups[s.group_id].capacity, last) for s in hit}
    every = [b for bookings in options.values() for b in bookings]
    free_days, book, proposed = days_off({s.territory_id for s in hit}, {b.on for b in every}), diary(every), []
    for session in hit:
        good = (
            b
            for b in options[session.id]
            if b.on not in free_days
            and groups[b.group_id].runs_on(b.on)
            and not book.has_lesson(b.group_id, b.on)
            and book.refuse(b) is None
        )
        chosen = next(good, None)
        if chosen is not None:
            book.add(chosen)
        proposed.append(Proposal(session, chosen.starts_at if chosen else None))
    return proposed


def changes_of(session_ids: Collection[int]) -> list[ChangeRow]:
    """What was changed about these sessions, in order."""
    found = rows(
        "SELECT session_id, kind, reason, from_teacher, to_teacher, to_session, at, actor_id FROM session_change"
        " WHERE session_id = ANY (%s) ORDER BY id",
        [list(session_ids)],
    )
    return [ChangeRow(*row) for row in found]


def allow_lessons(actor: Actor, provider_id: int) -> int | None:
    """The provider's territory, where the actor may read its lessons.

    Raises:
        Forbidden: the actor may not.
    """
    facts = providers.provider_facts([provider_id]).get(provider_id)
    territory_id = facts.territory_id if facts else None
    require(actor, Action.READ_LESSONS, ALLOWED, provider_id=provider_id, territory_id=territory_id)
    return territory_id


def _sees_all(actor: Actor, provider_id: int) -> bool:
    return actor.holds(_WIDER, provider_id=provider_id)


def named(
    actor: Actor, child_ids: Collection[int], territory_id: int | None, at: datetime
) -> dict[int, tuple[str, str]]:
    """Child → (surname, given name), with the audit of the read; erased children are left out."""
    _audit(actor, child_ids, territory_id, at)
    persons = {child_id: person_of(plain) for child_id, plain in people.unseal("child", child_ids).items()}
    return {child_id: (person.surname, person.given) for child_id, person in persons.items()}


def _audit(actor: Actor, child_ids: Collection[int], territory_id: int | None, at: datetime) -> None:
    reading.saw(actor=actor, at=at, action=Action.READ_LESSONS, kind="child", ids=child_ids, territory_id=territory_id)
