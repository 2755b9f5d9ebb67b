"""The status page for everybody, the checks' page for operator and auditor: both say how every promise stands now."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.insights.models import InvariantRun
from qosymsha.domain.insights.rules import PROMISES, SUBJECTS
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.templatetags.words import moment
from qosymsha.kernel import clock
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
EXAMPLE = "child 4711"
STATEMENTS = 2  # the clock, and how the promises stand


def looked(*, red: str = "", span: str = "minute", minutes_ago: int = 0) -> None:
    """A run over every promise."""
    at = clock.read() - timedelta(minutes=minutes_ago)
    InvariantRun.objects.bulk_create(
        InvariantRun(
            at=at,
            invariant=promise.id,
            span=span,
            violations=int(promise.id == red),
            examples=[EXAMPLE] if promise.id == red else [],
            seconds=0.25,
        )
        for promise in PROMISES
    )


def shown(language: str = "en") -> str:
    """The page as anybody gets it."""
    cache.clear()
    answer = Client().get(f"/{language}/status/")
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_every_promise_stands_under_one_subject() -> None:
    assert sorted(i for _, ids in SUBJECTS for i in ids) == sorted(promise.id for promise in PROMISES)


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_the_page_says_every_promise_in_plain_words_and_when_it_was_looked_at(language: str) -> None:
    looked(span="full", minutes_ago=60)
    looked()
    page = shown(language)
    assert all(getattr(promise, language) in page for promise in PROMISES)
    assert texts.say(language, "status.all_ok", n=len(PROMISES)) in page
    assert page.count('class="green"') == len(PROMISES)
    assert all(moment(look) in page for look in InvariantRun.objects.values_list("at", flat=True))
    assert texts.say(language, "status.silent", at="").split(".")[0][:12] not in page


def test_before_the_first_check_it_says_so() -> None:
    page = shown()
    assert texts.say("en", "checks.none") in page
    assert page.count('class="unknown"') == len(PROMISES)


def test_a_red_promise_is_red_for_everybody_and_names_no_row() -> None:
    looked(red="INV-1", span="full", minutes_ago=30)
    looked()
    page = shown()
    assert texts.say("en", "status.red", n=1) in page
    assert page.count('class="broken"') == 1
    assert EXAMPLE not in page


def test_silence_is_said() -> None:
    looked(minutes_ago=20)
    assert texts.say("en", "status.silent", at="").split(" since")[0] in shown()


def test_the_page_costs_two_statements_however_long_the_runs_go_back() -> None:
    for minutes in range(3):
        looked(minutes_ago=minutes)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        shown()
    assert len(queries) == STATEMENTS


def test_the_page_is_not_all_well_while_notices_do_not_leave() -> None:
    looked()
    for is_late in (False, True):
        if is_late:
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO outbox (at, topic, subject_kind, subject_id, detail, txid)"
                    " VALUES (now() - interval '2 hours', 'voucher.issued', 'voucher', 1, '{}', '3')"
                )
        browser = browsing.come_in(Client(), browsing.official(Role.OPERATOR))
        page = unescape(browser.get("/en/office/checks/").content.decode())
        assert (texts.say("en", "ways.news_late", way="") in page) is is_late
        assert is_late is False or texts.say("en", "office.checks.none") not in page


def test_the_office_sees_which_rows_and_what_to_do() -> None:
    looked(red="INV-6")
    for role in (Role.OPERATOR, Role.AUDITOR):
        browser = browsing.come_in(Client(), browsing.official(role))
        answer = browser.get("/en/office/checks/")
        assert answer.status_code == 200
        page = unescape(answer.content.decode())
        assert EXAMPLE in page
        assert texts.say("en", "office.checks.do.money") in page
        assert "docs/runbooks/invariant-is-red.md" in page
    for role in (Role.PAYER, Role.CHECKER):
        browser = browsing.come_in(Client(), browsing.official(role))
        assert browser.get("/en/office/checks/").status_code == 403


def test_the_office_is_told_where_nothing_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qosymsha.domain.insights.queries.machine.troubles", lambda *_: [])  # no job has run here
    looked()
    browser = browsing.come_in(Client(), browsing.official(Role.OPERATOR))
    assert texts.say("en", "office.checks.none") in unescape(browser.get("/en/office/checks/").content.decode())
