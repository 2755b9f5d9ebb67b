"""verify/audit.py: whatever is done to an exported audit is seen, and its place is named. It shares no code with us."""

from __future__ import annotations

import os
import random
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qosymsha.domain.witness import rules
from tests.factories import chains
from tests.factories.chains import KEY, OTHER_KEY, Chain, Row, chain, linked, name_of, note, public

PROGRAM = Path(__file__).parents[3] / "verify" / "audit.py"
VERIFIER = runpy.run_path(str(PROGRAM))
TAMPERINGS = int(os.environ.get("TAMPERINGS", "200"))
SEED = int(os.environ.get("TAMPERING_SEED", "5"))
Place = tuple[int, int]


def found(given: Chain, folder: Path, *, is_whole: bool = True, folders: tuple[Path, ...] = ()) -> list[Any]:
    """What the verifier says about a chain."""
    return list(VERIFIER["faults"](given.write(folder, is_whole=is_whole), public(), folders))


# --- The ways to change a past. Each changes the chain and says where: the links that a fault must lie within.


def edit_event(given: Chain, dice: random.Random) -> Place:
    at = dice.randrange(len(given.rows))
    given.rows[at] = replace(given.rows[at], text=given.rows[at].text.replace("read", "rear", 1))
    return at + 1, at + 1


def lose_event(given: Chain, dice: random.Random) -> Place:
    at = dice.randrange(len(given.rows))
    given.rows[at] = replace(given.rows[at], text="")
    return at + 1, at + 1


def swap_events(given: Chain, dice: random.Random) -> Place:
    """Two neighbours change places, with numbers and hashes left as they stood."""
    at = dice.randrange(len(given.rows) - 1)
    a, b = given.rows[at : at + 2]
    given.rows[at], given.rows[at + 1] = replace(a, event=b.event, text=b.text), replace(b, event=a.event, text=a.text)
    return at + 1, at + 2


def edit_link(given: Chain, dice: random.Random) -> Place:
    at = dice.randrange(len(given.rows))
    own = given.rows[at].own
    given.rows[at] = replace(given.rows[at], own=f"{int(own[0], 16) ^ 1:x}{own[1:]}")
    return at + 1, at + 2


def delete_links(given: Chain, dice: random.Random) -> Place:
    at, count = dice.randrange(1, len(given.rows) - 6), dice.randrange(1, 5)
    del given.rows[at : at + count]
    return at + 1, at + count


def delete_and_renumber(given: Chain, dice: random.Random) -> Place:
    at = dice.randrange(1, len(given.rows) - 2)
    del given.rows[at]
    given.rows[at:] = [replace(row, seq=row.seq - 1) for row in given.rows[at:]]
    return at + 1, at + 1


def insert_link(given: Chain, dice: random.Random) -> Place:
    """A row of its own in the middle, with a right hash, the numbers after it moved on."""
    at = dice.randrange(1, len(given.rows) - 2)
    (planted,) = linked([*given.rows[:at], Row(0, 999, chains.text_of(999), "", "", given.rows[at].at)], at)[at:]
    given.rows[at:] = [planted, *(replace(row, seq=row.seq + 1) for row in given.rows[at:])]
    return at + 1, at + 2


def cut_tail(given: Chain, dice: random.Random) -> Place:
    end = len(given.rows)
    left = dice.randrange(1, end - 1)
    del given.rows[left:]
    return left + 1, end


def rewrite(given: Chain, dice: random.Random) -> Place:
    """An event is edited and every hash after it made anew: only a checkpoint outside shows it, as a stretch."""
    at = dice.randrange(last_signed(given))
    edited = replace(given.rows[at], text=given.rows[at].text + "!")
    given.rows[:] = linked([*given.rows[:at], edited, *given.rows[at + 1 :]], at)
    return stretch(given, at + 1)


def insert_and_rewrite(given: Chain, dice: random.Random) -> Place:
    at = dice.randrange(last_signed(given))
    planted = Row(0, 999, chains.text_of(999), "", "", given.rows[at].at)
    given.rows[:] = linked([*given.rows[:at], planted, *given.rows[at:]], at)
    return stretch(given, at + 1)


def restore_backup(given: Chain, dice: random.Random) -> Place:
    """Yesterday's chain, gone on with other events: whole in itself."""
    at = dice.randrange(last_signed(given))
    other = [replace(row, text=row.text.replace("read", "went on", 1)) for row in given.rows[at:]]
    given.rows[:] = linked([*given.rows[:at], *other], at)
    return stretch(given, at + 1)


def forge_checkpoint(given: Chain, dice: random.Random) -> Place:
    """A rewritten past and a checkpoint to fit it, signed by another key."""
    size = dice.choice(sizes(given))
    given.notes[name_of(size)] = note(given.rows[size - 1], OTHER_KEY)
    return size, size


def edit_checkpoint(given: Chain, dice: random.Random) -> Place:
    size = dice.choice(sizes(given))
    whole = given.notes[name_of(size)]
    at = dice.randrange(len(whole) - 1)  # any letter but the last line's end
    given.notes[name_of(size)] = whole[:at] + ("x" if whole[at] != "x" else "y") + whole[at + 1 :]
    return size, size


def rename_checkpoint(given: Chain, dice: random.Random) -> Place:
    size = dice.choice(sizes(given))
    given.notes[name_of(size - 1)] = given.notes.pop(name_of(size))
    return size - 1, size - 1


def backdate(given: Chain, dice: random.Random) -> Place:
    """A new event at the end that says it is older than what was signed long before it."""
    old = given.rows[0].at - timedelta(days=dice.randrange(1, 30))
    given.rows[:] = linked([*given.rows, Row(0, 999, chains.text_of(999), "", "", old)], len(given.rows))
    return len(given.rows), len(given.rows)


def plant_unlinked(given: Chain, dice: random.Random) -> Place:
    given.unlinked.append((999, given.rows[dice.randrange(len(given.rows))].at))
    return len(given.rows), len(given.rows)


OUTSIDE_ONLY = (cut_tail, rewrite, insert_and_rewrite, restore_backup)
WAYS: tuple[Callable[[Chain, random.Random], Place], ...] = (
    edit_event, lose_event, swap_events, edit_link, delete_links, delete_and_renumber, insert_link, *OUTSIDE_ONLY,
    forge_checkpoint, edit_checkpoint, rename_checkpoint, backdate, plant_unlinked,
)  # fmt: skip


def sizes(given: Chain) -> list[int]:
    return [int(name.removesuffix(".txt")) for name in sorted(given.notes)]


def last_signed(given: Chain) -> int:
    return sizes(given)[-1]


def stretch(given: Chain, seq: int) -> Place:
    """The links from the checkpoint before this one to the one after."""
    return max([0, *(s for s in sizes(given) if s < seq)]) + 1, min(s for s in sizes(given) if s >= seq)


def test_every_tampering_is_found_and_its_place_named(tmp_path: Path) -> None:
    dice, missed = random.Random(SEED), []
    for turn in range(TAMPERINGS):
        way = WAYS[turn % len(WAYS)]
        given = chain()
        first, last = way(given, dice)
        faults = found(given, tmp_path / str(turn), is_whole=bool(turn // len(WAYS) % 2))
        if not any(first <= a and b <= last for a, b, _ in faults):
            missed.append((SEED, turn, way.__name__, (first, last), faults[:3]))
    assert missed == []


def test_an_untouched_chain_has_no_fault(tmp_path: Path) -> None:
    assert found(chain(), tmp_path / "whole") == []
    assert found(chain(), tmp_path / "hashes", is_whole=False) == []
    assert found(Chain([]), tmp_path / "empty") == []


@pytest.mark.parametrize("way", OUTSIDE_ONLY, ids=lambda way: way.__name__)
def test_without_the_checkpoints_outside_a_rewritten_past_looks_sound(way: Any, tmp_path: Path) -> None:
    """The control: the same chain, its checkpoints taken away, shows nothing; an own copy of one shows it again."""
    given = chain()
    way(given, random.Random(SEED))
    own, given.notes = given.notes, {}
    assert found(given, tmp_path / "bare") == []
    (tmp_path / "own").mkdir()
    name = max(own)
    (tmp_path / "own" / name).write_text(own[name], "utf-8")
    assert found(given, tmp_path / "beside", folders=(tmp_path / "own",))


def test_the_program_run_by_a_stranger_says_it(tmp_path: Path) -> None:
    def said(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(PROGRAM), str(folder), *more]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    sound = said(chain().write(tmp_path / "sound", is_whole=True), "--key", public().hex())
    assert (sound.returncode, sound.stdout) == (
        0, "OK  48 links, each continues the one before and holds its event; 4 checkpoints agree.\n",
    )  # fmt: skip
    given = chain()
    del given.rows[40:]
    cut = said(given.write(tmp_path / "cut", is_whole=False))
    assert cut.returncode == 1
    assert "links 41 to 48 were cut off, or a backup was restored" in cut.stdout
    other = said(tmp_path / "sound", "--key", public(OTHER_KEY).hex())
    assert other.returncode == 1
    assert other.stdout.count("not signed by this key") == 4


# RFC 8032, 7.1, tests 1 to 3: public key, message, signature.
VECTORS = (
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
     "d25bf5f0595bbe24655141438e7a100b"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
     "4a7c15e9716ed28dc027beceea1ec40a"),
)  # fmt: skip


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_its_signatures_are_those_of_the_rfc(key: str, message: str, signature: str) -> None:
    is_signed = VERIFIER["is_signed"]
    given = [bytes.fromhex(part) for part in (key, message, signature)]
    assert is_signed(*given)
    for part in range(3):
        changed = list(given)
        changed[part] = bytes([(changed[part] or b"\0")[0] ^ 1]) + changed[part][1:]
        assert not is_signed(*changed)


def test_our_own_checkpoint_is_read_by_both_sides_alike(tmp_path: Path) -> None:
    row = chains.rows(3)[-1]
    ours = rules.signed(rules.Checkpoint("city.example/audit", 3, bytes.fromhex(row.own), row.at), KEY)
    assert ours == note(row)
    assert rules.read(ours, public()) == rules.Checkpoint("city.example/audit", 3, bytes.fromhex(row.own), row.at)
    assert rules.read(ours, public(OTHER_KEY)) is None
    path = tmp_path / name_of(3)
    path.write_text(ours, "utf-8")
    assert VERIFIER["checkpoint"](path, public()) == (3, bytes.fromhex(row.own), row.at)


def test_it_is_short_and_needs_nothing_but_pythons_own_library() -> None:
    text = PROGRAM.read_text("utf-8")
    assert len(text.splitlines()) <= 300
    imported = (
        next(line for line in text.splitlines() if line.startswith("import ")).removeprefix("import ").split(", ")
    )
    assert set(imported) <= sys.stdlib_module_names
    assert "from " not in {line.split(" ")[0] + " " for line in text.splitlines()}
