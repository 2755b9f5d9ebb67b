"""A day of lies from the SMS gateway and the mail server: families go on, what waits goes out once when they answer.

Through the outbox, the two duties and the clients that an installation runs. While the gateway lies it takes each
message, which is the worst it can do. By day the twelve lies share a day; by night each has one of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from email import message_from_bytes
from uuid import UUID

import pytest

from qosymsha.domain.messages import standing
from qosymsha.domain.messages.models import Notice, NoticeDelivery
from qosymsha.domain.messages.ports import Mail, NotTaken, Sms
from qosymsha.domain.messages.states import OUTAGES, Hitch
from qosymsha.domain.people.commands import set_preferences
from qosymsha.domain.people.rules import Preferences
from qosymsha.domain.people.states import Topic as People
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.integrations.messages import fake_gateway, fake_smtp
from qosymsha.integrations.messages.fake import FakeSms
from qosymsha.integrations.messages.gateway import GatewaySms
from qosymsha.integrations.messages.smtp import Server, SmtpMail
from qosymsha.interfaces.jobs import notices as duty
from qosymsha.kernel.clock import local_instant
from qosymsha.runtime.processes import wait_until
from tests.factories import horizon
from tests.factories.families import named
from tests.factories.notices import CLOCK, send, states, tell
from tests.factories.vouchers import AT, key
from tests.integrations.liar import Liar, Lie, MailLiar, lying
from tests.interfaces import browsing
from tests.interfaces.test_hot_posts import Family, group_page, voucher_uuid

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]
PATIENT, SLOW = 10.0, {Lie.SILENT, Lie.DRIPS}
TURN = timedelta(minutes=45)  # of each lie: the twelve are through before it is too late for an SMS
DRAINED = timedelta(minutes=30)
MORNING = local_instant(date(2026, 9, 2), 10)
LETTER = Mail(UUID(int=1), "saule@example.kz", "Qosymsha", "Балаңызға орын ұсынылды.\n")


class Town:
    """Families with a phone and an e-mail address, each with news to be told both ways; a group with room for all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, families: int) -> None:
        self.patch, self.sms = monkeypatch, FakeSms()
        _, self.page, _, self.held = group_page(families, families)
        guardians = [guardian for *_, guardian in self.held]
        named(*[("guardian", one, "Әлиева", "Сәуле") for one in guardians])
        for _, child, guardian in self.held:
            wish = Preferences("kk", frozenset({"sms", "email"}), f"m{guardian}@example.kz")
            set_preferences(actor=browsing.actor(browsing.guardian_user(guardian)), wish=wish, at=AT, key=key())
            tell(People.GUARDIANSHIP_ENDED, "child", [child], AT, guardian_id=guardian)
        self.speaks_to("http://127.0.0.1:1", 1)
        self.make(AT)
        assert self.waiting() == {"sms": {"waiting": families}, "email": {"waiting": families}}

    def make(self, at: datetime) -> None:
        """Tell all news: what other tests have running does not hold it back."""
        horizon.settled_beside()
        duty.make_notices(at)

    def waiting(self) -> dict[str, dict[str, int]]:
        """States of the messages, by way."""
        return {way: states(way) for way in ("sms", "email")}

    def is_drained(self) -> bool:
        """Everything has gone."""
        return self.waiting() == {way: {"sent": len(self.held)} for way in ("sms", "email")}

    @contextmanager
    def lied_to(self, lie: Lie) -> Iterator[tuple[Liar, Liar]]:
        """Both machines lie: the gateway and the mail server."""
        # "Ask elsewhere" is a mail server's last word on an address: it has a test of its own.
        by_mail = Lie.NO if lie is Lie.MOVED else lie
        with lying(lie, heard=self._hears) as (gateway, elsewhere), lying(by_mail, MailLiar) as (server, _):
            self.speaks_to(gateway.address, server.port, patience(lie))
            yield gateway, server
            assert elsewhere.asked == 0

    @contextmanager
    def answered(self) -> Iterator[fake_smtp.FakeSmtp]:
        """Both machines do what they should."""
        with fake_gateway.serving(self.sms, "t") as gateway, fake_smtp.serving() as server:
            self.speaks_to(gateway.address, server.port)
            yield server

    def takes_a_place(self, number: int) -> None:
        """One more family takes a place on its page."""
        voucher, _, guardian = self.held[number]
        taken, _ = Family(guardian, self.page).send(voucher=voucher_uuid(voucher), starts_on="2026-09-01")
        assert taken.status_code == 302

    def _hears(self, question: bytes) -> None:
        said = json.loads(question)
        if "text" in said:
            self.sms.take(Sms(UUID(said["key"]), said["to"], said["text"]))

    def speaks_to(self, gateway: str, port: int, seconds: float = PATIENT) -> None:
        """From now on the duties find these machines behind their ports."""
        ways = duty.Ways(GatewaySms(gateway, "t", seconds), mail(port, seconds))
        self.patch.setattr(duty, "ways", lambda: ways)


def mail(port: int, seconds: float = PATIENT) -> SmtpMail:
    """The client of a mail server on this machine."""
    return SmtpMail(Server("127.0.0.1", port), "no-reply@example.kz", seconds)


def patience(lie: Lie) -> float:
    """Seconds for an answer: few where none comes, so that a busy machine is not taken for a silent one."""
    return 0.2 if lie in SLOW else PATIENT


def drain(town: Town, began: datetime) -> list[bytes]:
    """Run the duty each five minutes until all has gone; the letters that the server took."""
    with town.answered() as server:
        at = began
        while not town.is_drained():
            assert at <= began + DRAINED, town.waiting()
            send(at)
            at += timedelta(minutes=5)
    assert [(way.failures, way.waiting) for way in standing.standing(actor=CLOCK, at=at).ways] == [(0, 0), (0, 0)]
    return server.taken


def letters(taken: Sequence[bytes]) -> list[str]:
    """Their Message-IDs."""
    return [str(message_from_bytes(one)["Message-ID"]) for one in taken]


def test_a_day_of_twelve_lies_stops_no_family_and_drains_once(monkeypatch: pytest.MonkeyPatch) -> None:
    town = Town(monkeypatch, len(Lie))
    for turn, lie in enumerate(Lie):
        with town.lied_to(lie) as (gateway, server):
            send(AT + turn * TURN)
            town.takes_a_place(turn)
            # Receipts and one message, one letter: a way that has failed is tried by one for all.
            asked = (0, 0) if lie is Lie.CLOSED else (2, 1)
            assert wait_until(lambda: (gateway.asked, server.asked) == asked, 30), lie  # noqa: B023 - called at once
        assert town.waiting() == {way: {"waiting": len(Lie)} for way in ("sms", "email")}, lie
    with town.lied_to(Lie.ENDLESS):
        for night in (local_instant(date(2026, 9, 1), 23), local_instant(date(2026, 9, 2), 5)):
            send(night)
    assert Enrolment.objects.count() == len(Lie), "enrolment went on"
    sent = letters(drain(town, MORNING))
    assert sorted(one.key for one in town.sms.taken) == sorted(keys("sms")), "each once"
    assert len(sent) == len(set(sent)) == len(Lie)
    town.make(MORNING)
    assert Notice.objects.filter(kind="place_taken").count() == len(Lie), "what happened meanwhile is told, once"


def keys(way: str) -> list[UUID]:
    """The keys of a way's messages."""
    return list(NoticeDelivery.objects.filter(channel=way).values_list("key", flat=True))


def test_control_a_gateway_that_forgets_keys_sends_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    town = Town(monkeypatch, 2)
    town.sms.keeps_keys = False
    with town.lied_to(Lie.HANGS_UP):
        send(AT)
    drain(town, AT + timedelta(hours=1))
    taken = [one.key for one in town.sms.taken]
    assert len(taken) > len(set(taken)), "red: only the gateway's memory of keys keeps a second from going"


def test_control_without_the_call_after_an_outage_the_backlog_waits_for_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    town = Town(monkeypatch, 2)
    monkeypatch.setattr("qosymsha.domain.messages.commands.sending._WAITED", "SELECT %(at)s, %(channel)s, %(outages)s")
    with town.lied_to(Lie.BROKEN):
        for minutes in range(0, 300, 15):
            send(AT + timedelta(minutes=minutes))
    with pytest.raises(AssertionError, match="waiting"):
        drain(town, AT + timedelta(hours=5))


@pytest.mark.skipif(os.environ.get("LOOKS") != "whole", reason="minutes: LOOKS=whole, as the night sets it")
@pytest.mark.parametrize("lie", Lie)
def test_a_whole_day_of_one_lie_drains_once(lie: Lie, monkeypatch: pytest.MonkeyPatch) -> None:
    town = Town(monkeypatch, 12)
    with town.lied_to(lie):
        for minutes in range(0, 24 * 60, 20):
            send(AT + timedelta(minutes=minutes))
            if minutes < 240:
                town.takes_a_place(minutes // 20)
            assert town.waiting() == {way: {"waiting": 12} for way in ("sms", "email")}
    sent = letters(drain(town, MORNING))
    assert sorted(one.key for one in town.sms.taken) == sorted(keys("sms"))
    assert len(sent) == len(set(sent)) == Enrolment.objects.count() == 12


# What a mail server alone can do


def test_another_address_that_a_mail_server_names_is_not_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """551 is its last word on an address (RFC 5321 3.4): the person has the notice on the page, the operator a line."""
    town = Town(monkeypatch, 1)
    with lying(Lie.MOVED, MailLiar) as (server, elsewhere):
        town.speaks_to("http://127.0.0.1:1", server.port)
        send(AT)
        assert (server.asked, elsewhere.asked) == (1, 0)
    assert (states("email"), NoticeDelivery.objects.get(channel="email").hitch) == ({"failed": 1}, "refused")
    (way,) = (one for one in standing.standing(actor=CLOCK, at=AT).ways if one.channel == "email")
    assert way.failed == {"refused": 1}


@pytest.mark.parametrize("lie", sorted(set(Lie) - {Lie.CLOSED}))
def test_a_letter_taken_and_not_said_so_comes_again_under_its_own_id(lie: Lie) -> None:
    """SMTP knows no keys: a second try may be a second letter, and its Message-ID is what a mail box tells it by."""
    taken: list[bytes] = []
    for answers in (False, True):
        with lying(lie, MailLiar, taken.append, at=b"DATA") as (liar, _), fake_smtp.serving() as server:
            if answers:
                mail(server.port).send(LETTER)
                taken += server.taken
            else:
                with pytest.raises(NotTaken) as caught:
                    mail(liar.port, patience(lie)).send(LETTER)
                assert caught.value.hitch in OUTAGES, "it is tried again"
    assert len(taken) == 2
    assert len(set(letters(taken))) == 1


@pytest.mark.parametrize("lie", sorted(set(Lie) - {Lie.CLOSED}))
def test_a_letter_that_was_taken_is_sent_whatever_is_said_at_parting(lie: Lie) -> None:
    taken: list[bytes] = []
    with lying(lie, MailLiar, taken.append, at=b"QUIT") as (liar, _):
        assert str(LETTER.key) in mail(liar.port, patience(lie)).send(LETTER)
    assert len(taken) == 1


def test_reasons_for_a_letter_that_did_not_go_are_told_apart() -> None:
    said = {}
    for lie in Lie:
        with lying(lie, MailLiar) as (liar, _), pytest.raises(NotTaken) as caught:
            mail(liar.port, patience(lie)).send(LETTER)
        said[lie] = caught.value.hitch
    assert {one for one, hitch in said.items() if hitch is Hitch.TIMED_OUT} == {Lie.SILENT, Lie.DRIPS}
    assert {one for one, hitch in said.items() if hitch is Hitch.REFUSED} == {Lie.MOVED}
    assert {one for one, hitch in said.items() if hitch is Hitch.BUSY} == {Lie.BUSY}
