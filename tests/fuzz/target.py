"""A fuzzed reader and what it promises; `Broken` says which promise did not hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass


class Broken(AssertionError):
    """A promise that did not hold: what was taken is not canonical, or does not read the same again."""


@dataclass(frozen=True, slots=True)
class Target:
    """`read`: True where the bytes were taken, False where they were refused as documented; all else is a finding.

    `plant` puts a fault into the reader, which a run must find: the control; `shown_by` is an input that shows it, for
    the tests of the day, and is no seed. `share`: its part of a whole run. `code`: the modules whose branches lead.
    """

    name: str
    read: Callable[[bytes], bool]
    seeds: Callable[[], Sequence[bytes]]
    plant: Callable[[], AbstractContextManager[object]]
    shown_by: bytes
    share: int
    code: Sequence[str]
    longest: int = 2048


def same(one: object, other: object, what: str) -> None:
    """What must be equal.

    Raises:
        Broken: it is not.
    """
    if one != other:
        raise Broken(f"{what}: {one!r} is not {other!r}")


def holds(is_so: bool, what: str) -> None:
    """What must be so.

    Raises:
        Broken: it is not.
    """
    if not is_so:
        raise Broken(what)


def storable(*texts: str) -> None:
    """Texts that a row of PostgreSQL can hold: no NUL, no half of a pair.

    Raises:
        Broken: one cannot be stored.
    """
    for text in texts:
        holds("\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text), f"no row holds {text!r}")


def text_of(content: bytes) -> str:
    """Bytes as a form or a cell gives them: UTF-8, what is none of it replaced."""
    return content.decode("utf-8", "replace")


def parts_of(content: bytes, most: int) -> list[bytes]:
    """Bytes cut at 0xFF, which no UTF-8 holds, into at most so many parts: how one input carries several."""
    return content.split(b"\xff", most - 1)
