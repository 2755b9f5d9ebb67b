"""Every outside system, lying in twelve ways: a named fault within a bound, nothing believed; enrolment goes on.

What else is tested of slow, down and lying systems: docs/explanation/outside-systems.md has the table.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from inspect import getmembers, isclass, isfunction
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from django.conf import LazySettings
from joserfc.jwk import KeySet

from qosymsha.domain.admission.models import Application
from qosymsha.domain.admission.ports import Beacon, BeaconSilent
from qosymsha.domain.documents.ports import NotScanned, Scanner
from qosymsha.domain.messages.ports import Mail, MailSender, NotTaken, Receipt, Sms, SmsGateway
from qosymsha.domain.people.ports import (
    CodeNotSent,
    CodeSender,
    IdentityProvider,
    IdentityQuestion,
    IdentityRefused,
    Registry,
    RegistryFault,
    RegistryUnavailable,
)
from qosymsha.domain.settlement.ports import (
    SignatureVerifier,
    Signer,
    SigningUnavailable,
    Treasury,
    TreasuryUnavailable,
    Writer,
)
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.integrations.beacon import drand
from qosymsha.integrations.codes.gateway import GatewayCodeSender
from qosymsha.integrations.identity import openid
from qosymsha.integrations.messages.gateway import GatewaySms
from qosymsha.integrations.messages.smtp import Server, SmtpMail
from qosymsha.integrations.registries.gateway import GatewayRegistry
from qosymsha.integrations.scanning.clamd import Clamd
from qosymsha.integrations.signing import ncanode
from qosymsha.integrations.signing.ncanode import NcaNodeSigning
from qosymsha.integrations.treasury.breaker import Breaker
from qosymsha.integrations.treasury.gateway import GatewayTreasury
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import Refused
from qosymsha.runtime.processes import wait_until
from tests.architecture.house import SOURCE
from tests.factories.people import number
from tests.integrations.liar import Liar, Lie, MailLiar, ScanLiar, Worse, lying
from tests.interfaces.test_hot_posts import Family, child_uuid, group_page, opened, voucher_uuid

WAIT = 0.3  # seconds a client gives an outside system here
BOUND = 10.0  # a breaker opens within ten seconds
FILE = b"<Document/>"
CHAIN = "8990e7a9aaed2ffed73dbd7092123d6f289930540d7651336225dc172e51b2ce"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SMS = Sms(UUID(int=1), "+77770001122", "Qosymsha: балаңызға орын ұсынылды.")
MAIL = Mail(UUID(int=1), "saule@example.kz", "Qosymsha", "Балаңызға орын ұсынылды.\n")


@dataclass(frozen=True)
class Client:
    """A question to an outside system at an address, and the fault that stands for "no usable answer".

    `word`: one that some lies say truly of what was asked (the bytes are no signature), and is no answer either.
    """

    asks: Callable[..., object]
    ask: Callable[[str], object]
    fault: type[Exception]
    speaks: type[Liar] = Liar
    word: type[Exception] | None = None


def _token(address: str) -> object:
    """The second step of signing in: the provider has described itself, and lies of the person."""
    openid.forget()
    client, document = openid.OpenIdConnect(WAIT), {"token_endpoint": f"{address}/token"}
    openid._described[address] = openid._Described(document, KeySet([]), time.monotonic())
    return client.answer(IdentityQuestion("", "state", "nonce", "verifier"), "http://localhost/back/", "code", NOW)


def _question(_: str) -> object:
    openid.forget()
    return openid.OpenIdConnect(WAIT).ask("http://localhost/sign-in/callback/", anew=False)


def _put_away(address: str) -> None:
    treasury = GatewayTreasury(address, "t", WAIT, Breaker())
    treasury._open = {"message": set()}
    treasury.acknowledge([])


def _letter(address: str) -> object:
    return SmtpMail(Server("127.0.0.1", urlsplit(address).port or 0), "no-reply@example.kz", WAIT).send(MAIL)


def _sms(address: str) -> GatewaySms:
    return GatewaySms(address, "t", WAIT)


CLIENTS = {
    "identity, a question": Client(openid.OpenIdConnect.ask, _question, IdentityRefused),
    "identity, an answer": Client(openid.OpenIdConnect.answer, _token, IdentityRefused),
    "registry, children": Client(
        GatewayRegistry.children_of,
        lambda a: GatewayRegistry(a, "t", WAIT).children_of(number(1, "850612")),
        RegistryUnavailable,
    ),
    "registry, statuses": Client(
        GatewayRegistry.statuses_of,
        lambda a: GatewayRegistry(a, "t", WAIT).statuses_of([number(1)]),
        RegistryUnavailable,
    ),
    "treasury, a file out": Client(
        GatewayTreasury.send,
        lambda a: GatewayTreasury(a, "t", WAIT, Breaker()).send(FILE, hashlib.sha256(FILE).digest()),
        TreasuryUnavailable,
    ),
    "treasury, replies in": Client(
        GatewayTreasury.replies, lambda a: GatewayTreasury(a, "t", WAIT, Breaker()).replies(), TreasuryUnavailable
    ),
    "treasury, put away": Client(GatewayTreasury.acknowledge, _put_away, TreasuryUnavailable),
    "signing, verify": Client(
        NcaNodeSigning.verify,
        lambda a: NcaNodeSigning(a, WAIT).verify(b"paper", b"signature", NOW),
        SigningUnavailable,
        word=Refused,
    ),
    "signing, sign": Client(
        NcaNodeSigning.sign,
        lambda a: NcaNodeSigning(a, WAIT).sign(b"paper", Writer("", "", ""), NOW),
        SigningUnavailable,
        word=Refused,
    ),
    "beacon": Client(drand.DrandBeacon.value, lambda a: drand.DrandBeacon([a]).value(f"drand:{CHAIN}:7"), BeaconSilent),
    "code": Client(
        GatewayCodeSender.send, lambda a: GatewayCodeSender(_sms(a)).send(SMS.phone, "012345", "kk"), CodeNotSent
    ),
    "SMS": Client(GatewaySms.send, lambda a: _sms(a).send(SMS), NotTaken),
    "SMS, receipts": Client(GatewaySms.receipts, lambda a: _sms(a).receipts(), NotTaken),
    "SMS, receipts put away": Client(
        GatewaySms.acknowledge, lambda a: _sms(a).acknowledge([Receipt("w1", str(SMS.key), True)]), NotTaken
    ),
    "e-mail": Client(SmtpMail.send, _letter, NotTaken, MailLiar),
    "scanner": Client(
        Clamd.scan, lambda a: Clamd(a.removeprefix("http://"), WAIT).scan(b"paper"), NotScanned, ScanLiar
    ),
}
# Ways of lying that a system does not have, and why.
NOT_SO: dict[tuple[str, Lie], str] = {
    ("scanner", Lie.MOVED): "clamd's protocol knows no other place",
    **dict.fromkeys(
        (("SMS, receipts put away", Lie.PAGE), ("SMS, receipts put away", Lie.OTHER)),
        "nothing in the answer counts: a word that was not put away comes again, and is kept once (test_messages.py)",
    ),
}
SPOKEN_WORDS = {Worse.DEEP, Worse.FOREVER, Worse.VAST}


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key.p12").write_bytes(b"key")
    monkeypatch.setattr(drand, "_TIMEOUT_SECONDS", WAIT)
    monkeypatch.setenv(openid.CLIENT, "c")
    monkeypatch.setenv(openid.SECRET, "s")
    monkeypatch.setenv(ncanode.KEY_FILE, str(tmp_path / "key.p12"))


def _is_named_in_time(lie: Lie | Worse, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with lying(lie, client.speaks) as (liar, elsewhere):
        monkeypatch.setenv(openid.ISSUER, liar.address)
        began = time.monotonic()
        with pytest.raises((client.fault, client.word) if client.word and lie is Lie.NO else client.fault):
            client.ask(liar.address)
        assert time.monotonic() - began < BOUND
        assert elsewhere.asked == 0, "no redirect is followed"
        assert wait_until(lambda: liar.asked == (0 if lie is Lie.CLOSED else 1), BOUND)


@pytest.mark.parametrize(("lie", "name"), [(a, b) for a in Lie for b in CLIENTS if (b, a) not in NOT_SO])
def test_a_lie_is_a_named_fault_in_time_and_leads_nowhere(lie: Lie, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _is_named_in_time(lie, CLIENTS[name], monkeypatch)


@pytest.mark.parametrize(("name", "lie"), NOT_SO)
def test_a_way_left_out_does_no_harm(name: str, lie: Lie) -> None:
    with lying(lie, CLIENTS[name].speaks) as (liar, elsewhere):
        try:
            assert CLIENTS[name].ask(liar.address) is None
        except CLIENTS[name].fault:
            pass
        assert (liar.asked, elsewhere.asked) == (1, 0)


@pytest.mark.parametrize("name", [name for name, one in CLIENTS.items() if one.speaks is Liar])
@pytest.mark.parametrize("lie", sorted(SPOKEN_WORDS))
def test_words_that_make_others_fall_are_a_named_fault_too(
    lie: Worse, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON deeper than a reader can count, numbers longer than it takes, a body that no memory holds."""
    if (name, lie) == ("SMS, receipts put away", Worse.DEEP):
        return  # nothing in its answer is read
    _is_named_in_time(lie, CLIENTS[name], monkeypatch)


@pytest.mark.parametrize("name", ["identity, a question", "SMS"])  # the two ways in which the house speaks HTTP
@pytest.mark.parametrize("lie", sorted(set(Worse) - SPOKEN_WORDS))
def test_a_head_that_never_ends_is_waited_for_no_longer_than_a_body(
    lie: Worse, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _is_named_in_time(lie, CLIENTS[name], monkeypatch)


# The table holds every adapter

PORTS: dict[str, tuple[type, ...]] = {
    "identity": (IdentityProvider,), "registry": (Registry,), "treasury": (Treasury,),
    "signing": (Signer, SignatureVerifier), "beacon": (Beacon,), "codes": (CodeSender,), "sms": (SmsGateway,),
    "email": (MailSender,), "scanner": (Scanner,),
}  # fmt: skip
# Adapters that ask no machine, and why.
ASKS_NOBODY = {
    "FileDropTreasury": "two folders of this machine: a full or lost disk is in test_treasury.py",
    "TypedBeacon": "two officers type the value",
    "DemoSigning": "signs by itself, with people who do not exist; refused in production",
}


def verbs_of(port: str) -> set[str]:
    """What a port's adapter must do."""
    return {name for one in PORTS[port] for name, _ in getmembers(one, isfunction) if not name.startswith("_")}


def adapters() -> Iterator[tuple[str, type]]:
    """(port, class) for each class that has a port's verbs; fakes stand behind none in production."""
    root = SOURCE / "integrations"
    for path in sorted(root.rglob("*.py")):
        if path.name.startswith(("fake", "faking")):
            continue
        words = [one for one in path.relative_to(root).with_suffix("").parts if one != "__init__"]
        module = import_module(".".join(("qosymsha.integrations", *words)))
        for name, found in getmembers(module, isclass):
            if found.__module__ == module.__name__ and not name.startswith("_"):
                has = {verb for verb, _ in getmembers(found, isfunction)}
                yield from ((port, found) for port in PORTS if verbs_of(port) <= has)


def lacking(found: list[tuple[str, type]], asked: set[str]) -> list[str]:
    """Verbs of adapters that no row of the table tells a lie, and that nobody has said why of."""
    verbs = {(one.__name__, getattr(one, verb).__qualname__) for port, one in found for verb in verbs_of(port)}
    return sorted(verb for name, verb in verbs if name not in ASKS_NOBODY and verb not in asked)


def test_every_adapter_of_every_port_is_told_every_lie(settings: LazySettings) -> None:
    found = list(adapters())
    assert set(settings.ADAPTERS) == set(PORTS), "a new port: say what its adapters must do"
    assert {port for port, _ in found} == set(PORTS)
    asked = {one.asks.__qualname__ for one in CLIENTS.values()}
    assert lacking(found, asked) == [], "a new adapter: give it a row, or say why it asks nobody"
    assert lacking(found, asked - {"SmtpMail.send", "Clamd.scan"}) == ["Clamd.scan", "SmtpMail.send"], "the control"
    assert set(ASKS_NOBODY) <= {one.__name__ for _, one in found}
    assert {name for name, _ in NOT_SO} <= set(CLIENTS)


class Gone:
    """Stands behind every port: whoever asks it anything is told that nobody is there."""

    asked = 0

    def __getattr__(self, name: str) -> object:
        Gone.asked += 1
        raise RegistryUnavailable(RegistryFault.UNREACHABLE)


@pytest.mark.django_db(transaction=True)
def test_with_every_outside_system_gone_families_file_and_take_places(settings: LazySettings) -> None:
    settings.ADAPTERS = dict.fromkeys(settings.ADAPTERS, "tests.integrations.test_lying:Gone")
    Gone.asked = 0
    _, page, (family, *_) = opened()
    filed, _ = Family(family[0], page).send(child=child_uuid(family[1]), kind="sport")
    assert filed.status_code == 302
    assert Application.objects.count() == 1
    assert Gone.asked == 0, "nobody outside is asked while a family waits"


@pytest.mark.django_db(transaction=True)
def test_with_every_outside_system_gone_a_place_is_taken(settings: LazySettings) -> None:
    settings.ADAPTERS = dict.fromkeys(settings.ADAPTERS, "tests.integrations.test_lying:Gone")
    Gone.asked = 0
    _, page, _, held = group_page()
    own = held[0]
    taken, _ = Family(own[2], page).send(voucher=voucher_uuid(own[0]), starts_on="2026-09-01")
    assert taken.status_code == 302
    assert Enrolment.objects.count() == 1
    assert Gone.asked == 0


def test_control_the_count_of_questions_can_fail(settings: LazySettings) -> None:
    settings.ADAPTERS = dict.fromkeys(settings.ADAPTERS, "tests.integrations.test_lying:Gone")
    Gone.asked = 0
    for port in settings.ADAPTERS:
        with pytest.raises(RegistryUnavailable):
            adapter(port).ask()
    assert Gone.asked == len(settings.ADAPTERS), "whoever asks a port of this house is counted"
