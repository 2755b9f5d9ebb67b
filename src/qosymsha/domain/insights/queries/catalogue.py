"""Finding a club: what is asked, the words that were meant, a page of groups, how many, and which filter to loosen.

Everything here is public and names no child. A search is four statements at most, whatever is stored (decision 0042).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any
from uuid import UUID

from django.db import connection

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.rules import person_of
from qosymsha.domain.providers.rules import latin, words_of
from qosymsha.kernel.text import sort_key

PAGE = 20
COUNTED = 200  # beyond it a count says "more than"
MOST_ON_MAP, MOST_SQUARES = 60, 600  # beyond them the map shows no single venues, no squares
_SQUARES = 4  # to the kilometre
_WORDS, _SPELLINGS, _HINTS = 8, 60, 100
_TYPO = 0.25  # trigram similarity from which a word may be a slip or another form of the one typed


@dataclass(frozen=True, slots=True)
class Asked:
    """What a family looks for; an empty field asks for nothing.

    `weekdays`: bits of the days on which the child is free (Monday 1); `starts`, `ends`: minutes of a day between which
    every lesson must lie; `near`: a place on the plane (km east, km north), `within_km` around it; `sort`: name, soon,
    near; `after`: where the page before ended, (value, group id).
    """

    words: tuple[str, ...] = ()
    kind: str = ""
    activity: str = ""
    age: int | None = None
    weekdays: int = 0
    starts: int | None = None
    ends: int | None = None
    district_id: int | None = None
    language: str = ""
    is_free: bool = False
    is_adapted: bool = False
    near: tuple[float, float] | None = None
    within_km: float | None = None
    sort: str = "name"
    after: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Lesson:
    """A weekly lesson: ISO weekday, local times."""

    weekday: int
    starts: time
    ends: time


@dataclass(frozen=True, slots=True)
class Club:
    """A group as the catalogue shows it; amounts are tiyn a month, `free` counts places, `km` from where was asked."""

    id: int
    uuid: UUID
    code: str
    kind: str
    activity_kk: str
    activity_ru: str
    activity_en: str
    provider: str
    district_kk: str
    district_ru: str
    district_en: str
    address_kk: str
    address_ru: str
    language: str
    age_min: int
    age_max: int
    is_adapted: bool
    first_day: date
    last_day: date | None
    capacity: int
    free: int
    is_left_over: bool
    month_tiyn: int
    km: float | None
    order: str
    lessons: tuple[Lesson, ...] = ()  # of a week, those that still take place


@dataclass(frozen=True, slots=True)
class Found:
    """A page of groups; `next` goes into `Asked.after`."""

    clubs: tuple[Club, ...]
    next: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class OnMap:
    """District → (groups, free places); squares in which groups meet (km east, km north), one too many where more."""

    districts: Mapping[int, tuple[int, int]]
    squares: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class GroupOnMap:
    """A group in the list of a venue."""

    uuid: UUID
    activity_kk: str
    activity_ru: str
    activity_en: str
    age_min: int
    age_max: int
    free: int


@dataclass(frozen=True, slots=True)
class VenueOnMap:
    """A venue with the groups that fit. `is_told`: its place was given, it is not its district's middle."""

    address_kk: str
    address_ru: str
    provider: str
    is_told: bool
    east: float | None
    north: float | None
    km: float | None
    groups: tuple[GroupOnMap, ...] = ()


_SPELLED = """
SELECT t.n, w.word, starts_with(w.word, t.typed) OR starts_with(w.latin, t.latin), similarity(w.latin, t.latin)
  FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[]) AS t (n, typed, latin, stem) CROSS JOIN LATERAL (
       (SELECT word, latin FROM club_word WHERE word >= t.typed AND word < t.typed || chr(1114111) LIMIT %s)
        UNION (SELECT word, latin FROM club_word WHERE latin >= t.latin AND latin < t.latin || '~' LIMIT %s)
        UNION (SELECT word, latin FROM club_word WHERE latin >= t.stem AND latin < t.stem || '~' LIMIT %s)
        UNION (SELECT word, latin FROM club_word WHERE latin %% t.latin
                ORDER BY similarity(latin, t.latin) DESC, word LIMIT %s)) w"""

_FROM = """
  FROM club_card c WHERE c.programme_id = %(programme)s AND (c.last_day IS NULL OR c.last_day >= %(today)s)"""
# Scalar subqueries, not joins: they are asked row by row, in the page's order, until the page is full.
_TAKES = """
   AND (SELECT k.valid @> greatest(c.first_day, %(today)s) FROM contract k WHERE k.id = c.contract_id)
   AND (SELECT a.valid @> greatest(c.first_day, %(today)s) FROM accreditation a WHERE a.provider_id = c.provider_id
           AND a.programme_id = c.programme_id AND a.state = 'accredited')"""
_TAKEN = "coalesce((SELECT s.taken FROM seat s WHERE s.group_id = c.group_id), 0)"

# A filter's name → its condition; `{n}` counts typed words.
_CONDITIONS = {
    "kind": "c.kind = %(kind)s",
    "activity": "c.activity_id = %(activity)s",
    "age": "%(age)s BETWEEN c.age_min AND c.age_max",
    "weekdays": "c.weekdays & ~%(weekdays)s::int = 0",
    "starts": "c.starts >= %(starts)s",
    "ends": "c.ends <= %(ends)s",
    "district": "c.district_id = %(district)s",
    "language": "c.language = %(language)s",
    "free": f"{_TAKEN} < c.capacity",
    "adapted": "c.is_adapted",
    "within": "point(c.east_km, c.north_km) <@ circle(point(%(east)s, %(north)s), %(within)s)",
}
_KM = "point(c.east_km, c.north_km) <-> point(%(east)s, %(north)s)"

_SHOWN = """
SELECT g.id, g.uuid, g.code, g.kind, y.name_kk, y.name_ru, y.name_en, p.name, d.name_kk, d.name_ru, d.name_en,
       v.address_kk, v.address_ru, g.language, g.age_min, g.age_max, g.is_adapted, lower(g.valid), upper(g.valid) - 1,
       g.capacity, g.capacity - coalesce(s.taken, 0), coalesce(s.is_left_over, false),
       g.unit_tariff_tiyn * g.units_per_month, f.km, f.sorted::text, l.weekdays, l.starts, l.ends
  FROM ({inner}) f JOIN club_group g ON g.id = f.group_id JOIN offering o ON o.id = g.offering_id
  JOIN activity y ON y.code = o.activity_id JOIN provider p ON p.id = g.provider_id JOIN venue v ON v.id = g.venue_id
  JOIN territory d ON d.id = v.district_id LEFT JOIN seat s ON s.group_id = g.id
 CROSS JOIN LATERAL (SELECT array_agg(weekday ORDER BY weekday, starts, id) AS weekdays,
       array_agg(starts ORDER BY weekday, starts, id) AS starts, array_agg(ends ORDER BY weekday, starts, id) AS ends
  FROM timetable_slot WHERE group_id = g.id AND NOT isempty(valid)
   AND (upper_inf(valid) OR upper(valid) > %(today)s)) l
 ORDER BY f.sorted, g.id"""

_ON_MAP = """
SELECT v.id, v.address_kk, v.address_ru, p.name, v.latitude IS NOT NULL, c.east_km, c.north_km, {km},
       g.uuid, y.name_kk, y.name_ru, y.name_en, g.age_min, g.age_max, g.capacity - coalesce(s.taken, 0)
  FROM ({inner}) c JOIN club_group g ON g.id = c.group_id JOIN venue v ON v.id = g.venue_id
  JOIN offering o ON o.id = g.offering_id JOIN activity y ON y.code = o.activity_id
  JOIN provider p ON p.id = g.provider_id LEFT JOIN seat s ON s.group_id = g.id ORDER BY {order}, g.id"""


def spelled(text: str) -> tuple[tuple[str, ...], ...]:
    """For each word typed (eight at most) the words of the catalogue that were meant; an empty one means nothing does.

    A word's beginning is enough, in Cyrillic or Latin letters; where none begins so, the nearest by letters, so that a
    slip or a missing Kazakh letter finds its group.
    """
    typed = words_of(text)[:_WORDS]
    found: list[list[tuple[str, bool, float]]] = [[] for _ in typed]
    if typed:
        sounds = [latin(word) for word in typed]
        tried = [list(range(len(typed))), list(typed), sounds, [_stem(sound) for sound in sounds]]
        for n, word, begins, likeness in _rows(_SPELLED, [*tried, *[_SPELLINGS] * 4]):
            found[n].append((word, begins, likeness))
    return tuple(_meant(spellings) for spellings in found)


def _stem(sound: str) -> str:
    """A longer word without its ending: `tantsy` may mean what begins as `tanets` does."""
    return sound[: max(3, len(sound) - 3)]


def _meant(spellings: Sequence[tuple[str, bool, float]]) -> tuple[str, ...]:
    begun = tuple(word for word, begins, _ in spellings if begins)
    if begun:
        return begun
    best = max((likeness for *_, likeness in spellings), default=0.0)
    return tuple(word for word, _, likeness in spellings if likeness >= max(_TYPO, 0.8 * best))


def search(programme_id: int, asked: Asked, words: Sequence[tuple[str, ...]], today: date, language: str) -> Found:
    """A page of the groups that fit, in one statement. `words` come from `spelled`."""
    clubs = _page(asked, _terms(programme_id, asked, words, today), _conditions(asked, words), language)
    found, more = clubs[:PAGE], len(clubs) > PAGE
    after = (found[-1].order, found[-1].id) if more else None
    return Found(tuple(found), after)


def counted(programme_id: int, asked: Asked, words: Sequence[tuple[str, ...]], today: date) -> int:
    """How many groups fit on all pages: exact up to COUNTED, COUNTED + 1 means more."""
    every = _all(_conditions(asked, words))
    statement = f"SELECT count(*) FROM (SELECT 1 {_FROM}{every}{_TAKES} LIMIT {COUNTED + 1}) n"  # noqa: S608
    ((total,),) = _rows(statement, _terms(programme_id, asked, words, today))
    return int(total)


def loosened(programme_id: int, asked: Asked, words: Sequence[tuple[str, ...]], today: date) -> list[tuple[str, int]]:
    """(filter, groups found without it) for each filter set, the most first; counts stop at a hundred and one."""
    conditions = _conditions(asked, words)
    if not conditions:
        return []
    parts = [
        f"SELECT '{name}', (SELECT count(*) FROM (SELECT 1 {_FROM}"  # noqa: S608 - names of our own
        f"{_all({other: text for other, text in conditions.items() if other != name})}{_TAKES} LIMIT {_HINTS + 1}) n)"
        for name in conditions
    ]
    found = _rows(" UNION ALL ".join(parts), _terms(programme_id, asked, words, today))
    return sorted(((name, n) for name, n in found if n), key=lambda row: -row[1])


def club(uuid: UUID, today: date) -> Club | None:
    """One group by its outside id, also one that takes nobody now or has ended; None where there never was one."""
    found = "SELECT id AS group_id, NULL::float8 AS km, 0 AS sorted FROM club_group WHERE uuid = %(uuid)s"
    rows = _rows(_SHOWN.format(inner=found), {"uuid": uuid, "today": today})
    return _club(rows[0]) if rows else None


def teachers(group_id: int, today: date) -> list[str]:
    """The names of who teaches a group now, and nothing else of them; empty where none was given."""
    found = _rows(
        "SELECT DISTINCT teacher_id FROM timetable_slot WHERE group_id = %s AND NOT isempty(valid)"
        " AND (upper_inf(valid) OR upper(valid) > %s) ORDER BY 1",
        [group_id, today],
    )
    persons = people.unseal("teacher", [teacher_id for (teacher_id,) in found])
    return sorted((name for plain in persons.values() if (name := person_of(plain).full_name)), key=sort_key)


def papers(group_id: int, today: date) -> list[tuple[str, date | None]]:
    """(kind, last day) of the papers that hold today for a group's provider: premises, fire, teachers' checks…"""
    found = _rows(
        "SELECT e.kind, upper(e.valid) - 1 FROM club_group g JOIN accreditation a ON a.provider_id = g.provider_id"
        " AND a.programme_id = g.programme_id AND a.state IN ('accredited', 'limited')"
        " JOIN accreditation_evidence e ON e.accreditation_id = a.id"
        " WHERE g.id = %s AND e.valid @> %s::date ORDER BY e.kind, upper(e.valid) DESC NULLS FIRST",
        [group_id, today],
    )
    longest: dict[str, date | None] = {}
    for kind, last in found:
        longest.setdefault(kind, last)
    return list(longest.items())


def groups_on_map(programme_id: int, asked: Asked, words: Sequence[tuple[str, ...]], today: date) -> OnMap:
    """The groups that fit, by district and by squares of a quarter of a kilometre, whichever district is asked for."""
    conditions = _all(_conditions(replace(asked, district_id=None), words))
    statement = (
        f"SELECT c.district_id, round(c.east_km * {_SQUARES}), round(c.north_km * {_SQUARES}), count(*),"  # noqa: S608
        f" sum(c.capacity - {_TAKEN}) {_FROM}{conditions}{_TAKES} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    districts: dict[int, tuple[int, int]] = {}
    squares: list[tuple[float, float]] = []
    for district, east, north, groups, free in _rows(statement, _terms(programme_id, asked, words, today)):
        known = districts.get(district, (0, 0))
        districts[district] = (known[0] + int(groups), known[1] + int(free))
        if east is not None:
            squares.append((east / _SQUARES, north / _SQUARES))
    return OnMap(districts, tuple(squares[: MOST_SQUARES + 1]))


def venues_on_map(
    programme_id: int, asked: Asked, words: Sequence[tuple[str, ...]], today: date
) -> tuple[VenueOnMap, ...]:
    """The venues of the groups that fit, nearest first where a place is asked for; none beyond `MOST_ON_MAP` groups."""
    order = "8, 1" if asked.near else "1"
    statement = _ON_MAP.format(
        inner=f"SELECT c.group_id, c.east_km, c.north_km {_FROM}{_all(_conditions(asked, words))}{_TAKES}"
        f" LIMIT {MOST_ON_MAP + 1}",
        km=_KM if asked.near else "NULL::float8",
        order=order,
    )
    rows = _rows(statement, _terms(programme_id, asked, words, today))
    if len(rows) > MOST_ON_MAP:
        return ()
    found: dict[int, VenueOnMap] = {}
    for venue_id, *facts, uuid, kk, ru, en, youngest, oldest, free in rows:
        known = found.get(venue_id) or VenueOnMap(*facts)
        found[venue_id] = replace(known, groups=(*known.groups, GroupOnMap(uuid, kk, ru, en, youngest, oldest, free)))
    return tuple(found.values())


def _page(asked: Asked, terms: dict[str, Any], conditions: dict[str, str], language: str) -> list[Club]:
    """The groups of a page and the first of the next: cheap filters, the order, then what needs another table."""
    near = asked.sort == "near" and asked.near is not None
    by, kind = (_KM, "float8") if near else (f"c.sort_{language}", 'text COLLATE "C"')
    if asked.sort == "soon":
        by, kind = "c.first_day", "date"
    asked_of_card = {name: text for name, text in conditions.items() if name != "free"}
    if asked.after is not None:
        terms = terms | {"passed": asked.after[0], "passed_id": asked.after[1]}
        asked_of_card["after"] = f"({by}, c.group_id) > (%(passed)s::{kind}, %(passed_id)s)"
    km = _KM if asked.near else "NULL::float8"
    # Nothing narrows: the place's index gives the nearest itself. Else few are left to sort, so that comes first.
    first = "" if near and not asked_of_card else f" ORDER BY {by}, c.group_id"
    cheap = f"SELECT c.*, {km} AS km, {by} AS sorted {_FROM}{_all(asked_of_card)}{first}"
    free = f" AND {conditions['free']}" if "free" in conditions else ""
    inner = f"SELECT * FROM ({cheap}) c WHERE true {_TAKES}{free} ORDER BY c.sorted, c.group_id LIMIT {PAGE + 1}"  # noqa: S608
    return [_club(row) for row in _rows(_SHOWN.format(inner=inner), terms)]


def _club(row: tuple[Any, ...]) -> Club:
    *facts, weekdays, starts, ends = row
    week = zip(weekdays or (), starts or (), ends or (), strict=True)
    return replace(Club(*facts), lessons=tuple(Lesson(*one) for one in week))


def _all(conditions: Mapping[str, str]) -> str:
    return "".join(f" AND {text}" for text in conditions.values())


def _conditions(asked: Asked, words: Sequence[tuple[str, ...]]) -> dict[str, str]:
    """The filters that are set, by name, as SQL."""
    is_set = {
        "kind": bool(asked.kind),
        "activity": bool(asked.activity),
        "age": asked.age is not None,
        "weekdays": bool(asked.weekdays),
        "starts": asked.starts is not None,
        "ends": asked.ends is not None,
        "district": asked.district_id is not None,
        "language": bool(asked.language),
        "free": asked.is_free,
        "adapted": asked.is_adapted,
        "within": asked.near is not None and asked.within_km is not None,
    }
    typed = " AND ".join(f"c.words && %(word{n})s::text[]" for n, _ in enumerate(words))
    return ({"words": typed} if typed else {}) | {name: _CONDITIONS[name] for name in is_set if is_set[name]}


def _terms(programme_id: int, asked: Asked, words: Sequence[tuple[str, ...]], today: date) -> dict[str, Any]:
    east, north = asked.near or (None, None)
    return {
        "programme": programme_id,
        "today": today,
        "kind": asked.kind,
        "activity": asked.activity,
        "age": asked.age,
        "weekdays": asked.weekdays,
        "starts": asked.starts,
        "ends": asked.ends,
        "district": asked.district_id,
        "language": asked.language,
        "within": asked.within_km,
        "east": east,
        "north": north,
        **{f"word{n}": list(spellings) for n, spellings in enumerate(words)},
    }


def _rows(statement: str, arguments: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())
