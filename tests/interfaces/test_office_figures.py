"""Dashboards: figures as they were counted, narrowed by the address, downloaded safely; no page counts anything."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.figures.models import Figure
from qosymsha.domain.people.models import Department, Membership
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.models import BudgetLine
from qosymsha.interfaces.office.boards.charts import Drawn, Piece, chart
from qosymsha.interfaces.office.dashboards import BOARDS
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import admission
from tests.factories.figures import counted
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
LOOKERS = (Role.PROGRAMME_OFFICER, Role.APPROVER, Role.PAYER, Role.AUDITOR)
KEPT_OUT = (Role.CHECKER, Role.RULE_APPROVER, Role.OPERATOR, Role.CLERK)


@pytest.fixture
def city() -> admission.City:
    """A round in which twelve of forty were granted sport, all creative, and every figure counted."""
    money = {"sport": admission.money_for(12), "creative": admission.money_for(30, "creative")}
    made = admission.City(money=money)
    the_round = made.opened()
    made.file(the_round, made.families(40))
    made.file(the_round, made.families(12), kind="creative")
    made.run(the_round)
    counted(made.programme.id, admission.AFTER)
    clock.shift_to(admission.AFTER)
    return made


def come(client: Client, city: admission.City, role: Role = Role.AUDITOR) -> Client:
    return browsing.come_in(client, browsing.official(role, territory_id=city.territory.id))


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return unescape(answer.content.decode())


def test_every_dashboard_stands_in_each_language_with_its_time(client: Client, city: admission.City) -> None:
    come(client, city)
    for language, name in product(texts.LANGUAGES, BOARDS):
        shown = text(client, f"/{language}/office/figures/")
        assert texts.say(language, f"figures.name.{name}") in shown
        board = text(client, f"/{language}/office/figures/{name}/")
        assert board.count("<h1>") == 1
        assert "2026" in board
        assert "style=" not in board.partition("<main")[2]


def test_those_whose_work_it_is_look_and_others_do_not(client: Client, city: admission.City) -> None:
    for role in LOOKERS:
        come(client, city, role)
        assert "40" in text(client, "/en/office/figures/demand/?kind=sport")
    for role in KEPT_OUT:
        come(client, city, role)
        answers = [client.get(f"/en/office/figures/{where}").status_code for where in ("", "money/", "money/1.csv")]
        assert answers == [403, 403, 403], role


def test_the_address_narrows_and_an_unknown_choice_is_none(client: Client, city: admission.City) -> None:
    come(client, city)
    for address, filed in (("?kind=sport", 40), ("?kind=creative", 12), ("", 52), ("?kind=chess&by=moon&y=1999", 52)):
        shown = text(client, f"/en/office/figures/demand/{address}")
        assert texts.say("en", "figures.demand.says", filed=filed, issued=0, placed=0, waiting=0)[:17] in shown


def test_what_there_is_not_is_404(client: Client, city: admission.City) -> None:
    come(client, city)
    for address in ("moon/", "money/9.csv", "money/0.csv", "money/1.exe", "money/?p=nothing", "moon/1.csv"):
        assert client.get(f"/en/office/figures/{address}").status_code == 404, address


def test_an_official_of_another_city_sees_none_of_it(client: Client, city: admission.City) -> None:
    other = admission.City(kato="750000000")
    come(client, other)
    assert client.get(f"/en/office/figures/money/?p={city.programme.uuid}").status_code == 404
    assert texts.say("en", "figures.not_yet") in text(client, "/en/office/figures/money/")
    browsing.come_in(client, browsing.official(Role.AUDITOR, territory_id=city.territory.id, name="test:own"))
    assert client.get(f"/en/office/figures/money/?p={city.programme.uuid}").status_code == 200, "the control"


def test_a_departments_official_sees_and_downloads_its_own_kinds(client: Client, city: admission.City) -> None:
    sport = Department.objects.create(territory=city.territory, code="sport", name_kk="Спорт", name_ru="Спорт")
    BudgetLine.objects.filter(id=city.lines["sport"]).update(department=sport)
    user = browsing.official(Role.PAYER, territory_id=city.territory.id)
    browsing.come_in(client, user)
    creative = texts.say("en", "kind.creative")
    addresses = ("/en/office/figures/money/", "/en/office/figures/demand/?kind=creative")
    assert all(creative in text(client, address) for address in addresses), "the control: of the whole akimat"
    Membership.objects.filter(user_id=user).update(department=sport)
    assert [address for address in addresses if creative in text(client, address)] == []
    assert creative not in client.get("/en/office/figures/money/1.csv").content.decode("utf-8-sig")


def test_a_table_is_downloaded_as_it_is_narrowed_and_runs_no_formula(client: Client, city: admission.City) -> None:
    figure = Figure.objects.get(name="money", programme_id=city.programme.id)
    for row in figure.content["rows"]:
        row["code"] = "464"
    figure.content["rows"][0]["kind"] = "sport"
    figure.save()
    supply = Figure.objects.get(name="supply", programme_id=city.programme.id)
    cell: dict[str, Any] = dict.fromkeys(("groups", "places", "taken", "children", "first", "wished"), 1)
    supply.content["rows"] = [cell | {"kind": "sport", "activity": "=1+1", "district": 1, "language": "kk"}]
    supply.save()
    come(client, city)
    answer = client.get("/en/office/figures/demand/2.csv?kind=sport")
    assert answer["Content-Disposition"] == 'attachment; filename="demand-2-2026.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][0] == texts.say("en", "figures.col.activity")
    assert rows[1][0] == "'=1+1"
    money = list(csv.reader(io.StringIO(client.get("/en/office/figures/money/1.csv").content.decode("utf-8-sig"))))
    assert len(money) > 1
    assert all(re.fullmatch(r"\d+(\.\d+)?", value) for value in money[1][2:]), "amounts are numbers of tenge"
    assert client.get("/en/office/figures/money/1.xlsx").content[:2] == b"PK"


def test_a_page_counts_nothing(client: Client, city: admission.City) -> None:
    come(client, city)
    text(client, "/en/office/figures/demand/")
    facts = re.compile(r'\b(?:FROM|JOIN)\s+"?(?:voucher|enrolment|application|claim|sheet_row|ledger_entry|child)\b')
    for name in BOARDS:
        with CaptureQueriesContext(connection) as asked:
            text(client, f"/en/office/figures/{name}/")
        assert [one["sql"] for one in asked.captured_queries if facts.search(one["sql"])] == []
        assert len(asked) <= 25, name
    with CaptureQueriesContext(connection) as counting:
        counted(city.programme.id, admission.AFTER)
    assert any(facts.search(one["sql"]) for one in counting.captured_queries), "the control: counting touches them"


def test_before_the_first_night_every_dashboard_says_so(client: Client, city: admission.City) -> None:
    Figure.objects.all().delete()
    come(client, city)
    for name in BOARDS:
        assert texts.say("ru", "figures.not_yet") in text(client, f"/ru/office/figures/{name}/")


def test_pieces_of_a_bar_meet_and_never_pass_its_end() -> None:
    drawn = chart("t", (), [Drawn("a", "", (("a", 1), ("b", 1), ("c", 1)), 3), Drawn("b", "", (("a", -5), ("b", 2)))])
    first, second = drawn.bars
    assert first.pieces == (Piece("a", 0, 333), Piece("b", 333, 333), Piece("c", 666, 334))
    assert first.mark == 999
    assert second.pieces == (Piece("b", 0, 666),)
    assert chart("t", (), [Drawn("a", "", (("a", 0),))]).bars[0].pieces == ()
