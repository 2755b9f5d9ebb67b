"""`qosymsha audit`: the live chain checked, written out for a stranger, signed; the public addresses of checkpoints."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client

from qosymsha.domain.witness import store
from qosymsha.interfaces.cli import audit as verbs
from qosymsha.interfaces.jobs import duties
from tests.factories.readings import readings
from tests.rooms.test_witness import AT, DEEDS, link, record

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def outside(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of checkpoints; the verbs use the tests' own database."""

    @contextmanager
    def here(**_: object) -> Iterator[str]:
        yield ""

    monkeypatch.setattr(verbs, "database", here)
    settings.CHECKPOINTS, settings.CHECKPOINTS_OF_ONE_CHAIN = str(tmp_path / "checkpoints"), True
    return tmp_path / "checkpoints"


def said(*arguments: object) -> tuple[int, Any]:
    """A verb's exit status and its JSON."""
    result = CliRunner().invoke(verbs.command, [str(a) for a in (*arguments, "--json")], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, json.loads(result.output)


def test_a_chain_is_signed_verified_exported_and_checked_by_a_stranger(outside: Path, tmp_path: Path) -> None:
    record(*range(1, 81))
    link()
    assert said("sign") == (0, {"size": 80})
    assert said("sign") == (0, {"size": None})
    assert said("verify") == (0, {"ok": True, "links": 80, "checkpoints": 1, "faults": []})
    for name, more in (("hashes", []), ("whole", ["--events"])):
        folder = tmp_path / name
        assert said("export", folder, *more) == (0, {"folder": str(folder), "links": 80})
        own = [sys.executable, "-I", str(folder / "audit.py"), str(folder), "--key", store.public_key().hex()]
        checked = subprocess.run(own, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stdout[:12]) == (0, "OK  80 links"), checked.stdout
    assert (tmp_path / "whole" / "events.tsv").is_file()
    assert not (tmp_path / "hashes" / "events.tsv").exists()  # ids of people leave only where they are asked for
    DEEDS["one row edited"][0]()
    status, told = said("verify")
    assert (status, [(f["first"], f["last"]) for f in told["faults"]]) == (1, [(57, 57)])


def test_the_job_signs_and_the_public_fetches(outside: Path, client: Client) -> None:
    assert client.get("/audit/checkpoint.txt").status_code == 404
    record(1, 2)
    link()
    duties.sign_checkpoint(AT)
    (path,) = store.files(outside)
    for address in ("/audit/checkpoint.txt", "/audit/checkpoints/2.txt"):
        answer = client.get(address)
        assert (answer.status_code, answer.content) == (200, path.read_bytes())
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert client.get("/audit/checkpoints/").content == b"2\n"
    assert client.get("/audit/checkpoints/3.txt").status_code == 404
    assert client.get("/audit/key.txt").content.decode().strip() == store.public_key().hex()
    assert readings() == []


def test_the_job_says_a_broken_chain_aloud_and_goes_on(outside: Path, caplog: pytest.LogCaptureFixture) -> None:
    record(*range(1, 121))
    link()
    duties.sign_checkpoint(AT)
    DEEDS["the last 50 deleted"][0]()
    duties.sign_checkpoint(AT)
    assert "chain_is_shorter" in caplog.text
    assert any(entry.levelname == "CRITICAL" for entry in caplog.records)
    assert len(store.files(outside)) == 1
