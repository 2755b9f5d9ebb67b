"""A synthetic town that writes down one month of lessons: groups, families, habits. Who is planted in it: `fraud`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from qosymsha.domain.flags.rules import COLUMNS
from qosymsha.domain.flags.rules.evidence import Numbers
from qosymsha.kernel.clock import local_instant, next_month

HONEST = "honest"
MINUTE, HOUR, DAY = 60, 3600, 86400
_CITY, _ELSEWHERE = 711010000, 391010000
_OPERATORS = 40


@dataclass
class Group:
    """A group of the synthetic city: its provider's means, its hours, whether codes are read at its door."""

    id: int
    provider: int
    venue: int
    teacher: int
    capacity: int
    lessons: list[tuple[int, int, int]]  # (day, starts, ends)
    scanning: float
    device: int
    network: int
    has_venue_network: bool
    teacher_told: dict[int, int] = field(default_factory=dict)  # lesson's start → when its marks were made


@dataclass
class Child:
    """One child's month in a group, as it will be written."""

    group: Group
    id: int
    family: int
    label: str
    rate: float = 0.87
    miss: float = 0.08
    device: int = 0
    home_network: int = 0
    home: int = _CITY
    is_card: bool = False
    confirmed_at: int = 0
    confirm_device: int = 0
    confirm_network: int = 0
    is_point: int = 0
    present: list[bool] = field(default_factory=list)
    truth: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class Written:
    """A month written down: rows of `COLUMNS`; (group, child) → label; (group, child, day) of false presences."""

    month: date
    columns: Mapping[str, Numbers]
    labels: Mapping[tuple[int, int], str]
    false_days: frozenset[tuple[int, int, int]]
    holidays: frozenset[int]


Change = Callable[["Town", Child, dict[str, int], bool], None]


class Town:
    """Writes one month of a town of about `children` child-months."""

    def __init__(self, seed: int, children: int, month: date, changes: Mapping[str, tuple[Change, ...]]) -> None:
        self.rng = np.random.default_rng(seed)
        self.month, self.children, self.changes = month, children, changes
        self.rows: list[tuple[int, ...]] = []
        self.labels: dict[tuple[int, int], str] = {}
        self.false_days: set[tuple[int, int, int]] = set()
        self.members: list[Child] = []
        self._serial = 0
        last = next_month(month)
        self.days = [month + timedelta(n) for n in range((last - month).days)]
        self.holidays = frozenset({self.days[self.rng.integers(7, 20)].toordinal()})
        self.operators = [self.token() for _ in range(_OPERATORS)]
        self.points = [self.token() for _ in range(3)]
        self.end = int(local_instant(last).timestamp())
        self._providers = [(self._number(), self.token(), self.token()) for _ in range(max(4, children // 110))]

    def write(self) -> Written:
        """What was planted, and honest families until the town is full."""
        while len(self.members) < self.children:
            self.filled(self.group(), int(self.rng.integers(7, 15)))
        for child in self.members:
            self._lessons(child)
        table = np.array(self.rows, np.int64).reshape(-1, len(COLUMNS))
        columns = {name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(COLUMNS)}
        return Written(self.month, columns, self.labels, frozenset(self.false_days), self.holidays)

    def plant(self, many: int, kind: str, plant: Callable[[Town], None]) -> None:
        """Plant until so many child-months bear the kind's label."""
        while sum(label == kind for label in self.labels.values()) < many:
            plant(self)

    def _number(self) -> int:
        self._serial += 1
        return self._serial

    def token(self) -> int:
        """A device or network that nobody else has."""
        return int(self.rng.integers(1, 2**62))

    def chance(self, share: float) -> bool:
        """True in that share of cases."""
        return bool(self.rng.random() < share)

    def group(self, *, scanning: float | None = None, capacity: int = 15, provider: int | None = None) -> Group:
        """A group with two or three lessons a week at a fixed hour."""
        owner, device, network = self._providers[int(self.rng.integers(len(self._providers)))]
        if provider is not None:
            owner, device, network = next(p for p in self._providers if p[0] == provider)
        if self.chance(0.6):
            device = self.token()  # the teacher's own phone rather than the office tablet
        weekdays = set(self.rng.choice(6, 3 if self.chance(0.3) else 2, replace=False).tolist())
        hour = int(self.rng.integers(9, 19)) * HOUR + int(self.rng.choice([0, 30])) * MINUTE
        lessons = []
        for day in self.days:
            if day.weekday() in weekdays and day.toordinal() not in self.holidays:
                starts = int(local_instant(day).timestamp()) + hour
                lessons.append((day.toordinal(), starts, starts + HOUR))
        usual = 0.0 if self.chance(0.2) else float(self.rng.uniform(0.85, 0.97))
        made = Group(
            self._number(), owner, self._number(), self._number(), capacity, lessons,
            usual if scanning is None else scanning, device, network, self.chance(0.6),
        )  # fmt: skip
        for _, starts, ends in lessons:
            made.teacher_told[starts] = self._told(starts, ends)
        return made

    def _told(self, starts: int, ends: int) -> int:
        draw = self.rng.random()
        if draw < 0.9:
            return starts + int(self.rng.normal(8, 5) * MINUTE) % HOUR
        if draw < 0.97:
            return ends + int(self.rng.uniform(0.2, 4) * HOUR)
        return ends + int(self.rng.uniform(10, 30) * HOUR)

    def child(self, group: Group, label: str = HONEST, family: int = 0, **given: object) -> Child:
        """A child of a group with an honest family's habits, changed by `given`; its month is confirmed or silent."""
        made = Child(group, self._number(), family or self._number(), label)
        made.rate = float(self.rng.beta(20, 3))
        made.miss = float(self.rng.beta(2, 22))
        made.device, made.home_network = self.token(), self.token()
        self.confirm(made)
        for name, value in given.items():
            setattr(made, name, value)
        self.members.append(made)
        self.labels[group.id, made.id] = label
        return made

    def confirm(self, child: Child) -> None:
        """On own means within the first days of the next month, after a reminder or at any hour; or not at all."""
        if self.chance(0.08):
            return
        child.confirmed_at = self.end + int(self.rng.integers(1, 7)) * DAY + int(self.rng.uniform(8, 23) * HOUR)
        if self.chance(0.4):
            day = int(self.rng.choice([0, 2, 4]))
            child.confirmed_at = self.end + day * DAY + 10 * HOUR + int(self.rng.exponential(25 * MINUTE))
        child.confirm_device = child.device if self.chance(0.93) else self.token()
        child.confirm_network = child.home_network if self.chance(0.7) else int(self.rng.choice(self.operators))

    def unseen(self, group: Group, label: str, family: int = 0) -> Child:
        """A child who never comes and is marked present nearly always."""
        made = self.child(group, label, family)
        made.truth = [False] * len(group.lessons)
        made.present = [self.chance(0.97) for _ in group.lessons]
        return made

    def _lessons(self, child: Child) -> None:
        group = child.group
        if not child.truth:
            child.truth = [self.chance(child.rate) for _ in group.lessons]
        if not child.present:
            child.present = list(child.truth)
        for lesson, came, marked in zip(group.lessons, child.truth, child.present, strict=True):
            self._cell(child, lesson, came, marked)

    def _cell(self, child: Child, lesson: tuple[int, int, int], came: bool, marked: bool) -> None:
        group, (day, starts, ends) = child.group, lesson
        if marked and not came:
            self.false_days.add((group.id, child.id, day))
        told = group.teacher_told[starts] + int(self.rng.integers(0, 50))
        cell = {
            "day": day, "starts": starts, "ends": ends, "value": 1 if marked else int(self.rng.choice([0, 0, 2, 3])),
            "marked_at": told, "mark_device": group.device, "mark_network": group.network, "teacher": group.teacher,
        }  # fmt: skip
        if came and marked and child.is_card:
            cell["is_card"] = 1
        elif came and marked and group.scanning and self.chance(1 - child.miss) and child.device:
            cell["scan_at"] = starts + int(self.rng.normal(-4, 5) * MINUTE)
            cell["scan_device"] = child.device
            at_venue = group.has_venue_network and self.chance(0.85)
            cell["scan_network"] = group.network if at_venue else int(self.rng.choice(self.operators))
        for change in self.changes.get(child.label, ()):
            change(self, child, cell, came)
        self._write(child, cell)

    def _write(self, child: Child, cell: Mapping[str, int]) -> None:
        group = child.group
        row = {
            "provider": group.provider, "group": group.id, "child": child.id, "family": child.family,
            "home": child.home, "venue": group.venue, "district": _CITY, "capacity": group.capacity,
            "confirmed_at": child.confirmed_at, "confirm_device": child.confirm_device,
            "confirm_network": child.confirm_network, "is_confirm_point": child.is_point, **cell,
        }  # fmt: skip
        self.rows.append(tuple(row.get(name, 0) for name in COLUMNS))

    def burst(self, children: list[Child], *, seconds: float, device: int | None, network: int) -> None:
        """All confirm one after another, on one device or (None) each on one of its own that nobody ever saw."""
        at = self.end + int(self.rng.integers(0, 5)) * DAY + int(self.rng.uniform(9, 22) * HOUR)
        for child in children:
            at += 1 + int(self.rng.exponential(seconds))
            child.confirmed_at, child.confirm_network = at, network
            child.confirm_device = device if device is not None else self.token()

    def filled(self, group: Group, many: int) -> None:
        """Honest children beside the planted ones."""
        for _ in range(many):
            self.child(group)
