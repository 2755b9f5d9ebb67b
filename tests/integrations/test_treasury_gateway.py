"""The gateway client against a treasury that is slow, down, busy, moved, cut or talks nonsense; and the breaker."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from qosymsha.domain.settlement.ports import ReplyStatus, TreasuryUnavailable
from qosymsha.integrations.treasury import fake_gateway
from qosymsha.integrations.treasury.breaker import Breaker
from qosymsha.integrations.treasury.fake import FakeTreasury
from qosymsha.integrations.treasury.fake_gateway import FakeGateway
from qosymsha.integrations.treasury.gateway import GatewayTreasury
from tests.integrations.test_treasury import WILD, payment_file, sent

MOODS = ("slow", "down", "garbage", "cut", "busy", "moved")


@pytest.fixture
def server() -> Iterator[FakeGateway]:
    with fake_gateway.running(FakeTreasury(7, WILD)) as running:
        yield running


def client(server: FakeGateway, breaker: Breaker | None = None, token: str = "secret") -> GatewayTreasury:
    return GatewayTreasury(server.address, token, timeout_seconds=0.5, breaker=breaker)


@pytest.mark.parametrize("mood", MOODS)
def test_a_treasury_that_does_not_answer_well_has_told_nothing_and_hears_the_file_once(
    server: FakeGateway, mood: str
) -> None:
    treasury = client(server)
    server.mood = mood
    started = time.monotonic()
    with pytest.raises(TreasuryUnavailable):
        sent(treasury, payment_file())
    with pytest.raises(TreasuryUnavailable):
        treasury.replies()
    assert time.monotonic() - started < 3, "it never hangs"
    server.mood = ""
    receipt = sent(client(server), payment_file())
    assert receipt == sent(client(server), payment_file())
    server.work()
    words = treasury.replies()
    accepted = {w.end_to_end_id for w in words if w.status is ReplyStatus.ACCEPTED}
    assert len(accepted) > 10, "the backlog is told"


def test_an_answer_cut_after_the_file_arrived_does_not_send_it_twice(server: FakeGateway) -> None:
    server.mood = "cut"
    with pytest.raises(TreasuryUnavailable):
        sent(client(server), payment_file())
    server.mood = ""
    sent(client(server), payment_file())
    assert len(server.bank._own.receipts) == 1


def test_after_three_failures_nobody_waits_and_after_a_rest_one_tries() -> None:
    now = [0.0]
    breaker = Breaker(failures=3, rest_seconds=30, clock=lambda: now[0])
    asked: list[bool] = []

    def ask(*, works: bool) -> str:
        asked.append(works)
        if not works:
            raise TreasuryUnavailable("down")
        return "fine"

    for _ in range(3):
        with pytest.raises(TreasuryUnavailable, match="down"):
            breaker.call(lambda: ask(works=False))
    for _ in range(5):
        with pytest.raises(TreasuryUnavailable, match="left alone"):
            breaker.call(lambda: ask(works=True))
    assert len(asked) == 3, "an open breaker asks nobody"
    now[0] = 30.1
    with pytest.raises(TreasuryUnavailable, match="down"):
        breaker.call(lambda: ask(works=False))
    with pytest.raises(TreasuryUnavailable, match="left alone"):
        breaker.call(lambda: ask(works=True))
    now[0] = 61
    assert breaker.call(lambda: ask(works=True)) == "fine"
    assert breaker.call(lambda: ask(works=True)) == "fine"


def test_the_breaker_opens_within_ten_seconds_and_spares_the_treasury(server: FakeGateway) -> None:
    treasury = client(server)
    server.mood = "slow"
    started = time.monotonic()
    for _ in range(20):
        with pytest.raises(TreasuryUnavailable):
            treasury.replies()
    assert time.monotonic() - started < 10
    assert server.asked == 3


def test_control_without_the_breaker_each_caller_waits(server: FakeGateway) -> None:
    treasury = client(server, Breaker(failures=10**6))
    server.mood = "down"
    for _ in range(20):
        with pytest.raises(TreasuryUnavailable):
            treasury.replies()
    assert server.asked == 20


def test_a_wrong_token_and_a_plain_address_are_refused(server: FakeGateway) -> None:
    with pytest.raises(TreasuryUnavailable, match="says_no"):
        client(server, token="other").replies()
    with pytest.raises(ValueError, match="QOSYMSHA_TREASURY_ADDRESS"):
        GatewayTreasury("http://treasury.example", "secret")
    with pytest.raises(ValueError, match="QOSYMSHA_TREASURY_TOKEN"):
        GatewayTreasury("https://treasury.example", "")


def test_a_redirect_is_not_followed(server: FakeGateway) -> None:
    with fake_gateway.running(FakeTreasury(7)) as elsewhere:
        server.mood = "moved"
        with pytest.raises(TreasuryUnavailable):
            client(server).replies()
        assert elsewhere.asked == 0
