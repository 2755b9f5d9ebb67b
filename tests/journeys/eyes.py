"""What a journey sees with: a browser, pictures for the docs, measures of what a person needs to read and hit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from qosymsha.interfaces.ui import texts
from tests.journeys import axe, stuck

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "images"
stuck.install()
expect.set_options(timeout=30_000)  # a slow machine is no fault; a condition that never comes still is
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
LOOKS = (("kk", PHONE, "light"), ("ru", DESKTOP, "light"), ("en", PHONE, "dark"))
FOUR = tuple(
    (name, size, scheme) for name, size in (("phone", PHONE), ("desktop", DESKTOP)) for scheme in ("light", "dark")
)

# Links and summaries smaller than 24 × 24 CSS pixels (WCAG 2.2, 2.5.8), unless they stand inside a sentence.
SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, summary, input')].filter(e => {
  const box = e.getBoundingClientRect(); return box.right > 0 && box.width && (box.width < 24 || box.height < 24)
}).map(e => e.outerHTML.slice(0, 90))"""

# Texts whose contrast with the first painted ground behind them is below 4.5 (3 for large ones): WCAG 2.2, 1.4.3.
LOW_CONTRAST = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number)
  const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4
  const light = ([r, g, b]) => [r, g, b].map(v => linear(v / 255))
    .reduce((sum, v, n) => sum + v * [.2126, .7152, .0722][n], 0)
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor)
    if (c.length === 3 || c[3] === 1) return c } return [255, 255, 255] }
  const says = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && e.checkVisibility()
  return [...document.querySelectorAll('body *')].filter(says).map(e => {
    const style = getComputedStyle(e), [a, b] = [light(rgb(style.color)), light(ground(e))].sort((x, y) => y - x)
    const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700
    return [(a + .05) / (b + .05), large ? 3 : 4.5, e.outerHTML.slice(0, 90)]
  }).filter(([found, wanted]) => found < wanted) }"""

# The order of headings: each at most one deeper than the one before.
HEADINGS = "() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(e => Number(e.tagName[1]))"
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@contextmanager
def browser(path: Path) -> Iterator[Browser]:
    """A browser for one journey. Opened after the data is made: Django refuses its ORM beside a running event loop."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(path), args=["--no-sandbox"])
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def page(of: Browser, address: str, **options: Any) -> Iterator[Page]:
    """A page at an address; the journey fails where the page says an error to the console (a refused style, a 404)."""
    context = of.new_context(**{"viewport": DESKTOP, "timezone_id": "Asia/Almaty", **options})
    try:
        shown = context.new_page()
        complaints: list[str] = []
        shown.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        shown.on("pageerror", lambda fault: complaints.append(str(fault)))
        shown.goto(address)
        yield shown
        assert complaints == []
    finally:
        context.close()


def is_turn(page: int, look: int, looks: int) -> bool:
    """Whether the nth page is seen in this look: by day each in one, in turn; `LOOKS=whole` (by night) each in all."""
    return os.environ.get("LOOKS") == "whole" or page % looks == look


def looks(page: int, language: str) -> list[tuple[str, dict[str, int], str]]:
    """(name, size, scheme) of the looks in which a language's nth page is seen: by day one of four, for each another.

    By night, and where pictures are taken, all four.
    """
    if os.environ.get("QOSYMSHA_PICTURES") == "1":
        return list(FOUR)
    first = page + texts.LANGUAGES.index(language)
    return [look for turn, look in enumerate(FOUR) if is_turn(first, turn, len(FOUR))]


def look_like(of: Page, size: dict[str, int], scheme: str) -> None:
    """Give a page another size and another time of day; for the next address it opens."""
    of.set_viewport_size({"width": size["width"], "height": size["height"]})
    of.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]


def look_through(pages: Mapping[str, str], address: str, opened: Callable[..., Page], shown: str) -> None:
    """Every page (name → where) in its turn of `LOOKS`: it is there, reads well, on a phone axe finds nothing.

    `address` takes `{language}` and ends where `where` begins; `opened` gives the browser of one who may see them, by
    `viewport` and `color_scheme`; pictures are named `shown` and the page.
    """
    for turn, (language, size, scheme) in enumerate(LOOKS):
        page = opened(viewport=size, color_scheme=scheme)
        for n, (name, where) in enumerate(pages.items()):
            if not is_turn(n, turn, len(LOOKS)):
                continue
            answer = page.goto(address.format(language=language) + where)
            assert answer is not None
            assert (name, answer.status) == (name, 200)
            picture(page, f"{shown}-{name}-{language}-{scheme}")
            assert_readable(page)
            if size == PHONE:
                axe.assert_clean(page, *(axe.BY_LOOK if scheme == "dark" else ()))
        page.context.close()


def picture(of: Page, name: str, *, whole: bool = True) -> None:
    """Keep a picture for the docs, where QOSYMSHA_PICTURES=1 asks for it."""
    if os.environ.get("QOSYMSHA_PICTURES") == "1":
        PICTURES.mkdir(parents=True, exist_ok=True)
        of.screenshot(path=PICTURES / f"{name}.png", full_page=whole)


def assert_readable(of: Page) -> None:
    """Nothing to scroll sideways, targets to hit, contrast, headings in order, one h1, a language, named regions."""
    of.wait_for_load_state()  # a press waits for the next page's first byte, not for its style
    assert of.evaluate(OVERFLOW) <= 0, f"{of.url} scrolls sideways"
    small, faint = of.evaluate(SMALL_TARGETS), of.evaluate(LOW_CONTRAST)
    assert small == [], f"{of.url}: {small}"
    assert faint == [], f"{of.url}: {faint}"
    levels = of.evaluate(HEADINGS)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))


def tab_to(of: Page, selector: str) -> None:
    """Tab until the element has the focus, and is seen to have it."""
    for _ in range(80):
        of.keyboard.press("Tab")
        if of.evaluate("s => document.activeElement.matches(s)", selector):
            assert of.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
            return
    raise AssertionError(f"{selector} is not reached by keyboard on {of.url}")
