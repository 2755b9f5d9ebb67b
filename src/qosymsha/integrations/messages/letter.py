"""An e-mail in plain text, with the headers that say it was written by a machine; the same key, the same Message-ID."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

from qosymsha.domain.messages.ports import Mail


def letter(mail: Mail, sender: str) -> EmailMessage:
    """The whole message.

    Raises:
        ValueError: an address or the subject holds a line break: nobody adds headers of their own.
    """
    whole = EmailMessage(policy=SMTP)
    whole["From"] = sender
    whole["To"] = mail.address
    whole["Subject"] = mail.subject
    whole["Message-ID"] = f"<{mail.key}@{sender.rpartition('@')[2].rstrip('>')}>"
    whole["Content-Language"] = mail.language
    whole["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers back
    whole.set_content(mail.text)
    return whole
