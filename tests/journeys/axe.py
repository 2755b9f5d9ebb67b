"""What axe-core finds on a page: nothing, by WCAG 2.2 AA and by its own best practices."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

# What depends on colours and sizes alone; the rest of a page is the same by day and night, narrow and wide.
BY_LOOK = ("color-contrast", "target-size")
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """rules => axe.run(document, {resultTypes: ['violations'], runOnly: rules.length
  ? {type: 'rule', values: rules} : {type: 'tag', values: %s}})
  .then(found => found.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160)).slice(0, 3)]))"""


def violations(of: Page, *rules: str) -> list[Any]:
    """(rule, first elements) of each rule broken; all rules, or those named. The page's own CSP stays in force."""
    of.wait_for_load_state()
    if not of.evaluate("() => 'axe' in window"):
        of.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found: list[Any] = of.evaluate(_RUN % _TAGS, list(rules))
    return found


def assert_clean(of: Page, *rules: str) -> None:
    """Axe finds nothing here."""
    found = violations(of, *rules)
    assert found == [], f"{of.url}: {found}"
