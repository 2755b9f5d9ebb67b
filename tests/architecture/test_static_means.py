"""By which means the house works: whom it asks, its chance, hashes and clocks, its logs, scripts and types.

Searches as in `test_static_rules.py`; each finds what is planted.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest

from tests.architecture.house import ROOT, Module
from tests.architecture.searches import HOUSE, PAGES, SCRIPTS, Finder, calls, found, imported, planted

# -- other machines ----------------------------------------------------------------------------------------------------

_OUTSIDE = {"requests", "httpx", "urllib.request", "urllib3", "http.client", "socket", "ftplib", "smtplib", "aiohttp"}
# Who may hold a connection, and why.
CLIENTS = {
    "integrations.outgoing": "the one client",
    "integrations.identity.wire": "the identity provider's, with the same bounds",
    "integrations.messages.smtp": "the operator's mail server, encrypted and bounded in time",
    "integrations.scanning.clamd": "the scanner on this machine: bounded in time and size",
    "integrations.judged": "names the faults of the client's connection",
    "interfaces.cli.serve": "looks whether a port is free",
}


def asking(module: Module) -> Iterator[str]:
    """A connection outside the client."""
    names = {one for one in imported(module) if one in _OUTSIDE or one.rpartition(".")[0] in _OUTSIDE}
    yield from sorted(names) if module.name not in CLIENTS else ()


def test_only_the_client_asks_other_machines() -> None:
    assert found(asking) == []


# -- chance, hashes, clocks, logs --------------------------------------------------------------------------------------

# Chance that keeps no secret, or stands at the beginning of a process.
_CHANCE = {
    "kernel.entropy": "the one place",
    "domain.allocation.draw": "a party's own secret, beside its commitment; the engine knows no kernel",
    "config.settings": "a session key of a process that was given none",
    "interfaces.cli.main": "the id of a verb's reads",
    "interfaces.ui.journal": "the id of a request",
    "interfaces.ui.shedding": "when a crowd comes back",
    "interfaces.cli.migrating": "when a try is repeated",
    "interfaces.cli.backup": "which second a drill restores",
}


def chance(module: Module) -> Iterator[str]:
    """Chance from elsewhere than the kernel."""
    if module.name in _CHANCE or module.name.startswith("demo."):
        return
    yield from sorted(imported(module) & {"random", "secrets", "numpy.random"})
    yield from (name for name, _ in calls(module) if name in ("os.urandom", "uuid.uuid1", "uuid.uuid4"))


def test_chance_comes_from_one_place() -> None:
    assert found(chance) == []


def broken(module: Module) -> Iterator[str]:
    """MD5 and SHA-1; what TOTP's standard asks for stands in `people`."""
    for name, _ in calls(module):
        if re.search(r"\b(md5|sha1|SHA1|MD5)\b", name) and not module.name.startswith("domain.people."):
            yield name


def test_no_broken_hash_is_used() -> None:
    assert found(broken) == []


_CRYPTO = {"hashlib", "hmac", "secrets", "cryptography", "joserfc", "fido2", "asn1crypto"}


def test_every_use_of_cryptography_stands_in_the_inventory() -> None:
    told = (ROOT / "docs" / "security" / "cryptography.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_0-9]+)+)`", told))
    used = {
        m.name.replace(".", "/")
        for m in HOUSE
        if {one.partition(".")[0] for one in imported(m)} & _CRYPTO and not m.name.startswith("demo.")
    }
    missing = {one for one in used if one not in named and not any(one.startswith(f"{n}/") for n in named)}
    assert missing == set(), "say in docs/security/cryptography.md what it is for"


def naive(module: Module) -> Iterator[str]:
    """An instant without its zone, or one of this machine instead of the database's."""
    for name, call in calls(module):
        last = name.rpartition(".")[2]
        if name in ("datetime.now", "datetime.datetime.now") and not call.args:
            yield name
        if last in ("utcnow", "utcfromtimestamp") and module.name != "interfaces.jobs.reaper" or name == "date.today":
            yield name


def test_no_instant_lacks_its_zone() -> None:
    assert found(naive) == []


# Who writes elsewhere than to a logger.
_WRITES = {"interfaces.ui.readings": "the request log of decision 0038", "demo.tuning": "a program for developers"}


def printing(module: Module) -> Iterator[str]:
    """A line that passes by the journal."""
    for name, _ in calls(module):
        if name == "print" or name.endswith(("FileHandler", "SysLogHandler", "SocketHandler", "HTTPHandler")):
            yield name


def test_nobody_prints_or_opens_a_log_of_his_own() -> None:
    assert [hit for hit in found(printing) if hit.partition(":")[0] not in _WRITES] == []


# -- scripts and pages -------------------------------------------------------------------------------------------------

_BROWSER = re.compile(
    r"(?:inner|outer)HTML\s*\+?=(?!=)|insertAdjacentHTML|document\.write|\beval\(|new Function|javascript:|postMessage"
    r"|addEventListener\(\s*[\"']message|setTimeout\(\s*[\"']|__proto__"
)


def test_scripts_set_text_as_text() -> None:
    assert {name: _BROWSER.findall(text) for name, text in SCRIPTS.items() if _BROWSER.search(text)} == {}
    assert SCRIPTS
    assert _BROWSER.search("box.innerHTML = said")


def test_no_page_holds_a_script_of_its_own() -> None:
    heard = "click|load|error|submit|change|input|focus|blur|toggle|key[a-z]+|mouse[a-z]+|pointer[a-z]+"
    own = re.compile(rf"<script(?![^>]*\bsrc=)[^>]*>|\son(?:{heard})=|\sstyle=|<object|<embed|<applet")
    assert {name: own.findall(text) for name, text in PAGES.items() if own.search(text)} == {}
    assert own.search("<script>1</script>")
    assert own.search('<p onclick="x">')


def test_types_are_strict_everywhere() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
    assert (told["strict"], told["packages"]) == (True, ["qosymsha"])
    loose = re.compile(r"^#\s*(mypy: ignore-errors|type: ignore\s*$)", re.MULTILINE)
    assert [m.name for m in HOUSE if loose.search(m.path.read_text("utf-8"))] == []


PLANTED: list[tuple[Finder, str]] = [
    (asking, "import requests"),
    (asking, "from urllib.request import urlopen"),
    (chance, "import random"),
    (broken, "hashlib.md5(x)"),
    (naive, "datetime.now()"),
    (printing, "print(child)"),
]


@pytest.mark.parametrize(("finder", "text"), PLANTED, ids=lambda one: getattr(one, "__name__", None))
def test_what_is_planted_is_found(finder: Finder, text: str) -> None:
    """The control run of each search."""
    assert found(finder, planted(text)) != []
    assert found(finder, planted("x = 1")) == []
