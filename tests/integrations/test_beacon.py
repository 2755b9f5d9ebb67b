"""Client, typed and fake beacon keep the same promises; no relay that contradicts itself or another is believed."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from qosymsha.domain.admission.ports import Beacon, BeaconSilent
from qosymsha.integrations.beacon.drand import RELAYS, DrandBeacon
from qosymsha.integrations.beacon.fake import FakeBeacon
from qosymsha.integrations.beacon.typed import Typed, TypedBeacon

CHAIN = "8990e7a9aaed2ffed73dbd7092123d6f289930540d7651336225dc172e51b2ce"
# Round 1 of that chain as the network published it.
SIGNATURE_1 = (
    "8d61d9100567de44682506aea1a7a6fa6e5491cd27a0a0ed349ef6910ac5ac20ff7bc3e09d7c046566c9f7f3c6f3b101"
    "04990e7cb424998203d8f7de586fb7fa5f60045417a432684f85093b06ca91c769f0e7ca19268375e659c2a2352b4655"
)
RANDOMNESS_1 = "101297f1ca7dc44ef6088d94ad5fb7ba03455dc33d53ddb412bbc4564ed986ec"


def round_of(number: int, signature: str = "") -> dict[str, object]:
    signed = bytes.fromhex(signature) or f"signature {number}".encode()
    return {"round": number, "randomness": hashlib.sha256(signed).hexdigest(), "signature": signed.hex()}


class Relay:
    """A drand relay on 127.0.0.1: path → body; unknown paths are 404, as for a round that has not come."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = relay.bodies.get(self.path)
                self.send_response(200 if body is not None else 404)
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def has(self, number: int, document: object) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.bodies[f"/{CHAIN}/public/{number}"] = body

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def relays() -> Iterator[Callable[[], Relay]]:
    opened: list[Relay] = []

    def one() -> Relay:
        opened.append(Relay())
        return opened[-1]

    yield one
    for relay in opened:
        relay.close()


@dataclass
class Case:
    """A beacon with two names it knows and one it has no value for."""

    beacon: Beacon
    first: str
    second: str
    silent: str


@pytest.fixture(params=["drand", "typed", "fake"])
def case(request: pytest.FixtureRequest, relays: Callable[[], Relay]) -> Case:
    if request.param == "fake":
        return Case(FakeBeacon(frozenset({"later"})), "one", "two", "later")
    if request.param == "typed":
        entries = [Typed(f"typed:draw {n}", officer, f"7 1{n} 21") for n in (1, 2) for officer in ("user:1", "user:2")]
        return Case(TypedBeacon(entries), "typed:draw 1", "typed:draw 2", "typed:draw 3")
    relay = relays()
    for number in (1, 2):
        relay.has(number, round_of(number, SIGNATURE_1 if number == 1 else ""))
    name = f"drand:{CHAIN}:{{}}".format
    return Case(DrandBeacon([relay.address]), name(1), name(2), name(3))


def test_the_same_name_has_the_same_value_always(case: Case) -> None:
    assert case.beacon.value(case.first) == case.beacon.value(case.first)


def test_another_name_has_another_value(case: Case) -> None:
    assert case.beacon.value(case.first) != case.beacon.value(case.second)


def test_a_value_is_bytes_that_a_draw_accepts(case: Case) -> None:
    assert 1 <= len(case.beacon.value(case.first)) <= 1_024


def test_a_name_that_a_value_can_come_by_is_told_from_another(case: Case) -> None:
    check = case.beacon.check_name  # type: ignore[attr-defined]  # the port leaves it to the adapter
    assert {check(name) for name in (case.first, case.second, case.silent)} == {""}
    assert check(" ")


@pytest.mark.parametrize("name", ["", "   "])
def test_a_blank_name_has_no_value(case: Case, name: str) -> None:
    with pytest.raises(BeaconSilent):
        case.beacon.value(name)


def test_a_value_that_is_not_there_is_said_not_invented(case: Case) -> None:
    with pytest.raises(BeaconSilent):
        case.beacon.value(case.silent)


def test_a_published_round_of_the_network_is_read_as_published(relays: Callable[[], Relay]) -> None:
    relay = relays()
    relay.has(1, {"round": 1, "randomness": RANDOMNESS_1, "signature": SIGNATURE_1, "previous_signature": "17"})
    assert DrandBeacon([relay.address + "/"]).value(f"drand:{CHAIN}:1").hex() == RANDOMNESS_1


@pytest.mark.parametrize(
    "document",
    [
        {**round_of(5), "randomness": RANDOMNESS_1},
        {**round_of(5), "round": 6},
        {**round_of(5), "round": "5"},
        {**round_of(5), "signature": "xyz"},
        {"round": 5, "randomness": hashlib.sha256(b"").hexdigest(), "signature": ""},
        {"round": 5},
        [],
        b"<html>",
        b"[" * 5_000,
        b"\xff",
        b"{}" + b" " * 70_000,
    ],
)
def test_an_answer_that_does_not_fit_is_refused(relays: Callable[[], Relay], document: object) -> None:
    relay = relays()
    relay.has(5, document)
    with pytest.raises(BeaconSilent):
        DrandBeacon([relay.address]).value(f"drand:{CHAIN}:5")


def test_two_relays_that_differ_make_no_value(relays: Callable[[], Relay]) -> None:
    honest, liar = relays(), relays()
    honest.has(5, round_of(5))
    liar.has(5, round_of(5, "aa"))
    with pytest.raises(BeaconSilent, match="differently"):
        DrandBeacon([honest.address, liar.address]).value(f"drand:{CHAIN}:5")
    assert DrandBeacon([honest.address]).value(f"drand:{CHAIN}:5")


def test_one_relay_of_two_is_not_enough_two_of_three_are(relays: Callable[[], Relay]) -> None:
    first, second, down = relays(), relays(), relays()
    for relay in (first, second):
        relay.has(5, round_of(5))
    with pytest.raises(BeaconSilent, match="404"):
        DrandBeacon([first.address, down.address]).value(f"drand:{CHAIN}:5")
    assert DrandBeacon([first.address, down.address, second.address]).value(f"drand:{CHAIN}:5")


def test_a_relay_that_is_gone_is_said(relays: Callable[[], Relay]) -> None:
    relay = relays()
    relay.close()
    with pytest.raises(BeaconSilent, match="not reachable"):
        DrandBeacon([relay.address]).value(f"drand:{CHAIN}:5")


@pytest.mark.parametrize(
    "name", ["drand:5", f"drand:{CHAIN}:0", f"drand:{CHAIN}:-1", f"drand:{CHAIN[:-1]}:1", f"drand:{CHAIN}:1/../2"]
)
def test_a_name_that_is_no_round_is_refused_without_asking(name: str) -> None:
    with pytest.raises(BeaconSilent, match="named"):
        DrandBeacon(["http://127.0.0.1:9"]).value(name)
    assert "drand:CHAIN:ROUND" in DrandBeacon([]).check_name(name)


@pytest.mark.parametrize("relay", ["file:///etc/passwd", "ftp://127.0.0.1"])
def test_only_http_relays_are_asked(relay: str) -> None:
    with pytest.raises(BeaconSilent, match="begins with"):
        DrandBeacon([relay]).value(f"drand:{CHAIN}:5")


def test_without_a_relay_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RELAYS, raising=False)
    with pytest.raises(BeaconSilent, match=RELAYS):
        DrandBeacon().value(f"drand:{CHAIN}:5")


def test_relays_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, relays: Callable[[], Relay]) -> None:
    relay = relays()
    relay.has(5, round_of(5))
    monkeypatch.setenv(RELAYS, f" {relay.address} ,")
    assert DrandBeacon().value(f"drand:{CHAIN}:5")


def entries(*typed: tuple[str, str]) -> TypedBeacon:
    return TypedBeacon([Typed("typed:x", officer, text) for officer, text in typed])


@pytest.mark.parametrize(
    "typed",
    [
        [("user:1", "7")],
        [("user:1", "7"), ("user:1", "7")],
        [("user:1", "7"), ("", "7")],
        [("user:1", "7"), ("user:2", "8")],
        [("user:1", "7"), ("user:2", "7"), ("user:3", "8")],
        [("user:1", " "), ("user:2", "")],
        [("user:1", "7" * 1_025), ("user:2", "7" * 1_025)],
    ],
)
def test_two_officers_must_type_the_same(typed: list[tuple[str, str]]) -> None:
    with pytest.raises(BeaconSilent):
        entries(*typed).value("typed:x")


def test_white_space_is_no_difference() -> None:
    assert entries(("user:1", "7  14 21 "), ("user:2", "7 14 21")).value("typed:x") == b"7 14 21"
