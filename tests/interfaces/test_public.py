"""The public page: right on an empty database and on a full one, at a constant cost, for reading only."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.insights.rules import PROMISES
from qosymsha.domain.ledger.rules import AccountKind
from qosymsha.interfaces.public import landing as page
from qosymsha.interfaces.public.views import broken
from qosymsha.interfaces.ui import build, texts
from tests.factories import front, settlement

pytestmark = pytest.mark.django_db
FIRST_VISIT_BYTES = 60_000


def text(client: Client, address: str = "/en/") -> str:
    return client.get(address).content.decode()


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_an_empty_installation_has_a_whole_page(client: Client, language: str) -> None:
    answer = client.get(f"/{language}/")
    assert answer.status_code == 200
    assert answer["Content-Language"] == language
    for key in ("intake.none", "round.none", "money.none", "checks.none", "points.nowhere"):
        assert texts.say(language, key) in answer.content.decode()


def test_a_full_installation_says_who_where_and_how_much(client: Client) -> None:
    the_round = front.full_page(families=80)
    shown = text(client)
    assert the_round.number in shown
    assert bytes(the_round.root).hex() in shown
    assert bytes(the_round.seed).hex() in shown
    assert figures(shown) == {
        "Children with a voucher now": "52",  # 40 granted by the round, 12 in the other city
        "Children in a group now": "12",
        "Children waiting": "40",
        "Paid to clubs": "48\u00a0000\u00a0₸",  # three children's month, 8 lessons of 2,000 ₸
    }
    assert "Art School No. 2" in shown
    assert "Open on: Saturday, Sunday" in shown
    assert texts.say("en", "checks.all_ok", n=len(PROMISES)) in shown
    assert "Checked at: 02.03.2026 09:30" in shown


def figures(shown: str) -> dict[str, str]:
    return dict(re.findall(r'class="figure"><dt>(.*?)</dt><dd>(.*?)</dd>', shown))


def test_small_categories_are_never_shown_alone(client: Client) -> None:
    front.played_round(families=80)  # 5 orphans: a class below ten
    shown = text(client)
    assert "rphan" not in shown
    assert texts.say("en", "round.merged") in shown


def test_money_rows_add_up_to_the_budget() -> None:
    front.pay(settlement.city(budget_tiyn=2_000_000_000), children=12)
    found = page.landing("en")
    assert sum(row.tiyn for row in found.money) == found.budget_tiyn == 2_000_000_000
    assert sum(row.width for row in found.money) == page.BAR_UNITS


def test_no_account_is_left_out_of_the_money_table() -> None:
    assert {kind for kind, _ in page.MONEY} == set(AccountKind) - {AccountKind.APPROP}


def test_a_red_check_is_said_openly(client: Client) -> None:
    front.checks(red="INV-4")
    shown = text(client)
    assert texts.say("en", "checks.red", n=1) in shown
    assert "<details open>" in shown


def test_the_number_of_statements_does_not_grow(client: Client) -> None:
    front.points()
    front.checks()
    front.played_round(families=20)
    text(client)  # rule sets are read once for a process
    with CaptureQueriesContext(
        connection,
    ) as few:
        text(client)
    for _ in range(3):
        settlement.confirmed_month(settlement.city(), 3)
    with CaptureQueriesContext(connection) as many:
        text(client)
    assert len(few) == len(many) <= 12


def test_the_intake_is_announced_with_its_days(client: Client) -> None:
    city = front.admission.City()
    city.opened()
    shown = text(client)
    assert texts.say("en", "intake.open") in shown
    assert "16.02.2026 09:00" in shown


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("", "kk"),
        ("fr,de;q=0.5", "kk"),
        ("ru,en;q=0.5", "ru"),
        ("en-GB,en;q=0.9", "en"),
        ("ru;q=0.3,kk;q=0.9", "kk"),
        ("*", "kk"),
    ],
)
def test_the_browsers_language_chooses_the_first_page(client: Client, wanted: str, language: str) -> None:
    answer = client.get("/", headers={"accept-language": wanted})
    assert (answer.status_code, answer["Location"]) == (302, f"/{language}/")
    assert "Accept-Language" in answer["Vary"]


@pytest.mark.parametrize("verb", ["post", "put", "patch", "delete", "options", "trace"])
@pytest.mark.parametrize("address", ["/", "/kk/"])
def test_only_reading_is_allowed(client: Client, verb: str, address: str) -> None:
    answer = getattr(client, verb)(address)
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD"


def test_the_language_switch_keeps_the_page_and_its_query(client: Client) -> None:
    assert 'href="/ru/?page=2"' in text(client, "/kk/?page=2")
    assert 'href="/ru/nothing/"' in client.get("/kk/nothing/").content.decode()


def test_the_language_switch_never_leads_to_another_host(client: Client) -> None:
    shown = client.get("/kk//evil.example/").content.decode()
    assert re.findall(r'href="(//[^"]*)"', shown) == []


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_missing_page_leads_home(client: Client, language: str) -> None:
    answer = client.get(f"/{language}/no-such-page/")
    assert answer.status_code == 404
    assert answer["Cache-Control"] == "no-store"
    assert texts.say(language, "error.404.h1") in answer.content.decode()
    assert f'class="button" href="/{language}/"' in answer.content.decode()


def test_a_broken_page_leads_home_without_the_database(rf: RequestFactory, django_assert_num_queries: object) -> None:
    with CaptureQueriesContext(connection) as none:
        answer = broken(rf.get("/kk/"))
    assert (answer.status_code, len(none)) == (500, 0)
    assert "/kk/" in answer.content.decode()


def test_a_fault_of_ours_is_answered_500_in_words(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qosymsha.interfaces.public.views.landing", lambda _: 1 / 0)
    client.raise_request_exception = False
    answer = client.get("/ru/")
    assert answer.status_code == 500
    assert texts.say("ru", "error.500.h1") in answer.content.decode()


def test_the_page_is_cached_for_a_minute_and_not_sent_twice(client: Client) -> None:
    first = client.get("/kk/")
    assert "public" in first["Cache-Control"]
    assert "max-age=60" in first["Cache-Control"]
    assert "Cookie" not in first.get("Vary", "")
    assert client.get("/kk/", headers={"if-none-match": first["ETag"]}).status_code == 304


def test_every_answer_says_which_build_gave_it(client: Client) -> None:
    answers = [client.get("/"), client.get("/kk/"), client.get("/kk/none/"), client.post("/kk/")]
    assert {answer[build.HEADER] for answer in answers} == {build.build_id()}


def test_the_build_id_can_be_named_and_never_breaks_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QOSYMSHA_BUILD", "v1.2-abc")
    assert build.build_id.__wrapped__() == "v1.2-abc"
    monkeypatch.setenv("QOSYMSHA_BUILD", "bad\nheader")
    assert "bad" not in build.build_id.__wrapped__()


class Loaded(HTMLParser):
    """What a browser fetches with the page, and what a strict policy would refuse."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sheets: list[str] = []
        self.inline: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "link" and named.get("rel") in ("stylesheet", "icon"):
            self.sheets.append(str(named["href"]))
        if tag in ("script", "style", "iframe") or any(name == "style" or name.startswith("on") for name in named):
            self.inline.append(tag)


def test_the_policy_is_strict_and_the_page_needs_nothing_more(client: Client) -> None:
    front.full_page()
    answer = client.get("/kk/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert Loaded(answer.content.decode()).inline == []
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_first_visit_is_light(client: Client, language: str) -> None:
    front.full_page()
    answer = client.get(f"/{language}/")
    files = [finders.find(href.removeprefix("/static/")) for href in Loaded(answer.content.decode()).sheets]
    assert len(files) == 2
    assert all(files)
    assert len(answer.content) + sum(Path(str(file)).stat().st_size for file in files) <= FIRST_VISIT_BYTES
