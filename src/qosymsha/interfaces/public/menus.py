"""The search form's menus as HTML, made once in a while for all who search: a page of results marks what was chosen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.html import escape

from qosymsha.domain.providers import queries as providers
from qosymsha.interfaces.public.searching import AGES, HOURS, KILOMETRES, Menus
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.templatetags.words import bare_district
from qosymsha.kernel.text import sort_key

Options = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class MenuTexts:
    """`<option>`s of each select but their first, in one language, none of them selected."""

    what: str
    age: str
    district: str
    hours: str
    language: str
    near: str
    km: str


def menu_texts(menus: Menus, language: str) -> MenuTexts:
    """The menus of a programme in a language."""
    districts = _by_name((one.kato, _named(one, language)) for one in menus.districts)
    centres = providers.centres()
    return MenuTexts(
        what="".join(
            _kind(kind, [(a.code, _named(a, language)) for a in rows], language) for kind, rows in menus.kinds()
        ),
        age=_options((str(age), str(age)) for age in AGES),
        district=_options((kato, bare_district(name)) for kato, name in districts),
        hours=_options((str(hour), f"{hour}:00") for hour in HOURS),
        language=_options((code, texts.say(language, f"teaching.{code}")) for code in texts.LANGUAGES),
        near=_options(one for one in districts if one[0] in centres),
        km=_options((str(km), texts.say(language, "clubs.up_to_km", km=km)) for km in KILOMETRES),
    )


def _named(row: object, language: str) -> str:
    """A name in the language, else in Russian, else in Kazakh."""
    return next((text for code in (language, "ru", "kk") if (text := getattr(row, f"name_{code}", ""))), "")


def _by_name(rows: Options) -> list[tuple[str, str]]:
    """In the alphabet's order of the names as this language has them."""
    return sorted(rows, key=lambda row: sort_key(row[1]))


def _kind(kind: str, rows: Options, language: str) -> str:
    name = texts.say(language, f"kind.{kind}")
    whole = (f"kind:{kind}", texts.say(language, "clubs.all_of", kind=name))
    return f'<optgroup label="{escape(name)}">{_options([whole, *_by_name(rows)])}</optgroup>'


def _options(rows: Options) -> str:
    return "".join(f'<option value="{escape(value)}">{escape(label)}</option>' for value, label in rows)
