"""The catalogue's map: a plan drawn to scale on the server, east to the right; what it shows its lists say in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from django.http import QueryDict

from qosymsha.domain.insights.queries.catalogue import MOST_SQUARES, OnMap, VenueOnMap
from qosymsha.domain.people.queries import TerritoryName
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.providers.rules import plane
from qosymsha.interfaces.public import searching
from qosymsha.interfaces.ui.templatetags.words import bare_district

SIZE, MARGIN = 440, 62  # narrow, so that letters stay letters on a phone
BELOW = 20  # under the plan, for its scale
LEAST_KM = 1.5  # a plan of one venue is not drawn to the house number
SCALE_KM = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """A district on the map: its centre in the picture, its circle, what stands in it."""

    name: str
    kato: str
    x: int
    y: int
    radius: int
    groups: int
    free: int
    query: str


@dataclass(frozen=True, slots=True)
class Pin:
    """A venue with its number in picture and list; no place in the picture where nobody has told it."""

    number: int
    venue: VenueOnMap
    x: int | None
    y: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The picture and its lists. `pins` are there where few enough groups fit; `dots` show where groups meet.

    `is_close`: drawn around the pins, else the whole city with a circle for each district.
    `bar`: the scale's length in the picture, `bar_km` what it stands for.
    """

    places: tuple[Place, ...]
    pins: tuple[Pin, ...]
    dots: tuple[tuple[int, int], ...]
    height: int
    bar: int
    bar_km: float
    is_close: bool


@dataclass(frozen=True, slots=True)
class _Frame:
    """From the plane to the picture."""

    west: float
    north: float
    height_km: float
    per_km: float

    def spot(self, east: float, north: float) -> tuple[int, int]:
        return MARGIN + round((east - self.west) * self.per_km), MARGIN + round((self.north - north) * self.per_km)

    def holds(self, east: float, north: float) -> bool:
        x, y = self.spot(east, north)
        return 0 <= x <= SIZE and 0 <= y <= self.height

    @property
    def height(self) -> int:
        return 2 * MARGIN + BELOW + round(self.height_km * self.per_km)


def drawn(
    asked: QueryDict,
    districts: Sequence[TerritoryName],
    found: OnMap,
    venues: Sequence[VenueOnMap],
    language: str,
) -> Plan | None:
    """The plan of a search: around its venues where they are few, else of the whole city; None: no place is known."""
    centres = providers.centres()
    known = {one.kato: plane(*centres[one.kato]) for one in districts if one.kato in centres}
    told = [(one.east, one.north) for one in venues if one.is_told and one.east is not None and one.north is not None]
    squares = found.squares if len(found.squares) <= MOST_SQUARES else ()
    frame = _frame(told or [*known.values(), *squares])
    if frame is None:
        return None
    places = tuple(_places(asked, districts, found.districts, known, frame, language))
    spots = dict.fromkeys(frame.spot(*one) for one in squares)
    bar_km = max((km for km in SCALE_KM if km * frame.per_km <= SIZE / 4), default=SCALE_KM[0])
    return Plan(
        places=places,
        pins=tuple(_pin(frame, number, one) for number, one in enumerate(venues, start=1)),
        dots=() if told else tuple(spot for spot in spots if not any(_covers(place, *spot) for place in places)),
        height=frame.height,
        bar=round(bar_km * frame.per_km),
        bar_km=bar_km,
        is_close=bool(told),
    )


def _frame(points: Iterable[Point]) -> _Frame | None:
    spots = list(points)
    if not spots:
        return None
    east, north = sorted(one[0] for one in spots), sorted(one[1] for one in spots)
    width, height = east[-1] - east[0], north[-1] - north[0]
    side = max(width, height, LEAST_KM)
    per_km = (SIZE - 2 * MARGIN) / side
    west = (east[0] + east[-1] - side) / 2
    return _Frame(west, north[-1] + max(0.0, LEAST_KM - height) / 2, max(height, LEAST_KM), per_km)


def _covers(place: Place, x: int, y: int) -> bool:
    """Whether a dot would lie on the district's number."""
    return (place.x - x) ** 2 + (place.y - y) ** 2 < (place.radius + 4) ** 2


def _radius(groups: int, most: int) -> int:
    return 14 + round(16 * sqrt(groups / most))


def _pin(frame: _Frame, number: int, venue: VenueOnMap) -> Pin:
    if not venue.is_told or venue.east is None or venue.north is None:
        return Pin(number, venue, None, None)
    return Pin(number, venue, *frame.spot(venue.east, venue.north))


def _places(  # noqa: PLR0913 - what the address, the territory and the search each know of a district
    asked: QueryDict,
    districts: Sequence[TerritoryName],
    found: Mapping[int, tuple[int, int]],
    known: Mapping[str, Point],
    frame: _Frame,
    language: str,
) -> Iterable[Place]:
    most = max((groups for groups, _ in found.values()), default=0) or 1
    query = searching.without(asked, "district")
    for one in districts:
        groups, free = found.get(one.id, (0, 0))
        x, y = frame.spot(*known[one.kato]) if one.kato in known and frame.holds(*known[one.kato]) else (-999, -999)
        yield Place(
            name=bare_district(getattr(one, f"name_{language}") or one.name_ru),
            kato=one.kato,
            x=x,
            y=y,
            radius=_radius(groups, most),
            groups=groups,
            free=free,
            query=f"{query}&district={one.kato}".lstrip("&"),
        )
