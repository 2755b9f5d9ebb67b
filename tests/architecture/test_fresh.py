"""Money, rules, exceptions, exports and rights ask for a fresh proof, and two people stand where they move."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import get_resolver

from qosymsha.domain.people.states import FAMILY, Role
from qosymsha.interfaces.ui import fresh
from qosymsha.kernel import clock
from tests.architecture.test_signed_urls import addresses, filled
from tests.interfaces import browsing

# What the database itself refuses when one person would take both steps (tables' CHECK, UNIQUE and triggers).
TWO_PEOPLE = {
    "a rule set's author does not approve it": "rule_set_no_author_approves",
    "nor does who drafted it": "rule_set_second_person",
    "a claim's approvals and release are of different people": "claim_approval_two_people",
    "no line enters a payment file unsigned": "payment_line_signed",
    "both sides of an act are different people": "act_signature_two_people",
    "a debt is supported by one and decided by another": "recovery_two_people",
    "a refund is recorded by one and confirmed by another": "refund_two_people",
    "nobody lets himself read more": "reading_grant_two_people",
    "a finding is visited by one and decided by another": "control_visit_decided_by_another",
    "a powerful role is proposed by one and given by another": "role_proposal_two_people",
}


def posts() -> dict[str, Any]:
    """Address → view, of those that do something by POST behind the gate."""
    found = {address: view for address, view in addresses(get_resolver().url_patterns) if hasattr(view, "deeds")}
    return {address: view for address, view in found.items() if "POST" in view.deeds}


def test_every_deed_of_a_page_stands_in_the_table_once() -> None:
    plain = [deed for deeds in fresh.PLAIN.values() for deed in deeds]
    deeds = {view.deeds["POST"] for view in posts().values()}
    doors_own = {deed for deed in deeds if type(deed).__name__ == "Look"}  # what a door remembers for its visitor
    missing = {str(deed) for deed in deeds - doors_own - set(fresh.ASKED) - set(plain)}
    assert missing == set(), "say in interfaces/ui/fresh.py whether it asks for a fresh proof, or why not"
    assert set(plain) & set(fresh.ASKED) == set()
    assert len(plain) == len(set(plain))


def unasked(client: Client, role: Role) -> list[str]:
    """Addresses whose delicate deed this role may do without being asked who it is."""
    found = []
    for address, view in posts().items():
        if role in view.roles["POST"] and fresh.asks(view.deeds["POST"]):
            answer = client.post(f"/en/{filled(address)}", {"key": str(browsing.new_key())})
            if not answer.headers.get("Location", "").startswith("/en/step-up/"):
                found.append(address)
    return found


STAFF = [role for role in Role if role not in FAMILY | {Role.SYSTEM, Role.CHANNEL}]


@pytest.mark.django_db
def test_no_delicate_deed_is_done_without_a_fresh_proof() -> None:
    found = {}
    for role in STAFF:
        client = browsing.come_in(Client(), browsing.official(role))
        found[role] = unasked(client, role)
    assert {role: addresses for role, addresses in found.items() if addresses} == {}
    assert sum(fresh.asks(view.deeds["POST"]) for view in posts().values()) > 20


@pytest.mark.django_db
def test_a_gate_that_does_not_ask_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run: with a proof that is always fresh, nobody is asked."""
    client = browsing.come_in(Client(raise_request_exception=False), browsing.official(Role.CHECKER))
    assert unasked(client, Role.CHECKER) == []
    monkeypatch.setattr("qosymsha.interfaces.ui.visits.Visit.fresh_proof", lambda *_: object())
    assert "office/flags/<uuid:flag_uuid>/" in unasked(client, Role.CHECKER)


@pytest.mark.django_db
def test_a_proof_grows_old_by_the_table(settings: Any) -> None:
    settings.STEP_UP_MINUTES = 10
    user = browsing.official(Role.CHECKER)
    for minutes, is_asked in ((29, False), (31, True)):
        at = clock.read()
        client = browsing.come_in(Client(), user, strong=True, at=at)
        session = client.session
        session["strong_at"] = (at - timedelta(minutes=minutes)).isoformat()
        session.save()
        answer = client.post(f"/en/office/flags/{browsing.new_key()}/", {"key": str(browsing.new_key())})
        assert answer.headers.get("Location", "").startswith("/en/step-up/") is is_asked


@pytest.mark.django_db
@pytest.mark.parametrize("promise", TWO_PEOPLE)
def test_the_database_itself_holds_that_two_people_stand_there(promise: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_constraint WHERE conname = %(n)s UNION SELECT 1 FROM pg_trigger WHERE tgname = %(n)s",
            {"n": TWO_PEOPLE[promise]},
        )
        assert cursor.fetchone() is not None
