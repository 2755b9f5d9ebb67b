"""Every sentence people read, in three languages, from `texts/*.json`. Plurals by CLDR; Kazakh nouns stay singular."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from qosymsha.kernel.money import NBSP

LANGUAGES = ("kk", "ru", "en")
_FOLDER = Path(__file__).parent / "texts"
Sentence = str | Mapping[str, str]


@cache
def catalogue(language: str) -> dict[str, Sentence]:
    """All sentences of one language by key; a value is a text, or a mapping of plural categories."""
    document: dict[str, Sentence] = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))
    return document


@cache
def refusals() -> dict[str, dict[str, str]]:
    """Reason → language → one sentence that says what to do next."""
    document: dict[str, dict[str, str]] = json.loads((_FOLDER / "refusals.json").read_text("utf-8"))
    return document


def say(language: str, key: str, **values: object) -> str:
    """The sentence of a key with `{name}` places filled; `n` picks the plural form and is grouped by thousands.

    Raises:
        KeyError: no such key: a test finds it before a person does.
    """
    sentence = catalogue(language)[key]
    if not isinstance(sentence, str):
        count = values["n"]
        assert isinstance(count, int)
        sentence = sentence[plural(language, count)]
    return sentence.format(**{k: grouped(v) if isinstance(v, int) else v for k, v in values.items()})


def refusal(language: str, reason: str, **values: object) -> str:
    """The sentence of a refusal's reason, its `{name}` places filled where it has some."""
    return refusals()[reason][language].format(**values) if values else refusals()[reason][language]


def plural(language: str, n: int) -> str:
    """The CLDR category of a whole number: ru one, few, many; kk and en one, other."""
    if language != "ru":
        return "one" if n == 1 else "other"
    if n % 10 == 1 and n % 100 != 11:
        return "one"
    return "few" if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else "many"


def grouped(n: int) -> str:
    """A whole number with no-break spaces between thousands."""
    return f"{n:,}".replace(",", NBSP)
