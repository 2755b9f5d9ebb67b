"""Health for a balancer, servers that only show, and an outage told as one: each control seen red."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver

from deploy.cluster.render import LOOK_PATHS
from qosymsha.interfaces.public import health, views
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.doors import PublicAction
from tests.architecture.test_signed_urls import filled
from tests.architecture.test_urls import views as all_views
from tests.factories import front

pytestmark = pytest.mark.django_db
GATE = "qosymsha.interfaces.ui.looks.LooksOnly"


def _gone(*_: object, **__: object) -> None:
    raise OperationalError("server closed the connection unexpectedly")


def _full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def addresses(*, public: bool) -> Iterator[str]:
    """Each address, in Kazakh where it has a language, with something in its places."""
    for address, view in all_views(get_resolver().url_patterns):
        if (getattr(view, "action", None) is PublicAction.LOOK) is public:
            yield "/" + filled(re.sub(r"^\^?(kk|ru|en)/", "kk/", address))


@pytest.fixture
def looks_only(settings: LazySettings) -> None:
    settings.LOOKS_ONLY = True
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, GATE]


def test_live_asks_nobody(client: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        answer = client.get("/health/live/")
    assert (answer.status_code, len(asked), answer.json()["live"]) == (200, 0, True)
    assert client.post("/health/live/").status_code == 405


def test_ready_is_one_statement_without_a_visit_and_kept_by_nobody(client: Client) -> None:
    client.get("/health/")  # reads the migrations' names from the disk
    with CaptureQueriesContext(connection) as asked:
        answer = client.get("/health/")
    assert (answer.status_code, len(asked)) == (200, 1)
    told = answer.json()
    assert (told["ready"], told["database"], told["migrations"]) == (True, "writable", "current")
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies


def test_code_that_is_newer_than_the_tables_is_not_ready_and_older_code_is(client: Client) -> None:
    known = health.wanted()
    with patch.object(health, "wanted", lambda: known | {"vouchers.9999_of_tomorrow"}):
        answer = client.get("/health/")
    assert (answer.status_code, answer.json()["migrations"]) == (503, "behind")
    with patch.object(health, "wanted", lambda: known - {max(known)}):
        assert client.get("/health/").status_code == 200


def test_a_database_that_is_gone_is_told(client: Client) -> None:
    with patch.object(connection, "cursor", _gone):
        answer = client.get("/health/")
    assert (answer.status_code, answer.json()["database"]) == (503, "gone")


def test_a_database_that_only_reads_is_enough_for_a_server_that_only_shows(
    client: Client, settings: LazySettings
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL default_transaction_read_only = on")
    assert client.get("/health/").json()["database"] == "read-only"
    assert client.get("/health/").status_code == 503
    settings.LOOKS_ONLY = True
    assert client.get("/health/").status_code == 200


def test_the_balancer_sends_nothing_that_knows_somebody_to_a_standby() -> None:
    """By the very words of haproxy's rule; all else goes to the database that leads. Control: a public page matches."""
    own, public = list(addresses(public=False)), list(addresses(public=True))
    assert len(own) > 100
    assert [address for address in own if re.match(LOOK_PATHS, address)] == []
    assert sum(bool(re.match(LOOK_PATHS, address)) for address in public) > 20


@pytest.mark.usefixtures("looks_only")
def test_a_server_that_only_shows_lets_nobody_in_and_decides_nothing(client: Client) -> None:
    let_in = {}
    for address in addresses(public=False):
        for method in ("get", "post"):
            with CaptureQueriesContext(connection) as asked:
                answer = getattr(client, method)(address)
            if (answer.status_code, len(asked)) != (421, 0):
                let_in[method, address] = answer.status_code
    assert let_in == {}
    assert client.post("/kk/clubs/").status_code == 421
    assert client.get("/kk/accessibility/").status_code == 200


def test_control_without_the_gate_a_signed_page_is_answered(client: Client) -> None:
    assert client.get("/kk/family/").status_code == 302
    assert client.get("/kk/sign-in/").status_code == 200


@pytest.mark.usefixtures("looks_only")
def test_every_public_page_is_shown_by_a_database_that_only_reads(client: Client) -> None:
    the_round = front.full_page(20)
    found = {a.replace("00000000-0000-0000-0000-000000000007", str(the_round.uuid)) for a in addresses(public=True)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        statuses = {address: client.get(address).status_code for address in found}
    assert {a: s for a, s in statuses.items() if s not in (200, 302, 404)} == {}
    assert sum(status == 200 for status in statuses.values()) >= 10


@pytest.mark.parametrize("fault", [_gone, _full])
def test_an_outage_is_told_as_one_and_to_come_back(fault: object) -> None:
    client = Client(raise_request_exception=False)
    for language in texts.LANGUAGES:
        with patch.object(views, "landing", fault):
            answer = client.get(f"/{language}/")
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert texts.say(language, "error.503.h1") in answer.content.decode()
        assert answer["Cache-Control"] == "no-store"


def test_control_a_mistake_of_ours_is_no_outage() -> None:
    with patch.object(views, "landing", side_effect=ValueError("ours")):
        assert Client(raise_request_exception=False).get("/kk/").status_code == 500
