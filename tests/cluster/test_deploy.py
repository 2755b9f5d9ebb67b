"""What stands in `deploy/` is true: every unit calls a verb that is there, haproxy understands its file."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from deploy.cluster.render import PASSWORDS, Application, checked, read, render
from qosymsha.interfaces.cli import main
from qosymsha.runtime.address import django_database
from tests.cluster.test_failover import _inventory

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service")) + sorted((DEPLOY / "systemd").glob("*.timer"))
HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")


def words_of(unit: Path) -> list[list[str]]:
    """The command lines of a unit, with something for each variable."""
    lines = re.findall(r"^Exec\w+=(.+)$", unit.read_text("utf-8"), re.M)
    return [re.sub(r"\$\{\w+\}", "127.0.0.1", line).split() for line in lines]


def parsed(words: list[str]) -> str:
    """Read a verb's words as click would, without doing it; its full name.

    Raises:
        click.UsageError: there is no such verb or option.
    """
    group: click.Command = main.qosymsha
    context = click.Context(group, info_name="qosymsha")
    name = []
    while isinstance(group, click.Group):
        found = group.get_command(context, words[0])
        if found is None:
            raise click.UsageError(f"no verb {words[0]}")
        name.append(words[0])
        group, words = found, words[1:]
    group.make_context(name[-1], words, parent=context)
    return " ".join(name)


def test_every_unit_calls_a_verb_that_is_there_with_options_it_knows() -> None:
    called = {parsed(words[1:]) for unit in UNITS for words in words_of(unit) if words[0].endswith("/qosymsha")}
    assert called == {"serve", "work", "metrics", "backup receive", "backup take", "backup prune", "backup drill"}
    with pytest.raises(click.UsageError):
        parsed(["serve", "--lokks"])


def test_units_name_only_units_and_files_that_are_there() -> None:
    there = {unit.name for unit in UNITS} | {"haproxy.service", "network-online.target"}
    for unit in UNITS:
        text = unit.read_text("utf-8")
        named = set(re.findall(r"\b[\w-]+@?(?:%n)?\.(?:service|timer)\b", re.sub(r"^#.*$", "", text, flags=re.M)))
        assert {one.replace("%n", "") for one in named} <= there, unit.name
        for file in re.findall(r"^EnvironmentFile=/etc/qosymsha/(\S+)$", text, re.M):
            assert (DEPLOY / "systemd" / f"{file}.example").is_file(), unit.name
        if unit.suffix == ".timer":
            assert unit.with_suffix(".service").is_file()


def test_an_unattended_unit_tells_a_person_when_it_fails() -> None:
    for name in ("qosymsha-receive", "qosymsha-take", "qosymsha-drill"):
        assert "OnFailure=qosymsha-alarm@%n.service" in (DEPLOY / "systemd" / f"{name}.service").read_text("utf-8")


def writable(unit: str) -> set[str]:
    found = re.findall(r"^ReadWritePaths=(.+)$", (DEPLOY / "systemd" / unit).read_text("utf-8"), re.M)
    return {one.removeprefix("-") for line in found for one in line.split()}


def lies_below(folder: str, places: set[str]) -> bool:
    return any(folder == place or folder.startswith(f"{place}/") for place in places)


def test_units_may_write_where_the_example_has_them_write_and_where_the_runbook_restores_to() -> None:
    """`ProtectSystem=strict` closes all else: a restored city that stood elsewhere would not start."""
    example = (DEPLOY / "systemd" / "city.env.example").read_text("utf-8")
    told = re.findall(r"^QOSYMSHA_(?:STATE|PUBLISHED|CHECKPOINTS)=(.+)$", example, re.M)
    runbook = (DEPLOY.parent / "docs" / "runbooks" / "backup-and-restore.md").read_text("utf-8")
    restored = set(re.findall(r"--into (/\S+)", runbook))
    assert len(told) == 3
    assert restored
    for unit in ("qosymsha.service", "qosymsha-pages.service", "qosymsha-jobs.service"):
        assert [one for one in (*told, *restored) if not lies_below(one, writable(unit))] == [], unit
    assert not lies_below("/srv/restored", writable("qosymsha.service"))  # where the runbook once sent them


def test_a_drill_of_a_city_has_the_key_of_the_checkpoints_and_room() -> None:
    text = (DEPLOY / "systemd" / "qosymsha-drill.service").read_text("utf-8")
    assert "LoadCredential=QOSYMSHA_CHECKPOINT_KEY:" in text
    assert "TMPDIR=/var/tmp" in text


CITY = '# a word\n\nDATABASE_URL=postgresql://q@db:5000/city?hostaddr=127.0.0.1&sslmode=verify-full\nQOSYMSHA_HOSTS="a,b"\n'


@pytest.fixture
def etc() -> Iterator[Path]:
    """A city's settings and keys, and a program that says what it was given."""
    with tempfile.TemporaryDirectory(prefix="qosymsha-etc-") as name:
        etc = Path(name)
        etc.chmod(0o755)
        (etc / "keys").mkdir(mode=0o700)
        (etc / "keys" / "QOSYMSHA_LOOKUP_KEY").write_text("00ff", "utf-8")
        (etc / "city.env").write_text(CITY, "utf-8")
        program = etc / "program"
        program.write_text(
            "#!/bin/sh\nid -u; printenv DATABASE_URL; printenv QOSYMSHA_HOSTS; cat $CREDENTIALS_DIRECTORY/*; echo\n"
            'echo $CREDENTIALS_DIRECTORY; echo "$@"; exit 4\n',
            "utf-8",
        )
        program.chmod(0o755)
        yield etc


def called(etc: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    own = {"QOSYMSHA_ETC": str(etc), "QOSYMSHA_PROGRAM": str(etc / "program"), "QOSYMSHA_USER": "nobody"}
    env = {"PATH": os.environ["PATH"]} | own | more
    return subprocess.run([str(DEPLOY / "qosymsha"), *words], env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: becomes the service's user, which root alone can")
def test_a_verb_typed_by_hand_has_the_citys_settings_and_keys_as_the_services_user(etc: Path) -> None:
    done = called(etc, "backup", "list", "/b c")
    user, url, hosts, key, folder, words = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (4, "")
    assert int(user) == pwd.getpwnam("nobody").pw_uid
    assert (url, hosts) == ("postgresql://q@db:5000/city?hostaddr=127.0.0.1&sslmode=verify-full", "a,b")
    assert (key, words) == ("00ff", "backup list /b c")
    assert not Path(folder).exists()
    assert called(etc, QOSYMSHA_HOSTS="mine").stdout.splitlines()[2] == "mine"
    # The control: a shell that reads the same file loses the address at its `&`.
    shell = f"set -a; . {etc}/city.env; printenv DATABASE_URL"
    plain = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert url not in plain.stdout.splitlines()


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: becomes the service's user, which root alone can")
@pytest.mark.parametrize(
    ("away", "said"), [("city.env", "city.env is not there"), ("program", "install it, or name another")]
)
def test_a_verb_typed_where_no_city_is_says_so_and_starts_none(etc: Path, away: str, said: str) -> None:
    (etc / away).unlink()
    done = called(etc, "doctor")
    assert (done.returncode, done.stdout) == (3, "")
    assert said in done.stderr


def test_the_example_inventory_is_rendered(tmp_path: Path) -> None:
    example = (DEPLOY / "cluster" / "inventory.example.toml").read_text("utf-8")
    (tmp_path / "passwords.toml").write_text("".join(f'{name} = "x"\n' for name in PASSWORDS), "utf-8")
    told = example.replace("/etc/qosymsha/passwords.toml", str(tmp_path / "passwords.toml"))
    (tmp_path / "inventory.toml").write_text(told, "utf-8")
    written = render(read(tmp_path / "inventory.toml"), tmp_path / "out")
    assert {path.name for path in written} == {"etcd.yml", "patroni.yml", "haproxy.cfg"}
    said = (tmp_path / "out" / "haproxy.cfg").read_text("utf-8")
    assert "hdr Host clubs.example" in said
    assert "server app1 10.0.0.21:8001 check" in said


@pytest.mark.skipif(HAPROXY is None, reason="NOT RUN: haproxy is not installed (Debian: apt-get install haproxy)")
def test_haproxy_understands_its_file(tmp_path: Path) -> None:
    pages = [Application("app1", "10.0.0.21"), Application("app2", "10.0.0.22")]
    render(checked(_inventory(applications=pages)), tmp_path)
    done = subprocess.run([str(HAPROXY), "-c", "-f", str(tmp_path / "haproxy.cfg")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr


def test_an_address_keeps_its_hosts_its_tls_and_what_it_wants_of_a_server() -> None:
    found = django_database(
        "postgresql://q:p@/city?host=a,b,c&port=1,2,3&target_session_attrs=read-write&sslmode=verify-full", 4
    )
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("a,b,c", "1,2,3", "city")
    assert found["OPTIONS"]["target_session_attrs"] == "read-write"
    assert found["OPTIONS"]["sslmode"] == "verify-full"
    assert "default_transaction_read_only" not in found["OPTIONS"]["options"]
    only = django_database("postgresql://q@h:5001/city", 4, is_read_only=True)
    assert "default_transaction_read_only=on" in only["OPTIONS"]["options"]
