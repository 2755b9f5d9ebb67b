"""E-mail over SMTP: always encrypted, but for a server on this machine; one connection a message, bounded in time."""

from __future__ import annotations

import os
import smtplib
import ssl
from dataclasses import dataclass, field

from qosymsha.domain.messages.ports import Mail, NotTaken
from qosymsha.domain.messages.states import Hitch
from qosymsha.integrations.messages.letter import letter

SERVER, SENDER = "QOSYMSHA_SMTP", "QOSYMSHA_MAIL_FROM"
USER, PASSWORD = "QOSYMSHA_SMTP_USER", "QOSYMSHA_SMTP_PASSWORD"  # noqa: S105 - names of settings
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
_WHOLE_TLS_PORT = 465
_FIRST_BUSY, _FOR_GOOD = 400, range(500, 600)


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
            with self._connected() as smtp:
                smtp.send_message(whole)
        except ValueError as fault:
            raise NotTaken(Hitch.REFUSED) from fault
        except smtplib.SMTPRecipientsRefused as fault:
            codes = [code for code, _ in fault.recipients.values()]
            raise NotTaken(Hitch.REFUSED if all(code in _FOR_GOOD for code in codes) else Hitch.BUSY) from fault
        except smtplib.SMTPAuthenticationError as fault:
            raise NotTaken(Hitch.SAYS_NO) from fault
        except smtplib.SMTPResponseException as fault:
            raise NotTaken(_hitch(fault.smtp_code)) from fault
        except TimeoutError as fault:
            raise NotTaken(Hitch.TIMED_OUT) from fault
        except (smtplib.SMTPException, OSError) as fault:
            raise NotTaken(Hitch.UNREACHABLE) from fault
        return str(whole["Message-ID"])

    def _connected(self) -> smtplib.SMTP:
        server, seal = self._server, ssl.create_default_context()
        if server.port == _WHOLE_TLS_PORT:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=self._timeout, context=seal)
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=self._timeout)
        try:
            if server.port != _WHOLE_TLS_PORT and not server.is_local:
                smtp.starttls(context=seal)
            if server.user:
                smtp.login(server.user, server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp


def _hitch(code: int) -> Hitch:
    if code in _FOR_GOOD:
        return Hitch.SAYS_NO
    return Hitch.BUSY if code >= _FIRST_BUSY else Hitch.UNREADABLE


def _from_environment() -> Server:
    host, _, port = os.environ.get(SERVER, "").rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"{SERVER}: give the mail server as host:port, such as mail.example.kz:587")
    return Server(host, int(port), os.environ.get(USER, ""), os.environ.get(PASSWORD, ""))
