"""A family's list of clubs, side by side: it lives in the address, goes along with the search, needs no account."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from qosymsha.domain.providers.models import ClubGroup
from qosymsha.interfaces.public import searching
from qosymsha.interfaces.ui import texts
from tests.interfaces.test_catalogue import Clubs, a_day, clubs, slots, varied
from tests.journeys import every_page

__all__ = ["a_day", "clubs"]
pytestmark = pytest.mark.django_db


def uuids(groups: list[int]) -> list[str]:
    found = dict(ClubGroup.objects.filter(pk__in=groups).values_list("id", "uuid"))
    return [str(found[one]) for one in groups]


def columns(shown: str) -> list[str]:
    return re.findall(r'<th scope="col"><a href="[^"]*">([^<]*)</a>', shown)


def weight(shown: str) -> int:
    """Bytes of a first visit, packed by nobody."""
    parts = set(re.findall(r'(?:href|src)="/static/([^"]+)"', shown))
    assert len(parts) == 4
    return len(shown.encode()) + sum(Path(str(finders.find(part))).stat().st_size for part in parts)


def test_what_was_ticked_stands_side_by_side_and_is_taken_off(client: Client, clubs: Clubs) -> None:
    dombra, swimming, *_ = uuids(varied(clubs))
    address = f"/en/clubs/compare/?q=&age=7&pick={dombra}&pick={swimming}"
    shown = unescape(client.get(address).content.decode())
    assert columns(shown) == ["Dombra", "Swimming"]
    for part in (
        "Mon, Thu <span",
        ">15:00–16:20<",
        "Yesil district",
        "Saryarka district",
        texts.say("en", "club.no_cost"),
    ):
        assert part in shown, part
    assert f'href="/en/clubs/?q=&age=7&pick={dombra}&pick={swimming}"' in shown
    (off, _) = re.findall(r'<a href="(\?[^"]*)">' + texts.say("en", "compare.off"), shown)
    assert columns(unescape(client.get(f"/en/clubs/compare/{off}").content.decode())) == ["Swimming"]


def test_the_list_goes_along_with_the_search_its_pages_and_languages(client: Client, clubs: Clubs) -> None:
    many: list[dict[str, object]] = [{"activity": "dombra", "slots": slots(1 + n % 5)} for n in range(25)]
    groups = uuids(clubs.open(*many))
    (other,) = uuids(clubs.open({"activity": "chess"}))
    shown = unescape(client.get(f"/ru/clubs/?what=dombra&pick={groups[0]}&pick={other}").content.decode())
    assert weight(shown) <= every_page.FIRST_VISIT_BYTES, "a whole page of results is a first visit, too"
    boxes = dict(re.findall(r'name="pick" value="([^"]+)" type="checkbox" form="seek"( checked)?', shown))
    assert [one for one, mark in boxes.items() if mark] == [groups[0]]
    assert f'<input type="hidden" name="pick" value="{other}" form="seek">' in shown, "not on this page, not forgotten"
    for link in re.findall(r'(?:rel="next"|lang="kk"[^>]*) href="([^"]+)"|href="(/kk/[^"]+)" lang="kk"', shown):
        assert "".join(link).count("pick=") == 2


def test_whatever_stands_in_the_address_there_is_a_page(client: Client, clubs: Clubs) -> None:
    every = uuids(varied(clubs) + clubs.open({"activity": "ballet"}))
    assert texts.say("kk", "compare.none", n=searching.PICKED) in client.get("/kk/clubs/compare/").content.decode()
    for strange in ("pick=x", f"pick={uuid4()}", "pick=%27&pick=", "&".join("pick=1" for _ in range(60))):
        answer = client.get(f"/kk/clubs/compare/?{strange}")
        assert answer.status_code == 200
        assert columns(answer.content.decode()) == []
    many = client.get("/kk/clubs/compare/?" + "&".join(f"pick={one}" for one in every)).content.decode()
    assert len(columns(many)) == searching.PICKED
    assert texts.say("kk", "compare.most", n=searching.PICKED) in many
