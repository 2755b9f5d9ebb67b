"""The operator's door in tests: a verb run in this process on the tests' own database, its status and its words."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from qosymsha.interfaces.cli.main import main
from qosymsha.runtime.postgres import address
from tests.early import STATE


@dataclass(frozen=True)
class Said:
    """What a verb ended with."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The result for machines."""
        return json.loads(self.out)


Run = Callable[..., Said]


def database_url() -> str:
    """The address of this worker's test database, for the verbs and their subprocesses."""
    name = str(connection.settings_dict["NAME"])
    if STATE in os.environ:
        return address(Path(os.environ[STATE])).url(name)
    return os.environ["QOSYMSHA_TEST_DATABASE_URL"].rpartition("/")[0] + "/" + name


@pytest.fixture
def run(
    transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """`run("import", "groups", path)` runs the verb and gives back what it said."""
    monkeypatch.setenv("DATABASE_URL", database_url())
    monkeypatch.setenv("QOSYMSHA_STATE", str(tmp_path / "state"))  # where a trial keeps the draw's secrets

    def call(*argv: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(part) for part in argv])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Said(int(ended.value.code or 0), said.out, said.err)

    return call
