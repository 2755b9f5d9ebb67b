"""A client for an SMS gateway that speaks JSON over HTTPS (README.md of this folder gives the agreement)."""

from __future__ import annotations

import os
from collections.abc import Sequence

from qosymsha.domain.messages.ports import NotTaken, Receipt, Sms
from qosymsha.domain.messages.states import Hitch
from qosymsha.integrations.messages import wire
from qosymsha.integrations.outgoing import NoAnswer, Outside, Place
from qosymsha.runtime.secrets import secret

ADDRESS, TOKEN = "QOSYMSHA_SMS_ADDRESS", "QOSYMSHA_SMS_TOKEN"  # noqa: S105 - names of settings
_HITCHES = {
    NoAnswer.TIMED_OUT: Hitch.TIMED_OUT,
    NoAnswer.UNREACHABLE: Hitch.UNREACHABLE,
    NoAnswer.UNREADABLE: Hitch.UNREADABLE,
    NoAnswer.BUSY: Hitch.BUSY,
    NoAnswer.SAYS_NO: Hitch.SAYS_NO,
}


class GatewaySms:
    """One message is one request, repeated under its key; the whole answer is bounded in time and size.

    Raises:
        ValueError: the address is not https (plain http is for this machine only) or the token is empty.
    """

    def __init__(self, address: str | None = None, token: str | None = None, timeout_seconds: float = 10) -> None:
        where = address if address is not None else os.environ.get(ADDRESS, "")
        held = token if token is not None else secret(TOKEN)
        headers = {"Authorization": f"Bearer {held}", "Accept": "application/json"}
        try:
            self._place = Place(
                where, timeout_seconds, most_bytes=1024 * 1024, headers=headers, good=frozenset({200, 201, 202})
            )
        except ValueError:
            raise ValueError(f"{ADDRESS}: give the gateway's address, beginning with https://") from None
        if not held:
            raise ValueError(f"{TOKEN}: give the token the gateway knows this installation by")

    def send(self, message: Sms) -> str:
        """As the port says.

        Raises:
            NotTaken: see the port.
        """
        return wire.reference(self._ask(wire.MESSAGES, wire.message(message)), message)

    def receipts(self) -> list[Receipt]:
        """As the port says.

        Raises:
            NotTaken: see the port.
        """
        return wire.receipts(self._ask(wire.RECEIPTS, b"{}"))

    def acknowledge(self, receipts: Sequence[Receipt]) -> None:
        """As the port says.

        Raises:
            NotTaken: see the port.
        """
        self._ask(wire.ACKNOWLEDGE, wire.acknowledgement(receipts))

    def _ask(self, path: str, body: bytes) -> bytes:
        try:
            return self._place.ask("POST", path, body)
        except Outside as fault:
            raise NotTaken(_HITCHES[fault.fault], fault.retry_after_seconds) from fault
