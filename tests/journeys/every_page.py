"""Every page of the URL table that a person can open: axe, a narrow phone, a finger, its weight.

By day the public, the family's and the sign-in pages are asked for, each in one language in turn, and every third is
shown to the browser; by night (`LOOKS=whole`) all of them in all three languages, the provider's and the office's too.
The pages are asked of the wall's objects (`tests/factories/wall.py`), then shown in a browser from what was answered.
A new address is walked by itself. The tests stand in `tests/architecture/test_wall.py`, which has the objects already.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.urls import get_resolver
from playwright.sync_api import Page, Route

from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.doors import PublicAction
from tests.architecture.test_urls import views
from tests.factories import wall
from tests.journeys import axe, eyes

IS_WHOLE = os.environ.get("LOOKS") == "whole"
LOOK = os.environ.get("QOSYMSHA_LOOK", "")
HOST = "http://walk.test"
FIRST_VISIT_BYTES = 60_000
PLACE = re.compile(r"<(?:(\w+):)?(\w+)>")
# What stands in a public address; a place without a line here fails.
PUBLIC = {
    ("rounds/", "round_uuid"): "SELECT uuid FROM admission_round ORDER BY state = 'published' DESC, id LIMIT 1",
    ("choice/", "round_uuid"): "SELECT uuid FROM choice_round ORDER BY state = 'published' DESC, id LIMIT 1",
    ("clubs/", "group_uuid"): "SELECT uuid FROM club_group WHERE state = 'open' ORDER BY id LIMIT 1",
    ("controls/", "campaign_uuid"): "SELECT uuid FROM control_campaign ORDER BY state = 'ended' DESC, id LIMIT 1",
    ("rounds/", "name"): "SELECT 'SHA256SUMS'",
    ("choice/", "name"): "SELECT 'SHA256SUMS'",
    ("rounds/", "part"): "SELECT 1",
    ("voucher/", "code"): "SELECT 'false'",
}
ROLES = {
    "family": (Role.GUARDIAN, Role.YOUTH),
    "provider": (Role.PROVIDER_MANAGER, Role.TEACHER),
    "office": tuple(Role),
}
DOORS = (*ROLES, "")
BY_DAY = ("family", "")
BY_DAY_EVERY = 3  # one page in so many is shown to axe by day
# Pages that the wall's people cannot open on its day, each with its reason.
NOT_SEEN: dict[str, str] = {
    "rounds/<uuid:round_uuid>/files/<str:name>": "a file, published by a command, not here",
    "rounds/<uuid:round_uuid>/moves.tsv": "a file, published by a command, not here",
    "rounds/<uuid:round_uuid>/parts/<int:part>.tsv": "a file, published by a command, not here",
    "rounds/<uuid:round_uuid>/root.txt": "a file, published by a command, not here",
    "choice/<uuid:round_uuid>/files/<str:name>": "a file, published by a command, not here",
    "choice/<uuid:round_uuid>/root.txt": "a file, published by a command, not here",
    "controls/<uuid:campaign_uuid>/campaign.json": "a file, there once the sample is drawn",
    "voucher/<str:code>/": "of a code that only a paper has; looked at in tests/interfaces/test_voucher_paper.py",
    "sign-in/": "leads on who is in already; a stranger's stands among the strays",
    "sign-in/begin/": "leads to the identity provider, which a test has not",
    "first-factor/": "for whose visit awaits a factor only; looked at in tests/journeys/test_security.py",
    "step-up/identity/": "leads to the identity provider, which a test has not",
}
REFUSED_PAGES = {"no-rights/"}  # 403, and a page


@dataclass
class Walk:
    """What was answered: address → (status, headers, body); and the addresses of the table that are no page here."""

    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    not_seen: dict[str, int] = field(default_factory=dict)


def door_of(address: str) -> str:
    head = address.partition("/")[0]
    return head if head in ROLES else ""


def addresses() -> Iterator[tuple[str, Any]]:
    """(address below the language, view) of everything that answers a GET."""
    for address, view in views(get_resolver().url_patterns):
        if re.match(r"^\^?(kk|ru|en)/", address):
            methods = getattr(view, "roles", {"GET": None})
            if "GET" in methods:
                yield re.sub(r"^\^?\w\w/", "", address), view


def filled(here: wall.Wall, address: str) -> tuple[str, wall.Owned]:
    """The address with the wall's objects, and whose they are."""
    known, whose = address, wall.Owned("")
    for converter, place in PLACE.findall(address):
        mark = f"<{converter}:{place}>" if converter else f"<{place}>"
        kind = here.kind(address, place)
        if kind is None:
            known = known.replace(mark, _public(address, place))
            continue
        owned = here.owned(kind)
        known = known.replace(mark, owned.value or wall.UNKNOWN[converter or "str"])
        whose = whose if kind.is_public else owned.joined(whose)
    for name, kind in wall.NAMED.get(address, {}).items():
        owned = here.owned(kind)
        known += f"{'&' if '?' in known else '?'}{name}={quote(owned.value)}"
        whose = owned.joined(whose)
    return known, whose


def _public(address: str, place: str) -> str:
    statement = next(sql for (begins, name), sql in PUBLIC.items() if name == place and address.startswith(begins))
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return str(row[0]) if row else wall.UNKNOWN["uuid"]


def askers(here: wall.Wall, address: str, view: Any, whose: wall.Owned) -> Iterator[Client]:
    """Who may open it: a stranger where it is public, else the owner in each role that may come."""
    if view.action is PublicAction.LOOK:
        yield Client(raise_request_exception=False)
        return
    may = getattr(view, "roles", {}).get("GET") or [Role.GUARDIAN]
    for role in ROLES.get(door_of(address), (Role.GUARDIAN,)):
        client = here.client(role, "own", whose) if role in may and role not in (Role.SYSTEM, Role.CHANNEL) else None
        if client is not None:
            yield client


def walked(here: wall.Wall) -> Walk:
    """Every page asked once for each of its languages; files and redirections are no pages."""
    walk = Walk()
    for number, (address, view) in enumerate(sorted(addresses(), key=lambda one: one[0])):
        if not IS_WHOLE and door_of(address) not in BY_DAY:
            continue
        known, whose = filled(here, address)
        languages = texts.LANGUAGES if IS_WHOLE else (texts.LANGUAGES[number % 3],)
        for client in askers(here, address, view, whose):
            if all(_keep(walk, client, f"/{language}/{known}", address) for language in languages):
                break
    _strays(walk)
    return walk


def _keep(walk: Walk, client: Client, at: str, address: str) -> bool:
    with wall.undone(client):
        answer: Any = client.get(at)
        is_there = answer.status_code == 200 or (address in REFUSED_PAGES and answer.status_code == 403)
        is_page = is_there and "text/html" in answer.headers.get("Content-Type", "text/html")
        if is_page and not answer.streaming:
            walk.answers[at] = (answer.status_code, dict(answer.headers), answer.content)
    if is_there:
        walk.not_seen.pop(address, None)
    elif answer.status_code != 405 and address not in NOT_SEEN:  # 405: it only takes what is sent
        walk.not_seen[address] = answer.status_code
    return is_there


def _strays(walk: Walk) -> None:
    """The pages of what is not there, not allowed, over; the sign-in as a stranger sees it."""
    for language in texts.LANGUAGES:
        for name in ("nowhere/", "clubs/00000000-0000-4000-8000-000000000007/", "sign-in/"):
            answer = Client(raise_request_exception=False).get(f"/{language}/{name}")
            walk.answers[f"/{language}/{name}"] = (answer.status_code, dict(answer.headers), answer.content)


def served(walk: Walk) -> Any:
    """Answers the browser with what was kept, and with the static files."""

    def answer(route: Route) -> None:
        asked = route.request.url.removeprefix(HOST)
        path = asked.partition("?")[0]
        if asked in walk.answers:
            status, headers, body = walk.answers[asked]
            route.fulfill(status=status, headers=headers, body=body)
        else:
            found = finders.find(path.removeprefix("/static/"))
            if isinstance(found, str):
                route.fulfill(path=found)
            else:
                route.fulfill(status=204)

    return answer


def faults(page: Page, address: str) -> Iterator[str]:
    """What is wrong with a page on a phone."""
    page.goto(f"{HOST}{address}")
    for rule, nodes in axe.violations(page):
        yield f"{address}: {rule} {nodes[:1]}"
    small, sideways = page.evaluate(eyes.SMALL_TARGETS), page.evaluate(eyes.OVERFLOW)
    if small:
        yield f"{address}: smaller than 24 px: {small[:2]}"
    if sideways > 0:
        yield f"{address}: scrolls sideways by {sideways} px"
    if LOOK:
        name = re.sub(r"[^a-z]+", "-", re.sub(r"[0-9a-f-]{36}", "", address)).strip("-")
        page.screenshot(path=f"{LOOK}/{name}.png", full_page=True)


def weight(walk: Walk, address: str) -> int:
    """Bytes of a first visit to a page; nothing is packed, whatever stands before the house."""
    body = walk.answers[address][2]
    parts = set(re.findall(r'(?:href|src)="/static/([^"]+\.(?:css|js|svg|png))"', body.decode()))
    return len(body) + sum(Path(str(finders.find(part))).stat().st_size for part in parts)


def heavy(walk: Walk) -> dict[str, int]:
    """Pages of the public and the families whose first visit is heavier than promised; their style is counted."""
    weights = {address: weight(walk, address) for address in walk.answers if door_of(address[4:]) in BY_DAY}
    assert max(weights.values()) > FIRST_VISIT_BYTES / 6, "style and script are counted"
    return {address: n for address, n in weights.items() if n > FIRST_VISIT_BYTES}


def seen(walk: Walk, browser_path: Path) -> list[str]:
    """Every fault that the browser finds on the pages of a walk."""
    with eyes.browser(browser_path) as browser:
        options: dict[str, Any] = {"viewport": eyes.PHONE, "service_workers": "block"}
        context = browser.new_context(**options)
        context.route("**/*", served(walk))
        page = context.new_page()
        found = [
            fault
            for number, address in enumerate(walk.answers)
            if eyes.is_turn(number, 0, BY_DAY_EVERY)
            for fault in faults(page, address)
        ]
        context.close()
    return found


FAULTY = Walk(
    {
        "/x": (
            200,
            {"Content-Type": "text/html"},
            b"<!doctype html><title>x</title><h1>x</h1><img src=x><a href=/>i</a><p style='width:900px'>wide</p>",
        )
    }
)
FAULTS = ("html-has-lang", "image-alt", "smaller than 24 px", "scrolls sideways")
