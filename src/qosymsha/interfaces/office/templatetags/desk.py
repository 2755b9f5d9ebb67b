"""The menu of what this official may see; names of directions; a permille as percent."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import resolve, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from qosymsha.interfaces.office import lists
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.templatetags.pages import here

register = template.Library()


@register.simple_tag(takes_context=True)
def tab(context: dict[str, Any], name: str, label: str) -> SafeString:
    """A line of the menu, where the official may open its page."""
    roles = resolve(reverse(name)).func.roles["GET"]  # type: ignore[attr-defined]
    if not context["actor"].holds(roles):
        return SafeString("")
    return format_html("<li>{}</li>", here(context, name, label))


@register.simple_tag
def word_of(family: str, member: str) -> str:
    """The sentence of a state: `family.member`."""
    return texts.say(get_language() or "kk", f"{family}.{member}")


@register.simple_tag
def refusal(reason: str) -> str:
    """The sentence of a refusal."""
    return texts.refusal(get_language() or "kk", reason)


@register.filter
def activity(code: str) -> str:
    """What a group is about, in the page's language."""
    return lists.title(code, get_language() or "kk")


@register.filter
def percent(permille: int) -> str:
    """847 → `84,7 %`, in English `84.7 %`."""
    text = f"{permille / 10:g}"
    return f"{text if get_language() == 'en' else text.replace('.', ',')}\u00a0%"
