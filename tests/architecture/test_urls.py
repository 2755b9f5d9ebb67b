"""Every address names the Action behind it, and looking changes nothing: both seen red on planted views."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum

import pytest
from django.db import connection, transaction
from django.db.utils import InternalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path

from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.doors import PublicAction, public_page
from qosymsha.kernel import clock
from tests.factories import front

View = Callable[..., HttpResponse]
# Views of libraries that cannot wear an Action, each with its reason.
EXCEPTIONS: dict[str, str] = {}


def views(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, View]]:
    """(address, view) of everything below, included files too."""
    for one in patterns:
        address = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from views(one.url_patterns, address)
        else:
            yield address, one.callback


def bare(patterns: list[URLPattern | URLResolver]) -> list[str]:
    """Addresses whose view names no Action."""
    found = [address for address, view in views(patterns) if not isinstance(getattr(view, "action", None), StrEnum)]
    return [address for address in found if address not in EXCEPTIONS]


def planted(request: HttpRequest) -> HttpResponse:
    """A view without an Action that writes on a GET."""
    return HttpResponse(str(clock.shift_to(clock.read())))


def test_every_view_names_its_action() -> None:
    assert bare(get_resolver().url_patterns) == []
    assert len(list(views(get_resolver().url_patterns))) >= 2


def test_a_planted_bare_view_is_seen() -> None:
    assert bare([*get_resolver().url_patterns, path("planted/", planted)]) == ["planted/"]


def public_addresses() -> list[str]:
    found = [address for address, view in views(get_resolver().url_patterns) if view.action is PublicAction.LOOK]  # type: ignore[attr-defined]
    return sorted(
        {f"/{language}/" if address.endswith("/") else "/" for address in found for language in texts.LANGUAGES}
    )


@pytest.mark.django_db
def test_looking_changes_nothing(client: Client) -> None:
    front.full_page()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        answers = {address: client.get(address).status_code for address in public_addresses()}
    assert answers == {"/": 302, "/kk/": 200, "/ru/": 200, "/en/": 200}


@pytest.mark.django_db
def test_a_planted_get_that_writes_is_seen(rf: object) -> None:
    shown = public_page(planted)
    request = HttpRequest()
    request.method = "GET"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        with pytest.raises(InternalError, match="read-only"):
            shown(request)
        transaction.set_rollback(True)
