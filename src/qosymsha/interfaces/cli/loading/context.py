"""What all loaders share: the city, who acts, when, and the city's words for districts and categories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from uuid import UUID

from qosymsha.domain.programmes import classifiers
from qosymsha.domain.programmes import queries as programmes
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.installation import Installation, lines
from qosymsha.interfaces.cli.out import refusal
from qosymsha.interfaces.files import cells
from qosymsha.interfaces.files.districts import Districts
from qosymsha.interfaces.files.faults import CellError
from qosymsha.interfaces.files.reading import Reading
from qosymsha.kernel import entropy
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.text import folded

_KINDS = {
    "creative": "creative творческий творчество шығармашылық",
    "sport": "sport спорт спортивный sports",
    "educational": "educational образовательный образование білім",
}


@dataclass(frozen=True)
class City:
    """The installation a roster goes into; with `is_check` nothing may be stored."""

    place: Installation
    staff: Staff
    is_check: bool = False

    @property
    def today(self) -> date:
        """The local day of the import."""
        return local_day(self.staff.at)

    def lines(self, year: int) -> dict[str, int]:
        """Kind → its budget line of a year; opened where missing, but 0 where nothing may be stored."""
        return lines(self.place, self.staff, year, may_open=not self.is_check)

    @cached_property
    def districts(self) -> Districts:
        """The city's districts today."""
        return Districts(self.place.territory_id, self.today)

    def district(self, text: str) -> int:
        """A district by KATO or name.

        Raises:
            CellError: none of that name.
        """
        return self.districts.find(text)

    @cached_property
    def _categories(self) -> dict[str, str]:
        in_force = programmes.rules_in_force(self.place.programme_id, self.today).rules
        named = {c.code: (c.name_kk, c.name_ru, c.name_en) for c in classifiers.categories()}
        return {
            folded(word): c.code for c in in_force.categories for word in (c.code, *named.get(c.code, ())) if c.evidence
        }

    def categories(self, text: str) -> frozenset[str]:
        """Category codes from codes or names parted by semicolons.

        Raises:
            CellError: one that the rule set has not.
        """
        words = [folded(part) for part in text.split(";") if part.strip()]
        unknown = [word for word in words if word not in self._categories]
        if unknown:
            codes = ", ".join(sorted(set(self._categories.values())))
            raise CellError("category_unknown", f"name categories of the rule set, parted by “;”: {codes}")
        return frozenset(self._categories[word] for word in words) - {"general"}

    def kind(self, text: str) -> str:
        """A kind of lessons by code or name.

        Raises:
            CellError: none of the rule set's.
        """
        word = folded(text)
        kinds = programmes.rules_in_force(self.place.programme_id, self.today).rules.kinds
        known = {folded(name): kind for kind in kinds for name in _KINDS.get(kind, kind).split()}
        if word not in known:
            raise CellError("kind_unknown", f"write one of: {', '.join(kinds)}")
        return known[word]


def new_key() -> UUID:
    """A key of this call only: a roster loaded again must be judged again, by what is stored by then."""
    return entropy.uuid4()


def number_of(reading: Reading, field_name: str, parse: Callable[[str], cells.Number] = cells.person) -> str | None:
    """An IIN or BIN of a row; lost leading zeros are put back and remarked."""
    found = reading.value(field_name, parse)
    if found is None:
        return None
    if found.is_restored:
        reading.remark(field_name, "zeros_restored", "leading zeros that a spreadsheet had dropped were put back")
    return found.text


def advice_of(reason: StrEnum) -> str:
    """What to do about a room's refusal."""
    return refusal(reason)
