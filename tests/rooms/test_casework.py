"""Consultation points as the data file has them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from qosymsha.domain.casework import commands, queries
from qosymsha.domain.people.states import Role
from qosymsha.kernel.errors import BadInput, Forbidden
from tests.factories.people import AT, SYSTEM, actor, astana

pytestmark = pytest.mark.django_db


def _load() -> int:
    return commands.load_consultation_points(actor=SYSTEM, at=AT, key=uuid4())


def test_seven_points_stand_in_six_districts_and_are_loaded_twice_without_harm():
    astana()
    assert (_load(), _load()) == (7, 7)
    points = queries.points()
    assert len(points) == 7
    assert len({p.district.id for p in points}) == 6
    assert [p.district.name_kk for p in points][:3] == ["Алматы ауданы", "Байқоңыр ауданы", "Байқоңыр ауданы"]
    by_name = {p.name_en: p for p in points}
    assert by_name["Art School No. 2"].days == ("Sat", "Sun")
    assert by_name["Palace of Schoolchildren named after Al-Farabi"].days == ()  # not stated, so not invented
    assert by_name["School-Gymnasium No. 83"].district.kato == "711610000"


def test_without_the_districts_nothing_is_loaded_and_it_says_what_to_do():
    with pytest.raises(BadInput, match="load the territories first"):
        _load()
    assert queries.points() == []


def test_a_guardian_loads_nothing():
    with pytest.raises(Forbidden):
        commands.load_consultation_points(actor=actor(Role.GUARDIAN), at=AT, key=uuid4())
