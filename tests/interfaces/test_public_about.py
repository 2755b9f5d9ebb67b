"""Pages about the service: points, open figures that tell of no child, accessibility, errors with a way out."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.insights.queries import openness
from qosymsha.domain.settlement.commands import draw_claims
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel.entropy import uuid4
from tests.factories import front, settlement
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
    assert [(m.month, m.lessons) for m in openness.months()] == [(JANUARY, 96)]
    few = settlement.city()
    claimed(few, 4, FEBRUARY)
    assert [m.month for m in openness.months()] == [JANUARY]
    assert "02.2026" not in text(client, "/en/open/")
    assert "01.2026" in text(client, "/en/open/")


def test_with_the_least_number_switched_off_the_same_month_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    claimed(settlement.city(), 4, FEBRUARY)
    assert openness.months() == []
    monkeypatch.setattr(openness, "FEWEST", 1)
    assert [m.month for m in openness.months()] == [FEBRUARY]


def test_small_months_are_told_together_once_ten_children_stand_behind_them() -> None:
    home = settlement.city()
    claimed(home, 6)
    claimed(settlement.city(), 5, FEBRUARY)
    (only,) = openness.months()
    assert (only.month, only.lessons) == (None, 88)


def test_the_lines_add_up_and_the_absence_rule_is_told_by_group(client: Client) -> None:
    home = settlement.city(budget_tiyn=2_000_000_000)
    claimed(home, 12)
    (line,) = [one for one in openness.lines() if one.planned]
    assert line.planned == line.free + line.promised + line.due + line.paid == 2_000_000_000
    assert {share.group: (share.children, share.lost) for share in openness.absences()}["all"] == (12, 0)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE voucher SET state = 'closed', reason = 'absent' WHERE id = %s", [Voucher.objects.first().pk]
        )  # type: ignore[union-attr]
    assert openness.absences()[0].lost is None, "one child is fewer than ten"
    assert texts.say("en", "open.few") in text(client, "/en/open/")


def test_roots_of_closed_lists_are_published(client: Client) -> None:
    the_round = front.played_round(families=20)
    shown = text(client, "/en/open/")
    assert bytes(the_round.root).hex() in shown
    assert f"/en/rounds/{the_round.uuid}/" in shown


def test_the_cost_of_the_open_figures_does_not_grow(client: Client) -> None:
    claimed(settlement.city(), 3)
    with CaptureQueriesContext(connection) as few:
        client.get("/en/open/")
    for _ in range(3):
        claimed(settlement.city(), 3)
    with CaptureQueriesContext(connection) as many:
        client.get("/en/open/")
    assert len(few) == len(many) <= 8


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
    assert answer.status_code == 500
    assert answer["Cache-Control"] == "no-store"
    assert texts.say(language, "error.500.h1") in shown
    assert f'class="button" href="/{language}/"' in shown
    assert "gone" not in shown


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_wrong_address_offers_more_than_one_way_out(client: Client, language: str) -> None:
    shown = text(client, f"/{language}/nowhere/")
    for way in ("", "clubs/", "points/"):
        assert f'href="/{language}/{way}"' in shown
