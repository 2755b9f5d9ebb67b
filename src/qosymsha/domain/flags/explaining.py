"""A rule and its figures in words, in three languages. The words stand in data/rules.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("kk", "ru", "en")
_AWAY = {
    1: {"kk": "шетелде", "ru": "за границей", "en": "abroad"},
    2: {"kk": "ауруханада", "ru": "в больнице", "en": "in hospital"},
    3: {"kk": "анықтама бойынша ауырған", "ru": "болел по справке", "en": "ill by certificate"},
    4: {"kk": "мектепте", "ru": "в школе", "en": "at school"},
    5: {
        "kk": "отбасы келмейтінін айтқан",
        "ru": "семья предупредила, что не придёт",
        "en": "told absent by the family",
    },
}
_YES = {"kk": ("жоқ", "иә"), "ru": ("нет", "да"), "en": ("no", "yes")}


@dataclass(frozen=True, slots=True)
class Words:
    """What a rule is called, why it matters, and what it saw, in one language."""

    title: str
    why: str
    figures: str


@cache
def _texts() -> dict[str, dict[str, dict[str, str]]]:
    loaded: dict[str, dict[str, dict[str, str]]] = json.loads(
        files("qosymsha.domain.flags").joinpath("data", "rules.json").read_text("utf-8")
    )
    return loaded


def words(code: str, figures: Mapping[str, float], language: str) -> Words:
    """A rule's words with its figures put in."""
    text = _texts()[code]
    shown: dict[str, Any] = dict(figures)
    if "away" in shown:
        shown["away"] = _AWAY[int(shown["away"])][language]
    if "holiday" in shown:
        shown["holiday"] = _YES[language][int(bool(shown["holiday"]))]
    return Words(text["title"][language], text["why"][language], text["figures"][language].format(**shown))


def sentence(code: str, figures: Mapping[str, float], language: str) -> str:
    """A rule in one sentence: what it is called, what it saw, why that matters."""
    said = words(code, figures, language)
    return f"{said.title} ({said.figures}). {said.why}"
