"""A family's timetable, money, wishes, and how it leaves and moves: readable, and axe finds nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from qosymsha.domain.people.models import Guardian, Guardianship
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from tests.factories import choice
from tests.factories.attendance import plan
from tests.factories.vouchers import accepted, add_group, enrolled
from tests.interfaces import browsing
from tests.journeys import axe, eyes
from tests.journeys.test_family import come_in

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
LOOKS = {"phone-light": (eyes.PHONE, "light"), "desktop-dark": (eyes.DESKTOP, "dark")}


@pytest.fixture(autouse=True)
def trial() -> Any:
    """The mode in which invented people may sign in."""
    with override_settings(MODE="trial"):
        yield


def family() -> tuple[str, dict[str, str]]:
    """A guardian of two children, one in a group and one with three wishes; her uuid, her pages by name."""
    city = choice.town()
    ((voucher, guardian, _),) = enrolled(city, add_group(city), 1)
    plan(city)
    ((free, child, _),) = accepted(city, 1)
    valid = Guardianship.objects.get(guardian_id=guardian).valid
    Guardianship.objects.create(guardian_id=guardian, child_id=child, kind="mother", evidence="test", valid=valid)
    groups = [add_group(city, weekdays=(day,)) for day in (1, 3, 5)]
    choice.file(choice.opened(city), [(choice.Child(free, child, guardian), groups)])
    clock.shift_to(choice.INSIDE)
    browsing.guardian_user(guardian)
    group, own = ClubGroup.objects.get(pk=groups[0]).uuid, Voucher.objects.get(pk=voucher).uuid
    pages = {"week": "week/", "money": "money/", "wishes": "wishes/", "vouchers": "vouchers/", "children": "children/"}
    pages |= {"wish": f"wishes/add/{group}/", "move": f"groups/{group}/move/", "leave": f"vouchers/{own}/leave/"}
    return str(Guardian.objects.get(pk=guardian).uuid), pages


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_places_wishes_and_money_are_readable(language: str, live_server: Any, browser_path: Path) -> None:
    person, pages = family()
    with eyes.browser(browser_path) as browser:
        for look, (viewport, scheme) in LOOKS.items():
            options: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme}
            with eyes.page(browser, f"{live_server.url}/{language}/sign-in/", **options) as page:
                come_in(page, person, language)
                for name, address in pages.items():
                    page.goto(f"{live_server.url}/{language}/family/{address}")
                    eyes.assert_readable(page)
                    axe.assert_clean(page)
                    eyes.picture(page, f"places-{name}-{language}-{look}")
