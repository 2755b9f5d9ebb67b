"""`{% say "key" n=3 %}`: a sentence in the page's language; `|grouped` and `|tenge` write numbers and money."""

from __future__ import annotations

import re
from datetime import date, datetime

from django import template
from django.utils.dateformat import format as formatted
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from qosymsha.domain.people.rules import ERASED_NAME
from qosymsha.interfaces.ui import texts
from qosymsha.kernel.clock import ZONE
from qosymsha.kernel.money import NBSP, TIYN_PER_TENGE, Money

register = template.Library()
_DISTRICT = re.compile(r"^район | (?:ауданы|район|district)$")
_MARKED = re.compile(r"\b([A-Z]-[0-9]{6}-[0-9A-Z]|[0-9a-f]{64})\b")


@register.simple_tag
def say(key: str, **values: object) -> str:
    """The sentence of `key` in the active language."""
    return texts.say(get_language() or "kk", key, **values)


@register.filter
def grouped(n: int) -> str:
    """12500 → `12 500`."""
    return texts.grouped(n)


@register.filter
def tenths(n: float) -> str:
    """1.94 → `1,9`, in English `1.9`; whole numbers as they are."""
    text = f"{round(n, 1):g}"
    return text if get_language() == "en" else text.replace(".", ",")


@register.filter
def tenge(tiyn: int) -> str:
    """An amount in tiyn as money, exact: `12 500 ₸`, or `12 500,50 ₸` where tiyn are left."""
    return str(Money(tiyn))


@register.filter
def whole_tenge(tiyn: int) -> str:
    """The whole tenge of an amount in tiyn, for a headline; the exact sum stands in its table."""
    return str(Money.tenge(tiyn // TIYN_PER_TENGE))


@register.filter
def moment(at: datetime | None) -> str:
    """An instant as DD.MM.YYYY HH:MM in Astana's time, or a dash."""
    return at.astimezone(ZONE).strftime("%d.%m.%Y %H:%M") if at else "—"


@register.filter
def marked(sentence: str) -> SafeString:
    """A sentence whose numbers stay whole (A-000001-A), whose fingerprints (64 hexadecimal digits) are small."""
    whole, small = '<span class="whole">{}</span>', "<code>{}</code>"
    parts = enumerate(_MARKED.split(sentence))  # every second one is a number or a fingerprint
    return format_html_join(
        "", "{}", ((format_html(small if len(p) == 64 else whole, p) if n % 2 else p,) for n, p in parts)
    )


@register.filter
def day(at: datetime) -> str:
    """An instant's day as DD.MM.YYYY in Astana's time."""
    return at.astimezone(ZONE).strftime("%d.%m.%Y")


@register.filter
def month(first: date) -> str:
    """A month of a year, inside a sentence: `2026 ж. қыркүйек`, `сентябрь 2026 г.`, `September 2026` (DOMAIN.md 9)."""
    name, language = formatted(first, "F"), get_language()
    if language == "en":
        return f"{name} {first.year}"
    return f"{first.year} ж. {name.lower()}" if language == "kk" else f"{name.lower()} {first.year} г."


@register.filter
def kilobytes(size: int) -> str:
    """A file's size in whole kilobytes of 1000 bytes, rounded up."""
    unit = "kB" if get_language() == "en" else "КБ"
    return f"{texts.grouped(-(-size // 1000))}{NBSP}{unit}"


@register.filter
def in_language(row: object, field: str = "name") -> str:
    """A translated column: the page's language, then Russian, then Kazakh."""
    order = [get_language() or "kk", "ru", "kk"]
    return next((text for code in order if (text := getattr(row, f"{field}_{code}", ""))), "")


@register.filter
def named(name: str) -> str:
    """A person's name; of somebody erased (docs/rules/retention.md) the words that say so, never a bare dash."""
    erased = not name or name == ERASED_NAME
    return texts.say(get_language() or "kk", "person.erased") if erased else name


@register.filter
def bare_district(name: str) -> str:
    """A district's name where the word stands beside it already (a label, a column, a map): `район Нура` → `Нура`."""
    return _DISTRICT.sub("", name)
