"""What pages of contracts, papers, refusals and lists say: directions by name, states in words."""

from __future__ import annotations

from functools import cache

from django import template
from django.utils.translation import get_language

from qosymsha.domain.programmes import classifiers
from qosymsha.interfaces.ui import texts

register = template.Library()


@cache
def _activities() -> dict[str, classifiers.ActivityRow]:
    return {row.code: row for row in classifiers.activities()}


@register.filter
def direction(code: str) -> str:
    """What a group is about, in the page's language; a direction outside the classifier is called by its code."""
    row = _activities().get(code)
    return getattr(row, f"name_{get_language() or 'kk'}", "") or code


@register.simple_tag
def agreed(family: str, member: str, **values: object) -> str:
    """The sentence of a state: `family.member`."""
    return texts.say(get_language() or "kk", f"{family}.{member}", **values)
