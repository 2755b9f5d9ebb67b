"""Reading marks, phones' words and objections: facts for the verbs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from qosymsha.domain.attendance.rules import OfflineMark, Place, Said, SessionFacts, Standing
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.vouchers.queries import rows
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Refused

MarkRowKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ObjectionFacts:
    """A phone's word that stands beside the mark, with its state."""

    id: int
    session_id: int
    enrolment_id: int
    value: str
    state: str
    reason: str
    said_by: int


def places(enrolment_ids: Collection[int]) -> dict[int, Place]:
    """Places as marks see them, by id."""
    found = rows(
        "SELECT id, child_id, group_id, starts_on, ends_on FROM enrolment WHERE id = ANY (%s)", [list(enrolment_ids)]
    )
    return {enrolment_id: Place(*rest) for enrolment_id, *rest in found}


def marks_of(sessions: Mapping[int, SessionFacts]) -> dict[MarkRowKey, str]:
    """(session, enrolment) → value, of every mark made at these lessons."""
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


def standing_marks(sessions: Mapping[int, SessionFacts], spots: Collection[MarkRowKey]) -> dict[MarkRowKey, Standing]:
    """The marks on these spots, each with the phone's word that it is."""
    keys = [(sessions[s].on, s, e) for s, e in spots if s in sessions]
    if not keys:
        return {}
    days = [day for day, _, _ in keys]
    found = rows(
        "SELECT m.session_id, m.enrolment_id, m.value, m.counter, m.recorded_at, m.marked_by, b.device, m.batch_id,"
        " m.marked_at FROM unnest(%s::date[], %s::bigint[], %s::bigint[]) AS s (day, id, place)"
        ' JOIN mark m ON m."on" = s.day AND m.session_id = s.id AND m.enrolment_id = s.place'
        ' LEFT JOIN mark_batch b ON b.id = m.batch_id WHERE m."on" BETWEEN %s AND %s',
        [days, [s for _, s, _ in keys], [e for _, _, e in keys], min(days), max(days)],
    )
    standing = {}
    for session_id, enrolment_id, value, counter, recorded_at, *heard in found:
        word = OfflineMark(counter or 0, session_id, enrolment_id, value, recorded_at)
        standing[session_id, enrolment_id] = Standing(value, None if counter is None else Said(word, *heard))
    return standing


def words_of(user_id: int, device: UUID, session_ids: Collection[int]) -> set[tuple[int, UUID, int, int, int, str]]:
    """What this person on this phone said about these lessons and is kept beside the marks."""
    found = rows(
        "SELECT counter, session_id, enrolment_id, value FROM mark_objection"
        " WHERE session_id = ANY (%s) AND device = %s AND said_by = %s",
        [list(session_ids), device, user_id],
    )
    return {(user_id, device, *word) for word in found}


def late_after_hours(sessions: Collection[SessionFacts]) -> dict[tuple[int, date], int]:
    """(programme, month) → hours after a lesson's end from which a mark is late; left out where no rules hold."""
    hours = {}
    for programme_id, month in sorted({(s.programme_id, s.on.replace(day=1)) for s in sessions}):
        try:
            hours[programme_id, month] = programmes.rules_in_force(programme_id, month).rules.marks.late_after_hours
        except Refused:
            continue  # a mark is never refused for want of a figure that only describes it
    return hours


_OWN = """
SELECT s.id FROM session s WHERE s.id = ANY (%s) AND EXISTS (
    SELECT FROM teacher t WHERE t.user_id = %s AND (
        t.id = s.teacher_id
        OR EXISTS (SELECT FROM timetable_slot w WHERE w.group_id = s.group_id AND w.teacher_id = t.id
                   AND w.valid @> s."on")
        OR EXISTS (SELECT FROM session_change c WHERE c.session_id = s.id AND c.from_teacher = t.id)))"""


def not_own(actor: Actor, provider_id: int, sessions: Mapping[int, SessionFacts]) -> set[int]:
    """Those of a provider's lessons that the rules let only their own teachers mark, and the actor is none of them.

    Own are lessons one gives, those of groups whose timetable names one on that day, and those given to a substitute.
    Who manages the provider marks any; where the rule set says `any`, or no rules hold, so does every teacher.
    """
    if actor.holds({Role.PROVIDER_MANAGER}, provider_id=provider_id):
        return set()
    months = {(s.programme_id, s.on.replace(day=1)) for s in sessions.values()}
    own_only = {one for one in months if _is_own_only(*one)}
    strict = {s.id for s in sessions.values() if (s.programme_id, s.on.replace(day=1)) in own_only}
    return strict - {i for (i,) in rows(_OWN, [list(strict), actor.user_id])} if strict else set()


def _is_own_only(programme_id: int, month: date) -> bool:
    try:
        return programmes.rules_in_force(programme_id, month).rules.marks.who == "own"
    except Refused:
        return False


def objections_by_id(provider_id: int, objection_ids: Sequence[int]) -> dict[int, ObjectionFacts]:
    """A provider's objections by id; those of others are left out."""
    found = rows(
        "SELECT id, session_id, enrolment_id, value, state, reason, said_by FROM mark_objection"
        " WHERE id = ANY (%s) AND provider_id = %s",
        [list(objection_ids), provider_id],
    )
    return {row[0]: ObjectionFacts(*row) for row in found}
