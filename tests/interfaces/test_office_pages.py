"""The officials' desks: who sees what, each step looked at before it is done, once, by the one who may."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance.models import DayHold, MonthSheet, SheetRow
from qosymsha.domain.attendance.queries import office
from qosymsha.domain.flags.models import RedFlag
from qosymsha.domain.people.models import Membership, Territory
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement.models import Claim, PaymentFile
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories.office import Desk, desk, screened
from tests.factories.readings import readings
from tests.factories.vouchers import YEAR, key
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
HOME = "/en/office/"
OFFICIALS = (Role.CHECKER, Role.PROGRAMME_OFFICER, Role.APPROVER, Role.PAYER, Role.AUDITOR)


def come(of: Desk, role: Role, *, strong: bool = True) -> Client:
    """A browser of the role's official."""
    return browsing.come_in(Client(), of.official(role), strong=strong)


def text(client: Client, where: str, status: int = 200) -> str:
    answer = client.get(where)
    assert answer.status_code == status, (where, answer.status_code)
    return unescape(answer.content.decode())


def press(client: Client, where: str, part: str = "", **said: Any) -> Any:
    """Fill in the page's form that posts to `part` (else its first) and send it."""
    shown = client.get(where).content.decode()
    sent = browsing.form_of(shown, part)
    assert sent, where
    return client.post(part or where, sent | said)


def address(of: Desk, *more: str) -> str:
    return "/".join([f"{HOME}sheets/{of.sheet.uuid}", *more]) + "/"


def row_address(of: Desk, n: int) -> str:
    return address(of, "rows", str(Enrolment.objects.get(pk=of.rows[n].enrolment_id).uuid))


def say(key_: str, **values: object) -> str:
    return texts.say("en", key_, **values)


def pages(of: Desk) -> dict[str, set[Role]]:
    """Address → roles that may look, with one of each kind of thing."""
    (flag, *_) = screened(of)
    all_ = set(OFFICIALS)
    no_payer = all_ - {Role.PAYER}
    return {
        HOME: all_,
        f"{HOME}sheets/": no_payer,
        address(of): no_payer,
        row_address(of, 0): no_payer,
        f"{HOME}flags/": {Role.CHECKER, Role.APPROVER, Role.AUDITOR},
        f"{HOME}flags/{flag.uuid}/": {Role.CHECKER, Role.APPROVER, Role.AUDITOR},
        f"{HOME}claims/": all_,
        f"{HOME}files/": all_ - {Role.CHECKER},
        f"{HOME}replies/": {Role.PAYER, Role.AUDITOR},
        f"{HOME}recoveries/": all_,
        f"{HOME}money/": all_ - {Role.CHECKER},
        f"{HOME}sheets/approve/?s={of.sheet.uuid}": {Role.CHECKER, Role.PROGRAMME_OFFICER},
        address(of, "return"): {Role.CHECKER, Role.PROGRAMME_OFFICER},
        address(of, "pause"): {Role.CHECKER, Role.PROGRAMME_OFFICER},
    }


def test_each_role_sees_its_pages_and_no_other() -> None:
    of = desk(families=8)
    table = pages(of)
    found = {(where, role): come(of, role).get(where).status_code == 200 for where in table for role in OFFICIALS}
    assert found == {(where, role): role in table[where] for where in table for role in OFFICIALS}


def test_another_territory_is_as_unknown_as_nothing() -> None:
    of = desk(families=8)
    (flag, *_) = screened(of)
    far = Territory.objects.create(kato="990000000", kind="city", name_kk="Қала", name_ru="Город", valid=YEAR)
    for role in (Role.CHECKER, Role.AUDITOR):
        stranger = browsing.come_in(Client(), browsing.official(role, territory_id=far.pk, name=f"far:{role}"))
        for where in (address(of), row_address(of, 0), f"{HOME}flags/{flag.uuid}/"):
            assert stranger.get(where).status_code == 404
        assert say("office.sheets.none") in text(stranger, f"{HOME}sheets/")
        assert say("office.flags.none") in text(stranger, f"{HOME}flags/?state=")


def test_with_the_question_whose_territory_switched_off_a_strangers_queue_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control of the test above: it stands on `office_programmes`; the sheet itself has a second wall behind it."""
    of = desk()
    far = Territory.objects.create(kato="990000000", kind="city", name_kk="Қала", name_ru="Город", valid=YEAR)
    stranger = browsing.come_in(Client(), browsing.official(Role.CHECKER, territory_id=far.pk, name="far:checker"))
    monkeypatch.setattr(office, "office_programmes", lambda actor: [of.city.programme_id])
    assert str(of.sheet.uuid) in text(stranger, f"{HOME}sheets/")
    assert stranger.get(address(of)).status_code == 404


def test_looking_changes_nothing_and_an_auditor_has_no_button() -> None:
    of = desk(families=8)
    table = pages(of)

    def state() -> list[Any]:
        return [
            list(model.objects.order_by("pk").values())
            for model in (MonthSheet, SheetRow, DayHold, RedFlag, Claim, PaymentFile)
        ]

    before = state()
    for where, roles in table.items():
        for role in roles:
            shown = text(come(of, role), where)
            if role is Role.AUDITOR:
                main = shown.partition("<main")[2]
                assert 'method="post"' not in main.replace('action="/en/sign-out/"', ""), where
    assert state() == before


def test_a_right_that_ends_closes_the_next_request() -> None:
    of = desk()
    user = of.official(Role.CHECKER)
    client = browsing.come_in(Client(), user)
    assert client.get(address(of)).status_code == 200
    day = clock.local_day(clock.read())
    Membership.objects.filter(user_id=user).update(valid=(day.replace(month=1), day))
    assert client.get(address(of)).status_code == 403


def test_names_stand_only_where_the_role_needs_them_and_the_read_is_recorded() -> None:
    of = desk(families=8)
    (flag, *_) = screened(of)
    for role, has_names in ((Role.CHECKER, True), (Role.AUDITOR, False), (Role.APPROVER, False)):
        before = len(readings("read_lessons"))
        for where in (address(of), row_address(of, 0), f"{HOME}flags/{flag.uuid}/"):
            assert ("Серікова" in text(come(of, role), where)) is has_names, (role, where)
        read = len(readings("read_lessons")) - before
        assert read == (3 if has_names else 0)


def test_a_checker_decides_a_silent_row_on_evidence_once() -> None:
    of = desk()
    client, where = come(of, Role.CHECKER), row_address(of, 3)
    assert say("office.row.decide") in text(client, where)
    nothing = press(client, where, where, payable="yes", evidence=" ")
    assert nothing.status_code == 422
    shown = browsing.form_of(client.get(where).content.decode(), where)
    for _ in range(2):
        assert client.post(where, shown | {"payable": "yes", "evidence": "call of 9.10"}).status_code == 302
    assert SheetRow.objects.get(pk=of.rows[3].pk).word == "decided"
    other = browsing.form_of(client.get(row_address(of, 0)).content.decode(), "days")
    assert other, "the first family disputes a day"


def test_an_officer_decides_no_row() -> None:
    of = desk()
    client = come(of, Role.PROGRAMME_OFFICER)
    sent = {"key": str(key()), "payable": "yes", "evidence": "x"}
    assert client.post(row_address(of, 3), sent).status_code == 403
    assert SheetRow.objects.get(pk=of.rows[3].pk).word == "silent"


def test_disputed_days_are_decided_on_the_childs_page() -> None:
    of = desk()
    client, where = come(of, Role.CHECKER), row_address(of, 0)
    shown = client.get(where).content.decode()
    session = shown.partition('name="day" value="')[2].partition('"')[0]
    sent = browsing.form_of(shown, f"{where}days/") | {"payable": "no", "evidence": "the register of the hall"}
    assert client.post(f"{where}days/", sent).status_code == 422, "no day was ticked"
    for _ in range(2):
        assert client.post(f"{where}days/", sent | {"day": session}).status_code == 302
    assert list(DayHold.objects.values_list("state", flat=True)) == ["upheld"]


def test_a_sheet_is_looked_at_then_approved_and_twice_is_once() -> None:
    of = desk()
    client, where = come(of, Role.PROGRAMME_OFFICER), f"{HOME}sheets/approve/?s={of.sheet.uuid}"
    page = text(client, where)
    assert say("office.approve.silent", n=1) in page
    assert say("office.approve.held", n=1) in page
    sent = browsing.form_of(client.get(where).content.decode())
    for _ in range(2):
        assert client.post(where, sent)["Location"] == address(of)
    assert MonthSheet.objects.get().state == "for_payment"
    again = client.post(where, sent | {"key": str(key())})
    assert again.status_code == 422
    assert texts.refusal("en", "wrong_state") in unescape(again.content.decode())


def test_a_sheet_is_returned_with_a_remark_on_the_row() -> None:
    of = desk(silent=0)
    assert MonthSheet.objects.get().state == "with_customer"
    client, where = come(of, Role.PROGRAMME_OFFICER), address(of, "return")
    bare = press(client, where)
    assert bare.status_code == 422
    place = Enrolment.objects.get(pk=of.rows[1].enrolment_id).uuid
    answer = press(client, where, **{f"remark-{place}": "3 September was a holiday"})
    assert answer["Location"] == address(of)
    assert MonthSheet.objects.get().state == "returned"
    assert "3 September was a holiday" in text(client, address(of))


def test_a_sheet_is_paused_resumed_and_made_void_with_reasons() -> None:
    of = desk()
    client = come(of, Role.CHECKER)
    for verb, state in (("pause", "paused"), ("resume", "with_parents"), ("pause", "paused"), ("void", "void")):
        assert press(client, address(of, verb), reason=" ").status_code == 422
        assert press(client, address(of, verb), reason="a fire at the hall")["Location"] == address(of)
        assert MonthSheet.objects.get().state == state
    wrong = press(client, address(of, "pause"), reason="again")
    assert wrong.status_code == 422


def test_a_flag_is_explained_priced_and_resolved_by_a_checker_once() -> None:
    of = desk(families=8)
    flags = screened(of)
    where = f"{HOME}flags/{flags[1].uuid}/"
    client = come(of, Role.CHECKER)
    page = text(client, where)
    assert 'class="month"' in page
    assert "8" in page
    assert say("office.flag.uphold") in page
    assert say("office.flag.resolve") not in text(come(of, Role.APPROVER), where)
    no_evidence = press(client, where, outcome="upheld", reason="one phone", evidence=" ")
    assert no_evidence.status_code == 422
    sent = browsing.form_of(client.get(where).content.decode())
    words = {"outcome": "upheld", "reason": "one phone for all", "evidence": "visit of 9.10"}
    for _ in range(2):
        assert client.post(where, sent | words).status_code == 302
    assert RedFlag.objects.get(pk=flags[1].pk).state == "upheld"
    other = client.post(where, sent | words | {"key": str(key()), "outcome": "dismissed"})
    assert other.status_code == 422
    assert texts.refusal("en", "flag_resolved") in unescape(other.content.decode())


def test_home_counts_what_waits_for_each_role() -> None:
    of = desk(families=8)
    screened(of)
    checker = text(come(of, Role.CHECKER), HOME)
    assert say("office.task.flags", n=7) in checker or "red flags open" in checker
    assert say("office.task.rows", n=1) in checker
    assert say("office.task.days", n=1) in checker
    assert say("office.calm") in text(come(of, Role.PAYER), HOME)
    auditor = text(come(of, Role.AUDITOR), HOME)
    assert say("office.others") in auditor
    assert say("office.task.rows", n=1) in auditor


def test_the_pages_ask_the_same_number_of_questions_for_few_rows_and_for_many() -> None:
    counts: dict[str, list[int]] = {}
    for families in (2, 9):
        of = desk(families=families)
        client = come(of, Role.CHECKER)
        for name, where in {"home": HOME, "sheets": f"{HOME}sheets/", "sheet": address(of)}.items():
            client.get(where)
            with CaptureQueriesContext(connection) as seen:
                assert client.get(where).status_code == 200
            counts.setdefault(name, []).append(len(seen))
    assert all(few == many for few, many in counts.values()), counts
