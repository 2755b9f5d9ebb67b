"""By day: each reader over its seeds and some blind bends of them; each judge over a planted fault. Decision 0060."""

from __future__ import annotations

from random import Random

import pytest

from tests.fuzz.every import TARGETS

_BENDS = {"rules": 25, "xlsx": 60, "file-signature": 25}
_SOME = 300
_HOSTILE = (
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    "٧".encode(),
    b"1e999999",
    b"9" * 40,
    b"-0",
    b"\\u0000",
    b"[" * 2000,
    b"\r",
)
names = pytest.mark.parametrize("name", TARGETS)


def bent(chance: Random, content: bytes, longest: int) -> bytes:
    """The bytes with up to four places cut, doubled, overwritten, or with something hostile put in."""
    made = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        first, last = sorted((chance.randint(0, len(made)), chance.randint(0, len(made))))
        hostile = chance.choice(_HOSTILE)
        made[first:last] = chance.choice((b"", bytes(made[first:last]) * 2, hostile, bytes([chance.randrange(256)])))
    return bytes(made[:longest])


@names
def test_the_seeds_are_read_or_refused_and_some_are_taken(name: str) -> None:
    target = TARGETS[name]
    taken = [target.read(content) for content in target.seeds()]
    assert any(taken)


@names
def test_some_blind_bends_bring_out_documented_errors_alone(name: str) -> None:
    target, chance = TARGETS[name], Random(f"{name} by day")
    seeds = [content for content in target.seeds() if len(content) <= target.longest] or list(target.seeds())
    for _ in range(_BENDS.get(name, _SOME)):
        content = bent(chance, chance.choice(seeds), target.longest)
        try:
            target.read(content)
        except Exception as fault:
            raise AssertionError(f"{name}: {type(fault).__name__}: {content.hex()}") from fault


@names
def test_a_planted_fault_is_seen(name: str) -> None:
    """The control run: a judge that finds nothing wrong here would find nothing at night."""
    target = TARGETS[name]
    target.read(target.shown_by)
    with target.plant(), pytest.raises(Exception, match=None):
        target.read(target.shown_by)
