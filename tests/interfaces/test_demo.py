"""The main job: a city's whole year through the command line, the same for the same seed, with every check green."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from qosymsha.interfaces.cli.demo_report import printed
from qosymsha.interfaces.cli.session import DEMO_DATABASE
from tests import ready
from tests.architecture.house import ROOT

KEYS = {
    "version",
    "seed",
    "children",
    "rule_set_hash",
    "rounds",
    "choice",
    "vouchers",
    "enrolments",
    "attendance",
    "flags",
    "claims",
    "payments",
    "ledger",
    "refusals",
    "invariants",
    "seconds",
    "peak_rss_bytes",
}
PICTURE = ROOT / "docs" / "images" / "demo-report.svg"


def play(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `qosymsha demo` in a process of its own, on a server of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_URL", "QOSYMSHA_"))}
    environment = kept | {"QOSYMSHA_STATE": str(state)}
    command = [sys.executable, "-m", "qosymsha", "demo", "--no-serve", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900)


def play_city(folder: Path, name: str, state: str) -> dict[str, Any]:
    """A thousand children's year on the server of `folder/state`: its report, the published round in `folder/name`."""
    report = folder / f"{name}.json"
    wanted = ("--children", "1000", "--seed", "5", "--report", str(report), "--folder", str(folder / name))
    ran = play(folder / state, *wanted)
    assert ran.returncode == 0, ran.stderr + ran.stdout
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def city() -> Iterator[tuple[Path, dict[str, Any]]]:
    """A year played once for this module, in a folder that the server's own user may reach."""
    with tempfile.TemporaryDirectory(prefix="qosymsha-city-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder, play_city(folder, "round", "state")


def test_the_report_has_its_keys_and_every_invariant_holds(city: tuple[Path, dict[str, Any]]) -> None:
    report = city[1]
    assert set(report) == KEYS
    assert [i for i in report["invariants"] if not i["ok"]] == []
    assert {"id", "ok", "violations"} <= set(report["invariants"][0])
    assert {"id", "root", "seed", "granted_by_category", "waiting"} <= set(report["rounds"][0])
    assert report["children"] == 1000
    assert report["peak_rss_bytes"] > 0


def test_each_tenge_is_somewhere(city: tuple[Path, dict[str, Any]]) -> None:
    ledger = city[1]["ledger"]
    assert sum(ledger.values()) == 0
    assert ledger["paid"] > 0
    assert ledger["lapsed"] > 0
    ended = {kind: tiyn for kind, tiyn in ledger.items() if kind not in {"approp", "paid", "lapsed"}}
    assert set(ended.values()) == {0}


def test_the_year_shows_refusals_transfers_silence_and_a_waiting_list(city: tuple[Path, dict[str, Any]]) -> None:
    report = city[1]
    assert {"already_filed", "wrong_age", "not_guardian", "papers_missing"} <= set(report["refusals"])
    assert report["enrolments"]["ended:transferred"] > 0
    assert report["attendance"]["rows"]["decided"] > 0
    assert report["rounds"][0]["waiting"] > 0
    assert report["vouchers"]["closed:refused"] > 0


def test_the_same_seed_gives_the_same_year(city: tuple[Path, dict[str, Any]]) -> None:
    folder, first = city
    # Another server, whose tables are there already. A city was served and is played anew: no old trace accuses it.
    ready.lay(folder / "another", DEMO_DATABASE)
    traces = folder / "another" / "demo" / "requests"
    traces.mkdir(parents=True)
    (traces / "2027-05-05.jsonl").write_text('{"request": "00ba166dc44b8141"}\n', "utf-8")
    second = play_city(folder, "again", "another")
    for measured in ("seconds", "peak_rss_bytes"):
        assert second.pop(measured)
    assert {key: first[key] for key in second} == second
    files = sorted(p.relative_to(folder / "round") for p in (folder / "round").rglob("*") if p.is_file())
    assert files
    assert [p for p in files if (folder / "round" / p).read_bytes() != (folder / "again" / p).read_bytes()] == []


def test_the_published_round_passes_the_stand_alone_verifiers(city: tuple[Path, dict[str, Any]]) -> None:
    for verifier in ("draw.py", "grant.py"):
        ran = subprocess.run(
            [sys.executable, "-S", ROOT / "verify" / verifier, city[0] / "round"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{verifier}: {ran.stdout}{ran.stderr}"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--children", "999"), "1000"),
        (("--children", "many"), "many"),
        (("--seed", "-1"), "-1"),
        (("--report", "/no/such/folder/r.json"), "/no/such/folder"),
        (("--nonsense",), "nonsense"),
    ],
)
def test_bad_arguments_are_told_in_a_sentence(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    ran = play(tmp_path, *arguments)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_printed_report_is_plain(city: tuple[Path, dict[str, Any]]) -> None:
    console = Console(record=True, width=110, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - ends with the test
    printed(city[1], console)
    text = console.export_text(clear=False)
    assert "Where each tenge is" in text
    assert "Who was funded" in text
    if os.environ.get("QOSYMSHA_PICTURES"):
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        svg = console.export_svg(title="qosymsha demo")
        PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), "utf-8")
