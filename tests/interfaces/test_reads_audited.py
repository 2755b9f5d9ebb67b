"""Every signed-in page that shows children leaves one row that names them: walked from the table of addresses."""

from __future__ import annotations

import json
import re
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from qosymsha.domain.people.models import Child
from qosymsha.domain.people.states import Role
from qosymsha.domain.witness import reading
from qosymsha.interfaces.ui import readings as log
from tests.architecture.test_reads import RECORDS
from tests.architecture.test_signed_urls import signed
from tests.factories.attendance import guardian_of
from tests.factories.families import named
from tests.factories.office import desk, screened
from tests.factories.readings import readings
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
_RECORD = re.compile(rf"\b(?:FROM|JOIN)\s+\"?({RECORDS})\b", re.IGNORECASE)
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
# Pages that ask tables of records for figures, or by a document's number, and show no child: a child on one is a fault.
FIGURES = {
    "office/guardians/": "children for whom nobody speaks: here there is none (with one: test_guardians_pages)",
    "provider/lesson/<uuid:session_uuid>/": "a lesson, with how many children it has",
    "provider/lesson/<uuid:session_uuid>/move/": "the same",
    "provider/lesson/<uuid:session_uuid>/cancel/": "the same",
    "provider/lesson/<uuid:session_uuid>/reinstate/": "the same",
    "provider/lesson/<uuid:session_uuid>/substitute/": "the same",
    "provider/month/": "groups and lessons in figures",
    "provider/sheets/": "sheets in figures",
    "provider/pay/": "claims and payments of the club",
    "provider/pay/statement.pdf": "the same, on paper",
    "office/": "tasks in figures",
    "office/sheets/": "sheets in figures",
    "office/sheets/approve/": "sheets in figures",
    "office/sheets/<uuid:sheet_uuid>/pause/": "a sheet in figures",
    "office/sheets/<uuid:sheet_uuid>/resume/": "a sheet in figures",
    "office/sheets/<uuid:sheet_uuid>/void/": "a sheet in figures",
    "office/claims/": "claims of clubs",
    "office/claims/<str:number>/": "a claim by groups and months",
    "office/files/": "payment files",
    "office/files/draw/": "claims that would be paid",
    "office/money/": "the ledger",
    "office/checks/": "the checker's results",
    "family/apply/": "rounds that are open, and drafts by their round",
    "provider/groups/<uuid:group_uuid>/": "a group, with how many children it has",
    "provider/groups/<uuid:group_uuid>/edit/": "the same",
    "provider/groups/<uuid:group_uuid>/close/": "the same, and how many would lose their place",
    "provider/controls/": "visits of a control, in figures",
    "office/applications/": "cases by number and day: neither child nor category",
    "office/flags/screen/": "a month's marks in figures",
    "office/claims/draw/": "what would be claimed, in figures by club",
    "office/acts/draw/": "the same",
    "family/notices/": "whose notices these are is asked; here none names a child",
    "family/preferences/": "how many notices are new",
    "office/covers/": "months that lack money, in figures",
    "office/errands/": "one's own wishes: verbs, months, figures",
}
# Pages on which each child shown is one by one, as the walk must have seen them: else it would walk past everything.
SEEN = {
    "family/", "family/children/", "family/months/", "family/months/<uuid:row_uuid>/", "family/vouchers/",
    "provider/groups/<uuid:group_uuid>/month/", "provider/sheets/<uuid:sheet_uuid>/", "provider/lessons/",
    "provider/marks/<uuid:session_uuid>/<uuid:place_uuid>/", "office/sheets/<uuid:sheet_uuid>/",
    "office/sheets/<uuid:sheet_uuid>/rows/<uuid:place>/", "office/flags/", "office/flags/<uuid:flag_uuid>/",
}  # fmt: skip


class Watch:
    """What a request asks of the tables of records, statement by statement."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        tables = {name.lower() for name in _RECORD.findall(sql)} if isinstance(sql, str) else set()
        is_others = tables == {"person_secret"} and "child" not in (params or ())  # a guardian's own name, say
        if tables and not is_others and not sql.lstrip().upper().startswith("INSERT"):
            self.asked.append(sql)
        return execute(sql, params, many, context)


def value_of(place: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(PLACES.get(place, "SELECT NULL WHERE false"))
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


def faults(client: Client, address: str, filled: str, marks: dict[int, set[str]], own: set[int]) -> Iterator[str]:
    """What is wrong with the record of one look. A family's row may name more of its `own` than a page shows."""
    before, watch = len(readings()), Watch()
    with connection.execute_wrapper(watch):
        answer = client.get(filled)
    rows = readings()[before:]
    if answer.status_code != 200:
        return
    shown, told = visible(answer, marks), {child for row in rows for child in row.subject_ids}
    if len(rows) > 1:
        yield f"{len(rows)} rows"
    if shown - told:
        yield f"shows {len(shown - told)} children that stand in no row"
    if told - shown - own:
        yield f"{len(told - shown - own)} children in the row are not on the page"
    if watch.asked and not rows and address not in FIGURES:
        yield "asks for children's records and leaves no row"


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


def walk(client: Client, of: Any, pages: dict[str, Any]) -> tuple[set[str], list[str]]:
    """These pages by every visitor of their door: the addresses of those that left a row, and what was wrong."""
    seen: set[str] = set()
    wrong: list[str] = []
    marks, own = canaries(), {"family": {of.rows[0].child_id}}
    for door, visitors in doors(of).items():
        for role, user in visitors:
            browsing.come_in(client, user, strong=True)
            for address, view in pages.items():
                if not address.startswith(f"{door}/") or "GET" not in view.deeds:
                    continue
                before = len(readings())
                filled = f"/en/{_PLACE.sub(lambda place: value_of(place[1]), address)}"
                found = faults(client, address, filled, marks, own.get(door, set()))
                wrong += [f"{address} {role}: {what}" for what in found]
                if len(readings()) > before:
                    seen.add(address)
    return seen, wrong


def test_pages_that_show_children_name_exactly_them(client: Client, month: Any) -> None:
    seen, wrong = walk(client, month, signed())
    assert wrong == [], "\n".join(wrong)
    assert SEEN - seen == set()


def test_the_walk_sees_pages_whose_queries_say_nothing(
    client: Client, month: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with the word of the queries switched off, each page that shows children is found."""
    monkeypatch.setattr(reading, "saw", lambda **_: None)
    pages = {address: view for address, view in signed().items() if address in SEEN}
    seen, wrong = walk(client, month, pages)
    assert seen == set()
    assert {one.partition(" ")[0] for one in wrong} == SEEN


def test_a_page_is_not_shown_where_its_row_cannot_be_written(
    client: Client, month: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browsing.come_in(client, doors(month)["family"][0][1])
    assert client.get("/en/family/children/").status_code == 200

    def full(**_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("qosymsha.kernel.audit.record", full)
    with pytest.raises(OSError, match="disk full"):
        client.get("/en/family/children/")


def test_the_request_log_has_a_line_for_each_request_tied_to_its_row_and_no_word_about_a_child(
    client: Client, month: Any, tmp_path: Path, settings: Any
) -> None:
    settings.REQUEST_LOG = str(tmp_path / "requests")
    ((_, user),) = doors(month)["family"]
    browsing.come_in(client, user)
    child = Child.objects.get(pk=month.rows[0].child_id)
    for address in ("children/", f"children/{child.uuid}/readers/", "here/offline/", "children/?child=Канарейка"):
        assert client.get(f"/en/family/{address}").status_code == 200
    (file,) = (tmp_path / "requests").iterdir()
    text = file.read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    views = ["family-children", "family-readers", "family-children"]
    assert [(line["view"], line["user"], line["status"]) for line in lines if line["children"]] == [
        (view, user, 200) for view in views
    ]
    assert {line["request"] for line in lines if line["children"]} == {
        row.detail["request"] for row in readings() if row.actor_id == user and "request" in row.detail
    }
    assert all(line["unsealed"] for line in lines if line["children"])
    assert not any(word in text for word in (str(child.uuid), "Канарейка", "?", "/"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    later = at_day(file) + timedelta(days=1)
    assert (log.forget(at_day(file)), log.forget(later)) == (0, 1)
    assert not file.exists()


def at_day(file: Path) -> date:
    return date.fromisoformat(file.stem)
