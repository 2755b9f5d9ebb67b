"""Fake and client answer alike, well-behaved or not: an SMS gateway over HTTP, a mail server over SMTP."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from uuid import UUID

import pytest
from django.test import override_settings

from qosymsha.domain.messages.ports import Mail, MailSender, NotTaken, Receipt, Sms, SmsGateway
from qosymsha.domain.messages.sms import parts_of
from qosymsha.domain.messages.states import OUTAGES, Hitch
from qosymsha.domain.people.ports import CodeNotSent
from qosymsha.integrations.codes.gateway import GatewayCodeSender
from qosymsha.integrations.messages import fake_gateway, fake_smtp, wire
from qosymsha.integrations.messages.fake import HITCHES, RETRY_AFTER_SECONDS, FakeMail, FakeSms, Mode
from qosymsha.integrations.messages.gateway import ADDRESS, TOKEN, GatewaySms
from qosymsha.integrations.messages.smtp import SENDER, SERVER, Server, SmtpMail
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import NotConfigured
from tests.security.test_tls import certificate

FIRST, SECOND = UUID(int=1), UUID(int=2)
MESSAGE = Sms(FIRST, "+77770001122", "Qosymsha: Балаңызға орын ұсынылды.")
LETTER = Mail(FIRST, "saule@example.kz", "Qosymsha: хабарлама", "Балаңызға орын ұсынылды.\n", "kk")
Senders = Callable[[Mode], AbstractContextManager[tuple[MailSender, Callable[[], int]]]]
Gateways = Callable[[FakeSms], AbstractContextManager[SmsGateway]]


@contextmanager
def _fake(sms: FakeSms) -> Iterator[SmsGateway]:
    yield sms


@contextmanager
def _client(sms: FakeSms) -> Iterator[SmsGateway]:
    with fake_gateway.serving(sms, "secret") as gateway:
        yield GatewaySms(gateway.address, "secret", timeout_seconds=0.3 if sms.mode is Mode.SLOW else 10)


both = pytest.mark.parametrize("gateway_of", [_fake, _client], ids=["fake", "client"])


@both
def test_a_key_again_is_the_same_message(gateway_of: Gateways) -> None:
    sms = FakeSms()
    with gateway_of(sms) as gateway:
        first = gateway.send(MESSAGE)
        assert gateway.send(MESSAGE) == first
        assert gateway.send(Sms(SECOND, MESSAGE.phone, MESSAGE.text)) != first
    assert [one.key for one in sms.taken] == [FIRST, SECOND]
    assert sms.taken[0] == MESSAGE


@both
@pytest.mark.parametrize("mode", sorted(HITCHES))
def test_a_message_that_did_not_go_says_why_and_names_nobody(gateway_of: Gateways, mode: Mode) -> None:
    sms = FakeSms()
    sms.mode = mode
    with gateway_of(sms) as gateway:
        for ask in (lambda: gateway.send(MESSAGE), gateway.receipts):
            with pytest.raises(NotTaken) as caught:
                ask()
            assert caught.value.hitch is HITCHES[mode]
            assert caught.value.hitch in OUTAGES
            assert caught.value.retry_after_seconds == (RETRY_AFTER_SECONDS if mode is Mode.BUSY else None)
            assert "7770001122" not in str(caught.value) + repr(MESSAGE)
    assert len(sms.taken) == (mode is Mode.TAKES_AND_FAILS)


@both
def test_taken_and_not_said_so_it_is_known_by_its_key(gateway_of: Gateways) -> None:
    sms = FakeSms()
    sms.mode = Mode.TAKES_AND_FAILS
    with gateway_of(sms) as gateway:
        with pytest.raises(NotTaken):
            gateway.send(MESSAGE)
        sms.mode = Mode.ANSWERS
        assert gateway.send(MESSAGE) == "sms-1"
    assert len(sms.taken) == 1


@both
def test_a_message_refused_for_good_is_told_apart(gateway_of: Gateways) -> None:
    sms = FakeSms()
    sms.mode = Mode.REFUSES
    with gateway_of(sms) as gateway, pytest.raises(NotTaken) as caught:
        gateway.send(MESSAGE)
    assert caught.value.hitch is Hitch.REFUSED
    assert Hitch.REFUSED not in OUTAGES


@both
def test_receipts_come_until_they_are_acknowledged(gateway_of: Gateways) -> None:
    sms = FakeSms()
    sms.words = [Receipt("w1", str(FIRST), True), Receipt("w2", str(SECOND), False), Receipt("w3", "of others", True)]
    with gateway_of(sms) as gateway:
        assert gateway.receipts() == gateway.receipts() == sms.words
        gateway.acknowledge(sms.words[:2])
        assert [one.id for one in gateway.receipts()] == ["w3"]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{}", b'{"key": "x", "reference": "r"}', f'{{"key": "{FIRST}"}}'.encode(), b"\xff",
     f'{{"key": "{FIRST}", "reference": ""}}'.encode(), f'{{"key": "{FIRST}", "reference": 7}}'.encode(),
     f'{{"key": "{SECOND}", "reference": "r"}}'.encode(), b"[" * 100_000],
)  # fmt: skip
def test_an_answer_not_as_agreed_is_none(body: bytes) -> None:
    with pytest.raises(NotTaken) as caught:
        wire.reference(body, MESSAGE)
    assert caught.value.hitch is Hitch.UNREADABLE


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"receipts": {}}', b'{"receipts": [1]}', b'{"receipts": [{"id": "1", "key": "k"}]}',
     b'{"receipts": [{"id": 1, "key": "k", "state": "failed"}]}', b'{"receipts": [{"id":"1","key":"k","state":"x"}]}'],
)  # fmt: skip
def test_receipts_not_as_agreed_are_none(body: bytes) -> None:
    with pytest.raises(NotTaken):
        wire.receipts(body)


def test_a_wrong_token_and_a_closed_door_are_outages_and_nobodys_number_stands_in_an_address() -> None:
    sms = FakeSms()
    with fake_gateway.serving(sms, "secret") as gateway:
        for token, hitch in (("guess", Hitch.SAYS_NO), ("secret", None)):
            if hitch is None:
                GatewaySms(gateway.address, token).send(MESSAGE)
            else:
                with pytest.raises(NotTaken) as caught:
                    GatewaySms(gateway.address, token).send(MESSAGE)
                assert caught.value.hitch is hitch
        assert set(gateway.asked) == {"POST /v1/messages HTTP/1.1"}
    with pytest.raises(NotTaken) as caught:
        GatewaySms(gateway.address, "secret", timeout_seconds=2).send(MESSAGE)
    assert caught.value.hitch is Hitch.UNREACHABLE


def test_a_one_time_code_goes_by_the_same_gateway_in_one_part_and_is_not_shown() -> None:
    sms = FakeSms()
    with fake_gateway.serving(sms, "secret") as gateway:
        sender = GatewayCodeSender(GatewaySms(gateway.address, "secret"))
        for language in ("kk", "ru", "en"):
            assert sender.send(MESSAGE.phone, "012345", language) == ""
        sms.mode = Mode.BUSY
        with pytest.raises(CodeNotSent):
            sender.send(MESSAGE.phone, "012345", "kk")
    assert len({one.text for one in sms.taken}) == 3
    assert all("012345" in one.text and parts_of(one.text).parts == 1 for one in sms.taken)


# E-mail


@contextmanager
def _fake_mail(mode: Mode) -> Iterator[tuple[MailSender, Callable[[], int]]]:
    sender = FakeMail()
    sender.mode = mode
    yield sender, lambda: len(sender.taken)


@contextmanager
def _smtp(mode: Mode) -> Iterator[tuple[MailSender, Callable[[], int]]]:
    with fake_smtp.serving() as server:
        server.mode = mode
        seconds = 0.3 if mode is Mode.SLOW else 10
        yield SmtpMail(Server("127.0.0.1", server.port), "no-reply@example.kz", seconds), lambda: len(server.taken)


mail_both = pytest.mark.parametrize("sender_of", [_fake_mail, _smtp], ids=["fake", "client"])


@mail_both
def test_a_letter_goes_under_one_message_id(sender_of: Senders) -> None:
    with sender_of(Mode.ANSWERS) as (sender, taken):
        first = sender.send(LETTER)
        assert sender.send(LETTER) == first
        assert str(FIRST) in first
        assert taken() == 2


@mail_both
@pytest.mark.parametrize("mode", sorted(set(HITCHES) | {Mode.REFUSES}))
def test_a_letter_that_did_not_go_says_whether_it_ever_can(sender_of: Senders, mode: Mode) -> None:
    with sender_of(mode) as (sender, _):
        with pytest.raises(NotTaken) as caught:
            sender.send(LETTER)
        assert (caught.value.hitch is Hitch.REFUSED) is (mode is Mode.REFUSES)
        assert mode is Mode.REFUSES or caught.value.hitch in OUTAGES
        assert "saule" not in str(caught.value) + repr(LETTER)


def test_a_letter_reads_as_it_was_written() -> None:
    with fake_smtp.serving() as server:
        SmtpMail(Server("127.0.0.1", server.port), "no-reply@example.kz").send(LETTER)
    whole = message_from_bytes(server.taken[0], policy=default)
    assert (whole["Subject"], whole["To"], whole["Auto-Submitted"]) == (
        LETTER.subject,
        LETTER.address,
        "auto-generated",
    )
    assert whole.get_content().replace("\r\n", "\n") == LETTER.text


def test_nobody_adds_headers_of_their_own() -> None:
    bad = Mail(FIRST, "a@b.kz\r\nBcc: all@b.kz", "x", "y")
    with fake_smtp.serving() as server:
        sender = SmtpMail(Server("127.0.0.1", server.port), "no-reply@example.kz")
        with pytest.raises(NotTaken) as caught:
            sender.send(bad)
    assert caught.value.hitch is Hitch.REFUSED
    assert server.taken == []


def test_a_letter_leaves_this_machine_only_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_smtp.serving() as server:
        monkeypatch.setattr(Server, "is_local", property(lambda _: False))
        with pytest.raises(NotTaken):  # this server knows no STARTTLS
            SmtpMail(Server("127.0.0.1", server.port), "no-reply@example.kz").send(LETTER)
    assert server.taken == []


def test_a_mail_server_with_a_strangers_certificate_is_an_outage_and_not_the_letters_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate that ran out at night, or a stranger on the line, must not end a day's letters for good."""
    seal = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    seal.load_cert_chain(*certificate(tmp_path))
    with fake_smtp.serving() as server:
        server.socket = seal.wrap_socket(server.socket, server_side=True)
        monkeypatch.setattr("qosymsha.integrations.messages.smtp._WHOLE_TLS_PORT", server.port)
        with pytest.raises(NotTaken) as caught:
            SmtpMail(Server("localhost", server.port), "no-reply@example.kz", 10).send(LETTER)
    assert caught.value.hitch is Hitch.UNREACHABLE
    assert server.taken == []


# By their settings


def test_adapters_say_which_setting_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    room = "qosymsha.integrations.messages"
    path = {"sms": f"{room}.gateway:GatewaySms", "email": f"{room}.smtp:SmtpMail"}
    for name in (ADDRESS, TOKEN, SERVER, SENDER):
        monkeypatch.delenv(name, raising=False)
    with override_settings(ADAPTERS=path):
        for port, lacking in (("sms", ADDRESS), ("email", SERVER)):
            with pytest.raises(NotConfigured, match=lacking):
                adapter(port)
        monkeypatch.setenv(ADDRESS, "https://sms.example.kz")
        monkeypatch.setenv(SERVER, "mail.example.kz:587")
        for port, lacking in (("sms", TOKEN), ("email", SENDER)):
            with pytest.raises(NotConfigured, match=lacking):
                adapter(port)
        monkeypatch.setenv(TOKEN, "t")
        monkeypatch.setenv(SENDER, "no-reply@example.kz")
        assert isinstance(adapter("sms"), GatewaySms)
        assert isinstance(adapter("email"), SmtpMail)
        monkeypatch.setenv(ADDRESS, "http://sms.example.kz")
        with pytest.raises(NotConfigured, match="https"):
            adapter("sms")


@pytest.mark.parametrize("port", ["sms", "email"])
def test_fakes_send_nothing_in_production(port: str) -> None:
    fakes = {
        one: f"qosymsha.integrations.messages.fake:Fake{name}" for one, name in (("sms", "Sms"), ("email", "Mail"))
    }
    with override_settings(PRODUCTION=True, ADAPTERS=fakes), pytest.raises(NotConfigured):
        adapter(port)
