"""What is due, why and when; an act signed, refused, its e-invoice entered; nothing of another club's."""

from __future__ import annotations

from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.models import ActSignature, EInvoice, ServiceAct
from qosymsha.domain.settlement.ports import SigningUnavailable, Writer
from qosymsha.domain.settlement.states import Side
from qosymsha.integrations.signing.demo import DemoSigning
from qosymsha.interfaces.ui import signing, texts
from qosymsha.kernel import clock
from tests.factories.papers import ALL_PAPERS, CUSTOMER, act_of, invoice_number, registered, sign_side, word_on
from tests.factories.settlement import (
    APPROVER,
    AT,
    FEBRUARY,
    JANUARY,
    SYSTEM,
    City,
    add_provider,
    city,
    confirmed_month,
)
from tests.interfaces import browsing

pytestmark = pytest.mark.django_db
LATER = datetime(2026, 3, 10, 5, tzinfo=UTC)


@pytest.fixture
def club(client: Client) -> tuple[Client, City, ServiceAct]:
    """A manager signed in with a second factor; a claim is drawn and its act waits."""
    home = city(**ALL_PAPERS)
    act = act_of(home)
    clock.shift_to(AT)
    come(client, home.provider.id)
    return client, home, act


def come(client: Client, provider_id: int, role: Role = Role.PROVIDER_MANAGER, *, strong: bool = True) -> int:
    user = browsing.official(role, provider_id=provider_id, name=f"test:{role}:{provider_id}")
    browsing.come_in(client, user, strong=strong)
    return user


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content.decode()[-2000:]
    return unescape(answer.content.decode())


def post(client: Client, address: str, **typed: Any) -> Any:
    return client.post(address, browsing.form_of(client.get(address).content.decode()) | typed)


def customer_signs(home: City, act: ServiceAct) -> None:
    word = word_on(act, Writer(registered(APPROVER), CUSTOMER.bin, "Official"))
    assert sign_side(home, act, Side.CUSTOMER, word, APPROVER).reason is None


def test_the_statement_says_what_why_when_and_for_whom_it_waits(club: tuple[Client, City, ServiceAct]) -> None:
    client, home, act = club
    for language in texts.LANGUAGES:
        page = shown(client, f"/{language}/provider/pay/")
        assert texts.say(language, "statement.wait.act_provider") in page
        assert texts.say(language, "pay.by", day="18.02.2026") in page
    assert "16 000 ₸" in page.replace("\xa0", " ")
    (claim,) = queries.statement(actor=browsing.actor(come(client, home.provider.id)), provider_id=home.provider.id,
                                 at=AT).claims  # fmt: skip
    assert claim.words["en"]
    assert all(line in page for line in claim.words["en"])
    assert texts.say("en", "act.title", number=act.number) in page
    home_page = shown(client, "/en/provider/")
    assert texts.say("en", "manage.to_sign", n=1) in home_page
    assert texts.say("en", "manage.due_on", day="18.02.2026") in home_page


def test_an_act_is_signed_once_and_says_that_the_trials_signature_has_no_force(
    club: tuple[Client, City, ServiceAct],
) -> None:
    client, home, act = club
    address = f"/en/provider/acts/{act.uuid}/sign/"
    assert texts.say("en", "act.no_force") in shown(client, address)
    sent = browsing.form_of(client.get(address).content.decode())
    answers = [client.post(address, sent) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert ActSignature.objects.count() == 1
    page = shown(client, f"/en/provider/acts/{act.uuid}/")
    assert texts.say("en", "act.force.no") in page
    assert texts.say("en", "act.sign.done") in page
    assert post(client, address).status_code == 302
    assert ActSignature.objects.count() == 1
    customer_signs(home, act)
    assert texts.say("en", "manage.to_invoice", n=1) in shown(client, "/en/provider/")


def test_signing_asks_for_a_second_factor_first(club: tuple[Client, City, ServiceAct]) -> None:
    _, home, act = club
    weak = Client()
    come(weak, home.provider.id, strong=False)
    answer = weak.get(f"/en/provider/acts/{act.uuid}/sign/")
    assert answer.status_code == 302
    assert "/step-up/" in answer["Location"]
    assert ActSignature.objects.count() == 0


def test_a_signature_brought_is_verified_and_another_documents_is_refused(
    club: tuple[Client, City, ServiceAct], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, home, act = club
    user = come(client, home.provider.id)
    iin = signing.trial_iin(user)
    commands.register_signatory(
        actor=signing._HOUSE, user_id=user, iin=iin, basis="order 7", at=AT, key=browsing.new_key()
    )
    monkeypatch.setattr(signing, "is_trial", lambda: False)
    address = f"/en/provider/acts/{act.uuid}/sign/"
    assert post(client, address).status_code == 422  # nothing brought
    writer = Writer(iin, home.provider.bin or "", "Manager")
    document = client.get(f"/en/provider/acts/{act.uuid}/act.json").content
    for content, status in ((b"another paper", 422), (document, 302)):
        made = DemoSigning().sign(content, writer, datetime(2026, 2, 10, 5, tzinfo=UTC))
        answer = post(client, address, signature=SimpleUploadedFile("act.p7s", made))
        assert answer.status_code == status, answer.content.decode()[-1500:]
    assert ActSignature.objects.get().user_id == user


def test_a_silent_signing_service_is_said_and_stores_nothing(
    club: tuple[Client, City, ServiceAct], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _, act = club

    def silent(*_: object) -> None:
        raise SigningUnavailable("no answer")

    monkeypatch.setattr(DemoSigning, "sign", silent)
    answer = post(client, f"/en/provider/acts/{act.uuid}/sign/")
    assert answer.status_code == 422
    assert texts.say("en", "act.signing_unavailable") in unescape(answer.content.decode())
    assert ActSignature.objects.count() == 0


def test_the_e_invoice_is_entered_for_the_acts_amount(club: tuple[Client, City, ServiceAct]) -> None:
    client, home, act = club
    post(client, f"/en/provider/acts/{act.uuid}/sign/")
    customer_signs(home, act)
    address = f"/en/provider/acts/{act.uuid}/invoice/"
    assert 'value="16000' in shown(client, address)
    good = {"number": invoice_number(home), "issued_on": "2026-02-10", "amount": "16000.00"}
    for wrong, reason in (
        ({"amount": "15999.99"}, "einvoice_other_amount"),
        ({"number": "ESF-1"}, "einvoice_malformed"),
        ({"issued_on": "2026-03-01"}, "einvoice_date"),
    ):
        answer = post(client, address, **(good | wrong))
        assert answer.status_code == 422
        assert texts.refusal("en", reason) in unescape(answer.content.decode())
    assert post(client, address, **good).status_code == 302
    assert EInvoice.objects.count() == 1
    assert texts.say("en", "act.state.checking") in shown(client, f"/en/provider/acts/{act.uuid}/")


def test_an_act_is_refused_with_its_reason(club: tuple[Client, City, ServiceAct]) -> None:
    client, _, act = club
    address = f"/en/provider/acts/{act.uuid}/refuse/"
    assert post(client, address, reason="").status_code == 422
    assert post(client, address, reason="two lessons too many").status_code == 302
    assert "two lessons too many" in shown(client, f"/en/provider/acts/{act.uuid}/")
    act.refresh_from_db()
    assert act.state == "refused"


def test_papers_are_files_of_the_club(club: tuple[Client, City, ServiceAct]) -> None:
    client, _, act = club
    answer = client.get(f"/en/provider/acts/{act.uuid}/act.pdf")
    assert answer.content.startswith(b"%PDF")
    assert client.get(f"/en/provider/acts/{act.uuid}/act.json").content == bytes(act.content)
    assert client.get("/ru/provider/pay/statement.pdf").content.startswith(b"%PDF")
    assert answer["Cache-Control"] == "no-store"


def test_anothers_act_is_as_unknown_as_none_and_teachers_see_no_money(club: tuple[Client, City, ServiceAct]) -> None:
    client, home, act = club
    addresses = [f"/en/provider/acts/{act.uuid}/{page}" for page in ("", "sign/", "refuse/", "invoice/", "act.pdf")]
    assert {client.get(a).status_code for a in addresses} == {200}  # the control
    stranger, teacher = Client(), Client()
    other = add_provider(home.territory)
    come(stranger, other.id)
    come(teacher, home.provider.id, Role.TEACHER)
    assert {stranger.get(a).status_code for a in addresses} == {404}
    assert {teacher.get(a).status_code for a in [*addresses, "/en/provider/pay/"]} == {403}
    assert texts.say("en", "pay.no_claims") in shown(stranger, "/en/provider/pay/")
    assert {stranger.post(a, {"key": str(browsing.new_key())}).status_code for a in addresses[1:4]} == {404}
    assert ActSignature.objects.count() == 0


def test_the_statement_asks_the_database_as_often_for_many_claims_as_for_one(client: Client) -> None:
    counts = []
    for months in ([JANUARY], [JANUARY, FEBRUARY]):
        home = city(**ALL_PAPERS)
        clock.shift_to(LATER)
        come(client, home.provider.id)
        for month in months:
            confirmed_month(home, 2, month)
            commands.draw_claims(
                actor=SYSTEM, programme_id=home.programme.id, provider_ids=[home.provider.id], month=month, at=LATER,
                key=browsing.new_key(),
            )  # fmt: skip
        shown(client, "/en/provider/pay/")
        with CaptureQueriesContext(connection) as seen:
            page = shown(client, "/en/provider/pay/")
        assert page.count('<p class="hint">C-') == len(months)
        counts.append(len(seen))
    assert counts[0] == counts[1]
