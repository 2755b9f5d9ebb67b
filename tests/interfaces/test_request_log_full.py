"""A log disk that fills up in the middle of a line keeps whole lines only; half of one would look edited (INV-19)."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qosymsha.interfaces.ui import readings

AT = datetime(2026, 3, 2, tzinfo=UTC)
WHOLE, CUT = b'{"a": 1}\n', b'{"b": 2}\n'


def _fills_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on there is room for five bytes of each line."""
    real = os.write
    monkeypatch.setattr(readings.os, "write", lambda file, line: real(file, line[:5]))


def test_a_line_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    log = readings.DayFile()
    log.add(tmp_path, AT, WHOLE)
    with monkeypatch.context() as full:
        _fills_up(full)
        log.add(tmp_path, AT, CUT)
    log.add(tmp_path, AT, WHOLE)
    assert (tmp_path / "2026-03-02.jsonl").read_bytes() == 2 * WHOLE
    assert "cannot be written" in caplog.text


def test_control_a_plain_write_leaves_half_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "_write_whole", lambda file, line: readings.os.write(file, line))
    with monkeypatch.context() as full:
        _fills_up(full)
        readings.DayFile().add(tmp_path, AT, CUT)
    assert (tmp_path / "2026-03-02.jsonl").read_bytes() == CUT[:5]
