"""How a sentence is written: plurals, money, months, names, how a person is addressed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest
from django.utils import translation

from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.templatetags import words
from qosymsha.kernel.errors import KeyReason

RUSSIAN = {"one": (1, 21, 101, 1001), "few": (2, 4, 22, 34, 102), "many": (0, 5, 11, 12, 14, 20, 111, 112)}


@pytest.mark.parametrize(("n", "ru"), [(n, form) for form, numbers in RUSSIAN.items() for n in numbers])
def test_russian_plurals_follow_the_number(n: int, ru: str) -> None:
    assert texts.plural("ru", n) == ru
    assert texts.plural("kk", n) == texts.plural("en", n) == ("one" if n == 1 else "other")


def test_a_sentence_groups_its_number() -> None:
    assert texts.say("ru", "checks.red", n=1021) == "1\u00a0021 проверка нашла ошибку."


def test_a_refusal_is_said_in_the_readers_language() -> None:
    assert (
        texts.refusal("en", KeyReason.KEY_REUSED.value)
        == "This key was used for another action: reload and send again."
    )


def test_money_and_moments_are_written_as_the_country_writes_them() -> None:
    assert words.tenge(1_250_050) == "12\u00a0500,50\u00a0₸"
    assert words.grouped(1_000_000) == "1\u00a0000\u00a0000"
    assert words.moment(None) == "—"


@pytest.mark.parametrize(
    ("language", "month", "size"),
    [("kk", "2026 ж. қыркүйек", "КБ"), ("ru", "сентябрь 2026 г.", "КБ"), ("en", "September 2026", "kB")],
)
def test_months_and_sizes_are_written_as_each_language_writes_them(language: str, month: str, size: str) -> None:
    with translation.override(language):
        assert words.month(date(2026, 9, 1)) == month
        assert words.kilobytes(1_200_001) == f"1\u00a0201\u00a0{size}"


SMALL = {"kk": r"\bсіз(ге|де|ді|дің|ден|бен|дікі|дер)?\b", "ru": r"\b(вы|вас|вам|вами|ваш(а|е|и|его|ей|ему|им|у)?)\b"}


@pytest.mark.parametrize("language", SMALL)
def test_a_person_is_addressed_with_a_capital(language: str) -> None:
    said = [*_sentences(language), *(spoken[language] for spoken in texts.refusals().values())]
    assert [one for one in said if re.search(SMALL[language], one)] == []
    assert re.search(SMALL["kk"], "Бұл сізге хабар"), "the control"


def test_no_kazakh_ending_hangs_on_a_bare_date() -> None:
    assert [one for one in _sentences("kk") if re.search(r"\{day\} (дейін|бастап)", one)] == []


def _sentences(language: str) -> Iterator[str]:
    for sentence in texts.catalogue(language).values():
        yield from [sentence] if isinstance(sentence, str) else sentence.values()


class _Row:
    name_kk, name_ru, name_en = "Қала", "Город", ""


@pytest.mark.parametrize(("language", "shown"), [("kk", "Қала"), ("ru", "Город"), ("en", "Город")])
def test_a_missing_english_name_is_shown_in_russian(language: str, shown: str) -> None:
    with translation.override(language):
        assert words.in_language(_Row()) == shown
