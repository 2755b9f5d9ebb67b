"""Pages about people who were erased: each opens as before, says so or shows a dash, and names nobody."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from qosymsha.domain.people.states import Role
from qosymsha.kernel import clock
from tests.factories import remains, wall
from tests.journeys import every_page

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not every_page.IS_WHOLE, reason="by night: every page twice"),
]


WORD = "айтылған сөз 7719"
EMPTY = re.compile(r"<(a|h[1-6]|th|dd|button|strong)\b[^>]*>[\s·,.-]*</\1>")


@pytest.fixture(scope="module")
def here(django_db_setup: None, django_db_blocker: Any) -> Iterator[wall.Wall]:
    """The objects and the people, made once for this module and undone after it."""
    with django_db_blocker.unblock(), wall.undone():
        yield wall.build()


BARE = re.compile(r"<(a|h[1-6])\b[^>]*>\s*—\s*</\1>")


def shown(walk: every_page.Walk, names: Collection[str]) -> dict[str, list[str]]:
    """Address → which of the names stand on its page."""
    told = {address: content.decode("utf-8", "replace") for address, (_, _, content) in walk.answers.items()}
    found = {address: sorted(name for name in names if name in text) for address, text in told.items()}
    return {address: said for address, said in found.items() if said}


def hollow(walk: every_page.Walk) -> set[tuple[str, str]]:
    """(address, tag) of links, headings, names of rows and buttons without a word in them."""
    return {
        (address, found[1])
        for address, (_, _, content) in walk.answers.items()
        for found in EMPTY.finditer(content.decode("utf-8", "replace"))
    }


def bare(walk: every_page.Walk) -> set[str]:
    """Pages of officials and providers with a dash for a heading or a link: it is said in words who is not named."""
    told = {address: content for address, (_, _, content) in walk.answers.items()}
    staff = {address for address in told if address[4:].startswith(("office/", "provider/"))}
    return {address for address in staff if BARE.search(told[address].decode("utf-8", "replace"))}


def test_every_page_opens_after_everybody_on_it_was_erased_and_names_nobody(
    here: wall.Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(every_page, "BY_DAY", every_page.DOORS)
    monkeypatch.setattr(every_page, "ROLES", every_page.ROLES | {"family": (Role.GUARDIAN,)})  # nobody's own account
    with wall.undone():
        before, names = every_page.walked(here), remains.names()
    with wall.undone():
        assert remains.written(WORD) == [], "tables of words without a row on the wall: nothing was tried there"
        assert set(remains.found([WORD])) == {WORD}
        remains.erase_everybody()
        assert remains.found([WORD]) == {}
        after = every_page.walked(here)
    assert len(before.answers) > 100
    shut = {address for address in before.answers if address not in after.answers}
    assert {address for address in shut if not address.endswith("/receipt/")} == set()
    assert set(after.not_seen.values()) <= {409}, "a receipt without its ticket is refused in words"
    assert hollow(after) - hollow(before) == set()
    assert bare(after) - bare(before) == set()
    assert len(shown(before, names)) > 10, "before the erasing their pages name them"
    assert shown(after, names) == {}
    records = {content for at, (_, _, content) in after.answers.items() if "/office/people/records/" in at}
    assert records
    assert all(clock.read().strftime("%d.%m.%Y").encode() in content for content in records), "erased on …"
