"""How all pages write months, sizes, people and dates: as the country does (DOMAIN.md 9)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest
from django.utils import translation

from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.templatetags import words

SMALL = {"kk": r"\bсіз(ге|де|ді|дің|ден|бен|дікі|дер)?\b", "ru": r"\b(вы|вас|вам|вами|ваш(а|е|и|его|ей|ему|им|у)?)\b"}


@pytest.mark.parametrize(
    ("language", "month", "size"),
    [("kk", "2026 ж. қыркүйек", "КБ"), ("ru", "сентябрь 2026 г.", "КБ"), ("en", "September 2026", "kB")],
)
def test_months_and_sizes_are_written_as_each_language_writes_them(language: str, month: str, size: str) -> None:
    with translation.override(language):
        assert words.month(date(2026, 9, 1)) == month
        assert words.kilobytes(1_200_001) == f"1\u00a0201\u00a0{size}"


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
