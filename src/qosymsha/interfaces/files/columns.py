"""Which column of a city's table is which field of ours: headers in three languages, case and blanks aside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qosymsha.interfaces.files.faults import bad_file
from qosymsha.kernel.text import folded


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a roster: our name, other headers for it, an example, what it means, whether a file must have it."""

    name: str
    aliases: str  # parted by |
    example: str
    meaning: str
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Matched:
    """Field → the file's own header; `unknown` are headers that no field goes by, left unread."""

    headers: dict[str, str]
    unknown: tuple[str, ...]

    def header(self, field: str) -> str:
        """The header to name in a message: the file's own where it has the column, else ours."""
        return self.headers.get(field, field)


def match(headers: Sequence[str], layout: Sequence[Column]) -> Matched:
    """Find the layout's columns among a file's headers.

    Raises:
        BadInput: required columns are missing (all are listed), or two headers mean the same field.
    """
    fields = {_plain(alias): column.name for column in layout for alias in (column.name, *column.aliases.split("|"))}
    found: dict[str, str] = {}
    unknown: list[str] = []
    for header in headers:
        field = fields.get(_plain(header))
        if field is None:
            unknown.append(header)
        elif field in found:
            raise bad_file(f"has two columns for {field}: “{found[field]}” and “{header}”; delete one")
        else:
            found[field] = header
    missing = [c for c in layout if c.is_required and c.name not in found]
    if missing:
        names = ", ".join(f"{c.name} ({c.aliases.split('|')[0]})" if c.aliases else c.name for c in missing)
        raise bad_file(f"has no column for: {names}. The first row must name the columns; it names: {_listed(headers)}")
    return Matched(found, tuple(unknown))


def _plain(header: str) -> str:
    """Case, blanks, underscores, points, stars and the Kazakh letters' twins aside."""
    return re.sub(r"[\W_]+", "", folded(header))


def _listed(headers: Sequence[str]) -> str:
    shown = ", ".join(header[:40] for header in headers[:12])
    return shown + (f" and {len(headers) - 12} more" if len(headers) > 12 else "")
