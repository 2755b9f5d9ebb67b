"""News told, notices carried out, receipts heard. The network is never spoken to inside a transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from time import perf_counter
from typing import cast

from django.conf import settings
from django.db import connection

from qosymsha.domain.messages import commands, queries, sms
from qosymsha.domain.messages.commands.making import PORTION
from qosymsha.domain.messages.commands.sending import Outcome, Outgoing
from qosymsha.domain.messages.ports import Mail, MailSender, NotTaken, Sms, SmsGateway
from qosymsha.domain.messages.states import Hitch
from qosymsha.domain.messages.terms import terms
from qosymsha.domain.people.states import Channel
from qosymsha.interfaces.jobs.duties import ACTOR
from qosymsha.interfaces.ui import notices
from qosymsha.kernel import clock
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import NotConfigured

SECONDS = 45  # of work in one call: the schedule calls again every minute
_log = logging.getLogger(__name__)
Try = Callable[[Outgoing, str], Outcome]


@dataclass(frozen=True, slots=True)
class Ways:
    """What stands behind the ports here; None where nothing does."""

    sms: SmsGateway | None
    mail: MailSender | None

    @property
    def channels(self) -> frozenset[str]:
        """The channels that notices can go by."""
        found = {Channel.SMS.value: self.sms, Channel.EMAIL.value: self.mail}
        return frozenset(channel for channel, way in found.items() if way is not None)


@cache
def ways() -> Ways:
    """One for the process: a fake keeps what it was given in memory."""
    return Ways(cast(SmsGateway | None, _adapter("sms")), cast(MailSender | None, _adapter("email")))


def _adapter(name: str) -> object | None:
    if not settings.ADAPTERS[name]:
        return None
    try:
        return cast(object, adapter(name))
    except NotConfigured as fault:
        _log.error("no notices by %s: %s", name, fault)
        return None


def make_notices(at: datetime) -> None:
    """Tell all finished news to whom it concerns. Needs no key: see the command."""
    began = perf_counter()
    while perf_counter() - began < SECONDS:
        if commands.make_notices(actor=ACTOR, at=at, ways=ways().channels) < PORTION:
            return


def remind_of_ends(at: datetime) -> None:
    """Tell of vouchers and accreditations whose last day comes near. Needs no key: see the command."""
    commands.remind_of_ends(actor=ACTOR, at=at, ways=ways().channels)


def send_notices(at: datetime) -> None:
    """Carry out what is due, each way for itself; what cannot go now waits. Hear what became of the SMS before."""
    found = ways()
    if found.sms is not None:
        hear_receipts(found.sms, at)
        send_by(Channel.SMS.value, _by_sms(found.sms, at))
    if found.mail is not None:
        send_by(Channel.EMAIL.value, _by_mail(found.mail))


def forget_notices(at: datetime) -> None:
    """Delete notices past their day. Needs no key: gone is gone."""
    while commands.forget_notices(actor=ACTOR, at=at):
        pass


def hear_receipts(gateway: SmsGateway, at: datetime) -> None:
    """Keep what became of messages, then tell the gateway that it was kept; what cannot be asked now is asked again."""
    assert not connection.in_atomic_block, "no network inside a transaction"
    try:
        words = gateway.receipts()
        if words:
            commands.hear(actor=ACTOR, receipts=words, at=at)
            gateway.acknowledge(words)
    except NotTaken as fault:
        _log.warning("receipts: %s", fault)


def send_by(channel: str, one_try: Try) -> None:
    """Send what is due on a channel, portion by portion, until nothing is, the way rests or the time is over."""
    began = perf_counter()
    while perf_counter() - began < SECONDS:
        taken = commands.claim(actor=ACTOR, channel=channel, at=clock.read())
        if not taken:
            return
        to = _addresses(channel, taken)
        for one in taken:
            if perf_counter() - began > SECONDS:
                return  # what was taken up comes back after its lease
            outcome = one_try(one, to[one.id]) if one.id in to else Outcome(hitch=Hitch.NO_ADDRESS)
            if not commands.settle(actor=ACTOR, one=one, outcome=outcome, at=clock.read()):
                _log.warning("notices by %s rest for a while: %s", channel, outcome.hitch)
                return


def _addresses(channel: str, taken: Sequence[Outgoing]) -> dict[int, str]:
    guardians = [one.guardian_id for one in taken if one.guardian_id is not None]
    if channel == Channel.SMS:
        phones = queries.phones(guardians)
        return {one.id: phones[one.guardian_id] for one in taken if one.guardian_id in phones}
    users = [one.user_id for one in taken if one.user_id is not None]
    of_guardian, of_user = queries.addresses(guardians, users)
    found = {one.id: of_guardian.get(one.guardian_id or 0) or of_user.get(one.user_id or 0) for one in taken}
    return {i: address for i, address in found.items() if address}


def _by_sms(gateway: SmsGateway, at: datetime) -> Try:
    most = terms(local_day(at)).sms_most_parts

    def one_try(one: Outgoing, phone: str) -> Outcome:
        text = notices.sms_text(one.language, _said(one), one.door, most)
        return _outcome(lambda: gateway.send(Sms(one.key, phone, text)), sms.parts_of(text).parts)

    return one_try


def _by_mail(sender: MailSender) -> Try:
    def one_try(one: Outgoing, address: str) -> Outcome:
        subject, text = notices.mail_texts(one.language, _said(one), one.door)
        return _outcome(lambda: sender.send(Mail(one.key, address, subject, text, one.language)))

    return one_try


def _said(one: Outgoing) -> notices.Said:
    return notices.said(one.language, one.door, one.kind, one.n, one.due_at)


def _outcome(send: Callable[[], str], parts: int = 0) -> Outcome:
    assert not connection.in_atomic_block, "no network inside a transaction"
    try:
        return Outcome(reference=send()[:200], parts=parts)
    except NotTaken as fault:
        return Outcome(hitch=fault.hitch, asked_seconds=fault.retry_after_seconds)
