"""Trials and tests: a gateway that keeps keys and lies on demand, and a sender that puts e-mails down in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from django.conf import settings

from qosymsha.domain.messages.ports import Mail, NotTaken, Receipt, Sms
from qosymsha.domain.messages.states import Hitch
from qosymsha.integrations.messages.letter import letter

RETRY_AFTER_SECONDS = 120


class Mode(StrEnum):
    """How the fake answers the next questions."""

    ANSWERS = "answers"
    SLOW = "slow"
    GARBAGE = "garbage"
    CUT = "cut"
    BUSY = "busy"
    SAYS_NO = "says_no"
    TAKES_AND_FAILS = "takes_and_fails"  # 500 after having taken the message
    REFUSES = "refuses"  # this message, for good


HITCHES = {
    Mode.SLOW: Hitch.TIMED_OUT,
    Mode.GARBAGE: Hitch.UNREADABLE,
    Mode.CUT: Hitch.UNREADABLE,
    Mode.BUSY: Hitch.BUSY,
    Mode.SAYS_NO: Hitch.SAYS_NO,
    Mode.TAKES_AND_FAILS: Hitch.UNREACHABLE,
}


class FakeSms:
    """Sends nothing; remembers what it took by key, so that a key again is the same message.

    `taken` are the messages that would have gone out, in order; `keeps_keys` off is the control: each try is a message.

    Raises:
        ValueError: in production.
    """

    def __init__(self) -> None:
        if settings.PRODUCTION:
            raise ValueError("a fake gateway sends nothing: set QOSYMSHA_SMS to a real one")
        self.mode = Mode.ANSWERS
        self.keeps_keys = True
        self.taken: list[Sms] = []
        self.tries = 0
        self.words: list[Receipt] = []
        self._known: dict[UUID, str] = {}

    def send(self, message: Sms) -> str:
        """As the port says.

        Raises:
            NotTaken: as the mode says.
        """
        self.tries += 1
        if self.mode is Mode.REFUSES:
            raise NotTaken(Hitch.REFUSED)
        if self.mode in (Mode.ANSWERS, Mode.TAKES_AND_FAILS):
            reference = self.take(message)
            if self.mode is Mode.ANSWERS:
                return reference
        raise self._hitch()

    def take(self, message: Sms) -> str:
        """Take a message, unless its key is known."""
        if self.keeps_keys and message.key in self._known:
            return self._known[message.key]
        self.taken.append(message)
        return self._known.setdefault(message.key, f"sms-{len(self.taken)}")

    def receipts(self) -> list[Receipt]:
        """As the port says; `words` are what it says until they are acknowledged.

        Raises:
            NotTaken: as the mode says.
        """
        if self.mode in HITCHES:
            raise self._hitch()
        return list(self.words)

    def acknowledge(self, receipts: Sequence[Receipt]) -> None:
        """As the port says.

        Raises:
            NotTaken: as the mode says.
        """
        if self.mode in HITCHES:
            raise self._hitch()
        told = {one.id for one in receipts}
        self.words = [one for one in self.words if one.id not in told]

    def _hitch(self) -> NotTaken:
        return NotTaken(HITCHES[self.mode], RETRY_AFTER_SECONDS if self.mode is Mode.BUSY else None)


class FakeMail:
    """Sends nothing; puts each e-mail down as a file where the settings name a folder, else keeps the last hundred.

    Raises:
        ValueError: in production.
    """

    def __init__(self) -> None:
        if settings.PRODUCTION:
            raise ValueError("a fake sender sends nothing: set QOSYMSHA_EMAIL to a real one")
        self.mode = Mode.ANSWERS
        self.taken: list[Mail] = []
        self._folder = Path(settings.MAIL_FOLDER) if settings.MAIL_FOLDER else None

    def send(self, mail: Mail) -> str:
        """As the port says.

        Raises:
            NotTaken: as the mode says.
        """
        if self.mode is Mode.REFUSES:
            raise NotTaken(Hitch.REFUSED)
        if self.mode in HITCHES:
            raise NotTaken(HITCHES[self.mode])
        whole = letter(mail, "trial@qosymsha.invalid")
        self.taken = [*self.taken[-99:], mail]
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"{mail.key}.eml").write_bytes(bytes(whole))
        return str(whole["Message-ID"])
