"""Every signed-in address, by method and role: anonymous to sign-in, no right 403. Generated from the URL table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import get_resolver, path

from qosymsha.domain.people.states import FAMILY, Role
from qosymsha.interfaces.family.access import Look
from qosymsha.interfaces.ui.doors import PublicAction
from qosymsha.interfaces.ui.signed import allowed
from tests.architecture.test_urls import views
from tests.interfaces import browsing

OFFICES = [role for role in Role if role not in FAMILY | {Role.SYSTEM, Role.CHANNEL}]
# The way in and out needs no right: each with its reason.
OPEN: dict[str, str] = {
    "sign-in/": "the way in",
    "sign-in/begin/": "the way in, to the identity provider",
    "sign-in/callback/": "the way back from it: only what this browser asked",
    "step-up/identity/": "needs a visit; believed only for the same person",
    "sign-in/demo/": "the way in of a trial; 404 in production",
    "sign-out/": "whoever is in may leave",
    "no-rights/": "says why nothing is open; needs a visit",
    "step-up/": "needs a visit; the command asks for a right",
    "step-up/code/": "needs a visit; the command asks for a right",
    "step-up/passkey/": "needs a visit; the command asks for a right",
    "second-factor/": "needs a visit; the command asks for a right",
    "first-factor/": "needs a visit that awaits a second factor; shows nothing of anybody",
}
FILLED = {"uuid": "00000000-0000-0000-0000-000000000007", "int": "7", "str": "x", "slug": "x", "path": "x"}


def addresses(patterns: list[Any]) -> Iterator[tuple[str, Any]]:
    """(address below the language, view) of every view that is not public."""
    for address, view in views(patterns):
        if getattr(view, "action", None) is not PublicAction.LOOK:
            yield re.sub(r"^[\^]?\w\w/|^kk/|^/", "", address), view


def filled(address: str) -> str:
    """An address with something in each of its places."""
    return re.sub(r"<(?:(\w+):)?\w+>", lambda place: FILLED[place[1] or "str"], address)


def signed() -> dict[str, Any]:
    """Address → view, for those behind the gate."""
    return {address: view for address, view in addresses(get_resolver().url_patterns) if hasattr(view, "deeds")}


def ungated(patterns: list[Any]) -> list[str]:
    """Addresses that are neither public nor behind the gate nor named above."""
    return [a for a, view in addresses(patterns) if not hasattr(view, "deeds") and a not in OPEN]


def planted(request: HttpRequest) -> HttpResponse:
    """A view that names an Action and asks nobody who they are."""
    return HttpResponse("open")


planted.action = Look.HOME  # type: ignore[attr-defined]


def test_every_address_is_public_behind_the_gate_or_named_here() -> None:
    assert ungated(get_resolver().url_patterns) == []
    assert len(signed()) >= 3


def test_a_planted_view_that_only_names_an_action_is_seen() -> None:
    assert ungated([*get_resolver().url_patterns, path("planted/", planted)]) == ["planted/"]
    gated = allowed(Look.HOME)(planted)
    assert ungated([*get_resolver().url_patterns, path("planted/", gated)]) == []


@pytest.mark.django_db
def test_nobody_passes_without_signing_in(client: Client) -> None:
    wrong = {}
    for address, view in signed().items():
        for method in view.deeds:
            answer = getattr(client, method.lower())(f"/en/{filled(address)}")
            if answer.status_code != 302 or not answer["Location"].startswith("/en/sign-in/?next="):
                wrong[method, address] = answer.status_code
    assert wrong == {}


@pytest.mark.django_db
@pytest.mark.parametrize("role", OFFICES)
def test_a_role_without_the_right_is_refused_everywhere(role: Role, client: Client) -> None:
    browsing.come_in(client, browsing.official(role), strong=True)
    wrong = {}
    for address, view in signed().items():
        for method, roles in view.roles.items():
            if role not in roles:
                status = getattr(client, method.lower())(f"/en/{filled(address)}").status_code
                if status != 403:
                    wrong[method, address] = status
    assert wrong == {}


@pytest.mark.django_db
def test_a_gate_that_lets_everyone_in_is_seen(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control run: with the gate's question switched off, the wrong role passes."""
    browsing.come_in(client, browsing.official(Role.PAYER))
    assert client.get("/en/family/").status_code == 403
    monkeypatch.setattr("qosymsha.kernel.actor.Actor.holds", lambda *_, **__: True)
    assert client.get("/en/family/").status_code == 404  # past the gate: the queries behind it find no guardian
