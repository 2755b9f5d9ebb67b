"""The menu of what this official may see; names of directions; a permille as percent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django import forms, template
from django.urls import NoReverseMatch, resolve, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from qosymsha.domain.allocation.announcement import TYPED
from qosymsha.domain.settlement.commands.corrections import UPHELD
from qosymsha.domain.settlement.ports import ReplyStatus
from qosymsha.interfaces.office import lists
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.templatetags.pages import here
from qosymsha.interfaces.ui.templatetags.words import month

register = template.Library()

# The office by work: a group, and its pages by name and label. A page stands in the menu of whoever may open it.
MENU: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "office.menu.admission",
        (
            ("office-cases", "office.nav.applications"),
            ("office-assist", "office.nav.assist"),
            ("office-rounds", "office.nav.rounds"),
            ("office-programmes", "office.nav.programmes"),
            ("office-budget", "office.nav.budget"),
            ("office-calendar", "office.nav.calendar"),
        ),
    ),
    (
        "office.menu.providers",
        (
            ("office-houses", "houses.h1"),
            ("office-accreditation", "accr.nav"),
            ("office-controls", "control.h1"),
            ("office-refusals", "agr.nav.refusals"),
        ),
    ),
    (
        "office.menu.months",
        (
            ("office-sheets", "office.nav.sheets"),
            ("office-rows", "office.nav.rows"),
            ("office-absences", "office.nav.absences"),
            ("office-objections", "words.h1"),
            ("office-flags", "office.nav.flags"),
            ("office-outside", "outside.nav"),
            ("office-endings", "ending.nav"),
            ("office-decided", "office.nav.decided"),
        ),
    ),
    (
        "office.menu.money",
        (
            ("office-claims", "office.nav.claims"),
            ("office-acts", "office.nav.acts"),
            ("office-files", "office.nav.files"),
            ("office-replies", "office.nav.replies"),
            ("office-transfers", "office.nav.transfers"),
            ("office-recoveries", "office.nav.recoveries"),
            ("office-refunds", "office.nav.refunds"),
            ("office-covers", "office.nav.covers"),
            ("office-closing", "office.nav.closing"),
            ("office-money", "office.nav.money"),
        ),
    ),
    ("office.menu.insight", (("office-figures", "office.nav.figures"),)),
    (
        "office.menu.trust",
        (
            ("office-people", "office.nav.people"),
            ("office-guardians", "unguarded.nav"),
            ("office-reading", "reading.nav"),
            ("office-points", "points.h1"),
            ("office-staff", "officials.nav"),
            ("office-checks", "office.nav.checks"),
        ),
    ),
)

# What may stand on a claim's own account: the causes of postings that have a sentence.
CAUSES = ("claim", "claim_reversed", "claim_offset", "claim_offset_reversed", "payment_sent", "bank_reply")


@register.inclusion_tag("office/menu.html", takes_context=True)
def office_menu(context: dict[str, Any]) -> dict[str, Any]:
    """The menu's groups with the pages this official may open; the one of this page says so, its pages stand below."""
    return {"groups": _groups(context)}


@register.inclusion_tag("office/pages.html", takes_context=True)
def office_pages(context: dict[str, Any]) -> dict[str, Any]:
    """The same pages as a list, for who has no queue: what one may do here."""
    return {"groups": _groups(context)}


def _groups(context: dict[str, Any]) -> list[tuple[str, list[tuple[str, str, bool]], bool]]:
    language, path = get_language() or "kk", context["request"].path
    groups = []
    for key, pages in MENU:
        links = [
            (address, texts.say(language, label), path.startswith(address))
            for name, label in pages
            for address in [_open_to(context, name)]
            if address
        ]
        if links:
            groups.append((texts.say(language, key), links, any(is_here for *_, is_here in links)))
    return groups


def _open_to(context: dict[str, Any], name: str) -> str:
    """The page's address where it is there and this official may open it, else ""."""
    try:
        address = reverse(name)
    except NoReverseMatch:
        return ""
    roles = resolve(address).func.roles["GET"]  # type: ignore[attr-defined]
    return address if context["actor"].holds(roles) else ""


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


@register.inclusion_tag("ui/field.html")
def named(bound: forms.BoundField) -> dict[str, object]:
    """A field whose label is a name from data (a rule set's own words), not a key of the catalogue."""
    described = f"{bound.auto_id}-hint" if bound.help_text else ""
    described += f" {bound.auto_id}-error" if bound.errors else ""
    attributes: dict[str, str | bool] = {"aria-describedby": described.strip()} if described else {}
    if bound.errors:
        attributes["aria-invalid"] = "true"
    return {
        "control": bound.as_widget(attrs=attributes),
        "name": bound.auto_id,
        "errors": list(bound.errors),
        "label": bound.label,
        "hint": bound.help_text,
        "is_box": isinstance(bound.field.widget, forms.CheckboxInput),
        "is_group": isinstance(bound.field.widget, forms.RadioSelect | forms.CheckboxSelectMultiple),
    }


@register.filter
def at(names: Mapping[int, str], who: int) -> str:
    """What a colleague is called; a number where the account is no more."""
    return names.get(who, f"№{who}")


@register.filter
def split_words(text: str) -> list[str]:
    """`Mon Tue` → two words."""
    return text.split()


@register.filter
def all_at(names: Mapping[int, str], people: Iterable[int]) -> str:
    """Several colleagues by name."""
    return ", ".join(at(names, who) for who in people)


@register.filter
def activity(code: str) -> str:
    """What a group is about, in the page's language."""
    return lists.title(code, get_language() or "kk")


@register.filter
def bank_said(status: str) -> str:
    """What the bank said of a payment, in words; its own code where the code means nothing here."""
    known = status in {one.value for one in ReplyStatus}
    return texts.say(get_language() or "kk", f"office.reply.status.{status}") if known else status


@register.filter
def posted_for(cause: str) -> str:
    """What a posting on a claim's account was made for."""
    return texts.say(get_language() or "kk", f"office.trail.cause.{cause}") if cause in CAUSES else cause


@register.filter
def said_reason(reason: str) -> str:
    """Why money is wanted back: the system's own reason in the reader's language, an official's as it was written."""
    return texts.say(get_language() or "kk", "office.recovery.upheld") if reason == UPHELD else reason


@register.filter
def beacon(name: str) -> str:
    """The source of chance in words: what two officials type, a round of a public network, a trial's own."""
    language = get_language() or "kk"
    if name.startswith(TYPED):
        return texts.say(language, "beacon.typed", what=name.removeprefix(TYPED).strip())
    if name.startswith("drand:") and name.count(":") == 2:
        _, chain, number = name.split(":")
        return texts.say(language, "beacon.drand", number=number, chain=chain[:8])
    return texts.say(language, "beacon.trial") if name.startswith(("trial beacon", "demo beacon", "fake:")) else name


@register.filter
def parties(names: Iterable[str]) -> str:
    """Who shows a secret at the draw; the two that a trial plays in words."""
    parents = dict.fromkeys(("parents", "parents' council", "parents-council"), "beacon.parents")
    known = {"akimat": "beacon.akimat", **parents}
    return ", ".join(texts.say(get_language() or "kk", known[one]) if one in known else one for one in names)


@register.filter
def iso_month(text: str) -> str:
    """A month as a formula keeps it, `2026-09`, in words."""
    year, _, number = text.partition("-")
    return month(date(int(year), int(number), 1)) if year.isdecimal() and number.isdecimal() else text


@register.filter
def certifier(source: str) -> str:
    """Who certified a category: an officer by papers, or a state register."""
    known = "officer" if source == "officer" else "register"
    return texts.say(get_language() or "kk", f"category.source.{known}")


@register.filter
def percent(permille: int) -> str:
    """847 → `84,7 %`, in English `84.7 %`."""
    text = f"{permille / 10:g}"
    return f"{text if get_language() == 'en' else text.replace('.', ',')}\u00a0%"
