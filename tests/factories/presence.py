"""Lessons of the small city with their codes: what a teacher's phone shows and a family's phone reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.models import Session
from qosymsha.domain.attendance.rules import Scan, Trace, code_of
from qosymsha.domain.people.models import Guardianship
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.kernel.actor import Actor, Grant
from tests.factories.attendance import plan
from tests.factories.vouchers import CHANNEL, City, add_group, enrolled, key, make_city

SECONDS = 30


@dataclass(slots=True)
class Venue:
    """A city with one group, its lessons of September, and (guardian, child, place) of each family."""

    city: City
    group_id: int
    lessons: list[Session]
    families: list[tuple[int, int, int]]

    @property
    def lesson(self) -> Session:
        """The first lesson: Tuesday 1 September, 15:00 to 16:00."""
        return self.lessons[0]

    def scan(self, family: int = 0, code: str | None = None, *, typed: bool = False, **more: object) -> Scan:
        """The family's scan of the code shown in the first minute of the first lesson."""
        guardian, child, _ = self.families[family]
        shown = code or shown_at(self.lesson, self.lesson.starts_at)
        return Scan(child, guardian, shown, None if typed else self.lesson.uuid, **more)  # type: ignore[arg-type]


def venue(families: int = 1, capacity: int = 15) -> Venue:
    """A group with families in it, September planned."""
    city = make_city()
    group = add_group(city, capacity=max(capacity, families))
    found = [family_of(place) for _, _, place in enrolled(city, group, families)]
    plan(city)
    return Venue(city, group, list(Session.objects.filter(group_id=group).order_by("starts_at")), found)


def family_of(enrolment_id: int) -> tuple[int, int, int]:
    """(guardian, child, place) of a place."""
    child = Enrolment.objects.get(pk=enrolment_id).child_id
    return Guardianship.objects.get(child_id=child).guardian_id, child, enrolment_id


def shown_at(lesson: Session, at: datetime) -> str:
    """The code shown at a lesson at an instant."""
    return code_of(queries.secret_of(lesson.uuid), lesson.uuid, lesson.group_id, int(at.timestamp()) // SECONDS)


def teacher(city: City) -> Actor:
    """A teacher of the city's provider."""
    return Actor(301, "user:301", (Grant(Role.TEACHER, provider_id=city.provider_id),))


def guardian(guardian_id: int) -> Actor:
    """A guardian signed in."""
    return Actor(10_000 + guardian_id, f"user:{10_000 + guardian_id}", (Grant(Role.GUARDIAN),), guardian_id=guardian_id)


def send_scans(scans: list[Scan], at: datetime, actor: Actor = CHANNEL) -> list[tuple[object, str]]:
    """(reason, kind) of each scan sent together."""
    outcomes = commands.check_in_children(actor=actor, scans=scans, at=at, key=key())
    return [(o.reason, o.detail) for o in outcomes]


def minutes(n: float) -> timedelta:
    """So many minutes."""
    return timedelta(minutes=n)


PHONE = Trace(device="phone 1", network="10.0.0.1")
