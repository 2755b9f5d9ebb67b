"""haproxy as `deploy/` renders it, in TLS towards visitors and towards the servers of pages. ASVS 12.3.3."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.cluster import proxy
from deploy.cluster.render import Application, checked, render
from qosymsha.interfaces.cli.serve import Tls, page_server, tls_of
from qosymsha.kernel.errors import BadInput
from qosymsha.runtime.processes import end_groups, wait_until
from tests.cluster.loopback import free_ports
from tests.cluster.test_failover import _inventory
from tests.security.authority import Authority

HOST = "127.0.0.1"
HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
needs_haproxy = pytest.mark.skipif(HAPROXY is None, reason="NOT RUN: haproxy is not installed")


class Front(NamedTuple):
    """Where haproxy listens for visitors in TLS, without TLS, and where each of the pages' servers stands."""

    tls: int
    plain: int
    good: int
    stranger: int
    authority: Authority
    proxy: tuple[Path, Path, Path]
    log: Path


def asked(port: int, context: ssl.SSLContext | None, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """Status and body of a question to localhost.

    Raises:
        OSError: no line, or no belief on one side.
    """
    kind = http.client.HTTPConnection(HOST, port, timeout=20)
    if context is not None:
        kind = http.client.HTTPSConnection(HOST, port, timeout=20, context=context)
    try:
        kind.request(method, "/kk/family/", headers=headers)
        answer = kind.getresponse()
        return answer.status, answer.read()
    finally:
        kind.close()


def trusting(authority: Authority, own: tuple[Path, Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.pem))
    if own is not None:
        context.load_cert_chain(own[2])
    return context


@contextmanager
def standing(*commands: tuple[list[str], dict[str, str]], log: Path) -> Iterator[None]:
    """Programs for the length of the block."""
    with ExitStack() as ended, log.open("wb") as out:
        for argv, env in commands:
            process = subprocess.Popen(argv, env=os.environ | env, stdout=out, stderr=out, process_group=0)
            ended.callback(process.wait, 30)
            ended.callback(end_groups, [process.pid], 5.0)
        yield


def answers(port: int, context: ssl.SSLContext | None) -> bool:
    try:
        return asked(port, context)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """haproxy before a good server of pages and one that a stranger certified, run as `qosymsha serve` runs them."""
    folder = tmp_path_factory.mktemp("inside")
    ours, theirs = Authority(folder, "ours"), Authority(folder, "theirs")
    proxy, visitors = ours.sign("proxy"), ours.sign("localhost", HOST)
    ports = free_ports(10)
    servers = {"app1": (ports[0], ours.sign("app1", HOST)), "app2": (ports[1], theirs.sign("app2", HOST))}
    inventory = _inventory(
        applications=[Application(name, HOST, port, ports[8]) for name, (port, _) in servers.items()],
        pages_listen=f"{HOST}:{ports[2]} ssl crt {visitors[2]} alpn h2,http/1.1",
        plain_listen=f"{HOST}:{ports[3]}",
        database_listen=f"{HOST}:{ports[4]}",
        replica_listen=f"{HOST}:{ports[5]}",
        proxy_socket=str(folder / "haproxy.sock"),
        inside_authority=str(ours.pem),
        inside_proxy=str(proxy[2]),
        visitors=100,
    )
    render(checked(inventory), folder)
    commands = [([str(HAPROXY), "-db", "-f", str(folder / "haproxy.cfg")], {})]
    for port, (certificate, key, _) in servers.values():
        own = Tls(certificate, key, ours.pem)
        told = page_server(HOST, port, 1, "postgresql:///none", "tests.security.hello:application", tls=own)
        commands.append(([*told.argv], dict(told.env)))
    with standing(*commands, log=folder / "log"):
        found = Front(ports[2], ports[3], *(port for port, _ in servers.values()), ours, proxy, folder / "log")
        known = trusting(ours, proxy)
        assert wait_until(lambda: answers(found.good, known), 30), (folder / "log").read_text()[-2000:]
        assert wait_until(lambda: answers(found.stranger, trusting(theirs, proxy)), 30)
        assert wait_until(lambda: answers(found.tls, trusting(ours)), 30), (folder / "log").read_text()[-2000:]
        yield found


@needs_haproxy
def test_a_visitor_is_answered_through_tls_on_both_sides_and_only_by_the_server_that_is_ours(front: Front) -> None:
    context = trusting(front.authority)
    heard = {asked(front.tls, context, **{"X-Forwarded-For": "6.6.6.6"}) for _ in range(12)}
    assert heard == {(200, b"hello 127.0.0.1")}, (
        "never the stranger's, and what a visitor says of its address is dropped"
    )


@needs_haproxy
def test_a_server_of_pages_answers_the_proxy_alone_and_never_in_plain(front: Front) -> None:
    assert asked(front.good, trusting(front.authority, front.proxy))[0] == 200, "the control: with its certificate"
    with pytest.raises((OSError, http.client.HTTPException)):
        asked(front.good, trusting(front.authority))
    with pytest.raises((OSError, http.client.HTTPException)):
        asked(front.good, None)
    old = trusting(front.authority, front.proxy)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="ALERT"):
        asked(front.good, old)


_HIDDEN = "GET /kk/family/hidden-{n}/ HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
_CHUNKED = f"{len(_HIDDEN):x}\r\n{_HIDDEN}\r\n0\r\n\r\n"
# Heads and bodies that two programs could part differently: a second request stands where one of them sees a body.
SMUGGLED = {
    "length, then chunks": ("Content-Length: {length}\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + _HIDDEN),
    "chunks, then length": ("Transfer-Encoding: chunked\r\nContent-Length: 4", _CHUNKED),
    "two lengths": ("Content-Length: 0\r\nContent-Length: {length}", _HIDDEN),
    "two lengths in one": ("Content-Length: 0, {length}", _HIDDEN),
    "a length with a sign": ("Content-Length: +0", _HIDDEN),
    "a length in hex": ("Content-Length: 0x0", _HIDDEN),
    "a blank before the colon": ("Transfer-Encoding : chunked\r\nContent-Length: {length}", "0\r\n\r\n" + _HIDDEN),
    "another word": ("Transfer-Encoding: xchunked\r\nContent-Length: {length}", "0\r\n\r\n" + _HIDDEN),
    "two codings": ("Transfer-Encoding: chunked, identity\r\nContent-Length: {length}", "0\r\n\r\n" + _HIDDEN),
    "a folded line": ("Transfer-Encoding:\r\n chunked\r\nContent-Length: {length}", "0\r\n\r\n" + _HIDDEN),
    "a bare line feed": ("X: y\nTransfer-Encoding: chunked\r\nContent-Length: {length}", "0\r\n\r\n" + _HIDDEN),
    "a chunk too long to count": ("Transfer-Encoding: chunked", "f" * 40 + "\r\n" + _HIDDEN),
    "a chunk cut by a line feed": ("Transfer-Encoding: chunked", "0\n\n" + _HIDDEN),
    "a body for a question": ("GET", "Content-Length: {length}", _HIDDEN),
}


def sent_raw(front: Front, raw: bytes) -> ssl.SSLSocket:
    """The bytes as they are, in TLS; the line stays open."""
    line = trusting(front.authority).wrap_socket(
        socket.create_connection((HOST, front.tls), timeout=20), server_hostname="localhost"
    )
    line.sendall(raw)
    return line


def heard(line: ssl.SSLSocket, until: float) -> bytes:
    """What comes back on a line until an instant of the monotonic clock."""
    said = b""
    with line:
        while (left := until - time.monotonic()) > 0:
            line.settimeout(left)
            try:
                part = line.recv(65_536)
            except TimeoutError:
                break
            if not part:
                break
            said += part
    return said


@needs_haproxy
def test_no_request_hides_in_anothers_body(front: Front) -> None:
    """Smuggling: whatever reaches the pages was seen by the proxy, which writes who came over what a visitor wrote."""
    lines = []
    for n, (*method, head, body) in enumerate(SMUGGLED.values()):
        hidden = body.replace("{n}", f"{n:03d}")
        start = f"{method[0] if method else 'POST'} /kk/family/open-{n:03d}/ HTTP/1.1\r\nHost: localhost\r\n"
        whole = f"{start}{head.format(length=len(hidden))}\r\n\r\n{hidden}"
        lines.append(sent_raw(front, whole.encode()))
    until = time.monotonic() + 2
    for line in lines:
        heard(line, until)
    context = trusting(front.authority)
    assert {asked(front.tls, context) for _ in range(8)} == {(200, b"hello 127.0.0.1")}, "each is answered its own"
    told = front.log.read_text("utf-8")
    assert "heard /kk/family/ of 127.0.0.1" in told
    assert re.findall("heard (.*) of 6.6.6.6", told) == []
    assert asked(front.good, trusting(front.authority, front.proxy), **{"X-Forwarded-For": "6.6.6.6"})[0] == 200
    assert "of 6.6.6.6" in front.log.read_text("utf-8"), "the control: past the proxy it would be heard so"


@needs_haproxy
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_visitors_get_tls_1_2_and_newer_and_a_form_without_tls_is_refused(front: Front) -> None:
    told = {}
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = trusting(front.authority)
        context.minimum_version = context.maximum_version = version
        told[version.name] = asked(front.tls, context)[0]
    assert told == {"TLSv1_2": 200, "TLSv1_3": 200}
    old = trusting(front.authority)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="ALERT"):  # its word, not ours: this side would speak the old one
        asked(front.tls, old)
    assert asked(front.plain, None)[0] == 308
    assert asked(front.plain, None, "POST")[0] == 403
    weak = trusting(front.authority)
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("AES128-SHA256:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="ALERT"):
        asked(front.tls, weak)


def test_half_of_a_certificate_is_refused_in_words(tmp_path: Path) -> None:
    one = tmp_path / "x.pem"
    for given in ((one, None, None), (None, one, None), (None, None, one)):
        with pytest.raises(BadInput, match="certificate"):
            tls_of(*given)
    assert tls_of(None, None, None) is None
    assert tls_of(one, one, None) == Tls(one, one)
    assert "--ssl-client-verify" not in Tls(one, one).words()


def test_without_an_authority_inside_servers_are_asked_in_plain_as_on_one_machine(tmp_path: Path) -> None:
    """The control of the template: what it says without `[inside]`."""
    render(checked(_inventory(applications=[Application("app1", HOST)])), tmp_path)
    said = (tmp_path / "haproxy.cfg").read_text("utf-8")
    assert "verify required" not in said
    assert "frontend plain" not in said
    patroni = (tmp_path / "db1" / "patroni.yml").read_text("utf-8")
    assert "hostssl" not in patroni
    assert "- host all all" in patroni


def test_postgresql_takes_the_pages_by_certificate_and_nobody_without_tls(tmp_path: Path) -> None:
    files = {name: f"/etc/x/{name}" for name in ("authority", "certificate", "key")}
    render(checked(_inventory(database_tls=files)), tmp_path)
    lines = (tmp_path / "db2" / "patroni.yml").read_text("utf-8").splitlines()
    rules = [line.strip("- ") for line in lines if line.strip().startswith("- host")]
    assert all(rule.startswith("hostssl ") for rule in rules)
    by_certificate = next(i for i, rule in enumerate(rules) if rule.endswith(" cert"))
    assert "qosymsha,qosymsha_pages" in rules[by_certificate]
    assert by_certificate < next(i for i, rule in enumerate(rules) if " all all " in rule), "the first that fits counts"
    assert {'    ssl: "on"', "    ssl_ca_file: /etc/x/authority"} <= set(lines)
    assert sum("sslmode: verify-full" in line for line in lines) == 2
    with pytest.raises(ValueError, match="database_tls"):
        checked(_inventory(database_tls={"key": "x"}))


@needs_haproxy
def test_a_server_is_taken_out_and_put_back_by_its_name(front: Front) -> None:
    """docs/runbooks/cluster.md: before work on a node of pages."""
    place = front.log.parent / "haproxy.sock"

    def states() -> dict[str, str]:
        return {part: state for part, server, state, _ in proxy.servers(place) if server == "app1"}

    where = {"doing", "looking", "telling"}
    assert (set(states()), proxy.turn(place, "app1", "drain")) == (where, 3)
    assert "UP" not in states().values()
    assert wait_until(lambda: "DRAIN" in states().values(), 30), states()  # one that is down stays so
    proxy.turn(place, "app1", "ready")
    assert wait_until(lambda: "DRAIN" not in states().values(), 30), states()
    assert proxy.turn(place, "app7", "drain") == 0
