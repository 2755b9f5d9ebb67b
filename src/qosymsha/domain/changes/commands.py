"""Verbs on running groups: each is one transaction over timetable, lessons, seats and places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance import steps as lessons
from qosymsha.domain.attendance.rules import Substitution
from qosymsha.domain.attendance.states import SessionState
from qosymsha.domain.changes import queries
from qosymsha.domain.changes.access import ALLOWED, Action
from qosymsha.domain.changes.rules import ChangeRefusal, Fate, Wanted, refuse_day
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers import steps as groups
from qosymsha.domain.providers.access import ALLOWED as GROUP_DEEDS
from qosymsha.domain.providers.access import Action as GroupAction
from qosymsha.domain.providers.queries import running, staff
from qosymsha.domain.providers.rules import GroupFacts, Lesson, ProviderRefusal, SlotDraft, refuse_slots
from qosymsha.domain.providers.rules.running import WeekSlot
from qosymsha.domain.providers.states import GroupState, Topic
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.domain.vouchers.states import Topic as VoucherTopic
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.domain.vouchers.steps import Deed, begin, keep, record
from qosymsha.kernel import audit, locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import ZONE
from qosymsha.kernel.errors import Refused

_LOCK = "providers.timetable"  # as open_groups; before the provider's marks, always in this order
_TIMETABLE = "timetable changed"
_HALL = "hall changed"
_CLOSED = "group_closed"


@dataclass(frozen=True, slots=True)
class Changed:
    """How many planned lessons another timetable handed to another teacher, cancelled, and made anew."""

    handed: int
    cancelled: int
    made: int


@transaction.atomic(durable=True)
def change_timetable(  # noqa: PLR0913 - which group, from when, which week; by whom, when, once
    *, actor: Actor, group_id: int, first: date, week: Sequence[WeekSlot], at: datetime, key: UUID
) -> Changed:
    """From `first` on the group's week is this one, with these teachers; lessons before stay as they are.

    Planned lessons from that day on are taken over where the hours are the same, else cancelled; the months planned
    already get the new ones, where teacher and hall are free. What was marked, moved or cancelled is left alone.

    Raises:
        Forbidden: the actor is not the manager of the group's provider.
        Refused: group_unknown; no_such_step — it is closed; change_too_soon, change_after_the_end, change_month_sent;
            change_before_the_hall; timetable_empty, timetable_unreadable, timetable_twice_a_day; teacher_unknown;
            teacher_busy, venue_full.
    """
    group = _own(actor, GroupAction.CHANGE_TIMETABLE, group_id)
    deed = Deed(actor, GroupAction.CHANGE_TIMETABLE, at, key)
    seen = begin(deed, [group_id, first.isoformat(), [str(slot) for slot in week]])
    if seen is not None:
        return Changed(**seen)
    _refuse_change(group, deed, first, week)
    hall = running.hall_on(group, first)
    fate = queries.fate_of_week(group, week, first)
    groups.replace_week(group.id, first, group.last_day, week, hall)
    done = _carry_out(deed, group, fate, hall)
    record(
        deed, Topic.TIMETABLE_CHANGED, "group", [group.id], group.territory_id,
        first=first.isoformat(), cancelled=done.cancelled, made=done.made, handed=done.handed,
    )  # fmt: skip
    keep(deed, {"handed": done.handed, "cancelled": done.cancelled, "made": done.made})
    return done


def _own(actor: Actor, action: GroupAction, group_id: int) -> GroupFacts:
    """The group, its provider's timetable and lessons locked."""
    require(actor, action, GROUP_DEEDS)
    locks.exclusive(_LOCK)
    group = providers.group_facts([group_id]).get(group_id)
    if group is None:
        raise Refused(ProviderRefusal.GROUP_UNKNOWN)
    require(actor, action, GROUP_DEEDS, territory_id=group.territory_id, provider_id=group.provider_id)
    lessons.lock_marks(group.provider_id)
    return group


def _refuse_change(group: GroupFacts, deed: Deed, first: date, week: Sequence[WeekSlot]) -> None:
    if group.state != GroupState.OPEN:
        raise Refused(ProviderRefusal.NO_SUCH_STEP, state=group.state)
    left = [month for _, month in attendance.left_months([group.id])]
    reason = refuse_day(first, deed.today, group.last_day, left) or refuse_slots(
        [SlotDraft(slot.weekday, slot.starts, slot.ends) for slot in week]
    )
    if reason is None and len(running.halls_from(group, first)) > 1:
        reason = ChangeRefusal.HALL_LATER
    if reason is None and not {slot.teacher_id for slot in week} <= staff.working_at(group.provider_id):
        reason = ProviderRefusal.TEACHER_UNKNOWN
    if reason is not None:
        raise Refused(reason)
    for clash in running.timetable_clashes(group, week, max(first, group.first_day)):
        raise Refused(clash.reason)


def _carry_out(deed: Deed, group: GroupFacts, fate: Fate, hall: int) -> Changed:
    if fate.cancelled:
        lessons.cancel_sessions(deed, [session.id for session in fate.cancelled], _TIMETABLE)
    made = lessons.fitting([_lesson(group, hall, wanted) for wanted in fate.made], {group.id: group})
    handed = lessons.free_for(fate.handed)
    if handed:
        wishes = [(session, Substitution(session.id, teacher_id)) for session, teacher_id in handed]
        lessons.substitute(deed, wishes, _TIMETABLE)
    return Changed(len(handed), len(fate.cancelled), len(lessons.open_sessions(made)))


def _lesson(group: GroupFacts, hall: int, wanted: Wanted) -> Lesson:
    starts, ends = (instant.astimezone(ZONE).time() for instant in (wanted.starts_at, wanted.ends_at))
    return Lesson(group.id, wanted.teacher_id, hall, wanted.on, starts, ends)


@transaction.atomic(durable=True)
def change_hall(  # noqa: PLR0913 - which group, which hall, from when; by whom, when, once
    *, actor: Actor, group_id: int, venue_id: int, first: date, at: datetime, key: UUID
) -> int:
    """From `first` on the group meets in another of its provider's halls; how many planned lessons moved there.

    Hours, teachers and children stay; lessons before that day, and those somebody moved by hand, stay where they are.

    Raises:
        Forbidden: the actor is not the manager of the group's provider.
        Refused: group_unknown; no_such_step — it is closed; change_too_soon, change_after_the_end, change_month_sent;
            hall_unknown — not the provider's; hall_is_the_same; venue_full — weekly, or on some day.
    """
    group = _own(actor, GroupAction.CHANGE_HALL, group_id)
    deed = Deed(actor, GroupAction.CHANGE_HALL, at, key)
    seen = begin(deed, [group_id, venue_id, first.isoformat()])
    if seen is not None:
        return int(seen["lessons"])
    before = running.hall_on(group, first)
    reason = _refuse_hall(group, deed, first, venue_id)
    if reason is not None:
        raise Refused(reason)
    moving = queries.to_rehouse(group, first, venue_id)
    full = lessons.without_room(moving, venue_id, group.capacity)
    if full:
        raise Refused(ProviderRefusal.VENUE_FULL, days=[session.on.isoformat() for session in full])
    groups.move_week(group_id, (before, venue_id), first)
    if moving:
        lessons.rehouse_sessions(deed, [session.id for session in moving], venue_id, _HALL)
    record(
        deed, Topic.HALL_CHANGED, "group", [group_id], group.territory_id,
        first=first.isoformat(), from_venue=before, to_venue=venue_id, lessons=len(moving),
    )  # fmt: skip
    keep(deed, {"lessons": len(moving)})
    return len(moving)


def _refuse_hall(group: GroupFacts, deed: Deed, first: date, venue_id: int) -> StrEnum | None:
    if group.state != GroupState.OPEN:
        return ProviderRefusal.NO_SUCH_STEP
    left = [month for _, month in attendance.left_months([group.id])]
    reason: StrEnum | None = refuse_day(first, deed.today, group.last_day, left)
    if reason is not None:
        return reason
    if venue_id not in attendance.venues_of(group.provider_id):
        return ChangeRefusal.HALL_UNKNOWN
    if [hall for _, hall in running.halls_from(group, first)] == [venue_id]:
        return ChangeRefusal.HALL_SAME
    clashes = queries.clashes_in_hall(group, first, venue_id)
    return clashes[0].reason if clashes else None


@transaction.atomic(durable=True)
def settle_halls(*, actor: Actor, on: date, at: datetime) -> list[int]:
    """Groups whose move to another hall has come are found there: card, map and district; their ids. Twice is once.

    Raises:
        Forbidden: neither the house itself nor the operator.
    """
    require(actor, Action.SETTLE_HALLS, ALLOWED)
    locks.exclusive(_LOCK)
    moved = groups.settle_halls(on)
    if moved:
        audit.record(actor=actor, at=at, action=Action.SETTLE_HALLS, subject_kind="group", subject_ids=moved)
    return moved


@transaction.atomic(durable=True)
def resize_group(*, actor: Actor, group_id: int, capacity: int, at: datetime, key: UUID) -> None:
    """More or fewer places in a group: never fewer than are taken or offered, never more than the hall may hold.

    Raises:
        Forbidden: the actor is not the manager of the group's provider.
        Refused: group_unknown; no_such_step — it is closed; bad_capacity; nothing_changed; venue_full; below_taken.
    """
    group = _own(actor, GroupAction.RESIZE_GROUP, group_id)
    deed = Deed(actor, GroupAction.RESIZE_GROUP, at, key)
    if begin(deed, [group_id, capacity]) is not None:
        return
    reason = _refuse_size(group, deed, capacity)
    if reason is not None:
        raise Refused(reason)
    if not vouchers.resize_seat(group_id, capacity):
        raise Refused(ChangeRefusal.BELOW_TAKEN)
    groups.resize_group(group_id, capacity)
    record(
        deed, Topic.GROUP_CHANGED, "group", [group_id], group.territory_id,
        from_capacity=group.capacity, capacity=capacity,
    )  # fmt: skip
    keep(deed, {"done": True})


def _refuse_size(group: GroupFacts, deed: Deed, capacity: int) -> ProviderRefusal | None:
    if group.state != GroupState.OPEN:
        return ProviderRefusal.NO_SUCH_STEP
    if capacity < 1:
        return ProviderRefusal.BAD_CAPACITY
    if capacity == group.capacity:
        return ProviderRefusal.NOTHING_CHANGED
    if capacity < group.capacity:
        return None
    first = max(deed.today, group.first_day)
    for day, hall in running.halls_from(group, first):
        found = queries.clashes_in_hall(group, day, hall, capacity)
        if any(clash.reason is ProviderRefusal.VENUE_FULL for clash in found):
            return ProviderRefusal.VENUE_FULL
    return None


@transaction.atomic(durable=True)
def close_group(  # noqa: PLR0913 - which, when it ends, why; by whom, when, once
    *, actor: Actor, group_id: int, last_day: date, reason: str, at: datetime, key: UUID
) -> int:
    """Close a group: it takes nobody any more; after `last_day` it has no lessons, those planned are cancelled.

    The children keep their places until then; `end_places` gives them their vouchers back the day after. Returns how
    many planned lessons were cancelled.

    Raises:
        Forbidden: the actor may not, for this provider.
        Refused: group_unknown; no_such_step — it is closed; reason_missing; days_reversed — past, or too late.
    """
    group = _own(actor, GroupAction.CLOSE_GROUP, group_id)
    deed = Deed(actor, GroupAction.CLOSE_GROUP, at, key)
    seen = begin(deed, [group_id, last_day.isoformat(), reason])
    if seen is not None:
        return int(seen["cancelled"])
    if group.state != GroupState.OPEN:
        raise Refused(ProviderRefusal.NO_SUCH_STEP, state=group.state)
    if not reason.strip():
        raise Refused(ProviderRefusal.REASON_MISSING)
    is_inside = group.first_day <= last_day and (group.last_day is None or last_day <= group.last_day)
    if last_day < deed.today or not is_inside:
        raise Refused(ProviderRefusal.DAYS_REVERSED)
    groups.end_lessons(group_id, last_day)
    after = queries.sessions_from(group_id, queries.day_after(last_day))
    gone = [session.id for session in after if session.state == SessionState.PLANNED]
    if gone:
        lessons.cancel_sessions(deed, gone, reason.strip())
    record(
        deed, Topic.GROUP_CLOSED, "group", [group_id], group.territory_id,
        reason=reason, last_day=last_day.isoformat(), cancelled=len(gone),
    )  # fmt: skip
    keep(deed, {"cancelled": len(gone)})
    return len(gone)


@transaction.atomic(durable=True)
def end_places(*, actor: Actor, on: date, at: datetime, key: UUID) -> list[int]:
    """Give the children of groups that closed before `on` their vouchers back: each chooses again, its money with it.

    Returns the vouchers; who has one that stands still keeps it so and is let go when it is resumed.

    Raises:
        Forbidden: neither the house itself nor the operator.
    """
    require(actor, Action.END_PLACES, ALLOWED)
    locks.exclusive("changes.end_places")
    deed = Deed(actor, Action.END_PLACES, at, key)
    seen = begin(deed, [on.isoformat()])
    if seen is not None:
        return [int(i) for i in seen["vouchers"]]
    last_days = dict(queries.stranded(min(on, deed.today)))
    free = (VoucherState.ACTIVE, VoucherState.SUSPENDED)
    held = {i: one for i, one in vouchers.lock_vouchers(list(last_days)).items() if one.state in free}
    vouchers.release(deed, list(held.values()), {i: last_days[i] for i in held}, _CLOSED)
    record(deed, VoucherTopic.RELEASED, "voucher", sorted(held))
    keep(deed, {"vouchers": sorted(held)})
    return sorted(held)
