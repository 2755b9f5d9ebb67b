"""Cells: what people type becomes a value, or a sentence that says what to type instead."""

from __future__ import annotations

from datetime import date, time

import pytest

from qosymsha.interfaces.files import cells
from qosymsha.interfaces.files.cells import Lesson
from qosymsha.interfaces.files.faults import CellError


@pytest.mark.parametrize(
    ("text", "number", "is_restored"),
    [
        ("151332500209", "151332500209", False),
        ("'151332500209", "151332500209", False),
        ("151332 500 209", "151332500209", False),
        ("151332500209.0", "151332500209", False),
        ("150301700001", "150301700001", False),
        ("10203800001", "010203800001", True),
        ("991332000003", "991332000003", False),
    ],
)
def test_numbers_are_read_and_lost_zeros_put_back(text: str, number: str, is_restored: bool) -> None:
    if number == "010203800001":
        number = _with_check_digit("01020380000")
        text = number.lstrip("0")
    assert cells.number(text) == cells.Number(number, is_restored)


def _with_check_digit(eleven: str) -> str:
    digit = cells.iin.check_digit(eleven)
    assert digit is not None
    return f"{eleven}{digit}"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("151332500208", "wrong_check_digit"),
        ("1.51E+11", "number_rounded"),
        ("1,51332E+11", "number_rounded"),
        ("15133250020", "wrong_check_digit"),
        ("1513325002099", "not_twelve_digits"),
        ("１５１３３２５００２０９", "not_twelve_digits"),
        ("١٥١٣٣٢٥٠٠٢٠٩", "not_twelve_digits"),
        ("12345678", "not_twelve_digits"),
        ("abc", "not_twelve_digits"),
    ],
)
def test_what_is_no_number_is_refused_without_repeating_it(text: str, code: str) -> None:
    with pytest.raises(CellError) as caught:
        cells.number(text)
    assert caught.value.code == code
    assert text not in f"{caught.value} {caught.value.advice}"


def test_a_company_is_no_person() -> None:
    with pytest.raises(CellError, match="not_a_person"):
        cells.person("251340000003")


@pytest.mark.parametrize(
    "text", ["2015-03-01", "01.03.2015", "1.3.2015", "01/03/2015", "01-03-2015", "2015-03-01 00:00:00", "01.03.2015 г."]
)
def test_dates_are_read_as_people_write_them(text: str) -> None:
    assert cells.day(text) == date(2015, 3, 1)


@pytest.mark.parametrize("text", ["31.02.2015", "2015-13-01", "42064", "01.03.15", "март 2015", "1 2 3"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(CellError):
        cells.day(text)


@pytest.mark.parametrize(
    ("text", "tiyn"), [("1 900", 190_000), ("1946,25", 194_625), ("1946.25 ₸", 194_625), ("12 500 тенге", 1_250_000)]
)
def test_amounts_are_tenge_kept_as_whole_tiyn(text: str, tiyn: int) -> None:
    assert cells.tiyn(text) == tiyn


@pytest.mark.parametrize("text", ["-5", "1,005", "много", "nan", "inf", "1e400", "", "1.2.3"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(CellError):
        cells.tiyn(text)


@pytest.mark.parametrize(
    "text",
    [
        "Mon 15:00-16:30; Wed 15:00-16:30",
        "пн 15:00–16:30, ср 15:00–16:30",
        "Дс 15.00-16.30; Ср 15.00-16.30",
        "Пн, Ср 15:00 - 16:30",
        "дүйсенбі/сәрсенбі 15:00-16:30",
    ],
)
def test_timetables_are_read_in_three_languages(text: str) -> None:
    assert cells.lessons(text) == (Lesson(1, time(15), time(16, 30)), Lesson(3, time(15), time(16, 30)))


@pytest.mark.parametrize("text", ["15:00-16:00", "Mon", "Mon 25:00-26:00", "Xyz 15:00-16:00", ";", "Mon 15-16"])
def test_what_is_no_timetable_is_refused(text: str) -> None:
    with pytest.raises(CellError, match="timetable_unreadable"):
        cells.lessons(text)


@pytest.mark.parametrize(("text", "code"), [("", "kk"), ("Қазақша", "kk"), ("русский", "ru"), ("EN", "en")])
def test_languages_are_known_by_name_too(text: str, code: str) -> None:
    assert cells.language(text) == code


@pytest.mark.parametrize(("text", "is_yes"), [("да", True), ("Иә", True), ("no", False), ("", False), ("жоқ", False)])
def test_yes_and_no(text: str, is_yes: bool) -> None:
    assert cells.yes(text) is is_yes


@pytest.mark.parametrize("text", ["51.1283, 71.4305", "51.1283,71.4305", "51,1283; 71,4305", "51,1283 71,4305°"])
def test_a_place_is_read_as_maps_copy_it(text: str) -> None:
    assert cells.point(text) == (51.1283, 71.4305)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("71.4305, 51.1283", "outside_the_country"),
        ("51.1283", "not_degrees"),
        ("N51 07, E71 25", "not_degrees"),
        ("51.1, 7e1", "not_degrees"),
        ("-51.1, 71.4", "not_degrees"),
        ("nan, inf", "not_degrees"),
        ("40.4, 71.4", "outside_the_country"),
        ("51.1, 87.5", "outside_the_country"),
    ],
)
def test_what_is_no_place_in_the_country_is_refused(text: str, code: str) -> None:
    with pytest.raises(CellError) as refused:
        cells.point(text)
    assert refused.value.code == code
