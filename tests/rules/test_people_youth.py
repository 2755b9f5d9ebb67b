"""From which birthday until which a child may have an account of its own."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import pytest

from qosymsha.config.settings import _ages
from qosymsha.domain.people.rules import SignInRefusal, YouthRefusal, birthday, refuse_youth

BORN = date(2010, 3, 1)
Y, UNKNOWN = YouthRefusal, SignInRefusal.PERSON_UNKNOWN


@pytest.mark.parametrize(
    ("today", "ages", "has_guardian", "reason"),
    [
        (date(2024, 2, 29), (14, 18), True, Y.TOO_YOUNG),
        (date(2024, 3, 1), (14, 18), True, None),
        (date(2028, 2, 29), (14, 18), True, None),
        (date(2028, 3, 1), (14, 18), True, Y.OF_AGE),
        (date(2025, 3, 1), (14, 18), False, Y.WITHOUT_GUARDIAN),
        (date(2025, 3, 1), (16, 18), True, Y.TOO_YOUNG),
        (date(2026, 3, 1), (14, 16), True, Y.OF_AGE),
        (date(2025, 3, 1), None, True, UNKNOWN),
    ],
)
def test_who_is_of_that_age_and_has_a_guardian(
    today: date, ages: tuple[int, int] | None, has_guardian: bool, reason: StrEnum | None
) -> None:
    assert refuse_youth(BORN, ages=ages, has_guardian=has_guardian, today=today) is reason


def test_a_child_whose_birth_date_is_not_on_record_is_unknown() -> None:
    assert refuse_youth(None, ages=(14, 18), has_guardian=True, today=date(2025, 1, 1)) is UNKNOWN


@pytest.mark.parametrize(
    ("born", "years", "day"),
    [
        (date(2010, 3, 1), 14, date(2024, 3, 1)),
        (date(2008, 2, 29), 18, date(2026, 3, 1)),
        (date(2008, 2, 29), 16, date(2024, 2, 29)),
    ],
)
def test_a_birthday(born: date, years: int, day: date) -> None:
    assert birthday(born, years) == day


@pytest.mark.parametrize(("told", "ages"), [("", (14, 18)), ("off", None), ("16-18", (16, 18)), ("14-16", (14, 16))])
def test_an_installation_says_the_ages(
    told: str, ages: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QOSYMSHA_YOUTH_AGES", told)
    assert _ages("QOSYMSHA_YOUTH_AGES", "14-18") == ages


@pytest.mark.parametrize("told", ["14", "18-14", "14-21", "0-18", "a-b", "14-18-20", "nobody"])
def test_other_ages_are_refused_at_start(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QOSYMSHA_YOUTH_AGES", told)
    with pytest.raises(ValueError, match="QOSYMSHA_YOUTH_AGES"):
        _ages("QOSYMSHA_YOUTH_AGES", "14-18")
