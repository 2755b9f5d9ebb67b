"""Kazakh and Russian text: the folded form for search, the key for sorting. Source: DOMAIN.md 9."""

from __future__ import annotations

import re
import unicodedata

ORDER = "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя"
_SORT = {ord(c): chr(0x400 + i) for i, c in enumerate(ORDER)}
_FOLD = str.maketrans("әғқңөұүһіё", "агкноуухие")
_LOOKALIKES = str.maketrans("aceopxyihkmtbə", "асеорхуіһкмтвә")
_MARKS = dict.fromkeys(range(0x300, 0x370))  # left over where no letter bears them: a plain letter would take them up
_WORD = re.compile(r"[^\s/,;()+&|]+")  # a hyphen is within a word: the Latin A of an «A-клуб» is meant as Cyrillic


def normal(text: str) -> str:
    """NFC, inner white space as single blanks, ends stripped: how every name and title is stored."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def folded(text: str) -> str:
    """The search form: lower case, Latin look-alikes in mostly Cyrillic words Cyrillic, Kazakh letters plain."""
    plain = unicodedata.normalize("NFC", text).lower().translate(_MARKS)
    return _WORD.sub(lambda found: _folded_word(found[0]), normal(plain))


def _folded_word(word: str) -> str:
    cyrillic = sum("\u0400" <= c <= "\u04ff" for c in word)
    latin = sum(c.isascii() and c.isalpha() for c in word)
    if cyrillic > latin:
        word = word.translate(_LOOKALIKES)
    return word.translate(_FOLD)


def sort_key(text: str) -> str:
    """A key whose code-point order is the Kazakh alphabet's: stored beside the text, sorted with collation C."""
    return normal(text).lower().translate(_SORT)
