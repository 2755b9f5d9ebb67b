"""Single words that people type: numbers of persons, accounts, codes at the venue, cells of a roster, searches."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

from django.http import QueryDict

from qosymsha.domain.attendance.rules import checkins
from qosymsha.domain.people.queries import TerritoryName
from qosymsha.domain.programmes import classifiers
from qosymsha.domain.programmes.queries import ActivityName
from qosymsha.domain.programmes.rules import parse
from qosymsha.domain.providers import rules as providers
from qosymsha.domain.providers.rules import catalogue
from qosymsha.domain.settlement.rules import payment_file
from qosymsha.interfaces.files import cells, instants
from qosymsha.interfaces.files.faults import CellError
from qosymsha.interfaces.public import searching
from qosymsha.kernel import iin, numbers, text
from tests.fuzz.target import Target, holds, same, storable, text_of

_ASCII = re.compile(r"[0-9]+\Z")


def _seeds(*texts: str) -> Callable[[], list[bytes]]:
    return lambda: [one.encode() for one in texts]


# --- numbers of persons and firms


def read_iin(content: bytes) -> bool:
    typed = text_of(content)
    try:
        number = iin.canonical(typed)
    except iin.NumberError:
        return False
    holds(len(number) == 12 and bool(_ASCII.match(number)), "twelve ASCII digits")
    same(iin.canonical(number), number, "read again")
    weighed = [sum(int(d) * w for d, w in zip(number, weights, strict=False)) % 11 for weights in _WEIGHTS]
    same(next(rest for rest in weighed if rest < 10), int(number[11]), "the check digit, weighed here")
    for judge in (iin.person, iin.organisation):
        try:
            same(judge(typed), number, "a person's or a firm's")
        except iin.NumberError:
            continue
    holds(len(iin.masked(number)) == 12 and iin.has_odd_date(number) in (True, False), "shown")
    return True


_WEIGHTS = ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2))


# --- accounts


def read_iban(content: bytes) -> bool:
    typed = text_of(content)
    is_account = providers.iban_is_right(typed)
    same(payment_file.is_iban(typed), is_account, "who registers an account and who pays to it judge alike")
    if not is_account:
        return False
    holds(bool(re.fullmatch(r"KZ[0-9]{5}[0-9A-Z]{13}", typed, re.ASCII)), "twenty letters and digits of ASCII")
    rest = 0
    for letter in typed[4:] + typed[:4]:
        value = int(letter, 36)
        rest = (rest * (100 if value > 9 else 10) + value) % 97
    same(rest, 1, "the remainder, counted here letter by letter")
    slipped = typed[:10] + ("0" if typed[10] != "0" else "1") + typed[11:]
    holds(not providers.iban_is_right(slipped), "one slip is seen")
    return True


# --- codes at the venue, numbers read over a phone

_SECRET, _AT = bytes(range(32)), datetime(2026, 9, 3, 10, 0, tzinfo=UTC)
_LESSON = checkins.Lesson(
    1, UUID(int=7), 5, date(2026, 9, 3), _AT - timedelta(minutes=5), _AT + timedelta(hours=1), "held", 1, 1
)
_PLACE = checkins.ChildPlace(3, 4, 5, date(2026, 9, 1), None)
_PRESENCE = parse(classifiers.default_rule_set()).presence


def _shown() -> str:
    return checkins.code_of(_SECRET, _LESSON.uuid, _LESSON.group_id, checkins.step_of(_AT, _PRESENCE))


def read_scan(content: bytes) -> bool:
    typed = text_of(content)
    scan = checkins.Scan(child_id=4, guardian_id=9, code=typed)
    verdict = checkins.judge(scan, _AT, [_LESSON], [_PLACE], {_LESSON.uuid: _SECRET}, _PRESENCE)
    if numbers.is_human_number(typed):
        _read_number(typed)
        return True
    if not isinstance(verdict, checkins.Accepted):
        return False
    steps = range(checkins.step_of(_AT, _PRESENCE) - 9, checkins.step_of(_AT, _PRESENCE) + 10)
    codes = {checkins.code_of(_SECRET, _LESSON.uuid, _LESSON.group_id, step) for step in steps}
    holds(checkins.code_read(typed) in codes, "a code of this minute and no other")
    same(checkins.code_read(checkins.code_read(typed)), checkins.code_read(typed), "read again")
    return True


def _read_number(typed: str) -> None:
    whole = typed.strip().upper()
    holds(whole.isascii(), "letters of ASCII")
    for place, letter in enumerate(whole):
        value = numbers._VALUE.get(letter)
        if value is not None:
            other = numbers.ALPHABET[(value + 1) % 32]
            slipped = whole[:place] + other + whole[place + 1 :]
            holds(not numbers.is_human_number(slipped), "one slip is seen")


# --- cells of a roster


def read_cells(content: bytes) -> bool:
    typed = " ".join(text_of(content).split())
    taken = [_cell(typed, reader, written, is_number) for reader, written, is_number in _CELLS]
    return any(taken)


def _cell(typed: str, reader: Callable[[str], Any], written: Callable[[Any], str], is_number: bool) -> bool:
    try:
        value = reader(typed)
    except CellError:
        return False
    if is_number:
        is_plain = all(letter.isascii() for letter in typed if letter.isnumeric()) and "_" not in typed
        holds(is_plain, f"{value!r} is read of ASCII digits")
    same(reader(written(value)), value, "written and read again")
    return True


def _instant(typed: str) -> datetime:
    found = instants.instant(typed, date(2026, 9, 3))
    found.astimezone(UTC)  # how a row holds it
    return found


def _lessons(value: tuple[cells.Lesson, ...]) -> str:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    return "; ".join(f"{days[one.weekday - 1]} {one.starts:%H:%M}-{one.ends:%H:%M}" for one in value)


_CELLS: tuple[tuple[Callable[[str], Any], Callable[[Any], str], bool], ...] = (
    (lambda typed: cells.number(typed).text, str, True),
    (lambda typed: cells.person(typed).text, str, True),
    (cells.day, date.isoformat, True),
    (cells.whole, str, True),
    (cells.tiyn, lambda value: f"{value // 100}.{value % 100:02d}", True),
    (cells.point, lambda value: f"{value[0]:.15f}; {value[1]:.15f}", True),
    (_instant, datetime.isoformat, True),
    (cells.lessons, _lessons, True),
    (cells.yes, lambda value: "yes" if value else "no", False),
    (cells.language, str, False),
)


# --- searches

_MENUS = searching.Menus(
    (ActivityName("football", "sport", "Футбол", "Футбол", "Football"),),
    (TerritoryName(2, "711110000", "district", "Алматы ауданы", "район Алматы", "Almaty district"),),
)


def read_search(content: bytes) -> bool:
    typed = text_of(content)
    storable(text.normal(typed).replace("\0", ""))
    once = text.folded(typed)
    same(text.folded(once), once, "folded again")
    words = catalogue.words_of(typed)
    same(catalogue.words_of(text.normal(typed)), words, "found as it is stored")
    holds(all(len(word) >= 2 and word == word.strip() for word in words), "words")
    holds(text.sort_key(typed) == text.sort_key(text.normal(typed)), "sorted as it is stored")
    found = searching.typed(QueryDict(content), _MENUS)
    storable(found.q)
    if found.asked.after is not None:
        value, number = found.asked.after
        storable(value)
        holds(0 <= number < 2**63, "a row's number")
        if found.asked.sort == "soon":
            same(date.fromisoformat(value).isoformat(), value, "a day as the database reads it")
        if found.asked.sort == "near":
            same(repr(float(value)), value, "a number as the database reads it")
    return found.is_asking


TARGETS = (
    Target(
        "iin", read_iin, _seeds("881107900004", " 150301700001 ", "251340000003", "15133250021", "8811079000040"),
        lambda: patch.object(iin, "_TWELVE", re.compile(r"\d{12}")), "٨٨١١٠٧٩٠٠٠٠٤".encode(),
        200, ("qosymsha.kernel",), 64,
    ),
    Target(
        "iban", read_iban,
        _seeds("KZ86125KZT5004100100", "KZ000000000000000000", "DE89370400440532013000", "KZFH125KZT5004100100"),
        lambda: patch.object(providers, "_IBAN", re.compile(r"KZ\w{18}", re.ASCII)), b"KZ86125kZT5004100100",
        150, ("qosymsha.domain.providers.rules",), 64,
    ),
    Target(
        "scan", read_scan, lambda: [_shown().encode(), _shown().lower().encode(), b"V-000123-9", b"0000-0000"],
        lambda: patch.object(numbers, "check_character", lambda body: body[-1]), b"V-000123-3",
        100, ("qosymsha.domain.attendance.rules.checkins", "qosymsha.kernel"), 64,
    ),
    Target(
        "cells", read_cells,
        _seeds(
            "881107900004", "01.03.2015", "2026-09-03T15:04:05+05:00", "12 500,50 ₸", "Mon, Wed 15:00-16:30", "да",
            "дс 9:00–10:30", "51.1283, 71.4305", "қазақша", "03.09.2026 15:04", "24:00", "31.12.2026", "9,9E+11", "٧",
            "1e999999", "1_0", "31.12.9999 24:00", "0001-01-01T00:00:00+05:00",  # found once
        ),
        lambda: patch.object(cells, "_AMOUNT", re.compile(r"[0-9]{3}_[0-9]+\Z|[0-9.]{1,17}\Z")), b"123_4",
        150, ("qosymsha.interfaces.files", "qosymsha.kernel"), 64,
    ),
    Target(
        "search", read_search,
        _seeds(
            "q=футбол&what=football&age=9&day=Mon&from=10", "sort=soon&after=5~2026-09-01", "Ұлттық ойындар",
            "sort=near&district=711110000&after=7~1.5", "q=%00%ED%A0%80",
            "sort=near&district=711110000&after=5~1_0", "sort=near&district=711110000&after=5~NaN",  # found once
            "Ұ\u030bқ о", "Айша \u0308 Әлия",  # found once: a mark that no letter bears
        ),
        lambda: patch.object(searching, "_after", lambda value, sort: (value.partition("~")[2], 1)),
        b"sort=soon&after=5~2026-W36-1",
        150, ("qosymsha.interfaces.public.searching", "qosymsha.kernel", "qosymsha.domain.providers.rules.catalogue"),
        256,
    ),
)  # fmt: skip
