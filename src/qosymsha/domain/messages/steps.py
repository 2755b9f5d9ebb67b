"""Storing notices and their deliveries inside an open transaction; what is there already stays as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from qosymsha.domain.messages import whom
from qosymsha.domain.messages.rules import NoticeRules, after_quiet, is_pressing, is_too_late
from qosymsha.domain.messages.states import DeliveryState
from qosymsha.domain.messages.themes import is_off
from qosymsha.domain.messages.topics import Heard
from qosymsha.domain.messages.whom import Wishes
from qosymsha.domain.people.preferences import ASSUMED
from qosymsha.domain.people.states import Channel
from qosymsha.kernel import entropy

_COLUMNS = (
    "uuid uuid, door text, guardian_id bigint, user_id bigint, provider_id bigint, kind text, occasion text,"
    " matters bigint[], child_ids bigint[], told_at timestamptz, made_at timestamptz, due_at timestamptz,"
    " keep_until date"
)
_NAMES = ", ".join(one.split()[0] for one in _COLUMNS.split(", "))
# The same occasion again adds matters that were not there: a deed's rows may come in several portions, in any order.
_STORE = """
INSERT INTO notice ({names}) SELECT {names} FROM jsonb_to_recordset(%s::jsonb) AS x ({columns})
ON CONFLICT ({who}, occasion) WHERE {who} IS NOT NULL DO UPDATE SET
    matters = ARRAY(SELECT DISTINCT m FROM unnest(notice.matters || excluded.matters) AS m ORDER BY m),
    child_ids = ARRAY(SELECT DISTINCT c FROM unnest(notice.child_ids || excluded.child_ids) AS c ORDER BY c)
    WHERE NOT notice.matters @> excluded.matters
RETURNING id, uuid"""
_DELIVER = """
INSERT INTO notice_delivery (notice_id, channel, state, key, is_urgent, attempts, next_try_at, give_up_at, hitch,
    reference, parts, made_at, ended_at)
SELECT notice_id, channel, state, key, is_urgent, 0, next_try_at, give_up_at, hitch, '', 0, made_at, ended_at
  FROM jsonb_to_recordset(%s::jsonb) AS x (notice_id bigint, channel text, state text, key uuid, is_urgent boolean,
    next_try_at timestamptz, give_up_at timestamptz, hitch text, made_at timestamptz, ended_at timestamptz)
ON CONFLICT (notice_id, channel) DO NOTHING"""


@dataclass(slots=True)
class Drafted:
    """A notice to be: one person, one occasion, the rows it is about."""

    heard: Heard
    occasion: str
    told_at: datetime
    guardian_id: int | None
    user_id: int | None
    provider_id: int | None
    due_at: datetime | None
    uuid: UUID = field(default_factory=entropy.uuid4)
    matters: set[int] = field(default_factory=set)
    child_ids: set[int] = field(default_factory=set)

    @property
    def person(self) -> tuple[int | None, int | None]:
        """Whose notice it is."""
        return self.guardian_id, self.user_id


@dataclass(frozen=True, slots=True)
class Envelope:
    """When notices are made, by which rules, and which ways out there are."""

    at: datetime
    rules: NoticeRules
    ways: frozenset[str]
    today: date


def store(drafts: Sequence[Drafted], envelope: Envelope) -> int:
    """Keep notices and what is to be sent of them; how many are new or have grown."""
    assert transaction.get_connection().in_atomic_block, "a notice commits with its place in the news"
    made = {one.uuid: one for one in drafts}
    ids: dict[UUID, int] = {}
    for who in ("guardian_id", "user_id"):
        rows = [_row(one, envelope) for one in drafts if getattr(one, who) is not None]
        if rows:
            ids |= _stored(_STORE.format(names=_NAMES, columns=_COLUMNS, who=who), rows)
    fresh = {notice_id: made[uuid] for uuid, notice_id in ids.items() if uuid in made}
    _deliver(fresh, envelope)
    return len(ids)


def _stored(statement: str, rows: Sequence[Mapping[str, Any]]) -> dict[UUID, int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(rows)])
        return {uuid: notice_id for notice_id, uuid in cursor.fetchall()}


def _row(one: Drafted, envelope: Envelope) -> dict[str, Any]:
    return {
        "uuid": str(one.uuid),
        "door": one.heard.door.value,
        "guardian_id": one.guardian_id,
        "user_id": one.user_id,
        "provider_id": one.provider_id,
        "kind": one.heard.kind,
        "occasion": one.occasion,
        "matters": sorted(one.matters),
        "child_ids": sorted(one.child_ids),
        "told_at": one.told_at.isoformat(),
        "made_at": envelope.at.isoformat(),
        "due_at": one.due_at.isoformat() if one.due_at else None,
        "keep_until": (envelope.today + timedelta(days=envelope.rules.kept_days)).isoformat(),
    }


def _deliver(fresh: Mapping[int, Drafted], envelope: Envelope) -> None:
    """One row for each way that the person wants, the notice has and the installation offers."""
    guardians = sorted({one.guardian_id for one in fresh.values() if one.guardian_id is not None})
    users = sorted({one.user_id for one in fresh.values() if one.user_id is not None})
    by_guardian, by_user = whom.wishes_of_guardians(guardians), whom.wishes_of_users(users)
    rows = []
    for notice_id, one in fresh.items():
        if one.guardian_id is not None:
            told, assumed = by_guardian.get(one.guardian_id, Wishes()), ASSUMED
        else:
            told, assumed = by_user.get(one.user_id or 0, Wishes()), frozenset()
        if is_off(one.heard, told.off):
            continue
        wanted = assumed if told.channels is None else told.channels
        rows += [_delivery(notice_id, way, one, envelope) for way in sorted(wanted & one.heard.ways & envelope.ways)]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_DELIVER, [json.dumps(rows)])


def _delivery(notice_id: int, way: str, one: Drafted, envelope: Envelope) -> dict[str, Any]:
    at, rules = envelope.at, envelope.rules
    late = is_too_late(at, one.told_at, one.due_at, rules)
    waits_for_morning = way == Channel.SMS and not is_pressing(
        at, one.due_at, is_urgent=one.heard.is_urgent, rules=rules
    )
    first = after_quiet(at, rules) if waits_for_morning else at
    return {
        "notice_id": notice_id,
        "channel": way,
        "state": (DeliveryState.STALE if late else DeliveryState.WAITING).value,
        "key": str(entropy.uuid4()),
        "is_urgent": one.heard.is_urgent,
        "next_try_at": None if late else first.isoformat(),
        "give_up_at": (first + timedelta(hours=rules.give_up_hours)).isoformat(),
        "hitch": late.value if late else "",
        "made_at": at.isoformat(),
        "ended_at": at.isoformat() if late else None,
    }


def forget_about(child_ids: Sequence[int], guardian_ids: Sequence[int], user_ids: Sequence[int]) -> int:
    """Delete notices about these children to their guardians, and all to these people, with what was sent of them.

    By the indexes of who was told: an erasure must not read a city's notices. How many notices there were.
    """
    assert transaction.get_connection().in_atomic_block, "an erasure commits with its record"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.id FROM guardianship g JOIN notice n ON n.guardian_id = g.guardian_id"
            " WHERE g.child_id = ANY (%(children)s) AND n.child_ids && %(children)s::bigint[]"
            " UNION SELECT id FROM notice WHERE guardian_id = ANY (%(guardians)s)"
            " UNION SELECT id FROM notice WHERE user_id = ANY (%(users)s)",
            {"children": list(child_ids), "guardians": list(guardian_ids), "users": list(user_ids)},
        )
        ids = [row for (row,) in cursor.fetchall()]
        cursor.execute("DELETE FROM notice_delivery WHERE notice_id = ANY (%s)", [ids])
        cursor.execute("DELETE FROM notice WHERE id = ANY (%s)", [ids])
        cursor.execute("DELETE FROM notice_choice WHERE user_id = ANY (%s)", [list(user_ids)])
    return len(ids)
