"""Booking a trial lesson, cancelling it, saying who came."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance.rules import AttendanceRefusal
from qosymsha.domain.people import queries as people
from qosymsha.domain.providers.rules import GroupFacts
from qosymsha.domain.trials import queries, steps
from qosymsha.domain.trials.access import ALLOWED, Action
from qosymsha.domain.trials.models import TrialLesson
from qosymsha.domain.trials.rules import TrialRefusal, refuse_cancelling, refuse_marking, refuse_trial
from qosymsha.domain.trials.states import Topic, TrialState
from qosymsha.domain.vouchers.steps import Deed, begin, keep, record
from qosymsha.kernel import locks
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Forbidden, Refused

_KIND = "trial_lesson"


@transaction.atomic(durable=True)
def book_trial(*, actor: Actor, child_id: int, session_id: int, at: datetime, key: UUID) -> int:
    """A guardian books one lesson of a group for a child; the trial's id. It takes no place and costs nothing.

    Raises:
        Forbidden: the actor is no guardian of the child.
        Refused: a TrialRefusal; nothing is stored.
    """
    require(actor, Action.BOOK, ALLOWED)
    if not _speaks_for(actor, child_id, at):
        raise Forbidden(Action.BOOK)
    deed = Deed(actor, Action.BOOK, at, key)
    locks.exclusive(f"trials.child:{child_id}", f"trials.lesson:{session_id}")
    seen = begin(deed, [child_id, session_id])
    if seen is not None:
        return int(seen["id"])
    group = _group_of(session_id)
    rule_set_id = _judge(deed, group, child_id, session_id)
    _end(deed, queries.gone_bookings(child_id, group.id))
    made = TrialLesson.objects.create(
        territory_id=group.territory_id,
        programme_id=group.programme_id,
        provider_id=group.provider_id,
        group_id=group.id,
        session_id=session_id,
        child_id=child_id,
        guardian_id=actor.guardian_id or 0,
        rule_set_id=rule_set_id,
        state=TrialState.BOOKED,
        booked_at=at,
    )
    steps.trail([made.pk], "", TrialState.BOOKED, cause=Action.BOOK, actor=actor, at=at)
    record(deed, Topic.BOOKED, _KIND, [made.pk], group.territory_id, by={made.pk: actor.guardian_id or 0})
    keep(deed, {"id": made.pk})
    return made.pk


def _group_of(session_id: int) -> GroupFacts:
    """The group whose lesson it is.

    Raises:
        Refused: trial_lesson_gone — there is no such lesson.
    """
    found = queries.group_of_session(session_id)
    if found is None:
        raise Refused(TrialRefusal.LESSON_GONE)
    return found


def _judge(deed: Deed, group: GroupFacts, child_id: int, session_id: int) -> int:
    """The rule set by which the booking is allowed.

    Raises:
        Refused: the first reason against it.
    """
    rule_set_id, terms = queries.terms_of(group.programme_id, deed.today)
    facts = queries.facts_of(group, child_id, session_id, terms, deed.today)
    reason = TrialRefusal.LESSON_GONE if facts is None else refuse_trial(terms, facts, deed.at, deed.today)
    if reason is not None:
        raise Refused(reason)
    return rule_set_id


@transaction.atomic(durable=True)
def cancel_trial(*, actor: Actor, trial_id: int, at: datetime, key: UUID) -> None:
    """A guardian takes a booking back; the lesson has room for another guest, the child for another trial.

    Raises:
        Forbidden: the actor is no guardian of the child.
        Refused: trial_over — it was marked or cancelled, or has begun.
    """
    require(actor, Action.CANCEL, ALLOWED)
    trial = _locked(trial_id)
    if trial is None or not _speaks_for(actor, trial.child_id, at):
        raise Forbidden(Action.CANCEL)
    deed = Deed(actor, Action.CANCEL, at, key)
    if begin(deed, [trial_id]) is not None:
        return
    reason = refuse_cancelling(trial.state, trial.session.starts_at, at)
    if reason is not None:
        raise Refused(reason)
    _end(deed, [trial.pk])
    record(deed, Topic.CANCELLED, _KIND, [trial.pk], trial.territory_id, by={trial.pk: actor.guardian_id or 0})
    keep(deed, {"id": trial.pk})


def _end(deed: Deed, ids: list[int]) -> None:
    if ids:
        TrialLesson.objects.filter(id__in=ids).update(state=TrialState.CANCELLED)
        steps.trail(
            ids, TrialState.BOOKED, TrialState.CANCELLED, cause=Action(deed.action), actor=deed.actor, at=deed.at
        )


@transaction.atomic(durable=True)
def mark_guest(*, actor: Actor, trial_id: int, came: bool, at: datetime, key: UUID) -> None:
    """A teacher of the lesson, or the manager, says whether the guest came; the word may be put right later.

    It is no mark of attendance: nothing is paid for it.

    Raises:
        Forbidden: the actor does not work for the trial's provider.
        Refused: trial_over — cancelled, or its lesson does not take place; trial_not_begun; not_your_lesson.
    """
    require(actor, Action.MARK, ALLOWED)
    trial = _locked(trial_id)
    if trial is None:
        raise Forbidden(Action.MARK)
    require(actor, Action.MARK, ALLOWED, provider_id=trial.provider_id)
    deed = Deed(actor, Action.MARK, at, key)
    if begin(deed, [trial_id, came]) is not None:
        return
    lessons = attendance.sessions_by_id(trial.provider_id, [trial.session_id])
    if attendance.not_own(actor, trial.provider_id, lessons):
        raise Refused(AttendanceRefusal.NOT_YOUR_LESSON)
    lesson = lessons[trial.session_id]
    reason = refuse_marking(trial.state, lesson.state in queries.LIVE, lesson.starts_at, at)
    if reason is not None:
        raise Refused(reason)
    _mark(deed, trial, TrialState.CAME if came else TrialState.MISSED)
    keep(deed, {"id": trial.pk})


def _mark(deed: Deed, trial: TrialLesson, state: TrialState) -> None:
    before = trial.state
    if before == state:
        return
    trial.state, trial.marked_by, trial.marked_at = state, deed.actor.user_id, deed.at
    trial.save(update_fields=["state", "marked_by", "marked_at"])
    steps.trail([trial.pk], before, state, cause=Action.MARK, actor=deed.actor, at=deed.at)
    record(deed, Topic.MARKED, _KIND, [trial.pk], trial.territory_id, state=state.value)


def _locked(trial_id: int) -> TrialLesson | None:
    found = TrialLesson.objects.select_for_update(no_key=True, of=("self",)).select_related("session")
    return found.filter(pk=trial_id).first()


def _speaks_for(actor: Actor, child_id: int, at: datetime) -> bool:
    guardian_id = actor.guardian_id
    return guardian_id is not None and (guardian_id, child_id) in people.wards([(guardian_id, child_id)], local_day(at))
