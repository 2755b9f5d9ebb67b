"""Signing a paper from a door: by the trial's signer as an invented person, or with a signature made elsewhere."""

from __future__ import annotations

from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings

from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.ports import Verified, Writer
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.iin import check_digit

MOST_BYTES = 256 * 1024
_HOUSE = Actor.system("trial")


def is_trial() -> bool:
    """The installation signs by itself, without legal force; elsewhere people bring their own signature."""
    return not settings.PRODUCTION


def verified(document: bytes, brought: bytes | None, writer: Writer, at: datetime) -> Verified:
    """A signature of the document that holds: the one brought, else one made by the service as `writer`.

    Nothing of this may happen inside a transaction.

    Raises:
        Refused: carries a SignatureFault.
        SigningUnavailable: the service does not answer.
    """
    service = adapter("signing")
    made = brought if brought is not None else service.sign(document, writer, at)
    found = service.verify(document, made, at)
    assert isinstance(found, Verified)
    return found


def trial_writer(user_id: int, bin_number: str, name: str, at: datetime) -> Writer:
    """As whom the trial signs for a user: a synthetic number, registered for them at the first time."""
    assert is_trial(), "whose signature is whose is the operator's word in production"
    iin = trial_iin(user_id)
    if not queries.is_signatory(user_id):
        key = uuid5(NAMESPACE_URL, f"signatory:{user_id}:{iin}")
        commands.register_signatory(actor=_HOUSE, user_id=user_id, iin=iin, basis="trial", at=at, key=key)
    return Writer(iin, bin_number, name)


def trial_iin(user_id: int) -> str:
    """A synthetic person's number: the seventh digit 9 is never issued."""
    for tail in range(user_id * 10, user_id * 10 + 10):
        eleven = f"800101{9}{tail % 10_000:04d}"
        last = check_digit(eleven)
        if last is not None:
            return f"{eleven}{last}"
    raise AssertionError("of ten numbers one has a check digit")
