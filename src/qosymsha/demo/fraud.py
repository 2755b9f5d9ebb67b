"""Synthetic months with planted ghosts, honest families and honest oddities, each child's month with its label.

For tuning, tests and trying out: nobody in it exists. Everything follows from the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from qosymsha.demo.town import DAY, HONEST, HOUR, MINUTE, Change, Child, Town, Written
from qosymsha.kernel.clock import local_instant

ODDITIES = ("twins", "siblings_one_phone", "village", "point", "cousins", "small_full", "no_phone", "parents_evening")
FRAUDS = (
    "never_coming",
    "padded_days",
    "invented_group",
    "kickback",
    "held_accounts",
    "relayed_codes",
    "two_clubs",
    "copied_rows",
    "copied_group",
    "abroad",
    "false_lessons",
    "crowded_room",
)
BLIND_SPOT = "quiet_ghost"  # no code at the door, the family colludes: nothing but the provider's word and theirs


def _twins(town: Town) -> None:
    group = town.group()
    town.filled(group, 8)
    for _ in range(2):
        one = town.child(group, "twins")
        one.truth = [town.chance(one.rate) for _ in group.lessons]
        town.child(group, "twins", one.family, truth=list(one.truth), device=one.device, miss=one.miss,
                   confirmed_at=one.confirmed_at and one.confirmed_at + 4, confirm_device=one.confirm_device,
                   confirm_network=one.confirm_network)  # fmt: skip


def _siblings(town: Town) -> None:
    first = town.group()
    one = town.child(first, "siblings_one_phone")
    for n in range(4):
        group = first if n == 0 else town.group()
        town.child(group, "siblings_one_phone", one.family, device=one.device,
                   confirmed_at=one.confirmed_at and one.confirmed_at + 6 * (n + 1),
                   confirm_device=one.confirm_device, confirm_network=one.confirm_network)  # fmt: skip
        if n:
            town.filled(group, 8)
    town.filled(first, 8)


def _village(town: Town) -> None:
    group = town.group(scanning=0.0)
    week_ends = [max(s for _, s, _ in group.lessons[i : i + 4]) for i in range(0, len(group.lessons), 4)]
    for i, (_, starts, _) in enumerate(group.lessons):
        group.teacher_told[starts] = week_ends[i // 4] + 30 * HOUR + 20 * i
    says_when = town.chance(0.5)
    for _ in range(int(town.rng.integers(7, 13))):
        child = town.child(group, "village", home_network=group.network)
        child.is_point = 0
        if says_when:
            child.label = "village_clock"
            town.labels[group.id, child.id] = "village"


def _village_clock(town: Town, child: Child, cell: dict[str, int], came: bool) -> None:
    cell["recorded_at"] = cell["starts"] + 9 * MINUTE


def _point(town: Town) -> None:
    device = town.points[int(town.rng.integers(len(town.points)))]
    network, is_known = town.operators[0], int(town.chance(0.5))
    at = town.end + int(town.rng.integers(1, 6)) * DAY + 10 * HOUR
    for _ in range(6):
        group = town.group()
        town.filled(group, 9)
        at += int(town.rng.uniform(1, 9) * MINUTE)
        town.child(group, "point", confirmed_at=at, confirm_device=device, confirm_network=network, is_point=is_known)


def _cousins(town: Town) -> None:
    group, phone, network = town.group(), town.token(), town.token()
    town.filled(group, 8)
    at = town.end + 2 * DAY + int(town.rng.uniform(9, 21) * HOUR)
    for n in range(3):
        town.child(group if n < 2 else town.group(), "cousins", device=phone, confirm_device=phone,
                   confirmed_at=at + 40 * n, confirm_network=network, home_network=network)  # fmt: skip


def _small_full(town: Town) -> None:
    group = town.group(capacity=6)
    for _ in range(int(town.rng.integers(3, 6))):
        town.child(group, "small_full", rate=1.0)


def _no_phone(town: Town) -> None:
    """Some bear a card, most confirm at a point, hardly anybody does neither."""
    group = town.group()
    town.filled(group, 9)
    for _ in range(2):
        at = town.end + DAY + int(town.rng.uniform(10, 80) * HOUR)
        point = town.points[int(town.rng.integers(len(town.points)))] if town.chance(0.9) else 0
        town.child(group, "no_phone", device=0, is_card=town.chance(0.45), confirmed_at=at if point else 0,
                   confirm_device=point, confirm_network=town.operators[0] if point else 0,
                   is_point=int(bool(point) and town.chance(0.6)))  # fmt: skip


def _parents_evening(town: Town) -> None:
    group = town.group()
    children = [town.child(group, "parents_evening") for _ in range(10)]
    at = town.end + DAY + 19 * HOUR
    for child in children:
        at += int(town.rng.exponential(45))
        child.confirmed_at, child.confirm_device, child.confirm_network = at, child.device, group.network


def _never_coming(town: Town) -> None:
    group = town.group(scanning=0.9)
    town.filled(group, 10)
    for _ in range(int(town.rng.integers(1, 3))):
        child = town.unseen(group, "never_coming")
        if town.chance(0.25):
            child.confirmed_at = child.confirm_device = child.confirm_network = 0


def _padded_days(town: Town) -> None:
    group = town.group(scanning=0.9)
    town.filled(group, 10)
    for _ in range(2):
        child = town.child(group, "padded_days")
        child.truth = [town.chance(0.5) for _ in group.lessons]
        child.present = [came or town.chance(0.92) for came in child.truth]
        if sum(child.present) - sum(child.truth) < 2:
            child.truth = [i % 2 == 0 for i in range(len(group.lessons))]
            child.present = [True] * len(group.lessons)


def _padded_cell(town: Town, child: Child, cell: dict[str, int], came: bool) -> None:
    if cell["value"] == 1 and not came and child.id % 10 < 6:
        cell["marked_at"] = town.end - 9 * HOUR
    cell["marked_at"] = max(cell["marked_at"], cell["starts"])


def _invented_group(town: Town) -> None:
    group = town.group(scanning=0.0)
    in_one_go = town.end - int(town.rng.uniform(2, 30) * HOUR)
    if town.chance(0.7):
        for n, (_, starts, _) in enumerate(group.lessons):
            group.teacher_told[starts] = max(starts, in_one_go) + 60 * n
    label = "invented_scanned" if town.chance(0.3) else "invented_group"
    children = [town.unseen(group, label) for _ in range(int(town.rng.integers(8, 15)))]
    for child in children:
        town.labels[group.id, child.id] = "invented_group"
    device = group.device if town.chance(0.4) else town.token()
    town.burst(children, seconds=20, device=device, network=group.network)


def _one_phone_scans(town: Town, child: Child, cell: dict[str, int], came: bool) -> None:
    if cell["value"] == 1:
        cell["scan_at"] = cell["starts"] + 120 + child.id % 90
        cell["scan_device"], cell["scan_network"] = child.confirm_device, child.group.network


def _kickback(town: Town) -> None:
    group = town.group()
    town.filled(group, 9)
    for _ in range(2):
        child = town.unseen(group, "kickback")
        child.confirm_device, child.confirm_network = group.device, group.network
        child.confirmed_at = town.end + int(town.rng.uniform(8, 130) * HOUR)


def _held_accounts(town: Town) -> None:
    group = town.group()
    children = [town.child(group, "held_accounts") for _ in range(int(town.rng.integers(8, 14)))]
    for child in children:
        child.truth = [town.chance(0.45) for _ in group.lessons]
        child.present = [came or town.chance(0.9) for came in child.truth]
        child.miss = 0.3
    one = None if town.chance(0.35) else town.token()
    town.burst(children, seconds=4, device=one, network=town.token())


def _relayed_codes(town: Town) -> None:
    group = town.group(scanning=0.9)
    group.has_venue_network = True
    town.filled(group, 6)
    for _ in range(int(town.rng.integers(5, 8))):
        town.unseen(group, "relayed_codes")


def _relayed_cell(town: Town, child: Child, cell: dict[str, int], came: bool) -> None:
    if cell["value"] == 1:
        cell["scan_at"] = cell["starts"] + 240 + int(town.rng.uniform(0, 7))
        cell["scan_device"] = child.device
        cell["scan_network"] = child.home_network if town.chance(0.7) else int(town.rng.choice(town.operators))


def _two_clubs(town: Town) -> None:
    group, other = town.group(scanning=0.9), town.group()
    town.filled(group, 8)
    real = town.child(group, HONEST, rate=0.95)
    other.lessons = [(d, s + 15 * MINUTE, e + 15 * MINUTE) for d, s, e in group.lessons]
    other.teacher_told = {s: s + 9 * MINUTE for _, s, _ in other.lessons}
    town.filled(other, 8)
    ghost = town.unseen(other, "two_clubs", real.family)
    town.labels.pop((other.id, ghost.id))
    ghost.id, ghost.device = real.id, real.device
    ghost.confirmed_at, ghost.confirm_device = real.confirmed_at, real.confirm_device
    ghost.confirm_network = real.confirm_network
    town.labels[other.id, ghost.id] = "two_clubs"
    town.labels[group.id, real.id] = "other_club"


def _copied_rows(town: Town) -> None:
    group = town.group(scanning=0.0)
    town.filled(group, 5)
    row = [True] * len(group.lessons)
    for i in town.rng.choice(len(row), 2, replace=False):
        row[i] = False
    for _ in range(int(town.rng.integers(5, 9))):
        child = town.unseen(group, "copied_rows")
        child.present = list(row)


def _copied_group(town: Town) -> None:
    group = town.group(scanning=0.0)
    rows = [[town.chance(0.88) for _ in group.lessons] for _ in range(9)]
    for n in range(2):
        twin = group if n == 0 else town.group(scanning=0.0, provider=group.provider)
        if n:
            twin.lessons = [(d, s + 2 * HOUR, e + 2 * HOUR) for d, s, e in group.lessons]
            twin.teacher_told = {s: s + 9 * MINUTE for _, s, _ in twin.lessons}
        for row in rows:
            child = town.unseen(twin, "copied_group")
            child.present = list(row)


def _abroad(town: Town) -> None:
    group = town.group()
    town.filled(group, 9)
    for _ in range(2):
        child = town.child(group, "abroad")
        gone = int(town.rng.integers(0, 3))
        child.truth = [i < gone and town.chance(0.9) for i in range(len(group.lessons))]
        child.present = [came or (i >= gone and town.chance(0.93)) for i, came in enumerate(child.truth)]
        child.present[-1] = True


def _abroad_cell(town: Town, child: Child, cell: dict[str, int], came: bool) -> None:
    if not came:
        cell["away"] = 1 + child.id % 2


def _false_lessons(town: Town) -> None:
    group = town.group()
    holiday = min(town.holidays)
    at = int(local_instant(date.fromordinal(holiday)).timestamp())
    extra = [(holiday, at + 15 * HOUR, at + 16 * HOUR)]
    night = group.lessons[0][0]
    extra.append((night, int(local_instant(date.fromordinal(night)).timestamp()) + 23 * HOUR, 0))
    extra[1] = (night, extra[1][1], extra[1][1] + HOUR)
    honest = len(group.lessons)
    group.lessons = [*group.lessons, *extra]
    for _, starts, _ in extra:
        group.teacher_told[starts] = starts + 20 * MINUTE
    for _ in range(9):
        child = town.child(group, "false_lessons")
        child.truth = [i < honest and town.chance(child.rate) for i in range(len(group.lessons))]
        child.present = [came or i >= honest for i, came in enumerate(child.truth)]


def _crowded_room(town: Town) -> None:
    group = town.group(scanning=0.0, capacity=10)
    other = town.group(scanning=0.0, capacity=10, provider=group.provider)
    other.lessons, other.teacher, other.teacher_told = group.lessons, group.teacher, group.teacher_told
    for one in (group, other):
        for _ in range(14):
            town.unseen(one, "crowded_room")


def _quiet_ghost(town: Town) -> None:
    group = town.group(scanning=0.0)
    town.filled(group, 9)
    for _ in range(2):
        town.unseen(group, BLIND_SPOT)


CHANGES: Mapping[str, tuple[Change, ...]] = {
    "village_clock": (_village_clock,),
    "padded_days": (_padded_cell,),
    "invented_scanned": (_one_phone_scans,),
    "relayed_codes": (_relayed_cell,),
    "abroad": (_abroad_cell,),
}
PLANTERS: Mapping[str, Callable[[Town], None]] = {
    "twins": _twins,
    "siblings_one_phone": _siblings,
    "village": _village,
    "point": _point,
    "cousins": _cousins,
    "small_full": _small_full,
    "no_phone": _no_phone,
    "parents_evening": _parents_evening,
    "never_coming": _never_coming,
    "padded_days": _padded_days,
    "invented_group": _invented_group,
    "kickback": _kickback,
    "held_accounts": _held_accounts,
    "relayed_codes": _relayed_codes,
    "two_clubs": _two_clubs,
    "copied_rows": _copied_rows,
    "copied_group": _copied_group,
    "abroad": _abroad,
    "false_lessons": _false_lessons,
    "crowded_room": _crowded_room,
    BLIND_SPOT: _quiet_ghost,
}


def write_month(seed: int, children: int = 10_000, month: date = date(2026, 9, 1), share: float = 0.009) -> Written:
    """A month of about so many child-months; each kind of ghost is about `share` of them, each oddity twice that."""
    town, many = Town(seed, children, month, CHANGES), max(4, round(children * share))
    for kind in (*FRAUDS, BLIND_SPOT):
        town.plant(many, kind, PLANTERS[kind])
    for kind in ODDITIES:
        town.plant(2 * many, kind, PLANTERS[kind])
    return town.write()
