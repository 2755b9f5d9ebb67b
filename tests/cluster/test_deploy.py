"""What stands in `deploy/` is true: every unit calls a verb that is there, haproxy understands its file."""

from __future__ import annotations

import re
import shutil
import subprocess
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
