"""What one rule set changes against another, row by row: rows of lists are told apart by their own keys, not places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# A list of rows → the fields by which one row is the same in both documents.
_KEYS: dict[str, tuple[str, ...]] = {
    "categories.list": ("code",),
    "tariffs.list": ("kind", "activity"),
    "slots.list": ("code",),
    "flags.list": ("code",),
    "allocation.reserves": ("segment", "category"),
    "choice.reserves": ("kind", "category"),
    "approvals.bands": ("up_to_tiyn",),
    "agreements.refusal.grounds": ("code",),
    "agreements.papers": ("code",),
}


@dataclass(frozen=True, slots=True)
class Change:
    """A field that differs. `row`: the keys of its row, field by field; empty where it stands in no list.

    `is_added`, `is_gone`: the whole row is new, or is no more; `field` is empty then and the row is the value.
    """

    section: str
    row: tuple[tuple[str, Any], ...]
    field: str
    before: Any
    after: Any
    is_added: bool = False
    is_gone: bool = False


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every change, section by section in the order of `after`; sections that only one has are wholly new or gone."""
    names = [*after, *(name for name in before if name not in after)]
    found = []
    for name in names:
        if name != "schema":
            found += list(_between(name, "", (), before.get(name, {}), after.get(name, {})))
    return found


def _between(section: str, path: str, row: tuple[tuple[str, Any], ...], before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*after, *(one for one in before if one not in after)]:
            below = f"{path}.{name}" if path else name
            yield from _between(section, below, row, before.get(name), after.get(name))
    elif _rows(before) and _rows(after) and f"{section}.{path}" in _KEYS:
        yield from _rows_between(section, path, before, after)
    elif before != after or type(before) is not type(after):
        yield Change(section, row, path, before, after)


def _rows_between(section: str, path: str, before: list[Any], after: list[Any]) -> Iterator[Change]:
    keys = _KEYS[f"{section}.{path}"]
    was, now = ({tuple((key, one[key]) for key in keys): one for one in rows} for rows in (before, after))
    for row, content in now.items():
        if row not in was:
            yield Change(section, row, "", None, content, is_added=True)
        else:
            yield from _between(section, "", row, was[row], content)
    for row, content in was.items():
        if row not in now:
            yield Change(section, row, "", content, None, is_gone=True)


def _rows(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)
