"""What the provider's pages say of groups, and whether the menu is a manager's."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import get_language

from qosymsha.interfaces.provider import house
from qosymsha.interfaces.ui import texts

register = template.Library()


@register.simple_tag(takes_context=True)
def manages(context: dict[str, Any]) -> bool:
    """True where whoever looks manages the provider of these pages."""
    request = context["request"]
    return bool(house.houses(request)) and house.is_manager(request)


@register.simple_tag(takes_context=True)
def works_at(context: dict[str, Any]) -> int:
    """At how many clubs whoever looks works."""
    return len(house.houses(context["request"]))


@register.filter
def activity(code: str) -> str:
    """What a group is about, in the page's language."""
    return house.title(code, get_language() or "kk")


@register.simple_tag
def word_of(family: str, member: str) -> str:
    """The sentence of a state: `family.member`."""
    return texts.say(get_language() or "kk", f"{family}.{member}")


_DAYS = ("day.Mon", "day.Tue", "day.Wed", "day.Thu", "day.Fri", "day.Sat", "day.Sun")


@register.filter
def weekday(number: int) -> str:
    """An ISO weekday in words."""
    return texts.say(get_language() or "kk", _DAYS[number - 1])


@register.filter
def of(mapping: dict[object, object], key: object) -> object:
    """What a mapping holds under a key, or nothing."""
    return mapping.get(key, "")
