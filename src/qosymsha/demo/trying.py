"""A few children look at a lesson before they choose: trial lessons of today and tomorrow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from qosymsha.demo.world import World
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.commands import admit_guardian
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.trials import commands, queries
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

HOUSE = Actor.system("sign-in")
MOST, GROUPS = 3, 12  # bookings, and groups looked at for a lesson with room


def book(world: World, child_ids: Sequence[int]) -> int:
    """Book up to `MOST` of the children, one lesson each, in groups that have room for guests; how many."""
    at = world.now
    groups = sorted(providers.groups_open_on(world.programme_id, local_day(at)), key=lambda one: one.id)
    lessons = [lesson for group in groups[:GROUPS] for lesson in queries.lessons_open(group, at)[:1]]
    booked: set[int] = set()
    for child_id, lesson in product(sorted(child_ids), lessons):
        if len(booked) < MOST and child_id not in booked and _came(world, child_id, lesson.id):
            booked.add(child_id)
    return len(booked)


def _came(world: World, child_id: int, lesson_id: int) -> bool:
    guardian_id = people.guardians_of([child_id], local_day(world.now))[child_id][0]
    subject, at = f"demo:family:{guardian_id}", world.now
    user_id = admit_guardian(actor=HOUSE, guardian_id=guardian_id, subject=subject, at=at, key=world.key(subject))
    key = world.key("trial", child_id, lesson_id)
    try:
        commands.book_trial(
            actor=people.actor_for(user_id, at), child_id=child_id, session_id=lesson_id, at=at, key=key
        )
    except Refused:  # another age, or the lesson is full: the next one
        return False
    return True
