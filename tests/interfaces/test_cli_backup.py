"""`qosymsha backup` on an installation of its own; a drill of a city that was tampered with is red."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from qosymsha.runtime import backups, postgres
from qosymsha.runtime.processes import wait_until

pytestmark = pytest.mark.fault


@pytest.fixture
def city() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="qosymsha-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        with postgres.running(folder / "state"):
            yield folder


def _argv(*words: str) -> list[str]:
    return [sys.executable, "-m", "qosymsha", *words]


def _env(city: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return kept | {"QOSYMSHA_STATE": str(city / "state"), "QOSYMSHA_MODE": "trial"}


def _run(city: Path, *words: str) -> tuple[int, Any]:
    done = subprocess.run(_argv(*words, "--json"), env=_env(city), capture_output=True, text=True, timeout=300)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_drill_brings_the_city_back_and_sees_what_was_done_to_its_past(city: Path) -> None:
    folder = city / "backup"
    status, lacks = _run(city, "migrate", "--check")
    assert (status, len(lacks["missing"]) > 60) == (1, True)
    status, brought = _run(city, "migrate")
    assert (status, set(brought["played"])) == (0, set(lacks["missing"]))
    subprocess.run(_argv("round", "show"), env=_env(city), capture_output=True)  # founds the city
    url = postgres.address(city / "state").url("qosymsha")
    receiver = subprocess.Popen(_argv("backup", "receive", str(folder)), env=_env(city), stderr=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: (folder / "wal").is_dir() and backups.received(url)[0], 120)
        status, _ = _run(city, "backup", "take", str(folder))
        assert status == 0
        assert _run(city, "audit", "sign")[0] == 0
        status, green = _run(city, "backup", "drill", str(folder))
        assert (status, green["findings"]) == (0, [])
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            (seq,) = connection.execute("SELECT max(seq) FROM audit_link").fetchone() or (0,)
            connection.execute("UPDATE audit_link SET hash = sha256('another past') WHERE seq = %s", [seq])
            (at,) = connection.execute("SELECT clock_timestamp()").fetchone() or ("",)
        status, red = _run(city, "backup", "drill", str(folder), "--at", at.isoformat())
        assert status == 1
        assert any(f"link {seq}" in one for one in red["findings"])
        status, bases = _run(city, "backup", "list", str(folder))
        assert (status, len(bases["bases"])) == (0, 1)
    finally:
        receiver.terminate()
        receiver.wait(60)
