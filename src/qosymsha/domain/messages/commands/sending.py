"""Carrying notices out: taken up for a while, sent outside any transaction under one key, and what came of it kept.

Killed between sending and keeping: after the lease it is sent again under the same key, and the gateway knows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.messages.access import ALLOWED, Action
from qosymsha.domain.messages.ports import Receipt
from qosymsha.domain.messages.rules import NoticeRules, after_hitch, after_quiet
from qosymsha.domain.messages.states import OUTAGES, DeliveryState, Hitch
from qosymsha.domain.messages.terms import terms
from qosymsha.domain.people.states import Channel
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day

PORTION = 20


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A delivery taken up: its key, whose it is, what it says (`n` matters), in which language, until when."""

    id: int
    key: UUID
    channel: str
    attempts: int
    give_up_at: datetime
    door: str
    kind: str
    n: int
    due_at: datetime | None
    told_at: datetime
    guardian_id: int | None
    user_id: int | None
    language: str
    is_theirs: bool


_QUIET = """
UPDATE notice_delivery d SET next_try_at = %(morning)s FROM notice n
 WHERE n.id = d.notice_id AND d.channel = %(channel)s AND d.state = 'waiting' AND d.next_try_at <= %(at)s
   AND NOT (d.is_urgent AND n.due_at IS NOT NULL AND n.due_at <= %(pressing)s)"""
_WAY = "SELECT failures, rests_until FROM notice_way WHERE channel = %s"
_CLAIM = """
UPDATE notice_delivery d SET attempts = d.attempts + 1, next_try_at = %(lease)s, hitch = ''
  FROM notice n LEFT JOIN guardian g ON g.id = n.guardian_id
  LEFT JOIN app_user u ON u.id = coalesce(n.user_id, g.user_id)
 WHERE n.id = d.notice_id AND d.id IN (
    SELECT id FROM notice_delivery WHERE channel = %(channel)s AND state = 'waiting' AND next_try_at <= %(at)s
     ORDER BY next_try_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
RETURNING d.id, d.key, d.channel, d.attempts, d.give_up_at, n.door, n.kind, cardinality(n.matters), n.due_at, n.told_at,
    n.guardian_id, n.user_id, coalesce(u.language, g.language, 'kk'),
    n.guardian_id IS NULL OR n.child_ids = '{}' OR EXISTS (
        SELECT FROM guardianship w WHERE w.guardian_id = n.guardian_id AND w.child_id = ANY (n.child_ids)
           AND w.valid @> %(today)s::date)"""


@transaction.atomic(durable=True)
def claim(*, actor: Actor, channel: str, at: datetime) -> list[Outgoing]:
    """Take up to a portion of what is due on a channel for the rules' minutes; [] where nothing is, or the way rests.

    What its day has overtaken, and what is no longer the person's matter, is marked so and not handed out. In quiet
    hours an SMS that can wait is put off till morning. After an outage one message tries the way for the others.

    Raises:
        Forbidden: the actor is not the clock.
        NotConfigured: the rules of notices cannot be read.
    """
    require(actor, Action.SEND_NOTICES, ALLOWED)
    rules = terms(local_day(at))
    most = _may_take(channel, at, rules)
    if not most:
        return []
    if channel == Channel.SMS:
        _put_off(channel, at, rules)
    lease = at + timedelta(minutes=rules.lease_minutes)
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"lease": lease, "channel": channel, "at": at, "most": most, "today": local_day(at)})
        taken = sorted((Outgoing(*row) for row in cursor.fetchall()), key=lambda one: one.id)
    good = []
    for one in taken:
        if one.due_at is not None and one.due_at <= at:
            _end(actor, one, DeliveryState.STALE, Hitch.DAY_PASSED, at)
        elif not one.is_theirs:
            _end(actor, one, DeliveryState.FAILED, Hitch.RIGHT_ENDED, at)
        else:
            good.append(one)
    return good


def _may_take(channel: str, at: datetime, rules: NoticeRules) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_WAY, [channel])
        failures, rests_until = cursor.fetchone() or (0, None)
    if rests_until is not None and rests_until > at:
        return 0
    return 1 if failures >= rules.breaker_failures else PORTION


def _put_off(channel: str, at: datetime, rules: NoticeRules) -> None:
    morning = after_quiet(at, rules)
    if morning == at:
        return
    pressing = at + timedelta(hours=rules.urgent_within_hours)
    with connection.cursor() as cursor:
        cursor.execute(_QUIET, {"morning": morning, "channel": channel, "at": at, "pressing": pressing})


_SENT = """
UPDATE notice_delivery SET state = 'sent', next_try_at = NULL, hitch = '', reference = %s, parts = %s, sent_at = %s
 WHERE id = %s AND state = 'waiting'"""
_NOT_SENT = """
UPDATE notice_delivery SET state = %s, next_try_at = %s, hitch = %s, ended_at = %s
 WHERE id = %s AND state = 'waiting' AND attempts = %s"""
_ANSWERS_AGAIN = """
UPDATE notice_way SET failures = 0, rests_until = NULL, hitch = '' WHERE channel = %s AND failures >= %s"""
# Not what somebody has taken up: that has no hitch until its try is over.
_WAITED = """
UPDATE notice_delivery SET next_try_at = %(at)s
 WHERE channel = %(channel)s AND state = 'waiting' AND next_try_at > %(at)s AND hitch = ANY (%(outages)s)"""
_GOOD = """
INSERT INTO notice_way AS w (channel, failures, hitch, good_at) VALUES (%(channel)s, 0, '', %(at)s)
ON CONFLICT (channel) DO UPDATE SET failures = 0, rests_until = NULL, hitch = '',
    good_at = greatest(w.good_at, %(at)s)"""
_BAD = """
INSERT INTO notice_way AS w (channel, failures, hitch, bad_at) VALUES (%(channel)s, 1, %(hitch)s, %(at)s)
ON CONFLICT (channel) DO UPDATE SET failures = w.failures + 1, hitch = excluded.hitch, bad_at = excluded.bad_at,
    rests_until = CASE WHEN w.failures + 1 >= %(most)s THEN %(until)s::timestamptz END
RETURNING rests_until IS NULL"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try: the gateway's reference and parts, or a hitch and the seconds the gateway asked for."""

    reference: str = ""
    parts: int = 0
    hitch: Hitch | None = None
    asked_seconds: int | None = None


@transaction.atomic(durable=True)
def settle(*, actor: Actor, one: Outgoing, outcome: Outcome, at: datetime) -> bool:
    """Keep what came of a try; False where the way has failed so often that it is left alone for a while.

    The first that goes after an outage calls up all that waited for the way to answer.
    Needs no key: a delivery leaves `waiting` once, and a failed try counts only for who took it up last.

    Raises:
        Forbidden: the actor is not the clock.
        NotConfigured: the rules of notices cannot be read.
    """
    require(actor, Action.SEND_NOTICES, ALLOWED)
    rules = terms(local_day(at))
    if outcome.hitch is None:
        _sent(one, outcome, at, rules)
        _record(actor, one, DeliveryState.SENT, "", at)
        return True
    step = after_hitch(
        outcome.hitch, at=at, attempts=one.attempts, give_up_at=one.give_up_at, due_at=one.due_at, rules=rules,
        asked_seconds=outcome.asked_seconds,
    )  # fmt: skip
    ended_at = None if step.state is DeliveryState.WAITING else at
    with connection.cursor() as cursor:
        cursor.execute(
            _NOT_SENT, [step.state.value, step.next_try_at, outcome.hitch.value, ended_at, one.id, one.attempts]
        )
    _record(actor, one, step.state, outcome.hitch.value, at)
    return outcome.hitch not in OUTAGES or _bad(one.channel, outcome.hitch, at, rules)


def _sent(one: Outgoing, outcome: Outcome, at: datetime, rules: NoticeRules) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SENT, [outcome.reference, outcome.parts, at, one.id])
        cursor.execute(_ANSWERS_AGAIN, [one.channel, rules.breaker_failures])
        if cursor.rowcount:
            outages = sorted(hitch.value for hitch in OUTAGES)
            cursor.execute(_WAITED, {"channel": one.channel, "at": at, "outages": outages})
        cursor.execute(_GOOD, {"channel": one.channel, "at": at})


def _bad(channel: str, hitch: Hitch, at: datetime, rules: NoticeRules) -> bool:
    until = at + timedelta(minutes=rules.breaker_rest_minutes)
    asked: dict[str, Any] = {
        "channel": channel, "hitch": hitch.value, "at": at, "most": rules.breaker_failures, "until": until,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_BAD, asked)
        (goes_on,) = cursor.fetchone()
    return bool(goes_on)


def _end(actor: Actor, one: Outgoing, state: DeliveryState, hitch: Hitch, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_NOT_SENT, [state.value, None, hitch.value, at, one.id, one.attempts])
    _record(actor, one, state, hitch.value, at)


def _record(actor: Actor, one: Outgoing, state: DeliveryState, hitch: str, at: datetime) -> None:
    audit.record(
        actor=actor, at=at, action=Action.SEND_NOTICES, subject_kind="notice_delivery", subject_ids=[one.id],
        detail={"state": state.value} | ({"hitch": hitch} if hitch else {}),
    )  # fmt: skip


_ARRIVED = """
UPDATE notice_delivery SET state = 'delivered', next_try_at = NULL, hitch = '', ended_at = %s
 WHERE key = ANY (%s::uuid[]) AND channel = 'sms' AND state <> 'delivered' RETURNING id"""
_LOST = """
UPDATE notice_delivery SET state = 'failed', next_try_at = NULL, hitch = 'undelivered', ended_at = %s
 WHERE key = ANY (%s::uuid[]) AND channel = 'sms' AND state IN ('sent', 'waiting') RETURNING id"""


@transaction.atomic(durable=True)
def hear(*, actor: Actor, receipts: Sequence[Receipt], at: datetime) -> int:
    """Keep what a gateway says became of messages; how many it changed. Said twice or of others changes none.

    Needs no key: what arrived has arrived, whatever is said of it before or after.

    Raises:
        Forbidden: the actor is not the clock.
    """
    require(actor, Action.HEAR_RECEIPTS, ALLOWED)
    arrived = sorted({one.key for one in receipts if one.is_delivered and _is_key(one.key)})
    lost = sorted({one.key for one in receipts if not one.is_delivered and _is_key(one.key)} - set(arrived))
    changed: list[int] = []
    with connection.cursor() as cursor:
        for statement, keys in ((_ARRIVED, arrived), (_LOST, lost)):
            cursor.execute(statement, [at, keys])
            changed += [row[0] for row in cursor.fetchall()]
    if changed:
        audit.record(
            actor=actor, at=at, action=Action.HEAR_RECEIPTS, subject_kind="notice_delivery", subject_ids=sorted(changed)
        )
    return len(changed)


def _is_key(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
