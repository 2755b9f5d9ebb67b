"""News of the small city, told and carried out: with the real outbox, or one that does not wait for other databases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import pytest
from django.db import connection, transaction

from qosymsha.domain.messages import commands, steps
from qosymsha.domain.messages.commands import making, sending
from qosymsha.domain.messages.models import Notice, NoticeDelivery
from qosymsha.domain.people.states import Role
from qosymsha.integrations.messages.fake import FakeMail, FakeSms
from qosymsha.interfaces.jobs import notices as duty
from qosymsha.kernel import clock, outbox
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.outbox import News
from tests.factories.attendance import guardian_of
from tests.factories.office import Desk
from tests.factories.vouchers import AT, City, add_children, issue, make_city
from tests.interfaces import browsing

CLOCK = Actor.system("test")
BOTH = frozenset({"sms", "email"})
_MINE = """
SELECT id, at, topic, subject_kind, subject_id, detail FROM outbox WHERE id > %s ORDER BY id LIMIT %s"""


@pytest.fixture
def over(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """All news counts as finished: tests beside this one hold nothing back. It is the first of September."""
    clock.shift_to(AT)
    at_once_over(monkeypatch)


def issued(how_many: int = 2) -> tuple[City, list[int], list[int]]:
    """(city, children, vouchers): each child's guardian is told of a voucher to accept by 3 September."""
    city = make_city()
    children = add_children(city, how_many)
    return city, children, issue(city, children)


def tell(topic: StrEnum, kind: str, ids: Sequence[int], at: datetime, **detail: object) -> None:
    """News of rows, as their command would tell it."""
    with transaction.atomic():
        outbox.tell(topic=topic, subject_kind=kind, subject_ids=ids, at=at, detail=detail)


def unread(consumer: str, limit: int = 1_000) -> list[News]:
    """As the outbox gives it, but all rows count as finished: transaction ids are the cluster's, tests run beside."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_cursor (consumer, moved_at) VALUES (%s, now()) ON CONFLICT DO NOTHING", [consumer]
        )
        cursor.execute("SELECT last_id FROM outbox_cursor WHERE consumer = %s FOR UPDATE", [consumer])
        ((last,),) = cursor.fetchall()
        cursor.execute(_MINE, [last, limit])
        return [News(i, at, topic, kind, sid, json.loads(d)) for i, at, topic, kind, sid, d in cursor.fetchall()]


def read_up_to(consumer: str, last_id: int, at: datetime) -> None:
    """As the outbox remembers it, without its window."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE outbox_cursor SET last_id = %s WHERE consumer = %s", [last_id, consumer])


def at_once_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all news count as finished."""
    monkeypatch.setattr(making.outbox, "unread", unread)
    monkeypatch.setattr(making.outbox, "read_up_to", read_up_to)


def at_any_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everything go out at once, whatever the hour and however old."""
    monkeypatch.setattr(steps, "after_quiet", lambda at, _: at)
    monkeypatch.setattr(steps, "is_too_late", lambda *_: None)
    monkeypatch.setattr(sending, "_put_off", lambda *_: None)


def make(at: datetime, ways: frozenset[str] = BOTH, limit: int = 500) -> int:
    """Make notices until no news is left; how many pieces were read."""
    done = 0
    while read := commands.make_notices(actor=CLOCK, at=at, ways=ways, limit=limit):
        done += read
    return done


def shown(**where: object) -> list[tuple[str, int | None, int | None, list[int]]]:
    """(kind, guardian, user, matters) of the notices, by kind and person."""
    found = Notice.objects.filter(**where).order_by("kind", "guardian_id", "user_id", "occasion")
    return [(one.kind, one.guardian_id, one.user_id, one.matters) for one in found]


def states(channel: str = "sms") -> dict[str, int]:
    """State of deliveries → how many."""
    found: dict[str, int] = {}
    for state in NoticeDelivery.objects.filter(channel=channel).values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def ways(monkeypatch: pytest.MonkeyPatch) -> tuple[FakeSms, FakeMail]:
    """Fresh fakes behind the duty."""
    gateway, sender = FakeSms(), FakeMail()
    monkeypatch.setattr(duty, "ways", lambda: duty.Ways(gateway, sender))
    return gateway, sender


def send(at: datetime) -> None:
    """One run of the sending duty at an instant."""
    clock.shift_to(at)
    duty.send_notices(at)


def row(table: str, **where: Any) -> int:
    """The only id of a table's rows with these values."""
    names = " AND ".join(f"{name} = %s" for name in where)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} WHERE {names}", list(where.values()))  # noqa: S608 - a test's own words
        ((found,),) = cursor.fetchall()
    return int(found)


def planted(of: Desk) -> None:
    """A notice to the desk's first family, one to a manager of its club, one to an official."""
    row = of.rows[0]
    manager = browsing.official(Role.PROVIDER_MANAGER, provider_id=of.city.provider_id, name="wall:told")
    given = {"matters": [row.pk], "told_at": clock.read(), "made_at": clock.read(), "keep_until": date(2099, 1, 1)}
    Notice.objects.create(
        door="family", guardian_id=guardian_of(row), kind="month_to_confirm", occasion="wall", child_ids=[row.child_id],
        **given,
    )  # fmt: skip
    Notice.objects.create(
        door="provider", user_id=manager, provider_id=of.city.provider_id, kind="claims_paid", occasion="wall", **given
    )
    Notice.objects.create(
        door="office", user_id=of.official(Role.CHECKER), kind="accreditations_filed", occasion="wall", **given
    )
