"""An SMS by its parts: pure. A part holds 160 signs of GSM 03.38 or 70 of UCS-2; parts of a longer one 153 or 67.

One Kazakh or Russian letter makes a whole message UCS-2 (DOMAIN.md 6), so that a long text goes in plain Latin letters.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # each takes two signs' room
_ROOM = {True: (160, 153), False: (70, 67)}  # alone, and as a part of several

_KAZAKH = dict(zip("әғқңөұүһі", ("a", "g", "q", "n", "o", "u", "u", "h", "i"), strict=True))
_SHARED = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        (
            "a", "b", "v", "g", "d", "e", "e", "zh", "z", "i", "i", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u",
            "f", "h", "ts", "ch", "sh", "sh", "", "y", "", "e", "yu", "ya",
        ),
        strict=True,
    )
)  # fmt: skip
_LETTERS = _SHARED | _KAZAKH
_SIGNS = {"«": '"', "»": '"', "—": "-", "–": "-", "…": "...", "№": "No ", "₸": "tg", "\u00a0": " ", "’": "'", "·": "-"}


@dataclass(frozen=True, slots=True)
class Parts:
    """How a text travels: as GSM 03.38 or UCS-2, in how many signs of it, in how many parts."""

    is_plain: bool
    signs: int
    parts: int


def parts_of(text: str) -> Parts:
    """Count a text's parts as the network does: UCS-2 counts by 16 bits, GSM's extension table twice."""
    is_plain = all(sign in _BASIC or sign in _EXTENDED for sign in text)
    if is_plain:
        sizes = [2 if sign in _EXTENDED else 1 for sign in text]
    else:
        sizes = [len(sign.encode("utf-16-be")) // 2 for sign in text]
    one, many = _ROOM[is_plain]
    signs = sum(sizes)
    return Parts(is_plain, signs, 1 if signs <= one else _packed(sizes, many))


def _packed(sizes: list[int], room: int) -> int:
    """A sign is never cut in two: what does not fit goes whole into the next part."""
    parts, left = 1, room
    for size in sizes:
        if size > left:
            parts, left = parts + 1, room
        left -= size
    return parts


def plain(text: str) -> str:
    """The text in ASCII: Kazakh and Russian letters by one table, other marks off, the rest a question mark."""
    said = "".join(_plain_sign(sign) for sign in text)
    return "".join(sign for sign in said if sign.isascii() and (sign.isprintable() or sign == "\n"))


def _plain_sign(sign: str) -> str:
    if sign.isascii():
        return sign
    if sign in _SIGNS:
        return _SIGNS[sign]
    lower = sign.lower()
    if lower in _LETTERS:
        latin = _LETTERS[lower]
        return latin if sign == lower else latin[:1].upper() + latin[1:]
    base = "".join(part for part in unicodedata.normalize("NFKD", sign) if part.isascii())
    return base or ("" if unicodedata.combining(sign) else "?")


def as_sent(text: str, most_parts: int) -> str:
    """The text as it goes: in its own letters while that takes no more than `most_parts`, else in plain Latin ones."""
    return text if parts_of(text).parts <= most_parts else plain(text)
