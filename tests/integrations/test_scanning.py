"""The scanner's client against a clamd that answers, and one that lies in ten ways: only a whole OK is ever clean."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.test import override_settings

from qosymsha.domain.documents.ports import TEST_FILE, NotScanned, ScanHitch
from qosymsha.integrations.scanning import clamd as client
from qosymsha.integrations.scanning import fake_clamd
from qosymsha.integrations.scanning.clamd import ADDRESS, Clamd
from qosymsha.integrations.scanning.fake_clamd import FakeClamd, Mode
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import NotConfigured

WAIT, BOUND = 0.3, 10.0
PAPER = b"%PDF-1.4 a page" * 10_000  # three chunks
LIES = {
    Mode.SILENT: ScanHitch.TIMED_OUT,
    Mode.DRIPS: ScanHitch.TIMED_OUT,
    Mode.CUT: ScanHitch.UNREADABLE,
    Mode.HANGS_UP: ScanHitch.UNREADABLE,
    Mode.GARBAGE: ScanHitch.UNREADABLE,
    Mode.ENDLESS: ScanHitch.UNREADABLE,
    Mode.SMALL_LIMIT: ScanHitch.TOO_LARGE,
    Mode.ERROR: ScanHitch.SAYS_NO,
}


@contextmanager
def _socket(folder: Path) -> Iterator[tuple[FakeClamd, Clamd]]:
    with fake_clamd.serving(folder / "clamd.ctl") as clamd:
        yield clamd, Clamd(clamd.address, WAIT)


@contextmanager
def _port(_: Path) -> Iterator[tuple[FakeClamd, Clamd]]:
    with fake_clamd.serving() as clamd:
        yield clamd, Clamd(clamd.address, WAIT)


both = pytest.mark.parametrize("standing", [_socket, _port], ids=["socket", "port"])


@both
def test_what_is_clean_is_clean_what_is_found_has_a_name_and_the_whole_file_was_sent(standing, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with standing(tmp_path) as (clamd, scanner):
        assert scanner.scan(PAPER) == ""
        assert scanner.scan(b"") == ""
        assert scanner.scan(TEST_FILE) == "Eicar-Signature"
        assert scanner.scan(PAPER + TEST_FILE) == "Eicar-Signature"
    assert clamd.scanned == [PAPER, b"", TEST_FILE, PAPER + TEST_FILE]


@both
@pytest.mark.parametrize("mode", sorted(LIES))
def test_a_lie_is_a_named_fault_within_a_bound_and_never_clean(standing, mode: Mode, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with standing(tmp_path) as (clamd, scanner):
        clamd.mode, began = mode, time.monotonic()
        with pytest.raises(NotScanned) as told:
            scanner.scan(PAPER * 4)
        assert told.value.fault is LIES[mode]
        assert time.monotonic() - began < BOUND
        clamd.mode = Mode.ANSWERS
        assert scanner.scan(PAPER) == "", "the control: the same file and client, an honest clamd"


def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    with fake_clamd.serving() as clamd:
        address = clamd.address
    for where in (address, str(tmp_path / "none.ctl")):
        with pytest.raises(NotScanned) as told:
            Clamd(where, WAIT).scan(PAPER)
        assert told.value.fault is ScanHitch.UNREACHABLE


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"OK",
        b"stream: OK ",
        b"stream: OKAY",
        b"instream: OK",
        b"stream:  FOUND",
        b"stream: x",
        b"\xff\xfe",
        b"FOUND",
    ],
)
def test_no_other_word_than_its_own_is_believed(said: bytes) -> None:
    with pytest.raises(NotScanned):
        client._judged(said)
    assert client._judged(b"stream: OK") == ""
    assert client._judged(b"stream: Win.Test \xff\x1b[0m FOUND").isascii() is False
    assert client._judged(b"stream: a\x1bb FOUND") == "a?b", "a name writes no controls into a journal"
    assert len(client._judged(b"stream: " + b"a" * 900 + b" FOUND")) == 100


@pytest.mark.parametrize(
    "address", ["", "clamd.ctl", "10.0.0.5:3310", "scanner.example:3310", "127.0.0.1", "127.0.0.1:x"]
)
def test_only_this_machine_is_taken(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, address)
    with override_settings(ADAPTERS={"scanner": "qosymsha.integrations.scanning.clamd:Clamd"}):
        with pytest.raises(NotConfigured, match=ADDRESS):
            adapter("scanner")
        monkeypatch.setenv(ADDRESS, "127.0.0.1:3310")
        assert isinstance(adapter("scanner"), Clamd)
