"""A guardian on a cheap phone, an official at a desk, someone with a keyboard only: all of them read the first page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from qosymsha.interfaces.ui import texts
from tests.factories import front
from tests.journeys import eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
SIZES = {"phone": eyes.PHONE, "desktop": eyes.DESKTOP}
SHOWN = {("kk", "phone", "light"), ("en", "desktop", "light")}  # in the docs; all twelve are read


def focused(page: Page) -> str:
    return str(page.evaluate("() => document.activeElement.textContent.trim()"))


def test_the_first_page_is_readable_in_three_languages_by_day_and_by_night(
    live_server: Any, browser_path: Path
) -> None:
    the_round = front.full_page(families=240)
    with eyes.browser(browser_path) as browser:
        for language in texts.LANGUAGES:
            for size, viewport in SIZES.items():
                for scheme in ("light", "dark"):
                    options: dict[str, Any] = {
                        "viewport": viewport,
                        "color_scheme": scheme,
                        "java_script_enabled": True,
                    }
                    with eyes.page(browser, f"{live_server.url}/{language}/", **options) as page:
                        assert page.get_by_role("heading", level=1).inner_text() == texts.say(language, "landing.h1")
                        assert page.locator("html").get_attribute("lang") == language
                        assert page.get_by_text(the_round.number, exact=True).is_visible()
                        eyes.assert_readable(page)
                        if (language, size, scheme) in SHOWN:
                            eyes.picture(page, f"first-page-{language}-{size}-{scheme}")


def test_the_whole_page_works_without_scripts(live_server: Any, browser_path: Path) -> None:
    front.full_page()
    with (
        eyes.browser(browser_path) as browser,
        eyes.page(browser, f"{live_server.url}/kk/", viewport=eyes.PHONE, java_script_enabled=False) as page,
    ):
        assert page.locator("script").count() == 0
        proof = page.locator("details", has=page.get_by_text(texts.say("kk", "round.proof")))
        assert not proof.locator("dl").is_visible()
        proof.locator("summary").click()
        assert proof.locator("dl").is_visible()
        page.get_by_role("link", name="Русский").click()
        assert page.url == f"{live_server.url}/ru/"
        assert page.get_by_role("heading", level=1).inner_text() == texts.say("ru", "landing.h1")


def test_a_keyboard_alone_reaches_everything_in_the_order_it_is_read(live_server: Any, browser_path: Path) -> None:
    front.full_page()
    with eyes.browser(browser_path) as browser, eyes.page(browser, f"{live_server.url}/kk/") as page:
        wanted = [texts.say("kk", key) for key in ("site.skip", "door.my_page")] + ["Қазақша", "Русский", "English"]
        wanted.insert(1, "Qosymsha")
        wanted += [texts.say("kk", f"ways.{way}") for way in ("clubs", "rounds", "points", "open")]
        wanted += [texts.say("kk", "intake.help")]
        wanted += [
            texts.say("kk", f"go.{w}") + texts.say("kk", f"go.{w}_p") for w in ("clubs", "family", "rounds", "open")
        ]
        wanted += [texts.say("kk", key) for key in ("round.proof", "round.all")]
        met = []
        for _ in wanted:
            page.keyboard.press("Tab")
            met.append(focused(page))
        assert met == wanted
        assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
        for _ in range(len(wanted) - 1 - wanted.index("Русский")):
            page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(f"{live_server.url}/ru/")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert focused(page) == texts.say("ru", "intake.help"), "the skip link leads past the header"


def test_a_large_letter_and_a_narrow_screen_lose_nothing(live_server: Any, browser_path: Path) -> None:
    front.full_page()
    with eyes.browser(browser_path) as browser:
        for width, letters in ((320, "100%"), (360, "130%"), (640, "200%")):
            with eyes.page(browser, f"{live_server.url}/kk/", viewport={"width": width, "height": 600}) as page:
                page.evaluate(f"document.documentElement.style.fontSize = '{letters}'")
                eyes.assert_readable(page)


# What is wrong with a page on paper: something to press is there, something folded away is not, the ground is dark.
PAPER = """() => {
  const seen = (wanted, is) => [...document.querySelectorAll(wanted)].some(e => e.checkVisibility() === is)
  const faults = []
  if (seen('nav, button, input, select, textarea, .actions, .crumb, .who, .skip', true)) faults.push('pressed')
  if (seen('main details:not(:has(> form), form *) > *', false)) faults.push('folded')
  if (getComputedStyle(document.body).backgroundColor !== 'rgb(255, 255, 255)') faults.push('dark')
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) faults.push('wide')
  return faults }"""
# One of each that the sheet's rules for paper know, beside what a page has by itself.
SPECIMENS = """<p class="actions"><a href="#main">a</a></p><p class="crumb"><a href="#main">a</a></p>
<p><button>b</button></p><div class="seek"><input></div><p class="drop"><input></p><form class="panel"><input></form>
<details><summary>s</summary><p>folded</p></details><details open><summary>s</summary><form><input></form></details>"""
# The page's faults with each selector of each rule for paper cut out alone: selector → faults; and what hides.
CUT = f"""() => {{
  const faults = {PAPER}, found = {{}}, hiding = []
  const rules = [...document.styleSheets].flatMap(sheet => [...sheet.cssRules])
    .filter(rule => rule instanceof CSSMediaRule && rule.conditionText === 'print').flatMap(rule => [...rule.cssRules])
  for (const rule of rules.filter(rule => rule.selectorText)) {{
    const whole = rule.selectorText, parts = whole.split(', ')
    for (const part of parts) {{
      rule.selectorText = parts.filter(other => other !== part).join(', ') || 'nothing'
      found[part] = [...(found[part] ?? []), ...faults()]
      if (rule.style.display === 'none') hiding.push(part)
    }}
    rule.selectorText = whole
  }}
  return [found, hiding, faults()] }}"""


def test_on_paper_stands_what_there_is_to_read_and_nothing_to_press(live_server: Any, browser_path: Path) -> None:
    the_round = front.full_page()
    looks: dict[str, Any] = {"viewport": {"width": 718, "height": 1000}, "color_scheme": "dark"}  # A4 within 1 cm
    with eyes.browser(browser_path) as browser, eyes.page(browser, f"{live_server.url}/ru/", **looks) as page:
        for address in ("", "clubs/", f"rounds/{the_round.uuid}/", "open/", "points/"):
            page.goto(f"{live_server.url}/ru/{address}")
            on_screen = page.evaluate(PAPER)
            assert {"pressed", "dark"} <= set(on_screen), "the control: a screen has something to press"
            assert "folded" in on_screen or address, "the control: the first page folds something away"
            page.emulate_media(media="print")
            assert page.evaluate(PAPER) == [], address
            page.emulate_media(media="screen")
            assert page.evaluate(PAPER) == on_screen
        page.evaluate("html => document.querySelector('main').insertAdjacentHTML('beforeend', html)", SPECIMENS)
        page.emulate_media(media="print")
        found, hiding, whole = page.evaluate(CUT)
    assert whole == [], "with every rule in its place nothing is wrong, also with one of each kind"
    assert len(hiding) >= 12
    assert [part for part in hiding if "pressed" not in found[part]] == [], "the control: cut alone, each is missed"
    assert ("dark" in found[":root"], "folded" in found["details::details-content"]) == (True, True)


def test_an_empty_installation_and_a_wrong_address_are_pages_too(live_server: Any, browser_path: Path) -> None:
    with eyes.browser(browser_path) as browser:
        with eyes.page(browser, f"{live_server.url}/", locale="kk-KZ", viewport=eyes.PHONE) as page:
            assert page.url == f"{live_server.url}/kk/"
            assert page.get_by_text(texts.say("kk", "round.none")).is_visible()
            eyes.assert_readable(page)
        context = browser.new_context(viewport=eyes.PHONE)
        page = context.new_page()
        page.goto(f"{live_server.url}/en/nowhere/")
        eyes.assert_readable(page)
        page.get_by_role("link", name=texts.say("en", "error.home")).click()
        assert page.url == f"{live_server.url}/en/"
        context.close()


def test_the_eyes_see_what_is_wrong(browser_path: Path) -> None:
    """The control: a page with faults is not readable."""
    pale = '<p style="color: #999; background: #fff">pale</p>'
    faults = f'<h1>A</h1><h3>B</h3>{pale}<a href="/"><b style="font-size: 9px">x</b></a>'
    with eyes.browser(browser_path) as browser:
        page = browser.new_page(viewport=eyes.PHONE)
        page.set_content(f"<!doctype html>{faults}<div style='width: 900px'>wide</div>")
        assert page.evaluate(eyes.OVERFLOW) > 0
        assert len(page.evaluate(eyes.SMALL_TARGETS)) == 1
        assert ["pale" in markup for _, _, markup in page.evaluate(eyes.LOW_CONTRAST)] == [True]
        assert page.evaluate(eyes.HEADINGS) == [1, 3]
        page.close()
