"""A city's districts by the words that files use for them."""

from __future__ import annotations

from datetime import date

from qosymsha.domain.people import queries as people
from qosymsha.interfaces.files.faults import CellError
from qosymsha.kernel.text import folded

_PLACE_WORDS = frozenset({"район", "ауданы", "аудан", "district", "р-н", "р-он"})


class Districts:
    """The districts of a territory on a day."""

    def __init__(self, territory_id: int, on: date) -> None:
        found = people.districts_of(territory_id, on)
        self.katos = {one.id: int(one.kato) for one in found}
        self._ids = {key: d.id for d in found for key in (d.kato, *map(_place, (d.name_kk, d.name_ru, d.name_en)))}

    def find(self, text: str) -> int:
        """A district by KATO or name.

        Raises:
            CellError: none of that name.
        """
        found = self._ids.get(text) or self._ids.get(_place(text))
        if found is None:
            raise CellError("district_unknown", "name one of the city's districts, or its KATO code")
        return found


def _place(name: str) -> str:
    return " ".join(word for word in folded(name).split() if word not in {folded(w) for w in _PLACE_WORDS})
