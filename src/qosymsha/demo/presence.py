"""The second party at the door, and what looks wrong: families scan, a ghost group is planted, a checker resolves."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from qosymsha.demo.world import STAGE_HAND, World
from qosymsha.domain.attendance import queries as attendance
from qosymsha.domain.attendance.commands import checkins
from qosymsha.domain.attendance.rules import Scan, SessionFacts, Trace
from qosymsha.domain.flags import commands as flags
from qosymsha.domain.flags import queries as flag_queries
from qosymsha.domain.flags.rules.recording import Resolution
from qosymsha.domain.people import queries as people
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.domain.vouchers.queries import EnrolmentFacts
from qosymsha.kernel.clock import next_month

SCANNING_EVERY = 6  # one provider in so many shows the code at the month's last lessons
SCANNING_PERMILLE = 800
GHOSTS_EVERY = 25  # one provider in so many has a group that is always full on paper
RESOLVED_PERMILLE, UPHELD_PERMILLE = 900, 300
_MINUTES = timedelta(minutes=5)
GHOST_PHONE = Trace("phone of the provider", "net of the provider")


def scan(world: World, month: date) -> None:
    """At some providers' last lessons of the month most families scan the rotating code, each with its own phone."""
    world.facts["seen"] = set()
    for provider_id in world.facts["providers"][::SCANNING_EVERY]:
        lessons = _last_lessons(attendance.sessions_of(provider_id, month))
        places = vouchers.enrolments_of_groups(sorted({lesson.group_id for lesson in lessons}), month)
        by_start: defaultdict[datetime, list[SessionFacts]] = defaultdict(list)
        for lesson in lessons:
            by_start[lesson.starts_at].append(lesson)
        for starts_at, together in sorted(by_start.items()):
            _scan(world, provider_id, together, places, starts_at + _MINUTES)
    world.facts["scanned"] = world.facts.get("scanned", 0) + len(world.facts["seen"])


def _last_lessons(lessons: Sequence[SessionFacts]) -> list[SessionFacts]:
    last = {lesson.group_id: lesson for lesson in sorted(lessons, key=lambda one: one.starts_at)}
    return list(last.values())


def _scan(
    world: World, provider_id: int, lessons: Sequence[SessionFacts], places: Sequence[EnrolmentFacts], at: datetime
) -> None:
    """One moment at one provider: the teacher's phone shows its codes, the families' phones send them."""
    draw = random.Random(f"scans {world.seed} {provider_id} {at}")
    manager = world.actors[f"provider {provider_id}"]
    world.at(at.date(), at.astimezone().hour)
    codes = attendance.codes_now(
        actor=manager, provider_id=provider_id, session_ids=[lesson.id for lesson in lessons], at=at
    )
    here = [
        (lesson, place)
        for lesson in lessons
        for place in places
        if place.group_id == lesson.group_id and _is_on(place, lesson.on) and draw.randrange(1000) < SCANNING_PERMILLE
    ]
    guardians = people.guardians_of([place.child_id for _, place in here], at.date())
    scans = [
        Scan(
            place.child_id,
            guardians[place.child_id][0],
            codes[lesson.id],
            trace=Trace(f"phone of {guardians[place.child_id][0]}", f"net {guardians[place.child_id][0] % 997}"),
        )
        for lesson, place in here
        if lesson.id in codes
    ]
    outcomes = checkins.check_in_children(
        actor=world.actors["app"], scans=scans, at=at, key=world.key("scan", provider_id, at)
    )
    accepted = {outcome.id for outcome in world.accepted(outcomes)}
    world.facts["seen"] |= {(lesson.id, place.id) for lesson, place in here if place.id in accepted}


def _is_on(place: EnrolmentFacts, day: date) -> bool:
    return place.starts_on <= day and (place.ends_on is None or day <= place.ends_on)


def seen(world: World) -> Collection[tuple[int, int]]:
    """(lesson, place) of this month's scans."""
    found: set[tuple[int, int]] = world.facts.get("seen", set())
    return found


def ghost_sheets(world: World, month: date, provider_ids: Sequence[int]) -> set[int]:
    """Sheets of the planted cheats' groups among these providers."""
    cheats = [p for p in provider_ids if _is_cheat(world, p)]
    return {
        sheet.id
        for provider_id in cheats
        for sheet in attendance.sheets(world.programme_id, month, None, provider_id)
        if sheet.group_id in ghosts(world, provider_id, attendance.sessions_of(provider_id, month))
    }


def _is_cheat(world: World, provider_id: int) -> bool:
    providers: Sequence[int] = world.facts["providers"]
    return provider_id in providers and providers.index(provider_id) % GHOSTS_EVERY == 1


def ghosts(world: World, provider_id: int, lessons: Sequence[SessionFacts]) -> set[int]:
    """The group of a planted cheat: at one provider in `GHOSTS_EVERY` the first group never misses a child."""
    return {min(lesson.group_id for lesson in lessons)} if lessons and _is_cheat(world, provider_id) else set()


def screen(world: World, month: date) -> None:
    """Judge the month by the rules of red flags, once; a checker resolves most of what was raised."""
    done: set[date] = world.facts.setdefault("screened", set())
    if month in done:
        return
    done.add(month)
    at = world.at(next_month(month) + timedelta(days=15), 9)
    flags.screen(
        actor=STAGE_HAND, programme_id=world.programme_id, month=month, at=at, key=world.key("screen", month, at)
    )
    resolve(world, [month], RESOLVED_PERMILLE)


def resolve(world: World, months: Sequence[date], permille: int) -> None:
    """A checker looks at open flags: some days stay unpaid for good, the others are payable again."""
    checker, draw = world.actors["checker"], random.Random(f"flags {world.seed} {months} {permille}")
    for month in months:
        found = flag_queries.flags(
            actor=checker,
            programme_id=world.programme_id,
            territory_id=world.territory_id,
            month=month,
            at=world.now,
        )
        judged = [
            Resolution(
                flag.id,
                "upheld" if draw.randrange(1000) < UPHELD_PERMILLE else "dismissed",
                "visited the hall",
                "visit note of the control",
            )
            for flag in found
            if flag.state == "open" and draw.randrange(1000) < permille
        ]
        outcomes = flags.resolve_flags(
            actor=checker, resolutions=judged, at=world.now, key=world.key("resolve", month, world.now, permille)
        )
        world.accepted(outcomes)
