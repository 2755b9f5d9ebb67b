"""Which news a person may keep to the page alone, by door and theme, and which always comes: read from data.

`data/notice-themes.json` holds every kind of news that leaves the page at all, in one of two halves, the second with
its reason: what is delicate cannot be declined one by one. Whoever wants no SMS and no e-mail at all unticks the way.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from qosymsha.domain.messages.states import Door
from qosymsha.domain.messages.topics import Heard, every
from qosymsha.domain.people.states import Role

_FILE = Path(__file__).parent / "data" / "notice-themes.json"
_TOLD: dict[Door, frozenset[str]] = {
    Door.FAMILY: frozenset({Role.GUARDIAN}),
    Door.PROVIDER: frozenset({Role.PROVIDER_MANAGER}),
}


@dataclass(frozen=True, slots=True)
class Themes:
    """By door: theme → its kinds, which may be off; reason → kinds that always come."""

    may_be_off: Mapping[str, Mapping[str, tuple[str, ...]]]
    always_comes: Mapping[str, Mapping[str, tuple[str, ...]]]


def read(text: str) -> Themes:
    """The two halves out of their file.

    Raises:
        ValueError: it is no such file, or a kind stands twice at a door.
    """
    try:
        found = json.loads(text)
        halves = [_half(found[name]) for name in ("may_be_off", "always_comes")]
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError(f"notice themes: {fault!r}") from fault
    for door in Door:
        kinds = [kind for half in halves for some in half.get(door.value, {}).values() for kind in some]
        if len(kinds) != len(set(kinds)):
            raise ValueError(f"notice themes: a kind stands twice at the door `{door}`")
    return Themes(*halves)


def _half(given: Mapping[str, Mapping[str, list[str]]]) -> dict[str, dict[str, tuple[str, ...]]]:
    return {door: {name: tuple(kinds) for name, kinds in some.items()} for door, some in given.items()}


@cache
def themes() -> Themes:
    """The product's own."""
    return read(_FILE.read_text("utf-8"))


def theme_of(door: str, kind: str) -> str:
    """The theme under which a kind of news may be off; "" where it always comes."""
    found = themes().may_be_off.get(door, {})
    return next((theme for theme, kinds in found.items() if kind in kinds), "")


def offered(door: Door, roles: Collection[str]) -> list[str]:
    """The themes that somebody with these roles may switch off at a door: those of which they are told at all."""
    told = {theme_of(door, one.kind) for one in _told(door, roles)}
    return [theme for theme in themes().may_be_off[door] if theme in told]


def leaves_the_page(door: Door, roles: Collection[str]) -> bool:
    """Whether anything at all is sent out to somebody with these roles at a door."""
    return bool(_told(door, roles))


def _told(door: Door, roles: Collection[str]) -> list[Heard]:
    return [
        one
        for one in every()
        if one.door == door and one.ways and set(roles) & (one.roles or _TOLD.get(door, frozenset()))
    ]


def is_off(heard: Heard, off: Collection[str]) -> bool:
    """Whether somebody who has switched these off (`door/theme`) is told a piece of news on the page alone."""
    theme = theme_of(heard.door, heard.kind)
    return bool(theme) and f"{heard.door}/{theme}" in off
