"""Rows of queues taken, put back and given to a colleague by name; deciding them stays open to all who may."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from qosymsha.domain.casework import steps
from qosymsha.domain.casework.access import ALLOWED, HOLDERS, Action
from qosymsha.domain.casework.queries import holds as queries
from qosymsha.domain.casework.queries.holds import Subject
from qosymsha.domain.casework.rules import CaseworkRefusal
from qosymsha.domain.casework.states import Kind, Over, Topic
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.checking_rules import Casework
from qosymsha.domain.vouchers.steps import Deed, begin, keep, record
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Forbidden, Refused


@transaction.atomic(durable=True)
def take_row(*, actor: Actor, kind: Kind, subject_uuid: UUID, at: datetime, key: UUID) -> None:
    """Hold a row by name for the rule set's working days; of two officials at the same instant one is refused.

    Raises:
        Forbidden: the actor's right does not cover the row.
        Refused: `row_unknown` (also one that waits no more), `row_held`.
    """
    require(actor, Action.TAKE_ROW, ALLOWED)
    deed = Deed(actor, Action.TAKE_ROW, at, key)
    subject = _waiting(kind, subject_uuid)
    if not actor.holds(HOLDERS[kind], **subject.scope):
        raise Forbidden(Action.TAKE_ROW)
    if begin(deed, [kind.value, str(subject_uuid)]) is not None:
        return
    lapsed = steps.lock_open(kind, subject.id)
    if queries.live_hold(kind, subject.id, at) is not None:
        raise Refused(CaseworkRefusal.ROW_HELD)
    steps.end(lapsed, Over.LAPSED, actor, at)
    _give(deed, Topic.ROW_TAKEN, kind, subject, actor.user_id)


@transaction.atomic(durable=True)
def assign_row(  # noqa: PLR0913 - who, what, which, to whom, when, once
    *, actor: Actor, kind: Kind, subject_uuid: UUID, holder_uuid: UUID, at: datetime, key: UUID
) -> None:
    """Give a row to a colleague whose right covers it; whoever held it holds it no more.

    Raises:
        Forbidden: the actor gives no rows there.
        Refused: `row_unknown`, `not_a_holder`; `row_held` (that colleague holds it already, or took it this instant).
    """
    require(actor, Action.ASSIGN_ROW, ALLOWED)
    deed = Deed(actor, Action.ASSIGN_ROW, at, key)
    subject = _waiting(kind, subject_uuid)
    require(actor, Action.ASSIGN_ROW, ALLOWED, **subject.scope)
    if begin(deed, [kind.value, str(subject_uuid), str(holder_uuid)]) is not None:
        return
    able = {one.uuid: one.id for one in queries.fit(kind, subject, at)}
    if holder_uuid not in able:
        raise Refused(CaseworkRefusal.NOT_A_HOLDER)
    open_ones = steps.lock_open(kind, subject.id)
    held = queries.live_hold(kind, subject.id, at)
    if held is not None and held.holder_id == able[holder_uuid]:
        raise Refused(CaseworkRefusal.ROW_HELD)
    steps.end(open_ones, Over.HANDED_ON if held else Over.LAPSED, actor, at)
    _give(deed, Topic.ROW_ASSIGNED, kind, subject, able[holder_uuid])


@transaction.atomic(durable=True)
def put_back_row(*, actor: Actor, kind: Kind, subject_uuid: UUID, at: datetime, key: UUID) -> None:
    """Make a row nobody's again: by its holder, or by who gives rows there.

    Raises:
        Forbidden: the actor works on no queue there.
        Refused: `row_unknown`, `row_not_held` (also where another holds it and the actor gives no rows).
    """
    require(actor, Action.PUT_BACK_ROW, ALLOWED)
    deed = Deed(actor, Action.PUT_BACK_ROW, at, key)
    subject = _waiting(kind, subject_uuid)
    require(actor, Action.PUT_BACK_ROW, ALLOWED, **subject.scope)
    if begin(deed, [kind.value, str(subject_uuid)]) is not None:
        return
    open_ones = steps.lock_open(kind, subject.id)
    held = queries.live_hold(kind, subject.id, at)
    is_head = actor.holds(ALLOWED[Action.ASSIGN_ROW], **subject.scope)
    if held is None or not open_ones or not (is_head or held.holder_id == actor.user_id):
        raise Refused(CaseworkRefusal.ROW_NOT_HELD)
    steps.end(open_ones, Over.PUT_BACK, actor, at)
    _tell(deed, Topic.ROW_PUT_BACK, open_ones, kind, subject)


def _waiting(kind: Kind, uuid: UUID) -> Subject:
    subject = queries.waiting_subject(kind, uuid)
    if subject is None:
        raise Refused(CaseworkRefusal.ROW_UNKNOWN)
    return subject


def _give(deed: Deed, topic: Topic, kind: Kind, subject: Subject, holder_id: int) -> None:
    until = hold_until(subject, deed.today)
    stored = steps.hold(kind, subject, holder_id, deed.actor, deed.at, until)
    if stored is None:
        raise Refused(CaseworkRefusal.ROW_HELD)
    _tell(deed, topic, [stored], kind, subject, holder=holder_id)


def _tell(deed: Deed, topic: StrEnum, ids: list[int], kind: Kind, subject: Subject, **more: object) -> None:
    record(deed, topic, "row_hold", ids, subject.territory_id, by=None, queue=kind.value, row=subject.id, **more)
    keep(deed, {"done": True})


def hold_until(subject: Subject, today: date) -> date:
    """The last day on which a row taken today is its holder's, by the rule set in force."""
    try:
        terms = programmes.rules_in_force(subject.programme_id, today).rules.casework
    except Refused:
        terms = Casework()
    calendar = programmes.calendar(subject.territory_id, today, today + timedelta(days=120))
    return calendar.add_working_days(today, terms.hold_working_days)
