"""How the public catalogue is looked through: words as people type them, places on a plane. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from math import cos, log, pi, radians, sin, tan

from qosymsha.kernel.text import folded

# Words for a kind that people type though no activity is called so.
KIND_WORDS = {
    "sport": "спорт секция sport",
    "creative": "шығармашылық өнер үйірме творчество искусство кружок creative arts",
    "educational": "білім үйірме образование кружок education",
}
_WORD = re.compile(r"[^\W_]{2,}")
_LATIN = {
    ord(letter): spelled
    for letter, spelled in zip(
        "абвгдежзийклмнопрстуфхцчшщъыьэюяqw",
        "a b v g d e zh z i i k l m n o p r s t u f h ts ch sh sh - y - e yu ya k v".replace("-", "").split(" "),
        strict=True,
    )
}
# Degrees between which Kazakhstan lies, south to north and west to east (recalled, rounded outwards).
BOUNDS = ((40.5, 55.5), (46.4, 87.4))
_EARTH_KM, _MIDDLE, _PARALLELS = 6371.0, (48.0, 68.0), (43.0, 53.0)


def words_of(*texts: str) -> tuple[str, ...]:
    """The folded words of some texts, each once, in the alphabet's order; numbers and single letters are no words."""
    return tuple(sorted(set().union(*map(_words, texts))))


@lru_cache(maxsize=20_000)
def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(folded(text)) if not word.isdecimal())


def latin(word: str) -> str:
    """A folded word in plain Latin letters, the same for `футбол` and `futbol`: what slips are looked for in.

    PostgreSQL makes trigrams of ASCII letters only where the database's letters are those of C, as in our own server.
    """
    return word.translate(_LATIN)


def is_in_country(place: tuple[float, float] | None) -> bool:
    """No place given, or degrees of latitude and longitude within Kazakhstan's bounds; swapped ones are not."""
    return place is None or all(low <= value <= high for value, (low, high) in zip(place, BOUNDS, strict=True))


def plane(latitude: float, longitude: float) -> tuple[float, float]:
    """Degrees → (east, north) in km on Lambert's conformal plane for Kazakhstan: distances err by less than 1 %."""
    first, second = (radians(p) for p in _PARALLELS)
    n = log(cos(first) / cos(second)) / log(_half(second) / _half(first))
    scale = _EARTH_KM * cos(first) * _half(first) ** n / n
    radius, middle = (scale / _half(radians(phi)) ** n for phi in (latitude, _MIDDLE[0]))
    turn = n * radians(longitude - _MIDDLE[1])
    return radius * sin(turn), middle - radius * cos(turn)


def _half(phi: float) -> float:
    return tan(pi / 4 + phi / 2)
