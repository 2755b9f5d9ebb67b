"""A secret may be a file: it works, it leaves no trace in an environment, and two that differ are told. ASVS 13.3.1."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from django.conf import LazySettings

from qosymsha.config import settings as settings_module
from qosymsha.integrations.registries.gateway import TOKEN, GatewayRegistry
from qosymsha.interfaces.cli import serve
from qosymsha.runtime.address import django_database
from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.secrets import is_from_file, secret
from tests.architecture.house import ROOT, SOURCE

NAME = "QOSYMSHA_LOOKUP_KEY"
KEY, OTHER = "ab" * 32, "cd" * 32
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing is given."""
    for name in (NAME, f"{NAME}_FILE", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_each_of_three_places_gives_it_and_agreeing_places_are_one(clean: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert (secret(NAME), is_from_file(NAME)) == ("", False)
    (tmp_path / NAME).write_text(f"{KEY}\n", "utf-8")
    clean.setenv(NAME, KEY)
    assert (secret(NAME), is_from_file(NAME)) == (KEY, False)
    clean.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert (secret(NAME), is_from_file(NAME)) == (KEY, True)
    clean.delenv(NAME)
    assert secret(NAME) == KEY
    clean.delenv("CREDENTIALS_DIRECTORY")
    clean.setenv(f"{NAME}_FILE", str(tmp_path / NAME))
    assert secret(NAME) == KEY


def test_places_that_differ_and_files_that_cannot_be_read_are_told_without_the_secret(
    clean: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_text(KEY, "utf-8")
    clean.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    clean.setenv(NAME, OTHER)
    with pytest.raises(EnvironmentFault, match="not the same") as told:
        secret(NAME)
    assert not {KEY, OTHER} & set(re.findall(r"\w+", str(told.value)))
    clean.delenv(NAME)
    for content, word in ((b"", "empty"), (b"\xff\xfe", "no text"), (b"x" * 70_000, "too large")):
        (tmp_path / NAME).write_bytes(content)
        with pytest.raises(EnvironmentFault, match=word):
            secret(NAME)
    clean.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "none"))
    assert secret(NAME) == ""
    clean.setenv(f"{NAME}_FILE", str(tmp_path / "none"))
    with pytest.raises(EnvironmentFault, match="cannot read"):
        secret(NAME)


_ASKED = """
import json
from qosymsha.config import settings as s
print(json.dumps([s.SECRET_KEY, {k: v.hex() for k, v in s.SECRET_KEYS.items()}, s.LOOKUP_KEY.hex()]))"""


def read_by_a_process(env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A production's settings as a fresh process reads them."""
    usual = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE.parent), "QOSYMSHA_MODE": "production"}
    return subprocess.run([sys.executable, "-c", _ASKED], env=usual | env, capture_output=True, text=True, check=False)


def test_a_production_takes_its_keys_from_systemds_credentials_and_tells_a_second_that_differs(tmp_path: Path) -> None:
    given = {"QOSYMSHA_SECRET_KEY": "forms", "QOSYMSHA_SECRET_KEYS": f"k2:{KEY},k1:{OTHER}", NAME: KEY}
    for name, value in given.items():
        (tmp_path / name).write_text(f"{value}\n", "utf-8")
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    done = read_by_a_process(env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["forms", {"k2": KEY, "k1": OTHER}, KEY]
    done = read_by_a_process(env | {NAME: OTHER})
    assert done.returncode != 0
    assert f"{NAME} is given 2 times, and not the same" in done.stderr
    assert OTHER not in done.stderr


def test_what_a_file_gives_no_childs_environment_repeats(
    clean: pytest.MonkeyPatch, tmp_path: Path, settings: LazySettings
) -> None:
    settings.SECRET_KEY = "forms"  # noqa: S105 - planted
    clean.delenv("QOSYMSHA_SECRET_KEY", raising=False)
    assert serve.environment("postgresql:///x")["QOSYMSHA_SECRET_KEY"] == "forms", "the control: children share ours"
    (tmp_path / "QOSYMSHA_SECRET_KEY").write_text("forms", "utf-8")
    clean.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert "forms" not in serve.environment("postgresql:///x").values()


def test_tokens_and_the_databases_password_may_be_files_too(clean: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (TOKEN, "QOSYMSHA_DATABASE_PASSWORD"):
        clean.delenv(name, raising=False)
    with pytest.raises(ValueError, match=TOKEN):
        GatewayRegistry("https://registry.example")
    assert django_database("postgresql://q@h/city")["PASSWORD"] == ""
    (tmp_path / TOKEN).write_text("t", "utf-8")
    (tmp_path / "QOSYMSHA_DATABASE_PASSWORD").write_text("w", "utf-8")
    clean.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    GatewayRegistry("https://registry.example")
    assert django_database("postgresql://q@h/city")["PASSWORD"] == "w"
    assert django_database("postgresql://q:own@h/city")["PASSWORD"] == "own"


def test_units_load_credentials_that_the_settings_read_and_no_example_holds_a_secret() -> None:
    text = Path(settings_module.__file__).read_text("utf-8")
    read = set(re.findall(r'(?:secret|_keys)\("(\w+)"\)', text))
    assert {NAME, "QOSYMSHA_SECRET_KEY", "QOSYMSHA_SECRET_KEYS", "QOSYMSHA_CHECKPOINT_KEY"} <= read
    loaded = {unit.name: set(re.findall(r"^LoadCredential=(\w+):", unit.read_text("utf-8"), re.M)) for unit in UNITS}
    for name in ("qosymsha.service", "qosymsha-pages.service", "qosymsha-jobs.service"):
        assert loaded[name] == read
    assert set().union(*loaded.values()) == read
    for name in ("city.env.example", "looks.env.example"):
        example = (ROOT / "deploy" / "systemd" / name).read_text("utf-8")
        assert not re.search(r"^QOSYMSHA_(?!TLS_KEY=/)\w*(KEYS?|TOKEN|PASSWORD|SECRET)=", example, re.M)
        assert not re.search(r"^DATABASE_URL=postgresql://[^@/]*:", example, re.M)
