"""Pages about the service: points, open figures that tell of no child, accessibility, errors with a way out."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.figures.queries import stored
from qosymsha.domain.settlement.commands import draw_claims
from qosymsha.interfaces.ui import texts
from qosymsha.kernel.entropy import uuid4
from tests.factories import front, settlement
from tests.factories.figures import open_counted
from tests.factories.settlement import AT, FEBRUARY, JANUARY, SYSTEM

pytestmark = pytest.mark.django_db


def text(client: Client, address: str) -> str:
    return unescape(client.get(address).content.decode())


def claimed(home: settlement.City, children: int, month: object = JANUARY) -> None:
    settlement.confirmed_month(home, children, month)  # type: ignore[arg-type]
    draw_claims(
        programme_id=home.programme.id,
        month=month,  # type: ignore[arg-type]
        actor=SYSTEM,
        provider_ids=[home.provider.id],
        at=AT,
        key=uuid4(),
    )


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_the_seven_points_stand_with_their_days_and_no_invented_hour(client: Client, language: str) -> None:
    front.points()
    shown = text(client, f"/{language}/points/")
    assert shown.count("<li><h2>") == 7
    assert shown.count(f"<dd>{texts.say(language, 'points.unknown')}</dd>") == 1
    assert re.search(r"\d\d:\d\d", shown) is None
    assert texts.say(language, "points.hours") in shown


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize("page", ["points", "open", "accessibility", "design", "offline", "clubs"])
def test_each_page_is_whole_on_an_empty_installation(client: Client, language: str, page: str) -> None:
    answer = client.get(f"/{language}/{page}/")
    assert answer.status_code == 200
    assert answer.content.decode().count("<h1>") == 1


def test_a_month_of_few_children_is_not_told_alone(client: Client) -> None:
    home = settlement.city()
    claimed(home, 12)
    few = settlement.city()
    claimed(few, 4, FEBRUARY)
    open_counted(AT)
    shown = text(client, "/en/open/")
    assert ">02.2026<" not in shown
    assert ">01.2026<" not in shown, "nor the month that the kind's total would give it away by"
    assert texts.say("en", "open.small_months") in shown
    assert re.search(r'<td class="n">128</td>', shown), "twelve and four children's lessons together"


def test_months_of_enough_children_are_told_one_by_one(client: Client) -> None:
    """The control: with ten children behind each, both months stand."""
    claimed(settlement.city(), 12)
    claimed(settlement.city(), 10, FEBRUARY)
    open_counted(AT)
    shown = text(client, "/en/open/")
    assert ">01.2026<" in shown
    assert ">02.2026<" in shown


def test_the_lines_add_up_and_the_rules_are_told_by_family(client: Client) -> None:
    claimed(settlement.city(budget_tiyn=2_000_000_000), 12)
    open_counted(AT)
    at, content = stored.open_figures() or (None, {})
    assert at == AT
    (line,) = [one for one in content["lines"] if one["planned"]]
    parts = ("free", "promised", "due", "paid", "back")
    assert line["planned"] == sum(line[part] for part in parts) == 2_000_000_000
    everybody = content["equity"][0]
    assert (everybody["dimension"], everybody["children"], everybody["absent"]) == ("all", 12, 0)
    assert content["words"] == {"rows": 12, "family": 12, "officer": 0}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        first = "(SELECT min(id) FROM voucher)"
        cursor.execute(f"UPDATE voucher SET state = 'closed', reason = 'absent' WHERE id = {first}")
    open_counted(AT)
    assert (stored.open_figures() or (None, {}))[1]["equity"][0]["absent"] is None, "one child is fewer than ten"
    assert texts.say("en", "open.few") in text(client, "/en/open/")


def test_before_the_first_night_the_page_says_so_and_shows_the_roots(client: Client) -> None:
    assert texts.say("ru", "figures.not_yet") in text(client, "/ru/open/")


def test_roots_of_closed_lists_are_published(client: Client) -> None:
    the_round = front.played_round(families=20)
    shown = text(client, "/en/open/")
    assert bytes(the_round.root).hex() in shown
    assert f"/en/rounds/{the_round.uuid}/" in shown


FACTS = ("voucher", "enrolment", "application", "claim", "sheet_row", "ledger_entry", "ledger_account", "child")


def test_the_open_figures_are_read_and_not_counted(client: Client) -> None:
    claimed(settlement.city(), 3)
    open_counted(AT)
    with CaptureQueriesContext(connection) as few:
        client.get("/en/open/")
    for _ in range(3):
        claimed(settlement.city(), 3)
    with CaptureQueriesContext(connection) as many:
        client.get("/en/open/")
    assert len(few) == len(many) <= 4
    touched = re.compile(rf'\b(?:FROM|JOIN)\s+"?(?:{"|".join(FACTS)})\b')
    assert [one["sql"] for one in many.captured_queries if touched.search(one["sql"])] == []
    with CaptureQueriesContext(connection) as counting:
        open_counted(AT)
    assert any(touched.search(one["sql"]) for one in counting.captured_queries), "the control: counting touches them"


@pytest.mark.parametrize(("language", "page"), [("kk", "points/"), ("ru", "clubs/"), ("en", "rounds/")])
def test_with_the_database_down_the_page_says_so_in_the_visitors_language(
    client: Client, monkeypatch: pytest.MonkeyPatch, language: str, page: str
) -> None:
    def down(*_: object, **__: object) -> None:
        raise OperationalError("the server is gone")

    client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(BaseDatabaseWrapper, "cursor", down)
        answer = client.get(f"/{language}/{page}")
    shown = unescape(answer.content.decode())
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert answer["Cache-Control"] == "no-store"
    assert texts.say(language, "error.503.h1") in shown
    assert f'class="button" href="/{language}/{page}"' in shown, "try again"
    assert f'class="button quiet" href="/{language}/"' in shown
    assert "gone" not in shown


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_wrong_address_offers_more_than_one_way_out(client: Client, language: str) -> None:
    shown = text(client, f"/{language}/nowhere/")
    for way in ("", "clubs/", "points/"):
        assert f'href="/{language}/{way}"' in shown
