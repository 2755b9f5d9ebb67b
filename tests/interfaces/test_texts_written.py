"""How a sentence is written: plurals, money, months, names, how a person is addressed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

import pytest
from django.utils import translation

from qosymsha.domain.agreements import texts as contracts
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


# A family files a `заявка` and lists `пожелания` at every door; a club's `заявление` is about its accreditation.
OTHER_WORDS = {"kk": r"өтініш|батырма", "ru": r"заявлени|(?<!по)(?<!по )желани"}
OF_SOMETHING_ELSE = re.compile(
    r"accr\.|access\.h1|absence\.paper_hint|move\.waits_now|houses\.|notice\.(provider|office)\.accr|prefs\.theme\.office"
    r"|office\.task\.accreditation"
)


@pytest.mark.parametrize("language", OTHER_WORDS)
def test_one_thing_has_one_word_at_every_door(language: str) -> None:
    said = {key: str(one) for key, one in texts.catalogue(language).items() if not OF_SOMETHING_ELSE.match(key)}
    assert [key for key, one in said.items() if re.search(OTHER_WORDS[language], one.lower())] == []
    wrong = {"kk": "өтінішіңіз қабылданды", "ru": "список желаний"}[language]
    assert re.search(OTHER_WORDS[language], wrong), "the control"


# What makes a reader bend a number, a sum, a date or a name: a postposition, or an ending of its own.
HANGS = re.compile(
    r"\{\w+\}(?: (?:дейін|бастап|кейін|бұрын|соң|астам|үшін|туралы|арқылы|сайын|[мбп]ен)"
    r"|-?(?:[дт][ае]|[ндт][ае]н|[ғқгк][ае]|[мбп]ен|[ндт][ыі]ң?))\b|\{(?:day|at|on|\w+_on|until|since)\} күн(?:нен|ге)\b"
)


def test_no_kazakh_ending_hangs_on_what_is_filled_in() -> None:
    said = [*_sentences("kk"), *(spoken["kk"] for spoken in texts.refusals().values()), *_contract("kk")]
    assert [one for one in said if HANGS.search(one)] == []
    bent = ("{starts_on} күннен бастап", "айына {month} дейін", "{n}-ден асты", "{name}ның", "{day} күні {sum}мен")
    assert [bool(HANGS.search(one)) for one in bent] == [True] * len(bent), "the control"


def test_a_contract_is_plain_and_fits_any_number() -> None:
    said = {language: " ".join(_contract(language)) for language in ("kk", "ru")}
    assert re.search(r"қағаз|маман", said["kk"]) is None
    assert re.search(r"\{(units|refusal_days|warn_after|release_after)\} [а-яё]", said["ru"]) is None, "a plural"
    assert contracts.template_hash("family-contract-1").hex()[:16] == "96470dd576e80f58", "read with what was signed"


def _contract(language: str) -> Iterator[str]:
    words = contracts.template("family-contract-1")[language]
    yield from (paragraph for _, paragraphs in words["articles"] for paragraph in paragraphs)
    yield from (words[key] for key in ("title", "charge", "charge_none", "no_papers", "open"))


def _sentences(language: str) -> Iterator[str]:
    for sentence in texts.catalogue(language).values():
        yield from [sentence] if isinstance(sentence, str) else sentence.values()


def test_a_number_stays_whole_a_fingerprint_is_small_and_nothing_else_is_markup() -> None:
    assert words.marked("A-000001-A: <b>") == '<span class="whole">A-000001-A</span>: &lt;b&gt;'
    assert words.marked("№ " + "ab" * 32) == f"№ <code>{'ab' * 32}</code>"


class _Row:
    name_kk, name_ru, name_en = "Қала", "Город", ""


@pytest.mark.parametrize(("language", "shown"), [("kk", "Қала"), ("ru", "Город"), ("en", "Город")])
def test_a_missing_english_name_is_shown_in_russian(language: str, shown: str) -> None:
    with translation.override(language):
        assert words.in_language(_Row()) == shown
