"""From a cell's text to a value: numbers of people, dates, money, lessons. Each says what to do when it can't."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from qosymsha.domain.providers.rules import BOUNDS
from qosymsha.interfaces.files.faults import CellError
from qosymsha.kernel import iin
from qosymsha.kernel.money import TIYN_PER_TENGE
from qosymsha.kernel.text import folded

_DIGITS = re.compile(r"[0-9]+\Z")
_ROUNDED = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+\Z")
_FEWEST_DIGITS = 9  # year 00 and month 01 to 09 begin with at most three zeros
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[ T][0-9:.]*)?\Z")
_LOCAL_DAY = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})(?:[ г.ж]*| [0-9:]+)\Z")
_LESSON = re.compile(r"(\D+?)\s*([0-9]{1,2})[:.]([0-9]{2})\s*[-–—]\s*([0-9]{1,2})[:.]([0-9]{2})\Z")
_AMOUNT = re.compile(r"[0-9]{1,17}(?:\.[0-9]{1,10})?\Z")  # Decimal reads more: other digits, `1_0`, `1e999999`
_DEGREES = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,15})?\Z")
_YES = frozenset({"1", "да", "иа", "ия", "yes", "y", "true", "+"})
_NO = frozenset({"", "0", "нет", "жок", "no", "n", "false", "-"})

_LANGUAGES = {
    "kk": "kk kz қазақша казахский қаз каз kazakh",
    "ru": "ru rus русский орысша рус russian",
    "en": "en eng ағылшынша английский english",
}
_WEEKDAYS: Mapping[str, int] = {
    folded(name): number
    for number, names in enumerate(
        (
            "mon monday пн понедельник дс дүйсенбі",
            "tue tuesday вт вторник сс сейсенбі",
            "wed wednesday ср среда сәрсенбі",
            "thu thursday чт четверг бс бейсенбі",
            "fri friday пт пятница жм жұма",
            "sat saturday сб суббота сн сенбі",
            "sun sunday вс воскресенье жс жк жексенбі",
        ),
        start=1,
    )
    for name in names.split()
}


@dataclass(frozen=True, slots=True)
class Number:
    """An IIN or BIN as written: twelve digits; `is_restored` where lost leading zeros were put back."""

    text: str
    is_restored: bool


@dataclass(frozen=True, slots=True)
class Lesson:
    """A weekly lesson: ISO weekday (Monday is 1), local times."""

    weekday: int
    starts: time
    ends: time


def number(text: str) -> Number:
    """A valid IIN or BIN; leading zeros that a spreadsheet dropped are put back where the check digit then agrees.

    Raises:
        CellError: not twelve digits, a wrong check digit, or rounded by a spreadsheet; the number is not repeated.
    """
    digits = re.sub(r"\.0+\Z", "", text.lstrip("'’").replace(" ", ""))
    if _ROUNDED.match(digits):
        raise CellError("number_rounded", "the spreadsheet rounded the number: make the column text, enter it again")
    is_short = bool(_DIGITS.match(digits)) and _FEWEST_DIGITS <= len(digits) < 12
    try:
        return Number(iin.canonical(digits.zfill(12) if is_short else digits), is_short)
    except iin.NumberError as error:
        raise _number_error(error.fault) from None


def person(text: str) -> Number:
    """A person's IIN.

    Raises:
        CellError: no IIN.
    """
    found = number(text)
    if iin.is_organisation(found.text):
        raise CellError("not_a_person", "this is a company's BIN: a person's IIN is needed here")
    return found


def _number_error(fault: iin.NumberFault) -> CellError:
    if fault is iin.NumberFault.WRONG_CHECK_DIGIT:
        return CellError(fault.value, "the check digit is wrong: compare it with the paper")
    return CellError(fault.value, "write the number as twelve digits 0-9")


def day(text: str) -> date:
    """A date: 2015-03-01, 01.03.2015 or 01/03/2015 (day first).

    Raises:
        CellError: no such day, or written otherwise.
    """
    iso, local = _ISO_DAY.match(text), _LOCAL_DAY.match(text)
    parts = iso.groups() if iso else local.groups()[::-1] if local else None
    try:
        if parts is not None:
            return date(int(parts[0]), int(parts[1]), int(parts[2]))
    except ValueError:
        raise CellError("date_impossible", "the calendar has no such day: write it as 01.03.2015") from None
    raise CellError("date_unreadable", "write the date as 01.03.2015 or 2015-03-01")


def whole(text: str) -> int:
    """A whole number, blanks between thousands allowed.

    Raises:
        CellError: none.
    """
    digits = text.replace(" ", "")
    if not re.fullmatch(r"[0-9]{1,9}", digits):
        raise CellError("not_a_whole_number", "write a whole number, such as 12")
    return int(digits)


def tiyn(text: str) -> int:
    """An amount in tenge (`12 500`, `12500,50`, with or without ₸) as tiyn.

    Raises:
        CellError: no amount, negative, or finer than a tiyn.
    """
    plain = re.sub(r"[\s₸]|тг\.?|kzt|тенге|теңге", "", text.lower()).replace(",", ".")
    amount = Decimal(plain) * TIYN_PER_TENGE if _AMOUNT.match(plain) else Decimal(-1)
    if not 0 <= amount < 10**17 or amount != amount.to_integral_value():
        raise CellError("not_an_amount", "write the amount in tenge, such as 1946,25")
    return int(amount)


def latitude(text: str) -> float:
    """Degrees north, `51.1283` or `51,1283`, within Kazakhstan.

    Raises:
        CellError: no degrees, or elsewhere.
    """
    return _degrees(text, BOUNDS[0], "latitude lies between 40.5 and 55.5 in Kazakhstan: such as 51.1283")


def longitude(text: str) -> float:
    """Degrees east, within Kazakhstan.

    Raises:
        CellError: no degrees, or elsewhere.
    """
    return _degrees(text, BOUNDS[1], "longitude lies between 46.4 and 87.4 in Kazakhstan: such as 71.4305")


def _degrees(text: str, bounds: tuple[float, float], advice: str) -> float:
    plain = text.replace(" ", "").rstrip("°").replace(",", ".")
    if not _DEGREES.match(plain):
        raise CellError("not_degrees", "write degrees as a number with a point, such as 51.1283")
    if not bounds[0] <= float(plain) <= bounds[1]:
        raise CellError("outside_the_country", f"{advice}; are the two swapped?")
    return float(plain)


def point(text: str) -> tuple[float, float]:
    """Latitude and longitude as maps copy them: `51.1283, 71.4305`; also with a semicolon or a blank between.

    Raises:
        CellError: not two numbers, or no place in Kazakhstan.
    """
    parts = re.split(r"\s*[;,]\s+|\s*;\s*|\s+|(?<=\d),(?=\d+\.)", text.strip())
    if len(parts) != 2:
        raise CellError("not_degrees", "write two numbers, latitude first, such as 51.1283, 71.4305")
    return latitude(parts[0]), longitude(parts[1])


def yes(text: str) -> bool:
    """A yes or a no; blank is no.

    Raises:
        CellError: neither.
    """
    word = folded(text)
    if word in _YES or word in _NO:
        return word in _YES
    raise CellError("not_yes_or_no", "write yes or no (да / нет, иә / жоқ)")


def language(text: str) -> str:
    """kk, ru or en, by code or by name; blank is kk.

    Raises:
        CellError: another.
    """
    word = folded(text)
    if not word:
        return "kk"
    for code, known in _LANGUAGES.items():
        if word in folded(known).split():
            return code
    raise CellError("language_unknown", "write kk, ru or en")


def lessons(text: str) -> tuple[Lesson, ...]:
    """Weekly lessons as `Mon 15:00-16:30; Wed 15:00-16:30`; days in three languages, `Mon, Wed 15:00-16:30` too.

    Raises:
        CellError: a part that is none.
    """
    found: list[Lesson] = []
    waiting: list[int] = []
    for part in re.split(r"[;,\n]", text):
        word = part.strip()
        if not word:
            continue
        matched = _LESSON.match(word)
        waiting += [_weekday(name) for name in re.split(r"[\s/+]+", matched[1] if matched else word) if name]
        if matched:
            starts, ends = _clock(matched[2], matched[3]), _clock(matched[4], matched[5])
            found += [Lesson(weekday, starts, ends) for weekday in waiting]
            waiting = []
    if waiting or not found:
        raise _timetable_error()
    return tuple(found)


def _weekday(name: str) -> int:
    weekday = _WEEKDAYS.get(folded(name).strip(".: "))
    if weekday is None:
        raise _timetable_error()
    return weekday


def _clock(hour: str, minute: str) -> time:
    try:
        return time(int(hour), int(minute))
    except ValueError:
        raise _timetable_error() from None


def _timetable_error() -> CellError:
    return CellError("timetable_unreadable", "write lessons as `Mon 15:00-16:30; Wed 15:00-16:30` (дс/сс/ср, пн/вт/ср)")
