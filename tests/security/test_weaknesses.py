"""Every pinned part against a database of weaknesses; nothing compared is never "nothing found". ASVS 15.2.1."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.security.test_asvs import loaded

NOW = datetime.now(UTC)
LOCK = "django==5.2.1 \\\n    --hash=sha256:00\nzope.interface==8.0 ; python_version > '3' \\\n    --hash=sha256:11\n"


def advisory(name: str = "Django", **changes: Any) -> dict[str, Any]:
    """A made-up weakness of every version before 5.2.3."""
    affected = {
        "package": {"ecosystem": "PyPI", "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "5.2.3"}]}],
    }
    base = {"id": "PYSEC-2099-1", "aliases": ["CVE-2099-1"], "summary": "made up", "affected": [affected]}
    return base | {"published": NOW.isoformat(), "modified": NOW.isoformat()} | changes


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "main.lock").write_text(LOCK, "utf-8")
    return tmp_path


def compared(place: Path, *found: dict[str, Any], least: int = 1, accepted: str = "") -> tuple[int, Any]:
    """Status and words of the program over a packed database of these records."""
    with zipfile.ZipFile(place / "all.zip", "w") as packed:
        for n, one in enumerate(found):
            packed.writestr(f"{n}.json", json.dumps(one))
    (place / "accepted.toml").write_text(accepted, "utf-8")
    program, words = loaded("weaknesses"), ["--locks", str(place / "locks"), "--least", str(least)]
    argv = [str(place / "all.zip"), *words, "--accepted", str(place / "accepted.toml")]
    status = program.main(argv)
    if status == 2:
        return 2, None
    made = program.compare(
        place / "all.zip", locks=place / "locks", accepted=place / "accepted.toml", least=least, age_days=7,
        today=NOW.date(),
    )  # fmt: skip
    return status, made


def test_a_made_up_weakness_of_a_pinned_part_is_found_with_what_mends_it(place: Path) -> None:
    status, made = compared(place, advisory(), advisory("requests", id="PYSEC-2099-2", aliases=[]))
    assert status == 1
    (one,) = made.found
    assert (one.part, one.version, one.id, one.mended_in, one.locks) == (
        "django", "5.2.1", "PYSEC-2099-1", ["5.2.3"], ["main.lock"],
    )  # fmt: skip
    assert (one.mend_until, one.is_late) == ((NOW.date() + timedelta(days=60)).isoformat(), False)
    status, made = compared(place, advisory(published=(NOW - timedelta(days=61)).isoformat()))
    assert made.found[0].is_late


def test_the_control_a_version_that_is_mended_and_a_word_withdrawn_are_nothing(place: Path) -> None:
    (place / "locks" / "main.lock").write_text(LOCK.replace("5.2.1", "5.2.3"), "utf-8")
    status, made = compared(place, advisory())
    assert (status, made.found) == (0, [])
    (place / "locks" / "main.lock").write_text(LOCK, "utf-8")
    assert compared(place, advisory(withdrawn=NOW.isoformat()))[0] == 0
    assert compared(place, advisory())[0] == 1


@pytest.mark.parametrize(
    ("affected", "is_touched"),
    [
        ({"versions": ["5.2.1"]}, True),
        ({"versions": ["5.2.1.0"]}, True),
        ({"versions": ["5.2"]}, False),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "5.2.2"}]}]}, False),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "5.0"}, {"last_affected": "5.2.1"}]}]}, True),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "5.0"}, {"last_affected": "5.2.0"}]}]}, False),
        (
            {
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "4.1"}, {"introduced": "5.2"}]}
                ]
            },
            True,
        ),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "5.1"}, {"introduced": "0"}]}]}, False),
        ({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, True),
        ({}, True),
    ],
)
def test_versions_are_judged_as_osv_says_and_what_cannot_be_judged_counts(
    affected: dict[str, Any], is_touched: bool
) -> None:
    assert loaded("weaknesses").touched(affected, "5.2.1") is is_touched


def test_one_weakness_under_two_ids_is_told_once_and_names_are_compared_as_indexes_do(place: Path) -> None:
    twin = advisory(id="GHSA-xxxx", aliases=["CVE-2099-1"])
    other = advisory("Zope_Interface", id="PYSEC-2099-3", aliases=[])
    other["affected"][0]["ranges"][0]["events"] = [{"introduced": "0"}]
    _, made = compared(place, advisory(), twin, other)
    assert [(one.part, one.id) for one in made.found] == [("django", "GHSA-xxxx"), ("zope-interface", "PYSEC-2099-3")]


def test_nothing_compared_is_a_fault_and_an_old_database_a_finding(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(place)[0] == 2
    assert compared(place, advisory(), least=10_000)[0] == 2
    assert "nothing was compared" in capsys.readouterr().err
    (place / "all.zip").write_bytes(b"<html>please sign in</html>")
    assert loaded("weaknesses").main([str(place / "all.zip")]) == 2
    assert loaded("weaknesses").main([str(place / "none.zip")]) == 2
    old = (NOW - timedelta(days=30)).isoformat()
    status, made = compared(place, advisory("requests", modified=old))
    assert (status, made.is_old, made.found) == (1, True, [])


def test_what_was_accepted_is_so_until_its_day_and_says_why(place: Path) -> None:
    def row(until: object, why: str = "not called") -> str:
        return f'[[accepted]]\nid = "CVE-2099-1"\nwhy = "{why}"\nby = "test"\nuntil = {until}\n'

    status, made = compared(place, advisory(), accepted=row(NOW.date()))
    assert (status, made.accepted) == (0, ["CVE-2099-1"])
    status, made = compared(place, advisory(), accepted=row(NOW.date() - timedelta(days=1)))
    assert (status, made.idle) == (1, ["CVE-2099-1"])
    assert compared(place, advisory(), accepted=row(NOW.date(), why=""))[0] == 2
    assert loaded("weaknesses").accepted_until(loaded("weaknesses").ACCEPTED) == {}, (
        "nothing is accepted in this release"
    )


def test_our_own_locks_are_read_whole() -> None:
    program = loaded("weaknesses")
    parts = program.pinned(program.ROOT / "requirements")
    assert {"django", "psycopg", "cryptography"} <= {name for name, _ in parts}
    assert len(parts) > 100
