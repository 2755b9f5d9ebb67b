"""Dashboards, the open page and what was measured, in a real browser: readable, axe finds nothing, they print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from qosymsha.domain.figures.models import Measure
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.interfaces.office.dashboards import BOARDS
from qosymsha.kernel import clock
from tests.factories import choice
from tests.factories.figures import counted
from tests.factories.vouchers import add_group
from tests.interfaces import browsing
from tests.journeys import axe, eyes
from tests.journeys.test_office import come_in

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
LOOKS = (("kk", eyes.PHONE, "dark"), ("ru", eyes.DESKTOP, "light"), ("en", eyes.PHONE, "light"))
PAGES = {
    "kk": ("", *(f"{board}/?tables=1" for board in BOARDS)),
    "ru": ("", "demand/?by=district"),
    "en": ("waiting/", "money/?tables=1"),
}
A4 = {"width": 718, "height": 1000}  # 190 mm at 96 dots an inch
KEPT = {"demand-ru"}  # in the docs


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which the sign-in page lists invented people."""
    with override_settings(MODE="trial"):
        yield


def town() -> tuple[str, str]:
    """A choice round in which four wait, every figure counted, a group rated; the group's and the programme's uuid."""
    city = choice.town()
    wanted, other = add_group(city, capacity=2), add_group(city, capacity=9, weekdays=(1, 3))
    choice.run(city, [(child, [wanted, other]) for child in choice.holders(city, 6)])
    clock.shift_to(choice.AFTER)
    counted(city.programme_id, choice.AFTER)
    fields = {"since": choice.STARTS, "until": choice.STARTS, "at": choice.AFTER, "planned": 40, "held": 38}
    fields |= {"marked": 300, "confirmed": 280, "children": 12, "came": 12, "stayed": 11, "upheld": 0}
    for group in (wanted, None):
        Measure.objects.create(provider_id=city.provider_id, group_id=group, **fields)
    browsing.official(Role.AUDITOR, territory_id=city.territory_id, name="demo:figures")
    browsing.official(
        Role.PROVIDER_MANAGER, territory_id=city.territory_id, provider_id=city.provider_id, name="demo:managing"
    )
    return str(ClubGroup.objects.get(pk=wanted).uuid), str(city.programme_id)


def looked_at(page: Any, address: str, name: str) -> None:
    """It is there, reads well, and axe finds nothing: all its rules in one look, colours and sizes in the others."""
    answer = page.goto(address)
    assert (name, answer.status) == (name, 200)
    eyes.assert_readable(page)
    axe.assert_clean(page, *(() if name.endswith("-kk") else axe.BY_LOOK))
    if name in KEPT:
        eyes.picture(page, f"figures-{name}")


def test_figures_read_well_and_print(live_server: Any, browser_path: Path) -> None:
    group, _ = town()
    with eyes.browser(browser_path) as browser:
        for language, size, scheme in LOOKS:
            start, options = f"{live_server.url}/{language}", {"viewport": size, "color_scheme": scheme}
            with eyes.page(browser, f"{start}/open/", **options) as page:
                for name, where in {"open": "open/", "club": f"clubs/{group}/", "clubs": "clubs/"}.items():
                    looked_at(page, f"{start}/{where}", f"{name}-{language}")
                come_in(page, live_server.url, "demo:managing")
                looked_at(page, f"{start}/provider/measured/", f"measured-{language}")
            with eyes.page(browser, f"{start}/sign-in/", **options) as page:
                come_in(page, live_server.url, "demo:figures")
                for name in PAGES[language]:
                    looked_at(page, f"{start}/office/figures/{name}", f"{name.partition('/')[0]}-{language}")
        with eyes.page(browser, f"{live_server.url}/ru/sign-in/", viewport=A4) as page:
            come_in(page, live_server.url, "demo:figures")
            page.goto(f"{live_server.url}/ru/office/figures/money/")
            page.emulate_media(media="print")
            assert page.locator(".menu").is_hidden()
            assert page.locator(".figures-table table").first.is_visible(), "closed on the screen, whole on paper"
            assert page.evaluate(eyes.OVERFLOW) <= 0, "it fits an A4 page"
