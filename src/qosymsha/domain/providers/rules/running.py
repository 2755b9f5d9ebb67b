"""A group that runs: what may be changed about it and its venue, and which lessons stand in each other's way. Pure.

Source: docs/rules/providers.md R-23, R-24, R-27 … R-34.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum

from qosymsha.domain.providers.rules import LANGUAGES, Mode, ProviderRefusal, Slot, is_in_country, is_venue_full, meets


class Adaptation(StrEnum):
    """What a venue has for children with special needs."""

    RAMP = "ramp"
    LIFT = "lift"
    WIDE_DOORS = "wide_doors"
    TOILET = "toilet"
    TACTILE = "tactile"
    LOOP = "loop"
    QUIET_ROOM = "quiet_room"


@dataclass(frozen=True, slots=True)
class VenueTerms:
    """A venue as a manager tells it; `place`: degrees (latitude, longitude), None where nobody has given them."""

    district_id: int
    address_kk: str
    address_ru: str
    capacity: int
    adaptations: tuple[str, ...] = ()
    place: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class GroupTerms:
    """What a manager may change about a group at any time; children who have a place keep it."""

    language: str
    age_min: int
    age_max: int
    is_adapted: bool
    mode: str
    adds_tiyn: int


@dataclass(frozen=True, slots=True)
class WeekSlot:
    """A weekly lesson as a manager wishes it: ISO weekday, local times, who teaches."""

    weekday: int
    starts: time
    ends: time
    teacher_id: int


@dataclass(frozen=True, slots=True)
class Clash:
    """A wished lesson that can't be: `reason` teacher_busy or venue_full; the groups whose lessons stand in the way."""

    weekday: int
    starts: time
    ends: time
    reason: ProviderRefusal
    group_ids: tuple[int, ...]


def refuse_venue(terms: VenueTerms) -> ProviderRefusal | None:
    """The first fault of a venue in itself, or None."""
    checks = (
        (not (terms.address_kk.strip() and terms.address_ru.strip()), ProviderRefusal.ADDRESS_MISSING),
        (terms.capacity < 1, ProviderRefusal.BAD_CAPACITY),
        (not set(terms.adaptations) <= set(Adaptation), ProviderRefusal.ADAPTATION_UNKNOWN),
        (not is_in_country(terms.place), ProviderRefusal.PLACE_UNREADABLE),
    )
    return next((reason for is_wrong, reason in checks if is_wrong), None)


def refuse_terms(terms: GroupTerms) -> ProviderRefusal | None:
    """The first fault of a group's terms in themselves, or None; what a family adds is judged by the rule set."""
    checks = (
        (terms.language not in LANGUAGES, ProviderRefusal.LANGUAGE_UNKNOWN),
        (not 0 <= terms.age_min <= terms.age_max, ProviderRefusal.BAD_AGES),
        (terms.mode not in set(Mode), ProviderRefusal.MODE_UNKNOWN),
    )
    return next((reason for is_wrong, reason in checks if is_wrong), None)


def clashes(
    wanted: Sequence[Slot], taken: Sequence[Slot], children: Mapping[int, int], capacity: int, room: int
) -> list[Clash]:
    """Each wished lesson whose teacher is elsewhere then, and each that would overfill the hall; in the given order.

    `taken` are lessons of other groups; `children`: group → capacity; `room`: how many the hall may hold.
    """
    found = []
    for slot in wanted:
        busy = sorted({t.group_id for t in taken if t.teacher_id == slot.teacher_id and meets(slot, t)})
        if busy:
            found.append(_clash(slot, ProviderRefusal.TEACHER_BUSY, busy))
        if is_venue_full([slot], taken, children, capacity, room):
            there = sorted({t.group_id for t in taken if t.venue_id == slot.venue_id and meets(slot, t)})
            found.append(_clash(slot, ProviderRefusal.VENUE_FULL, there))
    return found


def _clash(slot: Slot, reason: ProviderRefusal, group_ids: Sequence[int]) -> Clash:
    return Clash(slot.weekday, slot.starts, slot.ends, reason, tuple(group_ids))


def is_inside(day: date, first: date, last: date | None) -> bool:
    """The day lies between the two, both counted; None is open."""
    return first <= day and (last is None or day <= last)
