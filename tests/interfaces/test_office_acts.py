"""The customer's side of acts: signed once after a proof, given back with a reason, the e-invoice decided."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client

from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import commands
from qosymsha.domain.settlement.commands.invoices import Invoice
from qosymsha.domain.settlement.models import ActSignature, EInvoice, ServiceAct
from qosymsha.domain.settlement.ports import Writer
from qosymsha.domain.settlement.states import Side
from qosymsha.interfaces.ui import texts
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_day
from tests.factories.papers import ALL_PAPERS, act_of, invoice_number, manager_of, registered, sign_side, word_on
from tests.factories.settlement import AT, City, city
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
ACTS = "/en/office/acts/"


def come(home: City, role: Role = Role.APPROVER, *, strong: bool = True) -> Client:
    """An official of the city at the test client."""
    client = Client()
    name = f"test:{role.value}:{home.territory.id}"
    browsing.come_in(client, browsing.official(role, territory_id=home.territory.id, name=name), strong=strong)
    return client


@pytest.fixture
def desk() -> tuple[Client, City, ServiceAct]:
    """An approver signed in with a second factor; an act waits."""
    home = city(**ALL_PAPERS)
    act = act_of(home)
    clock.shift_to(AT)
    return come(home), home, act


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content.decode()[-1500:]
    return unescape(answer.content.decode())


def post(client: Client, address: str, **typed: Any) -> Any:
    return client.post(address, browsing.form_of(client.get(address).content.decode()) | typed)


def provider_signs(home: City, act: ServiceAct) -> None:
    manager = manager_of(home)
    word = word_on(act, Writer(registered(manager), home.provider.bin or "", "Manager"))
    assert sign_side(home, act, Side.PROVIDER, word, manager).reason is None


def test_an_act_is_found_signed_once_and_printed(desk: tuple[Client, City, ServiceAct]) -> None:
    client, home, act = desk
    assert texts.say("en", "office.task.acts", n=1) in shown(client, "/en/office/")
    assert act.number in shown(client, f"{ACTS}?state=signing")
    assert act.number not in shown(client, f"{ACTS}?state=done")
    sign = f"{ACTS}{act.number}/sign/"
    sent = browsing.form_of(client.get(sign).content.decode())
    assert [client.post(sign, sent).status_code for _ in range(2)] == [302, 302]
    assert ActSignature.objects.get().side == Side.CUSTOMER
    assert client.get(f"{ACTS}{act.number}/act.pdf").content.startswith(b"%PDF")
    assert client.get(f"{ACTS}{act.number}/act.json").content == bytes(act.content)
    assert texts.say("en", "office.task.acts", n=1) not in shown(client, "/en/office/")
    provider_signs(home, act)
    act.refresh_from_db()
    assert act.state == "awaiting_invoice"


def test_signing_asks_for_a_second_factor_and_only_the_customers_people_sign(
    desk: tuple[Client, City, ServiceAct],
) -> None:
    client, home, act = desk
    sign = f"{ACTS}{act.number}/sign/"
    assert "/step-up/" in come(home, strong=False).get(sign)["Location"]
    payer = come(home, Role.PAYER)
    assert payer.get(f"{ACTS}{act.number}/").status_code == 200
    assert {payer.get(sign).status_code, payer.post(sign, {}).status_code} == {403}
    assert client.get(sign).status_code == 200  # the control
    assert ActSignature.objects.count() == 0


def test_an_act_is_given_back_with_a_reason(desk: tuple[Client, City, ServiceAct]) -> None:
    client, _, act = desk
    address = f"{ACTS}{act.number}/refuse/"
    assert post(client, address, reason="").status_code == 422
    assert post(client, address, reason="two lessons too many").status_code == 302
    assert "two lessons too many" in shown(client, f"{ACTS}{act.number}/")
    assert texts.say("en", "act.state.refused") in shown(client, ACTS)


def test_an_e_invoice_is_rejected_with_a_reason_or_accepted(desk: tuple[Client, City, ServiceAct]) -> None:
    client, home, act = desk
    post(client, f"{ACTS}{act.number}/sign/")
    provider_signs(home, act)
    address, checker = f"{ACTS}{act.number}/invoice/", come(home, Role.CHECKER)
    for serial, typed, status, state in (
        (1, {"accepted": "no", "reason": " "}, 422, "checking"),
        (0, {"accepted": "no", "reason": "another sum"}, 302, "awaiting_invoice"),
        (2, {"accepted": "yes", "reason": ""}, 302, "done"),
    ):
        if serial:
            invoice = Invoice(invoice_number(home, serial), local_day(AT), act.amount_tiyn)
            commands.record_einvoice(
                actor=manager_of(home), programme_id=home.programme.id, act_id=act.id, invoice=invoice,
                at=clock.read(), key=browsing.new_key(),
            )  # fmt: skip
            assert texts.say("en", "office.task.invoices", n=1) in shown(checker, "/en/office/")
        assert post(checker, address, **typed).status_code == status
        act.refresh_from_db()
        assert act.state == state
    assert EInvoice.objects.count() == 2


def test_another_citys_act_is_as_unknown_as_none(desk: tuple[Client, City, ServiceAct]) -> None:
    client, _, act = desk
    stranger = come(city())
    pages = [f"{ACTS}{number}/{tail}" for number in (act.number, "S-000000-0") for tail in ("", "sign/", "act.pdf")]
    assert [client.get(a).status_code for a in pages] == [200, 200, 200, 404, 404, 404]
    assert {stranger.get(a).status_code for a in pages} == {404}
    assert act.number not in shown(stranger, ACTS)
