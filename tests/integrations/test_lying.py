"""Every outside system, lying in twelve ways: a named fault within a bound, nothing believed; enrolment goes on.

What else is tested of slow, down and lying systems: docs/explanation/outside-systems.md has the table.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from django.conf import LazySettings

from qosymsha.domain.admission.models import Application
from qosymsha.domain.admission.ports import BeaconSilent
from qosymsha.domain.people.ports import IdentityRefused, RegistryFault, RegistryUnavailable
from qosymsha.domain.settlement.ports import SigningUnavailable, TreasuryUnavailable
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.integrations.beacon import drand
from qosymsha.integrations.identity import openid
from qosymsha.integrations.registries.gateway import GatewayRegistry
from qosymsha.integrations.signing.ncanode import NcaNodeSigning
from qosymsha.integrations.treasury.breaker import Breaker
from qosymsha.integrations.treasury.gateway import GatewayTreasury
from qosymsha.kernel.errors import Refused
from tests.factories.people import number
from tests.integrations.liar import Lie, lying
from tests.interfaces.test_hot_posts import Family, child_uuid, group_page, opened, voucher_uuid

WAIT = 0.3  # seconds a client gives an outside system here
BOUND = 10.0  # a breaker opens within ten seconds
FILE = b"<Document/>"
CHAIN = "8990e7a9aaed2ffed73dbd7092123d6f289930540d7651336225dc172e51b2ce"


@dataclass(frozen=True)
class Client:
    """A question to an outside system at an address, and the fault that stands for "no usable answer"."""

    ask: Callable[[str], object]
    fault: type[Exception]


def _identity(address: str) -> object:
    openid.forget()
    client = openid.OpenIdConnect(WAIT)
    return client.ask("http://localhost/sign-in/callback/", anew=False)


CLIENTS = {
    "identity": Client(_identity, IdentityRefused),
    "registry, children": Client(
        lambda a: GatewayRegistry(a, "t", WAIT).children_of(number(1, "850612")), RegistryUnavailable
    ),
    "registry, statuses": Client(lambda a: GatewayRegistry(a, "t", WAIT).statuses_of([number(1)]), RegistryUnavailable),
    "treasury, a file out": Client(
        lambda a: GatewayTreasury(a, "t", WAIT, Breaker()).send(FILE, hashlib.sha256(FILE).digest()),
        TreasuryUnavailable,
    ),
    "treasury, replies in": Client(lambda a: GatewayTreasury(a, "t", WAIT, Breaker()).replies(), TreasuryUnavailable),
    "signing": Client(
        lambda a: NcaNodeSigning(a, WAIT).verify(b"paper", b"signature", datetime(2026, 3, 1, tzinfo=UTC)),
        SigningUnavailable,
    ),
    "beacon": Client(lambda a: drand.DrandBeacon([a]).value(f"drand:{CHAIN}:7"), BeaconSilent),
}


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drand, "_TIMEOUT_SECONDS", WAIT)
    monkeypatch.setenv(openid.CLIENT, "c")
    monkeypatch.setenv(openid.SECRET, "s")


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("lie", Lie)
def test_a_lie_is_a_named_fault_in_time_and_leads_nowhere(lie: Lie, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = CLIENTS[name]
    with lying(lie) as (liar, elsewhere):
        monkeypatch.setenv(openid.ISSUER, liar.address)
        began = time.monotonic()
        # A signing service that says 4xx says that the bytes are no signature: refused, not believed.
        with pytest.raises((client.fault, Refused) if (name, lie) == ("signing", Lie.NO) else client.fault):
            client.ask(liar.address)
        assert time.monotonic() - began < BOUND
        assert elsewhere.asked == 0, "no redirect is followed"
        assert liar.asked == (0 if lie is Lie.CLOSED else 1)


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


def test_control_the_count_of_questions_can_fail() -> None:
    Gone.asked = 0
    with pytest.raises(RegistryUnavailable):
        Gone().children_of("7")  # type: ignore[operator]
    assert Gone.asked == 1
