"""The office's page for a month kept elsewhere: checked row by row, stored on a second word, naming nobody."""

from __future__ import annotations

import io
import re
import zipfile
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import ClubGroup, Provider
from qosymsha.interfaces.office import outside
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import cipher
from tests.factories.office import Desk, desk
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
PAGE = "/en/office/outside/"
HEADER = "provider,group,child,date,mark,starts,marked_at"


def say(key: str, **words: object) -> str:
    return texts.say("en", key, **words)


def at_desk(of: Desk, role: Role) -> Client:
    client = Client()
    browsing.come_in(client, of.official(role))
    return client


def house(of: Desk) -> tuple[str, str]:
    """The number of a provider of the city, given a BIN here, and the code of its group."""
    Provider.objects.filter(pk=of.city.provider_id).update(bin="251340000003")
    return "251340000003", ClubGroup.objects.get(pk=of.sheet.group_id).code


def table(*rows: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("month.csv", "\n".join((HEADER, *rows)).encode())


def shown(answer: Any) -> str:
    return unescape(answer.content.decode())


def checked(client: Client, file: SimpleUploadedFile, status: int = 200) -> str:
    sent = browsing.form_of(client.get(PAGE).content.decode())
    answer = client.post(PAGE, sent | {"file": file})
    assert answer.status_code == status, shown(answer)
    return answer.content.decode()


def stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM outside_mark")
        return int(cursor.fetchone()[0])


def store(client: Client, page: str) -> Any:
    """Press the button of the page that says what would be stored."""
    form = next(one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if 'name="held"' in one)
    return client.post(PAGE, dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)))


def test_a_file_is_checked_by_row_and_column_and_stored_on_a_second_word() -> None:
    of = desk(families=1, silent=0, device="")
    officer = at_desk(of, Role.PROGRAMME_OFFICER)
    bin_, code = house(of)
    good = f"{bin_},{code},150301700001,2026-09-03,present,15:00,2026-09-03 15:07:10"
    bad = f"{bin_},{code},150301700002,03.09.2026,maybe,15:00,"
    unknown = f"{bin_},nowhere,150301700001,2026-09-04,1,15:00,"
    page = checked(officer, table(good, bad, unknown))
    assert stored() == 0
    for code_ in ("wrong_check_digit", "mark_unknown", "group_unknown"):
        assert say(f"outside.fault.{code_}") in unescape(page)
    assert say("outside.will", n=1) in unescape(page)
    assert "150301700001" not in page, "no number comes out again"
    answer = store(officer, page)
    assert answer.status_code == 302, shown(answer)
    assert stored() == 1
    assert say("outside.done", n=1, refused=2) in shown(officer.get(PAGE))
    again = checked(officer, table(good))
    assert say("outside.nothing") in unescape(again)
    assert 'name="held"' not in again
    changed = checked(officer, table(good.replace("present", "ill")))
    assert store(officer, changed).status_code == 302
    assert stored() == 1


def test_whether_the_register_knows_a_child_is_not_told() -> None:
    of = desk(families=1, silent=0, device="")
    bin_, code = house(of)
    page = checked(at_desk(of, Role.CHECKER), table(f"{bin_},{code},150301700001,2026-09-03,1,,"))
    assert say("outside.will", n=1) in unescape(page), "nobody of this number is in the register"


def test_another_citys_provider_is_unknown() -> None:
    of, elsewhere = desk(families=1, silent=0, device=""), desk(families=1, silent=0, device="")
    bin_, code = house(elsewhere)
    page = checked(at_desk(of, Role.CHECKER), table(f"{bin_},{code},150301700001,2026-09-03,1,,"))
    assert say("outside.fault.provider_unknown") in unescape(page)


def test_only_what_was_checked_is_stored_and_by_whom_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    of = desk(families=1, silent=0, device="")
    bin_, code = house(of)
    checker, officer = at_desk(of, Role.CHECKER), at_desk(of, Role.PROGRAMME_OFFICER)
    page = checked(checker, table(f"{bin_},{code},150301700001,2026-09-03,1,,"))
    (held,) = re.findall(r'name="held" value="([^"]+)"', page)
    spoiled = held[:-8] + ("AAAAAAA=" if not held.endswith("AAAAAAA=") else "BBBBBBA=")
    for client, value in ((checker, spoiled), (checker, "nonsense"), (checker, ""), (officer, held)):
        sent = browsing.form_of(client.get(PAGE).content.decode())
        assert client.post(PAGE, sent | {"held": value}).status_code == 422
    assert stored() == 0
    # The control: bound to nobody, another's page would do.
    monkeypatch.setattr(outside, "_bound", lambda request: b"")
    assert cipher.seal(b"x", bound_to=b"")
    page = checked(checker, table(f"{bin_},{code},150301700001,2026-09-03,1,,"))
    (held,) = re.findall(r'name="held" value="([^"]+)"', page)
    sent = browsing.form_of(officer.get(PAGE).content.decode())
    assert officer.post(PAGE, sent | {"held": held}).status_code == 302
    assert stored() == 1


def test_what_is_no_table_or_too_long_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    of = desk(families=1, silent=0, device="")
    officer = at_desk(of, Role.PROGRAMME_OFFICER)
    for content in (b"%PDF-1.7", b"\x00\x01\x02\x03", b"a,b\n1,2\n", b"PK\x03\x04broken", b""):
        page = checked(officer, SimpleUploadedFile("m.xlsx", content), 422)
        assert texts.say("en", "outside.h1") in unescape(page)
    monkeypatch.setattr(outside, "MOST_ROWS", 2)
    assert say("outside.no_table") in unescape(checked(officer, table(*["x,y,z,,,,"] * 3), 422))
    monkeypatch.setattr(outside, "MOST_BYTES", 20)
    assert say("outside.no_table") in unescape(checked(officer, table("x,y,z,,,,"), 422))


def test_a_workbook_that_grows_is_not_unpacked() -> None:
    of = desk(families=1, silent=0, device="")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr("xl/worksheets/sheet1.xml", b" " * (outside.MOST_UNPACKED + 1))
    assert len(packed.getvalue()) < outside.MOST_BYTES
    page = checked(at_desk(of, Role.CHECKER), SimpleUploadedFile("m.xlsx", packed.getvalue()), 422)
    assert "unpacks to more than 40 MB" in page


def test_the_example_is_a_table_that_the_page_reads() -> None:
    of = desk(families=1, silent=0, device="")
    officer = at_desk(of, Role.PROGRAMME_OFFICER)
    example = officer.get(f"{PAGE}example.csv")
    assert example["Content-Disposition"] == 'attachment; filename="marks.csv"'
    page = checked(officer, SimpleUploadedFile("marks.csv", example.content))
    assert say("outside.told", n=1) in unescape(page)
    assert say("outside.fault.provider_unknown") in unescape(page) or say("outside.will", n=1) in unescape(page)


def test_who_neither_checks_nor_runs_the_programme_brings_nothing() -> None:
    of = desk(families=1, silent=0, device="")
    for role in (Role.PAYER, Role.AUDITOR):
        client = at_desk(of, role)
        assert client.get(PAGE).status_code == 403
        assert client.get(f"{PAGE}example.csv").status_code == 403
