"""What signed-in pages are made of: `{% hidden %}`, `{% field %}`, `{% errors form %}`, `{% here "name" "key" %}`."""

from __future__ import annotations

from typing import Any
from uuid import uuid5

from django import forms, template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from qosymsha.interfaces.ui import drafts, keys, texts

register = template.Library()


@register.inclusion_tag("ui/hidden.html", takes_context=True)
def hidden(context: dict[str, Any], row: object = "") -> dict[str, object]:
    """The CSRF token and the form's key; `row` tells several forms of one page apart, each gets its own key.

    For `ui/keys.js` on a signed-in page: whose browser this is, the form's own name, and whether it is shown again.
    """
    key, actor, request = context["key"], context.get("actor"), context.get("request")
    return {
        "csrf_token": context.get("csrf_token"),
        "key": uuid5(key, str(row)) if row else key,
        "whose": keys.whose(actor) if actor is not None else "",
        "form": row,
        "again": request is not None and (request.method == "POST" or drafts.taken(request) is not None),
    }


@register.simple_tag(takes_context=True)
def told(context: dict[str, Any], key: str, **values: object) -> str:
    """The sentence of `key`, for a child with an account of its own the one of `youth.key`, where there is one."""
    language = get_language() or "kk"
    own = f"youth.{key}"
    is_own = context.get("is_youth") and own in texts.catalogue(language)
    return texts.say(language, own if is_own else key, **values)


@register.inclusion_tag("ui/field.html")
def field(bound: forms.BoundField, label: str, hint: str = "", **values: object) -> dict[str, object]:
    """A field with its label, its hint and its error, tied together for who listens to the page."""
    language = get_language() or "kk"
    name = bound.auto_id
    described = [f"{name}-hint"] * bool(hint) + [f"{name}-error"] * bool(bound.errors)
    attributes: dict[str, str | bool] = {"aria-describedby": " ".join(described)} if described else {}
    if bound.errors:
        attributes["aria-invalid"] = "true"
    return {
        "control": bound.as_widget(attrs=attributes),
        "name": name,
        "errors": list(bound.errors),
        "label": texts.say(language, label, **values),
        "hint": texts.say(language, hint) if hint else "",
        "is_box": isinstance(bound.field.widget, forms.CheckboxInput),
        "is_group": isinstance(bound.field.widget, forms.RadioSelect | forms.CheckboxSelectMultiple),
    }


@register.inclusion_tag("ui/errors.html")
def errors(form: forms.Form) -> dict[str, object]:
    """What is the matter with the form as a whole, in a box that is read aloud at once."""
    return {"sentences": list(form.non_field_errors()), "is_marked": bool(form.errors)}


@register.simple_tag(takes_context=True)
def here(context: dict[str, Any], name: str, label: str, below: bool | None = None) -> SafeString:
    """A link of a menu that says so where one is on its page, or below it (a door's own first page: only on it)."""
    address, current = reverse(name), context["request"].path
    counts_below = not name.endswith("-home") if below is None else bool(below)
    is_here = current.startswith(address) if counts_below else current == address
    mark = SafeString(' aria-current="page"') if is_here else ""
    return format_html('<a href="{}"{}>{}</a>', address, mark, texts.say(get_language() or "kk", label))


@register.simple_tag
def role_name(role: str) -> str:
    """A role in words."""
    return texts.say(get_language() or "kk", f"role.{role}")
