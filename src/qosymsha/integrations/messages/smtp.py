"""E-mail over SMTP: always encrypted, but for a server on this machine; one connection a message.

The whole conversation is bounded in time, each answer in size: a server that drips or never stops talking holds nobody.
A letter that the server has taken is sent, whatever the server says or does after that.
"""

from __future__ import annotations

import io
import os
import smtplib
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from qosymsha.domain.messages.ports import Mail, NotTaken
from qosymsha.domain.messages.states import Hitch
from qosymsha.integrations.messages.letter import letter
from qosymsha.integrations.outgoing import Bounded, TooMuch
from qosymsha.runtime.secrets import secret

SERVER, SENDER = "QOSYMSHA_SMTP", "QOSYMSHA_MAIL_FROM"
USER, PASSWORD = "QOSYMSHA_SMTP_USER", "QOSYMSHA_SMTP_PASSWORD"  # noqa: S105 - names of settings
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_WHOLE_TLS_PORT = 465
_FIRST_BUSY, _FOR_GOOD = 400, range(500, 600)
_MOST_BYTES = 64 * 1024  # of what a server says up to a change of the line


class _Bounded:
    """What an SMTP connection hears, until a moment and up to a size."""

    sock: Any
    file: Any

    def __init__(self, *where: Any, ends: float, **more: Any) -> None:
        self._ends = ends
        super().__init__(*where, **more)

    def getreply(self) -> tuple[int, bytes]:
        """As the standard library's, which would read for as long as something comes."""
        if self.file is None:
            self.file = io.BufferedReader(Bounded(self.sock, self._ends, _MOST_BYTES))
        return super().getreply()  # type: ignore[misc,no-any-return]


class _Plain(_Bounded, smtplib.SMTP):
    """A line that is sealed later, or leads to this machine."""


class _Sealed(_Bounded, smtplib.SMTP_SSL):
    """A line that is sealed from its first word."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is, and who we are to it; a password is never printed."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_local(self) -> bool:
        """True for a server on this machine, to which plain text may go."""
        return self.host in _LOCAL


class SmtpMail:
    """Hands e-mails to the operator's server.

    Raises:
        ValueError: no server as host:port, or no sender's address.
    """

    def __init__(self, server: Server | None = None, sender: str | None = None, timeout_seconds: float = 10) -> None:
        self._server = server or _from_environment()
        self._sender = sender if sender is not None else os.environ.get(SENDER, "")
        self._timeout = timeout_seconds
        if "@" not in self._sender or "\n" in self._sender:
            raise ValueError(f"{SENDER}: give the address that notices come from")

    def send(self, mail: Mail) -> str:
        """As the port says.

        Raises:
            NotTaken: see the port.
        """
        try:
            whole = letter(mail, self._sender)
        except ValueError as fault:
            raise NotTaken(Hitch.REFUSED) from fault
        try:
            self._hand_over(whole)
        except smtplib.SMTPRecipientsRefused as fault:
            codes = [code for code, _ in fault.recipients.values()]
            raise NotTaken(Hitch.REFUSED if all(code in _FOR_GOOD for code in codes) else Hitch.BUSY) from fault
        except smtplib.SMTPAuthenticationError as fault:
            raise NotTaken(Hitch.SAYS_NO) from fault
        except smtplib.SMTPResponseException as fault:
            raise NotTaken(_hitch(fault.smtp_code)) from fault
        except UnicodeError as fault:
            raise NotTaken(Hitch.REFUSED) from fault
        except (smtplib.SMTPException, OSError) as fault:
            raise NotTaken(_why(fault)) from fault
        return str(whole["Message-ID"])

    def _hand_over(self, whole: EmailMessage) -> None:
        smtp = self._connected()
        try:
            smtp.send_message(whole)
        finally:
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()

    def _connected(self) -> smtplib.SMTP:
        server, seal, timeout = self._server, ssl.create_default_context(), self._timeout
        ends = time.monotonic() + timeout
        if server.port == _WHOLE_TLS_PORT:
            smtp: smtplib.SMTP = _Sealed(server.host, server.port, timeout=timeout, context=seal, ends=ends)
        else:
            smtp = _Plain(server.host, server.port, timeout=timeout, ends=ends)
        try:
            if server.port != _WHOLE_TLS_PORT and not server.is_local:
                smtp.starttls(context=seal)
            if server.user:
                smtp.login(server.user, server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp


def _why(fault: Exception) -> Hitch:
    """The standard library says "unexpectedly closed" of a line that it closed itself, for want of words in time."""
    cause = fault.__context__ if isinstance(fault, smtplib.SMTPServerDisconnected) else fault
    if isinstance(cause, TimeoutError):
        return Hitch.TIMED_OUT
    return Hitch.UNREADABLE if isinstance(cause, TooMuch) else Hitch.UNREACHABLE


def _hitch(code: int) -> Hitch:
    if code in _FOR_GOOD:
        return Hitch.SAYS_NO
    return Hitch.BUSY if code >= _FIRST_BUSY else Hitch.UNREADABLE


def _from_environment() -> Server:
    host, _, port = os.environ.get(SERVER, "").rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"{SERVER}: give the mail server as host:port, such as mail.example.kz:587")
    return Server(host, int(port), os.environ.get(USER, ""), secret(PASSWORD))
