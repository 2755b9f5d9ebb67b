"""A pupil of 14 to 18 with a place opens an account of its own, so that a trial can be tried as one."""

from __future__ import annotations

from datetime import date

from django.conf import settings

from qosymsha.demo.world import World
from qosymsha.domain.people import commands
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import refuse_youth
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day

HOUSE = Actor.system("sign-in")


def let_in(world: World, month: date) -> int:
    """Admit the first such child with a place this month; how many (0 or 1)."""
    at, today = world.now, local_day(world.now)
    groups = sorted(group.id for group in providers.groups_open_on(world.programme_id, today))
    placed = sorted(
        one.child_id
        for one in vouchers.enrolments_of_groups(groups, month)
        if one.starts_on <= today and (one.ends_on is None or one.ends_on >= today)
    )
    born = people.birth_dates(placed)
    for child_id in placed:
        day = born.get(child_id)
        if refuse_youth(day, ages=settings.YOUTH_AGES, has_guardian=True, today=today) is None:
            subject = f"demo:pupil:{child_id}"
            commands.admit_youth(actor=HOUSE, child_id=child_id, subject=subject, at=at, key=world.key(subject))
            return 1
    return 0
