"""Reads: where families get help. Public, nothing personal."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F
from django.db.models.functions import Collate

from qosymsha.domain.casework.models import ConsultationPoint
from qosymsha.domain.people.queries import TerritoryName


@dataclass(frozen=True, slots=True)
class Point:
    """A consultation point with its district; `days` are `Mon` to `Sun`, empty where not stated.

    There are no clock hours: nobody has stated any (DOMAIN.md 7.1).
    """

    id: int
    name_kk: str
    name_ru: str
    name_en: str
    address: str
    days: tuple[str, ...]
    district: TerritoryName
    source: str


def points() -> list[Point]:
    """All consultation points, by district in the Kazakh alphabet's order, then as they were loaded."""
    found = ConsultationPoint.objects.annotate(order=Collate(F("district__sort_kk"), "C")).order_by("order", "id")
    return [_point(row) for row in found.select_related("district")]


def _point(row: ConsultationPoint) -> Point:
    place = row.district
    return Point(
        id=row.id,
        name_kk=row.name_kk,
        name_ru=row.name_ru,
        name_en=row.name_en,
        address=row.address,
        days=tuple(day for day in row.opening_days.split(";") if day),
        district=TerritoryName(place.id, place.kato, place.kind, place.name_kk, place.name_ru, place.name_en),
        source=row.source,
    )
