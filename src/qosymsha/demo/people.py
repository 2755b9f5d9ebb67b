"""Families of a city, one after another, from a seed. Every IIN's seventh digit is 7, 8 or 9: nobody can be meant."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from qosymsha.demo import names
from qosymsha.kernel import iin

# How often a family or child is in a category of the default rule set, in permille: invented, no statistics.
FAMILY_PERMILLE = {"tsa": 50, "card-de": 40, "low-income": 45, "large-family": 60, "emergency": 5, "single-parent": 70}
CHILD_PERMILLE = {"orphan": 8, "disability": 20, "sen": 30, "parent-disability": 20, "prevention": 6}
OUT_OF_AGE_PERMILLE, OUT_OF_AGE = 8, (2, 3, 19)  # families try with children whom the rules do not take
CHILDREN_PERMILLE = ((620, 1), (300, 2), (80, 3))  # of families: how many children apply


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic person as a register would hold one."""

    iin: str
    surname: str
    given: str
    patronymic: str
    born_on: date
    phone: str = ""


@dataclass(frozen=True, slots=True)
class DemoChild:
    """A child with its district, the kind the family applies for, and the categories that registers will certify."""

    person: Person
    home_kato: str
    kind: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DemoFamily:
    """One guardian and the children that apply."""

    guardian: Person
    language: str
    children: tuple[DemoChild, ...]


class Numbers:
    """Hands out valid synthetic IINs, never the same twice: a counter per birth date."""

    def __init__(self) -> None:
        self._used: dict[str, int] = {}

    def next(self, born_on: date) -> str:
        """The next number of a birth date; numbers that are never issued are skipped."""
        day = born_on.strftime("%y%m%d")
        while True:
            serial = self._used.get(day, 0)
            self._used[day] = serial + 1
            body = f"{day}{7 + serial // 10_000}{serial % 10_000:04d}"
            digit = iin.check_digit(body)
            if digit is not None:
                return f"{body}{digit}"


def families(
    *, children: int, seed: int, school_year: int, districts: list[str], kinds: list[str]
) -> Iterator[DemoFamily]:
    """Yield families until `children` children are out. `school_year` is the year the children's ages refer to."""
    town = _Town(random.Random(f"families {seed}"), Numbers(), school_year, districts, kinds)
    left = children
    while left > 0:
        family = _family(town, left)
        left -= len(family.children)
        yield family


@dataclass(frozen=True, slots=True)
class _Town:
    draw: random.Random
    numbers: Numbers
    year: int
    districts: list[str]
    kinds: list[str]


def _family(town: _Town, left: int) -> DemoFamily:
    draw = town.draw
    surname = draw.choice(names.SURNAMES)
    guardian = _adult(town, surname)
    size = min(left, _pick(draw, CHILDREN_PERMILLE))
    shared = [c for c, permille in FAMILY_PERMILLE.items() if draw.randrange(1000) < permille]
    father, home = draw.choice(names.FATHERS), draw.choice(town.districts)
    young = tuple(_child(town, surname, father, home, shared) for _ in range(size))
    return DemoFamily(guardian, draw.choices(["kk", "ru"], [7, 3])[0], young)


def _adult(town: _Town, surname: str) -> Person:
    draw = town.draw
    born = date(town.year - draw.randrange(24, 50), 1, 1) + timedelta(days=draw.randrange(365))
    given = draw.choice(names.GIRLS if draw.randrange(4) else names.BOYS)
    phone = f"+7700{draw.randrange(10_000_000):07d}"
    return Person(town.numbers.next(born), surname, given, "", born, phone)


def _child(town: _Town, surname: str, father: str, home: str, shared: list[str]) -> DemoChild:
    draw = town.draw
    girl = draw.randrange(2) == 0
    age = draw.randrange(5, 17) if draw.randrange(1000) >= OUT_OF_AGE_PERMILLE else draw.choice(OUT_OF_AGE)
    born = date(town.year - age, 1, 1) + timedelta(days=draw.randrange(365))
    given = draw.choice(names.GIRLS if girl else names.BOYS)
    person = Person(town.numbers.next(born), surname, given, f"{father}{'қызы' if girl else 'ұлы'}", born)
    own = [c for c, permille in CHILD_PERMILLE.items() if draw.randrange(1000) < permille]
    return DemoChild(person, home, draw.choices(town.kinds, [4, 4, 2])[0], (*own, *shared))


def _pick(draw: random.Random, shares: tuple[tuple[int, int], ...]) -> int:
    at = draw.randrange(1000)
    for permille, value in shares:
        if at < permille:
            return value
        at -= permille
    return shares[-1][1]
