"""What a family looks for, read from an address: unknown values ask for nothing, so that no link is ever broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from math import isnan
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict

from qosymsha.domain.insights.queries.catalogue import Asked
from qosymsha.domain.people.queries import TerritoryName
from qosymsha.domain.programmes.queries import ActivityName
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import LANGUAGES, plane

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = tuple(range(8, 22))
KILOMETRES = (2, 4, 6, 10)
AGES = tuple(range(3, 19))
SORTS = ("name", "soon", "near")
# A filter of the query → the field of the address that sets it.
FIELDS = {
    "words": "q",
    "kind": "what",
    "activity": "what",
    "age": "age",
    "weekdays": "day",
    "starts": "from",
    "ends": "until",
    "district": "district",
    "language": "language",
    "free": "free",
    "adapted": "adapted",
    "within": "km",
}
_TYPED = 100
PICKED = 4  # clubs that stand side by side
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Typed:
    """A search as it was typed, for the form to come back with; `asked` is what it means."""

    q: str
    what: str
    age: str
    days: tuple[str, ...]
    starts: str
    ends: str
    district: str
    language: str
    is_free: bool
    is_adapted: bool
    near: str
    km: str
    sort: str
    asked: Asked = field(default=Asked())

    @property
    def is_narrow(self) -> bool:
        """Whether a filter beyond the first ones is set, so that they stand open."""
        return any((self.days, self.starts, self.ends, self.language, self.is_adapted, self.km, self.near))

    @property
    def is_asking(self) -> bool:
        """Whether anything is asked for at all."""
        return bool(self.q or self.what or self.age or self.district or self.is_free or self.is_narrow)


@dataclass(frozen=True, slots=True)
class Menus:
    """What the form offers: directions and districts as the database has them."""

    activities: tuple[ActivityName, ...]
    districts: tuple[TerritoryName, ...]

    def kinds(self) -> list[tuple[str, list[ActivityName]]]:
        """Kind → its directions."""
        grouped: dict[str, list[ActivityName]] = {}
        for one in self.activities:
            grouped.setdefault(one.kind, []).append(one)
        return list(grouped.items())


def typed(query: QueryDict, menus: Menus) -> Typed:
    """Read the address; a value that no menu offers is left out."""
    codes = {one.code for one in menus.activities} | {f"kind:{kind}" for kind, _ in menus.kinds()}
    katos = {district.kato for district in menus.districts}
    found = Typed(
        q=" ".join(query.get("q", "").replace("\0", " ").split())[:_TYPED],
        what=_one_of(query.get("what"), codes),
        age=_one_of(query.get("age"), map(str, AGES)),
        days=tuple(day for day in DAYS if day in query.getlist("day")),
        starts=_one_of(query.get("from"), map(str, HOURS)),
        ends=_one_of(query.get("until"), map(str, HOURS)),
        district=_one_of(query.get("district"), katos),
        language=_one_of(query.get("language"), LANGUAGES),
        is_free=query.get("free") == "1",
        is_adapted=query.get("adapted") == "1",
        near=_one_of(query.get("near"), katos & set(providers.centres())),
        km=_one_of(query.get("km"), map(str, KILOMETRES)),
        sort=_one_of(query.get("sort"), SORTS) or "name",
    )
    return _with_meaning(found, menus, query.get("after", ""))


def picked(query: QueryDict) -> tuple[UUID, ...]:
    """The clubs put on the family's list, in their order, at most `PICKED`; the list lives in the address alone."""
    found: dict[UUID, None] = {}
    for text in query.getlist("pick")[:50]:
        try:
            found[UUID(text)] = None
        except ValueError:
            continue
    return tuple(found)[:PICKED]


def unpicked(query: QueryDict, gone: UUID) -> str:
    """The address's query with one club less on the list."""
    kept = query.copy()
    kept.setlist("pick", [str(one) for one in picked(query) if one != gone])
    return kept.urlencode()


def without(query: QueryDict, *names: str) -> str:
    """The address's query without some fields, and from its first page on."""
    kept = query.copy()
    for name in (*names, "after"):
        kept.pop(name, None)
    return kept.urlencode()


def onward(query: QueryDict, after: tuple[str, int]) -> str:
    """The address's query, one page further."""
    return f"{without(query)}&{urlencode({'after': f'{after[1]}~{after[0]}'})}".lstrip("&")


def _with_meaning(found: Typed, menus: Menus, after: str) -> Typed:
    centre = providers.centres().get(found.near or (found.district if found.sort == "near" or found.km else ""))
    sort = found.sort if found.sort != "near" or centre else "name"
    ids: Mapping[str, int] = {district.kato: district.id for district in menus.districts}
    kind = found.what.removeprefix("kind:") if found.what.startswith("kind:") else ""
    asked = Asked(
        kind=kind,
        activity="" if kind else found.what,
        age=int(found.age) if found.age else None,
        weekdays=sum(1 << n for n, day in enumerate(DAYS) if day in found.days),
        starts=int(found.starts) * 60 if found.starts else None,
        ends=int(found.ends) * 60 if found.ends else None,
        district_id=ids.get(found.district),
        language=found.language,
        is_free=found.is_free,
        is_adapted=found.is_adapted,
        near=plane(*centre) if centre else None,
        within_km=float(found.km) if found.km and centre else None,
        sort=sort,
        after=_after(after, sort),
    )
    return replace(found, sort=sort, asked=asked)


def _after(text: str, sort: str) -> tuple[str, int] | None:
    """Where the page before ended; whatever is no such place is the beginning."""
    number, _, value = text.partition("~")
    reads: dict[str, Callable[[str], object]] = {"soon": date.fromisoformat, "near": _distance}
    try:
        found = str(reads.get(sort, str)(value))  # written anew: Python reads days and numbers that PostgreSQL does not
    except ValueError:
        return None
    is_sane = number.isascii() and number.isdigit() and len(number) < 18 and "\0" not in found
    return (found, int(number)) if is_sane else None


def _distance(text: str) -> float:
    found = float(text)
    if isnan(found):
        raise ValueError(text)
    return found


def _one_of(value: str | None, offered: Iterable[str]) -> str:
    return value if value is not None and value in set(offered) else ""
