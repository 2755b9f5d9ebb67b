from pathlib import Path
from typing import Any
import os
import pytest
from django.test import Client
from qosymsha.domain.people.states import Role
from tests.interfaces import browsing
from tests.interfaces.test_status import looked
from tests.journeys import eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


def test_shot(live_server: Any, browser_path: Path) -> None:
    looked(red="INV-6")
    cookie = browsing.come_in(Client(), browsing.official(Role.OPERATOR)).cookies["visit"].value
    os.makedirs("/tmp/shots/g", exist_ok=True)
    with eyes.browser(browser_path) as browser:
        for language, size, scheme in (("kk", eyes.PHONE, "light"), ("ru", eyes.DESKTOP, "light"), ("en", eyes.PHONE, "dark")):
            context = browser.new_context(viewport=size, color_scheme=scheme)
            context.add_cookies([{"name": "visit", "value": cookie, "url": live_server.url}])
            page = context.new_page()
            page.goto(f"{live_server.url}/{language}/office/checks/")
            eyes.assert_readable(page)
            page.screenshot(path=f"/tmp/shots/g/checks-{language}-{scheme}.png", clip={"x": 0, "y": 0, "width": size["width"], "height": 1700}, full_page=True)
            context.close()
