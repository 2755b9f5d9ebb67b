"""Every signed-in page that shows children leaves one row that names them: walked from the table of addresses."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from qosymsha.domain.people.models import Child
from qosymsha.domain.people.states import Role
from qosymsha.domain.witness import reading
from tests.architecture.test_reads import RECORDS
from tests.architecture.test_signed_urls import signed
from tests.factories.attendance import guardian_of
from tests.factories.families import named
from tests.factories.office import claimed, desk, screened
from tests.factories.readings import readings
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
_RECORD = re.compile(rf"\b(?:FROM|JOIN)\s+\"?(?:{RECORDS})\b", re.IGNORECASE)
_PLACE = re.compile(r"<(?:\w+:)?(\w+)>")

# What stands in a place of an address: the newest rows of these tables.
PLACES = {
    "child_uuid": "SELECT uuid FROM child ORDER BY id LIMIT 1",
    "row_uuid": "SELECT uuid FROM sheet_row ORDER BY id LIMIT 1",
    "voucher_uuid": "SELECT uuid FROM voucher ORDER BY id LIMIT 1",
    "application_uuid": "SELECT uuid FROM application ORDER BY id LIMIT 1",
    "list_uuid": "SELECT uuid FROM choice_list ORDER BY id LIMIT 1",
    "case_uuid": "SELECT uuid FROM absence_case ORDER BY id LIMIT 1",
    "session_uuid": "SELECT uuid FROM session ORDER BY id LIMIT 1",
    "place_uuid": "SELECT uuid FROM enrolment ORDER BY id LIMIT 1",
    "place": "SELECT uuid FROM enrolment ORDER BY id LIMIT 1",
    "group_uuid": "SELECT uuid FROM club_group ORDER BY id LIMIT 1",
    "round_uuid": "SELECT uuid FROM admission_round ORDER BY id LIMIT 1",
    "sheet_uuid": "SELECT uuid FROM month_sheet ORDER BY id LIMIT 1",
    "act_uuid": "SELECT uuid FROM service_act ORDER BY id LIMIT 1",
    "flag_uuid": "SELECT uuid FROM red_flag ORDER BY id LIMIT 1",
    "recovery_uuid": "SELECT uuid FROM recovery ORDER BY id LIMIT 1",
    "number": "SELECT number FROM claim ORDER BY id LIMIT 1",
}
# Pages that ask tables of records for figures, or for what is not there, and show no child.
FIGURES: dict[str, str] = {}


class Watch:
    """What a request asks of the tables of records, statement by statement."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if isinstance(sql, str) and _RECORD.search(sql) and not sql.lstrip().upper().startswith("INSERT"):
            self.asked.append(sql)
        return execute(sql, params, many, context)


def value_of(place: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(PLACES[place])
        row = cursor.fetchone()
    return str(row[0]) if row else "00000000-0000-0000-0000-000000000007"


def canaries() -> dict[int, set[str]]:
    """Child → what in a page is this child's: its name, the outside ids and numbers of its records."""
    found: dict[int, set[str]] = defaultdict(set)
    for child in Child.objects.all():
        found[child.pk] |= {f"Канарейка{child.pk}я", str(child.uuid)}
    with connection.cursor() as cursor:
        for table in ("enrolment", "sheet_row", "voucher", "red_flag"):
            cursor.execute(f"SELECT child_id, uuid::text FROM {table} WHERE child_id IS NOT NULL")
            for child_id, uuid in cursor.fetchall():
                found[child_id].add(uuid)
    return found


def visible(answer: Any, marks: dict[int, set[str]]) -> set[int]:
    """The children whose names or ids stand in an answer."""
    body = unescape(answer.content.decode("utf-8", "replace")) if isinstance(answer, HttpResponse) else ""
    return {child for child, words in marks.items() if any(word in body for word in words)}


def faults(client: Client, address: str, marks: dict[int, set[str]]) -> Iterator[str]:
    """What is wrong with the record of one look at a page."""
    before, watch = len(readings()), Watch()
    with connection.execute_wrapper(watch):
        answer = client.get(address)
    rows = readings()[before:]
    if answer.status_code != 200:
        if rows and answer.status_code == 404:
            yield f"{address}: {answer.status_code} and a row"
        return
    shown, told = visible(answer, marks), {child for row in rows for child in row.subject_ids}
    if len(rows) > 1:
        yield f"{address}: {len(rows)} rows"
    if shown - told:
        yield f"{address}: shows {len(shown)} children, {len(shown - told)} of them in no row"
    if told - shown and not any(what in address for what in FIGURES):
        yield f"{address}: {len(told - shown)} children in the row are not on the page"
    if watch.asked and not rows and not any(what in address for what in FIGURES):
        yield f"{address}: asks for records and leaves no row: {watch.asked[0][:300]}"


def doors(of: Any) -> dict[str, list[tuple[str, int]]]:
    """Door → its visitors, by role."""
    city = of.city
    provider = {"provider_id": city.provider_id}
    return {
        "family": [("guardian", browsing.guardian_user(guardian_of(of.rows[0])))],
        "provider": [("manager", browsing.official(Role.PROVIDER_MANAGER, **provider))],
        "office": [(role.value, of.official(role)) for role in (Role.CHECKER, Role.AUDITOR, Role.PROGRAMME_OFFICER,
                                                                Role.PAYER, Role.APPROVER)],
    }  # fmt: skip


@pytest.fixture
def month() -> Any:
    """A month on the officials' desks, flagged, with a claim; every child bears a name of its own."""
    of = desk(families=5)
    for child in Child.objects.all():
        named(("child", child.pk, "Серікова", f"Канарейка{child.pk}я"))
    screened(of)
    return of


def walk(client: Client, of: Any, only: str = "") -> tuple[dict[str, set[str]], list[str]]:
    """Every page of every door by every visitor: names of pages seen whole by door, and what was wrong."""
    seen: dict[str, set[str]] = defaultdict(set)
    wrong: list[str] = []
    marks = canaries()
    for door, visitors in doors(of).items():
        for _, user in visitors:
            browsing.come_in(client, user, strong=True)
            for address, view in signed().items():
                if not address.startswith(f"{door}/{only}") or "GET" not in view.deeds:
                    continue
                filled = _PLACE.sub(lambda place: value_of(place[1]), address)
                before = len(readings())
                wrong += faults(client, f"/en/{filled}", marks)
                if len(readings()) > before:
                    seen[door].add(address)
    return seen, wrong


def test_pages_that_show_children_name_exactly_them(client: Client, month: Any) -> None:
    seen, wrong = walk(client, month)
    print({door: sorted(pages) for door, pages in seen.items()})
    print(*wrong, sep="\n")
    assert wrong == []
