"""The supply side of a city, from a seed: providers with their papers, venues, teachers and groups with timetables."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time

from qosymsha.demo import names
from qosymsha.kernel import iin

CHILDREN_PER_PROVIDER = 180
GROUPS_PER_PROVIDER = 11
GROUP_CAPACITY = (14, 20)
AGE_BANDS = ((5, 9), (7, 12), (9, 17), (5, 17))
LESSON_HOURS = ((9, 0), (10, 30), (15, 0), (16, 30), (18, 0))
TWICE_A_WEEK = ((1, 4), (2, 5), (3, 6))
THRICE_A_WEEK = ((1, 3, 5), (2, 4, 6))
SOLE_TRADER_PERMILLE = 150


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """A group to open: two or three lessons a week of 80 minutes, by the provider's teacher of that hour."""

    code: str
    activity: str
    language: str
    ages: tuple[int, int]
    capacity: int
    weekdays: tuple[int, ...]
    starts: time
    ends: time
    venue: int
    teacher: int


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """A provider: `number` is a BIN, or a sole trader's synthetic IIN; venues are (district, kk, ru, capacity)."""

    number: str
    is_sole_trader: bool
    name: str
    kind: str
    iban: str
    venues: tuple[tuple[str, str, str, int], ...]
    teachers: int
    groups: tuple[GroupSpec, ...]
    evidence_until: date


def providers(
    *, children: int, seed: int, districts: list[str], activities: dict[str, list[str]], year: int
) -> Iterator[ProviderSpec]:
    """Yield enough providers for about as many places as children. `activities`: kind → codes."""
    draw = random.Random(f"providers {seed}")
    for serial in range(max(4 * len(activities), -(-children // CHILDREN_PER_PROVIDER))):
        kind = _kind_of(serial, list(activities))
        yield _provider(draw, serial, kind, _Town(districts, activities[kind], year))


@dataclass(frozen=True, slots=True)
class _Town:
    districts: list[str]
    activities: list[str]
    year: int


def _kind_of(serial: int, kinds: list[str]) -> str:
    """Two of five creative, two sport, one educational: as the demo's families ask."""
    shares = (0, 1, 0, 1, 2)
    return kinds[shares[serial % 5] % len(kinds)]


def _provider(draw: random.Random, serial: int, kind: str, town: _Town) -> ProviderSpec:
    sole = draw.randrange(1000) < SOLE_TRADER_PERMILLE
    word = names.PROVIDER_WORDS[serial % len(names.PROVIDER_WORDS)]
    venues = tuple(_venue(draw, town.districts) for _ in range(2))
    groups = tuple(_group(draw, i, kind, town.activities) for i in range(GROUPS_PER_PROVIDER))
    papers_end = (
        date(town.year + 1, 1, 31) if serial % 40 != 7 else date(town.year, 10, 31)
    )  # now and then papers end within the year
    return ProviderSpec(
        number=_sole_trader(serial) if sole else _bin(serial),
        is_sole_trader=sole,
        name=f"{word}-{serial + 1} {names.PROVIDER_KINDS.get(kind, 'үйірме')}",
        kind=kind,
        iban=iban(serial),
        venues=venues,
        teachers=-(-GROUPS_PER_PROVIDER // len(weeks_of(kind))),
        groups=groups,
        evidence_until=papers_end,
    )


def weeks_of(kind: str) -> tuple[tuple[int, ...], ...]:
    """The weekday patterns of a kind's groups: sport three times a week, the others twice."""
    return THRICE_A_WEEK if kind == "sport" else TWICE_A_WEEK


def _venue(draw: random.Random, districts: list[str]) -> tuple[str, str, str, int]:
    street, house = draw.choice(names.STREETS), draw.randrange(1, 120)
    return draw.choice(districts), f"{street} көшесі, {house}", f"улица {street}, {house}", 60


def _group(draw: random.Random, index: int, kind: str, activities: list[str]) -> GroupSpec:
    weeks = weeks_of(kind)
    teacher, week = divmod(index, len(weeks))
    hour, minute = LESSON_HOURS[teacher % len(LESSON_HOURS)]
    end = hour * 60 + minute + 80
    return GroupSpec(
        code=f"G{index + 1:02d}",
        activity=activities[(index + draw.randrange(2)) % len(activities)],
        language="kk" if draw.randrange(10) < 7 else "ru",
        ages=AGE_BANDS[index % len(AGE_BANDS)],
        capacity=draw.randint(*GROUP_CAPACITY),
        weekdays=weeks[week],
        starts=time(hour, minute),
        ends=time(end // 60, end % 60),
        venue=index % 2,
        teacher=teacher,
    )


def _bin(serial: int) -> str:
    return _with_check(f"2513{40 + 10 * (serial // 100_000)}", serial % 100_000)


def _sole_trader(serial: int) -> str:
    return _with_check("8013009", serial % 10_000)


def _with_check(head: str, serial: int) -> str:
    """The first issued number at or after `serial` in its own block, so that two serials never meet."""
    width = 11 - len(head)
    body = f"{head}{serial:0{width}d}"
    digit = iin.check_digit(body)
    if digit is None:  # one prefix in 120 is never issued: take its mirror in a block nobody else uses
        return _with_check(f"{head[:-1]}{(int(head[-1]) + 1) % 10}", serial)
    return f"{body}{digit}"


def iban(serial: int) -> str:
    """A Kazakh account number of the test bank 999 with right check digits (ISO 7064 mod 97-10)."""
    account = f"999{serial + 1:013d}"
    rest = int(f"{account}203500") % 97  # K=20 Z=35 00
    return f"KZ{98 - rest:02d}{account}"
