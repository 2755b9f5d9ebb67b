"""`{{ lists.age|chosen:typed.age }}`: a menu made before, with what was asked for selected."""

from __future__ import annotations

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def chosen(options: str, value: str) -> SafeString:
    """The `<option>`s of `public.menus` with that of `value` selected; `value` was checked against the menu."""
    plain = f'<option value="{escape(value)}">'
    return mark_safe(options.replace(plain, f"{plain[:-1]} selected>", 1) if value else options)  # noqa: S308 - escaped where it was made
