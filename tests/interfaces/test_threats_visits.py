"""What comes before any page is asked for: a planted visit (T25), bodies and statements without end (T23)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from qosymsha.domain.people.models import User
from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui.sessions import SessionStore
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("is_control", [False, True])
def test_a_visits_name_planted_before_signing_in_is_worth_nothing_after_it(
    is_control: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control run: a visit that keeps its name lets the thief in."""
    if is_control:
        monkeypatch.setattr(SessionStore, "cycle_key", lambda _: None)
        monkeypatch.setattr(SessionStore, "flush", lambda store: store.clear())
    user = browsing.official(Role.PAYER, name="demo:payer")
    client = browsing.come_in(Client(), user)
    planted = client.cookies["visit"].value
    client.post("/en/sign-in/demo/", {"person": str(User.objects.get(pk=user).uuid)})
    assert (client.cookies["visit"].value == planted) is is_control
    thief = Client()
    thief.cookies["visit"] = planted
    is_in = thief.get("/en/office/").status_code == 200
    assert is_in is is_control


@pytest.mark.parametrize("body", [{"reason": "x" * 3_000_000}, {f"f{n}": "1" for n in range(1_500)}])
def test_a_body_beyond_all_measure_is_not_read(body: dict[str, str], settings: Any) -> None:
    client = browsing.come_in(Client(), browsing.official(Role.PAYER), strong=True)
    address = "/en/office/claims/release/?c=C-1"
    assert client.post(address, body).status_code == 400
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = None
    assert client.post(address, body).status_code != 400, "the control run"


def test_no_statement_of_a_request_runs_for_ever() -> None:
    with connection.cursor() as cursor:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"SHOW {name}")
            (value,) = cursor.fetchone()
            assert value not in ("0", ""), name
