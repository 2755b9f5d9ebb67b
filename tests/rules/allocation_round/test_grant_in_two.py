"""grant.py in two processes says word for word what it says in one, of honest folders and of tampered ones."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from qosymsha.domain.allocation.round_terms import ReserveRule, RoundTerms, Segment
from tests.factories.allocation_rounds import Written, write_round
from tests.rules.allocation_round.test_published_round import CLEVER, NAIVE, VERIFY, Edit, copied, mend_sums

LIMIT = "< 1 << 20"
TAMPERINGS = int(os.environ.get("TAMPERINGS", "100")) // 5
RULES = (ReserveRule.SOFT_FIRST, ReserveRule.SOFT_LAST, ReserveRule.HARD, ReserveRule.MAX)


def verifier(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    """A copy of grant.py with something changed in it."""
    text = (VERIFY / "grant.py").read_text(encoding="utf8")
    for before, after in changes:
        assert text.count(before) == 1
        text = text.replace(before, after)
    (folder / name).write_text(text, encoding="utf8")
    return folder / name


def said(program: Path, folder: Path) -> tuple[int, str, str]:
    done = subprocess.run([sys.executable, "-I", "-S", program, folder], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> list[Written]:
    """Rounds without budgets, so that their segments may be shared out; with and without withheld lines."""
    folder = tmp_path_factory.mktemp("rounds")
    reserves = (("orphan", 3), ("disability", 2))
    return [
        write_round(
            folder / str(n),
            n,
            per_segment=60,
            terms=RoundTerms(tuple(Segment(s, 9, reserves) for s in "abcde"), rule=rule),
            public=n % 2 == 0,
        )
        for n, rule in enumerate(RULES)
    ]


def test_two_processes_find_an_honest_folder_honest(rounds: list[Written], tmp_path: Path) -> None:
    one = verifier(tmp_path, "one.py", (LIMIT, "> 0"))
    two = verifier(
        tmp_path, "two.py", (LIMIT, "< 0"), ("        summary = check(terms, protocol)\n", "        raise\n")
    )
    for written in rounds:
        assert said(two, written.folder) == said(one, written.folder)  # `two` may not look a second time
        assert said(two, written.folder)[0] == 0


def cut_at_the_border(_: random.Random, folder: Path) -> None:
    """A row of nobody between the two halves of the results."""
    rows = (folder / "results.tsv").read_text(encoding="utf8").splitlines(keepends=True)
    border = next(at for at, row in enumerate(rows) if row.startswith("c\t"))
    rows.insert(border, rows[border - 1])
    (folder / "results.tsv").write_text("".join(rows), encoding="utf8")


def join_at_the_border(_: random.Random, folder: Path) -> None:
    """A letter before the second half's first row: the number of rows stays."""
    text = (folder / "results.tsv").read_text(encoding="utf8")
    (folder / "results.tsv").write_text(text.replace("\nc\t", "\nxc\t", 1), encoding="utf8")


def test_whatever_one_process_finds_two_find(rounds: list[Written], tmp_path: Path) -> None:
    one, two = verifier(tmp_path, "one.py", (LIMIT, "> 0")), verifier(tmp_path, "two.py", (LIMIT, "< 0"))
    edits: list[Edit] = [cut_at_the_border, join_at_the_border]
    for number in range(TAMPERINGS):
        r = random.Random(number)
        folder = copied(rounds, number, tmp_path / str(number))
        edit = edits[number] if number < len(edits) else r.choice([*CLEVER, *NAIVE])
        edit(r, folder)
        mend_sums(folder)
        assert said(two, folder) == said(one, folder), (number, edit.__name__)
        assert number >= len(edits) or said(two, folder)[0] == 1


def test_a_verifier_that_does_not_look_at_the_border_is_seen(rounds: list[Written], tmp_path: Path) -> None:
    """The control: without that look the half that begins amid a row passes."""
    blind = verifier(tmp_path, "blind.py", (LIMIT, "< 0"), (' and said[cut - 1 : cut] in (b"", b"\\n")', ""))
    folder = copied(rounds, 0, tmp_path / "copy")
    join_at_the_border(random.Random(0), folder)
    assert said(blind, folder)[0] == 0
