"""A child of 14 to 18 with an account of its own, of any family of the small cities."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from uuid import uuid4

from django.db import transaction

from qosymsha.domain.people import commands, queries
from qosymsha.domain.people.models import Guardian
from qosymsha.domain.people.rules import birthday, person_json, person_of
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day

SYSTEM = Actor.system("test")


def grow(child_id: int, born_on: date) -> None:
    """Let the record say that the child was born on this day."""
    person = person_of(queries.unseal("child", [child_id])[child_id])
    lookup = queries.iin_lookup("child", person.iin) if person.iin else None
    with transaction.atomic():
        seal("child", [SecretRow(child_id, person_json(replace(person, born_on=born_on)), lookup)])


def aged(years: int, at: datetime) -> date:
    """The birth date of somebody who is so many years old and a month."""
    day = local_day(at)
    return birthday(date(day.year - years - (day.month == 1), (day.month - 2) % 12 + 1, 1), 0)


def admit(child_id: int, at: datetime | None = None, years: int = 15) -> int:
    """The user of the child, grown to so many years where it is no youth, with an account from now on."""
    now = at or clock.read()
    born = queries.birth_dates([child_id]).get(child_id)
    if born is None or not birthday(born, 14) <= local_day(now) < birthday(born, 18):
        grow(child_id, aged(years, now))
    subject = f"test:youth:{child_id}"
    return commands.admit_youth(actor=SYSTEM, child_id=child_id, subject=subject, at=now, key=uuid4())


def account(child_id: int) -> int:
    """The row of a child's own account: what a guardian's id is to a guardian."""
    return Guardian.objects.get(child_id=child_id).pk
