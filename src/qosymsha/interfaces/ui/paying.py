"""Who pays: the institution of `QOSYMSHA_PAYER="name;BIN;IBAN;BIC"`; a trial has one of its own."""

from __future__ import annotations

from os import environ

from django.conf import settings

from qosymsha.domain.settlement.rules.payment_file import Payer

PAYER = "QOSYMSHA_PAYER"
_TRIAL = Payer("Trial department", "251340000003", "KZ90999TEST000000001", "TRIAKZKA")


def payer() -> Payer | None:
    """The institution that pays, or None where the installation does not say it, or not whole."""
    text = environ.get(PAYER, "")
    if not text and not settings.PRODUCTION:
        return _TRIAL
    parts = [part.strip() for part in text.split(";")]
    return Payer(*parts) if len(parts) == 4 and all(parts) else None
