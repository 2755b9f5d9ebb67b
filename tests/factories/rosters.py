"""Rosters of a small synthetic city, as files: IINs whose seventh digit is never issued."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

from qosymsha.kernel import iin

GUARDIANS = (
    "ЖСН",
    "Тегі",
    "Аты",
    "Телефон",
    "Баланың ЖСН",
    "Баланың тегі",
    "Баланың аты",
    "Туған күні",
    "Аудан",
    "Санат",
)
APPLICATIONS = ("ИИН родителя", "ИИН ребёнка", "Вид")
CATEGORIES = ("", "", "", "sen", "large-family", "orphan; disability")
_DISTRICTS = ("Есіл ауданы", "Алматы", "711310000", "район Байконур")
KINDS = ("creative", "спорт", "білім")


def numbers(day: str, digit: str) -> Iterator[str]:
    """Valid synthetic IINs that begin with a day (YYMMDD) and have this seventh digit."""
    for serial in count():
        eleven = f"{day}{digit}{serial:04}"[:11]
        check = iin.check_digit(eleven)
        if check is not None:
            yield f"{eleven}{check}"


def families(children: int) -> list[list[str]]:
    """Rows of a guardians' roster: every third guardian has two children."""
    guardians, kids = numbers("820615", "8"), numbers("150301", "7")
    rows: list[list[str]] = []
    while len(rows) < children:
        guardian = next(guardians)
        for _ in range(2 if len(rows) % 3 == 0 else 1):
            i = len(rows)
            person = [guardian, "Серікқызы", "Әлия", f"+7701{guardian[-7:]}"]
            child = [next(kids), "Серік", "Нұрлан", "01.03.2015", _DISTRICTS[i % 4], CATEGORIES[i % 6]]
            rows.append(person + child)
    return rows[:children]


def applications(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """A wish for each child of a guardians' roster."""
    return [[row[0], row[4], KINDS[i % 3]] for i, row in enumerate(rows)]


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]], *, separator: str = ";") -> Path:
    """A roster as Excel saves one in a city: UTF-8 with BOM, semicolons."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(header)
        writer.writerows(rows)
    return path
