"""What a way out must do: a gateway for SMS, a sender of e-mail. Client and fake pass the same tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from qosymsha.domain.messages.states import Hitch


class NotTaken(Exception):
    """The message did not go; `hitch` says why, `retry_after_seconds` what a busy gateway asked for.

    After `timed_out`, `unreachable` and `unreadable` nobody knows whether it was taken: it is sent again under its key.
    """

    def __init__(self, hitch: Hitch, retry_after_seconds: int | None = None) -> None:
        super().__init__(hitch.value)
        self.hitch = hitch
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Sms:
    """An SMS: the key it is known by for ever, a phone (`+7…`), a text. Phone and text are never printed."""

    key: UUID
    phone: str = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail in plain text; `key` makes its Message-ID, the same at every try."""

    key: UUID
    address: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    language: str = "kk"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an SMS, as the gateway says: `id` names this word of it, `key` the message."""

    id: str
    key: str
    is_delivered: bool


class SmsGateway(Protocol):
    """Hands SMS over, and hears what became of them. Called outside any transaction."""

    def send(self, message: Sms) -> str:
        """The gateway's reference. The same key again is the same message: it is not sent twice.

        Raises:
            NotTaken: see there; `refused` where this message can never go.
        """
        ...

    def receipts(self) -> list[Receipt]:
        """Words not acknowledged yet, in any order, possibly again; [] where there are none.

        Raises:
            NotTaken: it cannot be asked now.
        """
        ...

    def acknowledge(self, receipts: Sequence[Receipt]) -> None:
        """Tell the gateway that these words were stored.

        Raises:
            NotTaken: it cannot be told now; the words will come again.
        """
        ...


class MailSender(Protocol):
    """Hands e-mails to a server. Called outside any transaction."""

    def send(self, mail: Mail) -> str:
        """The Message-ID. A try repeated after a cut connection may arrive twice, under one Message-ID.

        Raises:
            NotTaken: see there; `refused` where the server refuses this address for good.
        """
        ...
