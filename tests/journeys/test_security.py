"""Passkeys in a real browser with a virtual authenticator: added, asked for at sign-in and before money, refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings
from playwright.sync_api import Page

from qosymsha.domain.people.states import Role
from qosymsha.interfaces.ui import texts
from tests.interfaces import browsing
from tests.journeys import axe, eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
DEVICE = {"protocol": "ctap2", "transport": "internal", "hasUserVerification": True, "isUserVerified": True}


def device(page: Page) -> tuple[Any, str]:
    """A device that unlocks by itself; the handle to speak with it."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {**DEVICE, "automaticPresenceSimulation": True}
    return session, session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def come_in(page: Page, root: str, language: str) -> None:
    page.goto(f"{root}/{language}/sign-in/")
    page.get_by_role("button", name="demo:payer").click()


def shot(page: Page, name: str) -> None:
    """Pictures to look at, where SHOTS names a folder."""
    if os.environ.get("SHOTS"):
        page.screenshot(path=Path(os.environ["SHOTS"]) / f"{name}.png", full_page=True)


def leave(page: Page, language: str) -> None:
    page.get_by_role("button", name=texts.say(language, "door.sign_out")).click()
    page.wait_for_url("**/sign-in/")


def test_a_passkey_lets_a_payer_in_and_a_copy_is_stopped(live_server: Any, browser_path: Path) -> None:
    browsing.official(Role.PAYER, name="demo:payer")
    root = live_server.url
    with (
        override_settings(MODE="trial"),
        eyes.browser(browser_path) as browser,
    ):
        context = browser.new_context(viewport=eyes.PHONE, timezone_id="Asia/Almaty")
        page, complaints = context.new_page(), []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda fault: complaints.append(str(fault)))
        cdp, name = device(page)
        come_in(page, root, "kk")
        page.goto(f"{root}/kk/security/")
        page.locator("html[data-passkeys=ready]").wait_for()
        eyes.assert_readable(page)
        axe.assert_clean(page)
        shot(page, "security-empty-kk")
        page.locator("#name").fill("Жұмыс ноутбугі")
        page.locator("#add button").click()
        page.get_by_role("heading", name="Жұмыс ноутбугі").wait_for()
        eyes.picture(page, "security-kk-phone")
        for language in ("ru", "en"):
            page.goto(f"{root}/{language}/security/")
            page.locator("html[data-passkeys=ready]").wait_for()
            eyes.assert_readable(page)
            shot(page, f"security-{language}")
        leave(page, "en")
        come_in(page, root, "ru")
        page.wait_for_url("**/step-up/**")
        page.locator("html[data-passkeys=ready]").wait_for()
        eyes.assert_readable(page)
        axe.assert_clean(page)
        shot(page, "step-up-ru")
        page.get_by_role("button", name=texts.say("ru", "passkey.use")).click()
        page.wait_for_url(f"{root}/ru/office/")
        page.goto(f"{root}/ru/visits/")
        eyes.assert_readable(page)
        axe.assert_clean(page)
        shot(page, "visits-ru")
        # Somebody copied the device as it was before its last use: the copy's counter stands lower.
        (credential,) = cdp.send("WebAuthn.getCredentials", {"authenticatorId": name})["credentials"]
        cdp.send("WebAuthn.clearCredentials", {"authenticatorId": name})
        copy = {part: credential[part] for part in ("credentialId", "isResidentCredential", "rpId", "privateKey")}
        cdp.send("WebAuthn.addCredential", {"authenticatorId": name, "credential": {**copy, "signCount": 0}})
        page.goto(f"{root}/en/step-up/")
        page.locator("html[data-passkeys=ready]").wait_for()
        with page.expect_response(
            lambda answer: answer.status == 422
        ):  # a refusal: its line in the console is no fault
            page.get_by_role("button", name=texts.say("en", "passkey.use")).click()
        page.get_by_text(texts.refusal("en", "passkey_copied")).wait_for()
        context.close()
    assert [one for one in complaints if "422" not in one] == []


def test_staff_add_a_first_factor_before_anything_opens(live_server: Any, browser_path: Path) -> None:
    """Who came in by the provider's word alone: why, a passkey in one press, on to what was wanted; codes on paper."""
    client = browsing.come_in(Client(), browsing.official(Role.PAYER))
    session = client.session
    session["awaits"] = True
    session.save()
    root, wanted = live_server.url, "office/files/"
    with eyes.browser(browser_path) as browser:
        context = browser.new_context(viewport=eyes.PHONE, timezone_id="Asia/Almaty")
        context.add_cookies([{"name": "visit", "value": client.cookies["visit"].value, "url": root}])
        page = context.new_page()
        device(page)
        for language, size, scheme in (*eyes.LOOKS[1:], eyes.LOOKS[0]):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            page.goto(f"{root}/{language}/{wanted}")
            page.wait_for_url(f"**/{language}/first-factor/?next=*")
            page.locator("html[data-passkeys=ready]").wait_for()
            eyes.assert_readable(page)
            axe.assert_clean(page)
            shot(page, f"first-factor-{language}")
        page.locator("#name").fill("Телефон")
        page.locator("#add button").click()
        page.wait_for_url(f"{root}/kk/{wanted}")
        page.get_by_text(texts.say("kk", "first.kept")).wait_for()
        page.goto(f"{root}/kk/security/")
        page.get_by_role("button", name=texts.say("kk", "recovery.make")).click()
        page.locator(".codes .code").first.wait_for()
        eyes.assert_readable(page)
        shot(page, "recovery-codes-kk")
        context.close()
