"""A published round: the verifiers agree with an honest folder and find every tampering, also with sums mended."""

import hashlib
import json
import os
import random
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qosymsha.domain.allocation import canonical, merkle, protocol
from qosymsha.domain.allocation.round_terms import Budget, OnShort, Policy, ReserveRule, RoundTerms, Segment
from qosymsha.domain.allocation.small_classes import FEWEST
from tests.factories.allocation_rounds import Written, write_round

VERIFY = Path(__file__).parents[3] / "verify"
TAMPERINGS = int(os.environ.get("TAMPERINGS", "100"))


def verify(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> int:
    """Run a verifier in this process; its exit status is 0 or 1, anything else is a traceback."""
    monkeypatch.setattr(sys, "argv", [name, str(folder), *more])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(VERIFY / name), run_name="__main__")
    return int(ended.value.code)  # type: ignore[arg-type]


def is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    return bool(verify("draw.py", folder, monkeypatch) + verify("grant.py", folder, monkeypatch))


@pytest.mark.parametrize("seed", range(24))
def test_an_honest_folder_passes_whatever_policy_rule_and_budgets(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = write_round(tmp_path, seed, per_segment=(30, 60, 100)[seed % 3], public=seed % 4 != 0)
    assert verify("draw.py", tmp_path, monkeypatch, written.root.hex()) == 0
    assert verify("grant.py", tmp_path, monkeypatch) == 0


@pytest.mark.parametrize("name", ["draw.py", "grant.py"])
def test_a_verifier_is_one_short_file_of_the_standard_library(name: str, tmp_path: Path) -> None:
    text = (VERIFY / name).read_text(encoding="utf8")
    assert len(text.splitlines()) <= {"draw.py": 30, "grant.py": 220}[name]
    assert "qosymsha" not in text
    assert "numpy" not in text
    write_round(tmp_path, 1)
    done = subprocess.run(
        [sys.executable, "-I", "-S", VERIFY / name, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("OK")


def test_another_root_than_the_one_published_at_closing_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_round(tmp_path, 1)
    assert verify("draw.py", tmp_path, monkeypatch, "0" * 64) == 1


def test_the_same_round_is_published_byte_for_byte(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_round(tmp_path / name, 5)
    for name in (*protocol.FILES, "SHA256SUMS"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


# --- tampering


Edit = Callable[[random.Random, Path], None]


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf8").removesuffix("\n").split("\n")


def change_byte(r: random.Random, folder: Path) -> None:
    path = folder / r.choice([*protocol.FILES, "SHA256SUMS"])
    content = bytearray(path.read_bytes())
    content[r.randrange(len(content))] ^= 1 << r.randrange(8)
    path.write_bytes(bytes(content))


def change_lines(r: random.Random, folder: Path) -> None:
    """Drop a line, repeat one, or exchange two that differ."""
    path = folder / r.choice(["closed.tsv", "numbers.tsv", "results.tsv"])
    rows = lines_of(path)
    one, other = r.sample(range(len(rows)), 2)
    what = r.choice(["drop", "repeat", "exchange"])
    if what == "exchange":
        rows[one], rows[other] = rows[other], rows[one]
    else:
        rows[one : one + 1] = [] if what == "drop" else [rows[one]] * 2
    path.write_text("\n".join(rows) + "\n", encoding="utf8")


def change_field(r: random.Random, folder: Path) -> None:
    """Give a line another's field: salt, line id, segment, tier, claims; number; k, outcome."""
    path = folder / r.choice(["closed.tsv", "numbers.tsv", "results.tsv"])
    rows = [row.split("\t") for row in lines_of(path)]
    fields = [(i, j) for i, row in enumerate(rows) for j in range(len(row))]
    for _ in range(10_000):
        (i, j), (k, m) = r.choice(fields), r.choice(fields)
        if j == m and len(rows[i]) == len(rows[k]) and rows[i][j] != rows[k][m]:
            rows[i][j] = rows[k][m]
            break
    else:
        rows[0][0] += "0"
    path.write_text("\n".join("\t".join(row) for row in rows) + "\n", encoding="utf8")


def change_rules(r: random.Random, folder: Path) -> None:
    terms = json.loads((folder / "terms.json").read_text(encoding="utf8"))
    key = r.choice(
        ["round", "rules_hash", "places", "coefficients", "commitments", "beacon", "policy", "rule", "limit"]
    )
    if key == "places" or (key == "limit" and not terms["budgets"]):
        r.choice(terms["segments"])["places"] += r.choice([-1, 1])
    elif key == "limit":
        r.choice(terms["budgets"])["limit"] += 1
    elif key == "coefficients":
        terms["coefficients"]["1"] += 1
    elif key == "commitments":
        terms["commitments"].reverse()
    elif key == "beacon":
        terms["beacon"]["round"] += 1
    else:
        terms[key] += "x"
    (folder / "terms.json").write_text(canonical.terms_text(terms), encoding="utf8")


def change_protocol(r: random.Random, folder: Path) -> None:
    found = json.loads((folder / "protocol.json").read_text(encoding="utf8"))
    key = r.choice(["root", "beacon", "secrets", "seed", "rows", "cutoffs", "withheld"])
    flip = hashlib.sha256(str(r.random()).encode()).hexdigest()
    if key in ("root", "beacon", "seed"):
        found[key] = flip
    elif key == "secrets":
        found["secrets"][r.randrange(2)] = flip
    elif key == "rows":
        found["rows"] += 1
    elif key == "cutoffs":
        found["cutoffs"][r.choice(list(found["cutoffs"]))] = [0, 1, flip]
    elif found["withheld"]["segments"]:
        r.choice(list(found["withheld"]["segments"].values()))["rows"] += 1
    else:
        found["withheld"]["merged"]["rows"] = 77
    (folder / "protocol.json").write_text(
        json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False), encoding="utf8"
    )


def give_to_a_favourite(r: random.Random, folder: Path) -> None:
    """Let one who waits and one who was granted exchange their outcomes."""
    rows = [row.split("\t") for row in lines_of(folder / "results.tsv")]
    waits = [row for row in rows if row[4] == "waiting"]
    took = [row for row in rows if row[4] == "open"]
    one, other = r.choice(waits), r.choice(took)
    one[4], other[4] = other[4], one[4]
    (folder / "results.tsv").write_text("\n".join("\t".join(row) for row in rows) + "\n", encoding="utf8")


def rehash_the_list(r: random.Random, folder: Path) -> None:
    """Change a tier and put the matching root into the protocol; the seed is still that of the true list."""
    rows = lines_of(folder / "closed.tsv")
    shown = [i for i, row in enumerate(rows) if "\t" in row]
    fields = rows[shown[r.randrange(len(shown))]].split("\t")
    fields[3] = str(int(fields[3]) + 1)
    rows[next(i for i in shown if fields[1] in rows[i])] = "\t".join(fields)
    leaves = [canonical.terms_leaf((folder / "terms.json").read_text(encoding="utf8"))]
    for row in rows:
        salt, _, line = row.partition("\t")
        leaves.append(canonical.leaf(bytes.fromhex(salt), line) if line else bytes.fromhex(row))
    found = json.loads((folder / "protocol.json").read_text(encoding="utf8"))
    found["root"] = merkle.root(b"".join(leaves)).hex()
    (folder / "closed.tsv").write_text("\n".join(rows) + "\n", encoding="utf8")
    (folder / "protocol.json").write_text(json.dumps(found), encoding="utf8")


def mend_sums(folder: Path) -> None:
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in protocol.FILES]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf8")


TELLING = (40, 41, 42, 43, 45, 46, 47, 48, 49, 51)
NAIVE: list[Edit] = [change_byte, change_lines]
CLEVER: list[Edit] = [change_lines, change_field, change_rules, change_protocol, give_to_a_favourite, rehash_the_list]


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> list[Written]:
    """Rounds of several kinds, with and without withheld lines, in which somebody waits and somebody was granted."""
    folder = tmp_path_factory.mktemp("rounds")
    return [write_round(folder / str(seed), seed, per_segment=150, public=seed % 2 == 0) for seed in TELLING]


def copied(rounds: list[Written], at: int, folder: Path) -> Path:
    folder.mkdir()
    for path in rounds[at % len(rounds)].folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("share", range(4))
def test_every_tampering_is_found(
    share: int,
    rounds: list[Written],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Half by edits that leave the sums as they were, half by edits of one who knows the format and mends the sums."""
    for number in range(share, TAMPERINGS, 4):
        r = random.Random(number)
        folder = copied(rounds, r.randrange(len(rounds)), tmp_path / str(number))
        naive = number % 8 < 4
        edit = r.choice(NAIVE if naive else CLEVER)
        before = [(folder / name).read_bytes() for name in (*protocol.FILES, "SHA256SUMS")]
        edit(r, folder)
        if not naive:
            mend_sums(folder)
        if before == [(folder / name).read_bytes() for name in (*protocol.FILES, "SHA256SUMS")]:
            continue
        assert is_found(folder, monkeypatch), (number, edit.__name__)
        assert "Traceback" not in capsys.readouterr().out


def test_untouched_copies_are_not_found(rounds: list[Written], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: nothing is cried about where nothing was done."""
    for at in range(len(rounds)):
        folder = copied(rounds, at, tmp_path / str(at))
        mend_sums(folder)
        assert not is_found(folder, monkeypatch)


def test_the_verifier_names_what_differs(
    rounds: list[Written], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(rounds, 0, tmp_path / "copy")
    give_to_a_favourite(random.Random(1), folder)
    assert verify("draw.py", folder, monkeypatch) == 1
    assert "results.tsv is not the file that was summed" in capsys.readouterr().out
    assert verify("grant.py", folder, monkeypatch) == 1
    assert "results.tsv says" in capsys.readouterr().out


# --- a list long enough for two processes


@pytest.fixture(scope="module")
def long_round(tmp_path_factory: pytest.TempPathFactory) -> Written:
    written = write_round(tmp_path_factory.mktemp("long"), 44, per_segment=4000)
    assert (written.folder / "closed.tsv").stat().st_size > 1 << 20
    return written


def told_by(name: str, folder: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-I", VERIFY / name, folder], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_long_list_is_checked_by_two_processes(long_round: Written) -> None:
    for name in ("draw.py", "grant.py"):
        assert told_by(name, long_round.folder)[0] == 0


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("closed.tsv", "not those of the root"),
        ("numbers.tsv", "numbers.tsv: 2 lines are not the due ones"),
        ("SHA256SUMS", "is not the file that was summed"),
        ("closed.tsv cut", "not those of the root"),
        ("closed.tsv garbled", "cannot be read"),
    ],
)
def test_either_process_finds_its_fault_and_names_it(long_round: Written, tmp_path: Path, file: str, said: str) -> None:
    folder = copied([long_round], 0, tmp_path / "copy")
    path = folder / file.split()[0]
    rows = lines_of(path)
    rows[0], rows[-1] = rows[-1], rows[0]
    if file in ("SHA256SUMS", "closed.tsv garbled"):
        rows[0] = "?" * 64 + rows[0][64:]
    path.write_text("\n".join(rows) + ("" if file.endswith("cut") else "\n"), encoding="utf8")
    if file != "SHA256SUMS":
        mend_sums(folder)
    status, told = told_by("draw.py", folder)
    assert (status, "Traceback" in told) == (1, False)
    assert said in told


# --- small classes


def shown_classes(written: Written) -> dict[tuple[str, str, str], int]:
    found: dict[tuple[str, str, str], int] = {}
    for row in lines_of(written.folder / "closed.tsv"):
        if "\t" in row:
            _, _, segment, tier, claims, _ = row.split("\t")
            found[segment, tier, claims] = found.get((segment, tier, claims), 0) + 1
    return found


@pytest.mark.parametrize("seed", range(100, 120))
def test_no_class_of_fewer_than_ten_is_shown_and_no_count_of_fewer_is_told(seed: int, tmp_path: Path) -> None:
    written = write_round(tmp_path, seed, per_segment=100)
    rejected = len(written.answer.queue.duplicates)
    if not rejected:
        assert all(count >= FEWEST for count in shown_classes(written).values())
    told: Any = json.loads((tmp_path / "protocol.json").read_text(encoding="utf8"))["withheld"]
    assert all(segment["rows"] >= FEWEST for segment in told["segments"].values())
    assert told["merged"]["granted"] is None or told["merged"]["rows"] >= FEWEST
    for name in ("numbers.tsv", "results.tsv"):
        assert sum(shown_classes(written).values()) == len([row for row in lines_of(tmp_path / name) if row])


def test_what_is_withheld_leaves_no_trace_in_any_file(tmp_path: Path) -> None:
    public = write_round(tmp_path / "public", 102, per_segment=60)
    auditors = write_round(tmp_path / "auditors", 102, per_segment=60, public=False)
    assert public.root == auditors.root
    assert public.withheld > 0
    shown = {row.split("\t")[1] for row in lines_of(public.folder / "closed.tsv") if "\t" in row}
    for row in lines_of(auditors.folder / "closed.tsv"):
        line_id = row.split("\t")[1]
        if line_id not in shown:
            for name in protocol.FILES:
                assert line_id not in (public.folder / name).read_text(encoding="utf8")


def test_under_stop_with_unequal_costs_the_public_is_told_that_it_cannot_recompute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terms = RoundTerms(
        segments=(Segment("a", 30, cost=3), Segment("b", 30)),
        policy=Policy.TIERS,
        rule=ReserveRule.SOFT_FIRST,
        on_short=OnShort.STOP,
        budgets=(Budget("city", ("a", "b"), 70),),
    )
    for public, said in ((True, "NOT RECOMPUTED"), (False, "OK")):
        written = write_round(tmp_path / said[:2], 7, per_segment=80, terms=terms, public=public)
        assert bool(written.withheld) == public
        assert verify("grant.py", written.folder, monkeypatch) == 0
        assert capsys.readouterr().out.startswith(said)


def test_a_line_of_the_folder_can_be_proved_under_its_root(tmp_path: Path) -> None:
    """What a family does with its receipt: its leaf, its place in the list, the proof."""
    written = write_round(tmp_path, 3)
    leaves = bytearray(canonical.terms_leaf((tmp_path / "terms.json").read_text(encoding="utf8")))
    for row in lines_of(tmp_path / "closed.tsv"):
        salt, _, line = row.partition("\t")
        leaves += canonical.leaf(bytes.fromhex(salt), line) if line else bytes.fromhex(row)
    count = len(leaves) // 32
    tree = merkle.levels(leaves)
    for index in np.random.default_rng(1).integers(1, count, 10).tolist():
        leaf = bytes(leaves[index * 32 : index * 32 + 32])
        assert merkle.check_proof(leaf, index, count, merkle.proof_from(tree, index), written.root)


def test_a_round_without_applications_is_published_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = write_round(tmp_path, 1, per_segment=0, terms=RoundTerms((Segment("a", 3, (("orphan", 1),)),)))
    assert verify("draw.py", tmp_path, monkeypatch, written.root.hex()) == 0
    assert verify("grant.py", tmp_path, monkeypatch) == 0
