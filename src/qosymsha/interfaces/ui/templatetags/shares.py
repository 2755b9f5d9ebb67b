"""Shares in words, kinds in words: for figures that several doors show."""

from __future__ import annotations

from django import template
from django.utils.translation import get_language

from qosymsha.interfaces.ui import texts
from qosymsha.kernel.money import NBSP

register = template.Library()


@register.filter
def share(permille: int) -> str:
    """847 → `84,7 %`, in English `84.7 %`."""
    text = f"{permille / 10:g}"
    return f"{text if get_language() == 'en' else text.replace('.', ',')}{NBSP}%"


@register.simple_tag
def say_kind(kind: str) -> str:
    """A kind of clubs in words."""
    return texts.say(get_language() or "kk", f"kind.{kind}")
