"""A family checks its number: its device computes, three languages, and no request carries the ticket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from qosymsha.domain.allocation import parts
from qosymsha.interfaces.files import published
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.papers.receipt import receipt_json, spaced
from tests.factories import rounds
from tests.journeys import eyes

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
VERDICT = ".verdict:visible"
SHOWN = {("round", "en", "desktop", "light")}  # in the docs, with the check of a phone; all pages are read


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    settings.PUBLISHED = str(tmp_path / "published")
    return tmp_path


@contextmanager
def opened(browser: Browser, server: Any, story: rounds.Story, language: str, **options: Any) -> Iterator[Page]:
    """The checking page of a round."""
    with eyes.page(browser, f"{server.url}/{language}/rounds/{story.uuid}/check/", **options) as page:
        yield page


def ask(page: Page, ticket: str) -> str:
    """Type a ticket, and return what the page says of it."""
    page.locator("#ticket").fill(ticket)
    page.locator("button[type=submit]").click()
    return said(page)


def said(page: Page) -> str:
    page.locator(VERDICT).wait_for()
    return page.locator(VERDICT).inner_text()


def value(page: Page, name: str) -> str:
    return page.locator(f'[data-fill="{name}"]').inner_text()


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_a_family_sees_its_line_its_number_and_its_place(live_server: Any, browser_path: Path, language: str) -> None:
    story = rounds.publish(rounds.allocated())
    cases = []
    for state in ("granted", "waiting"):
        application = story.one(state=state, category="large-family" if state == "granted" else "general")
        cases.append((state, story.receipt(application), story.outcome(application)))
    with (
        eyes.browser(browser_path) as browser,
        opened(browser, live_server, story, language, viewport=eyes.PHONE) as page,
    ):
        for state, receipt, outcome in cases:
            assert ask(page, spaced(receipt.ticket).lower()) == texts.say(language, f"check.{state}")
            assert value(page, "id") == receipt.line_id
            assert value(page, "leaf") == receipt.leaf
            assert value(page, "number") == bytes(outcome.number).hex()
            place = int(value(page, "place"))
            assert 1 <= place <= outcome.rank
            page.locator("#why").wait_for()
            assert int(value(page, "before")) == place - 1
            counted = page.locator("#classes tbody tr:visible td:nth-child(2)").all_inner_texts()
            assert sum(map(int, counted)) == place - 1, "every one before it stands in one class"
            needs = page.locator('[data-fill="needs"]')
            assert needs.is_visible() == (state == "waiting")
            assert value(page, "segment") == texts.say(language, "kind.sport")
        eyes.assert_readable(page)
        if language == "kk":
            eyes.picture(page, "check-kk-phone-light")


def test_no_request_carries_the_ticket_nor_tells_the_line(live_server: Any, browser_path: Path, store: Path) -> None:
    story = rounds.publish(rounds.allocated())
    receipt = story.receipt(story.one(state="granted"))
    (store / "receipt.json").write_text(receipt_json(receipt), "utf-8")
    with eyes.browser(browser_path) as browser, opened(browser, live_server, story, "en") as page:
        asked: list[str] = []
        page.on("request", lambda r: asked.append(f"{r.url} {r.all_headers()} {r.post_data or ''}"))
        ask(page, receipt.ticket)
        page.locator("#file").set_input_files(store / "receipt.json")
        said(page)
        page.reload()
        kept = page.evaluate("() => JSON.stringify([location.href, document.cookie, {...localStorage}, history.state])")
    sent = "\n".join([*asked, kept])
    assert "parts/0.tsv" in sent
    assert [secret for secret in (receipt.ticket, receipt.line_id, receipt.leaf) if secret in sent.upper() + sent] == []


def test_the_watch_for_tickets_sees_one_that_is_sent(live_server: Any, browser_path: Path) -> None:
    """The control: a page that sends the ticket is caught by the same watch."""
    story = rounds.publish(rounds.allocated())
    receipt = story.receipt(story.one(state="granted"))
    with eyes.browser(browser_path) as browser, opened(browser, live_server, story, "en") as page:
        asked: list[str] = []
        page.on("request", lambda r: asked.append(r.url))
        page.evaluate(f"() => fetch('/en/?t={receipt.ticket}')")
        assert receipt.ticket in "\n".join(asked)


def test_a_small_class_is_found_by_ticket_alone_and_by_the_receipts_file(
    live_server: Any, browser_path: Path, store: Path
) -> None:
    story = rounds.publish(rounds.allocated())
    receipt = story.receipt(story.one(category="orphan"))
    assert receipt.line_id not in (published.folder_of(story.uuid) / "closed.tsv").read_text()
    (store / "receipt.json").write_text(receipt_json(receipt), "utf-8")
    with eyes.browser(browser_path) as browser, opened(browser, live_server, story, "ru") as page:
        assert ask(page, receipt.ticket) == texts.say("ru", "check.hidden")
        assert value(page, "leaf") == receipt.leaf
        page.locator("#file").set_input_files(store / "receipt.json")
        assert said(page) == texts.say("ru", "check.hidden")
        assert not page.locator('[data-fill="place"]').is_visible()


DROP = """text => { const given = new DataTransfer()
  given.items.add(new File([text], 'receipt.json', {type: 'application/json'}))
  document.getElementById('check').dispatchEvent(new DragEvent('drop', {dataTransfer: given, cancelable: true})) }"""


def test_a_receipt_dropped_on_the_page_is_read(live_server: Any, browser_path: Path) -> None:
    story = rounds.publish(rounds.allocated())
    receipt = story.receipt(story.one(category="general", state="waiting"))
    with eyes.browser(browser_path) as browser, opened(browser, live_server, story, "kk") as page:
        page.evaluate(DROP, receipt_json(receipt))
        assert said(page) == texts.say("kk", "check.waiting")
        assert page.locator("#ticket").input_value() == receipt.ticket


def test_what_is_wrong_is_said_in_words(live_server: Any, browser_path: Path, store: Path) -> None:
    story = rounds.publish(rounds.allocated())
    receipt = receipt_json(story.receipt(story.one(state="granted")))
    (store / "other.json").write_text(receipt.replace(str(story.uuid), "another"), "utf-8")
    (store / "none.json").write_text("nothing", "utf-8")
    with eyes.browser(browser_path) as browser, opened(browser, live_server, story, "kk") as page:
        assert ask(page, "ABC") == texts.say("kk", "check.bad_ticket")
        assert ask(page, "B" * 26) == texts.say("kk", "check.bad_ticket"), "no ticket ends with B"
        assert ask(page, "A" * 26) == texts.say("kk", "check.absent")
        for name, key in (("other", "check.other"), ("none", "check.bad_file")):
            page.locator("#file").set_input_files(store / f"{name}.json")
            assert said(page) == texts.say("kk", key)


def test_a_list_of_many_parts_is_checked_from_one_of_them(
    live_server: Any, browser_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "LEAVES", 8)
    story = rounds.publish(rounds.allocated())
    receipts = [story.receipt(row) for row in story.applications()]
    with eyes.browser(browser_path) as browser, opened(browser, live_server, story, "en") as page:
        asked: list[str] = []
        page.on("request", lambda r: asked.append(r.url))
        for receipt in receipts:
            assert ask(page, receipt.ticket) in {
                texts.say("en", f"check.{key}") for key in ("granted", "waiting", "hidden")
            }
            assert value(page, "leaf") == receipt.leaf
    assert len({url for url in asked if "/parts/" in url}) == 12


@pytest.mark.parametrize("name", ["parts.tsv", "proofs.tsv", "terms.json"])
def test_a_changed_list_is_found(live_server: Any, browser_path: Path, name: str) -> None:
    story = rounds.publish(rounds.allocated())
    receipt = story.receipt(story.one(state="granted", category="large-family"))
    path = published.folder_of(story.uuid) / name
    changed = path.read_text().replace("sport\t", "sporu\t", 1) if name == "parts.tsv" else path.read_text()
    if name == "proofs.tsv":
        changed = ("1" if changed[0] == "0" else "0") + changed[1:]  # a hash may begin with either
    path.write_text(changed.replace("1", "2", 1) if name == "terms.json" else changed)
    with eyes.browser(browser_path) as browser, opened(browser, live_server, story, "en") as page:
        assert ask(page, receipt.ticket) == texts.say("en", "check.root")


def test_without_scripts_the_page_says_how_to_check(live_server: Any, browser_path: Path) -> None:
    story = rounds.publish(rounds.allocated())
    with (
        eyes.browser(browser_path) as browser,
        opened(browser, live_server, story, "kk", java_script_enabled=False) as page,
    ):
        assert not page.locator("form").is_visible()
        assert page.get_by_text(texts.say("kk", "check.without")).is_visible()
        page.get_by_role("link", name=texts.say("kk", "files.h2")).click()
        with page.expect_download() as saved:
            page.get_by_role("link", name="draw.py").click()
        assert saved.value.suggested_filename == "draw.py"


def test_rounds_are_readable_in_three_languages_by_day_and_by_night(live_server: Any, browser_path: Path) -> None:
    story = rounds.publish(rounds.allocated())
    with eyes.browser(browser_path) as browser:
        for language in texts.LANGUAGES:
            for size, viewport in (("phone", eyes.PHONE), ("desktop", eyes.DESKTOP)):
                for scheme in ("light", "dark"):
                    options: dict[str, Any] = {"viewport": viewport, "color_scheme": scheme}
                    for name, tail in (("rounds", ""), ("round", f"{story.uuid}/"), ("check", f"{story.uuid}/check/")):
                        with eyes.page(browser, f"{live_server.url}/{language}/rounds/{tail}", **options) as page:
                            eyes.assert_readable(page)
                            if (name, language, size, scheme) in SHOWN:
                                eyes.picture(page, f"{name}-{language}-{size}-{scheme}")
