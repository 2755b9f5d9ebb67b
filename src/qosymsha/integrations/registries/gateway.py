"""A client for a registry gateway that speaks JSON over HTTPS (README.md of this folder gives the agreement).

Numbers of people stand in bodies only; an error never repeats them. No redirect is followed; no half answer counts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from qosymsha.domain.people.ports import ProvedChild, RegistryFault, RegistryUnavailable, StatusAnswer
from qosymsha.integrations.outgoing import NoAnswer, Outside, Place
from qosymsha.integrations.registries import wire
from qosymsha.runtime.secrets import secret

ADDRESS, TOKEN = "QOSYMSHA_REGISTRY_ADDRESS", "QOSYMSHA_REGISTRY_TOKEN"  # noqa: S105 - names of settings
_CHILDREN_PER_QUESTION = 1_000
_FAULTS = {
    NoAnswer.TIMED_OUT: RegistryFault.TIMED_OUT,
    NoAnswer.UNREACHABLE: RegistryFault.UNREACHABLE,
    NoAnswer.UNREADABLE: RegistryFault.UNREADABLE,
    NoAnswer.BUSY: RegistryFault.BUSY,
    NoAnswer.SAYS_NO: RegistryFault.SAYS_NO,
}


class GatewayRegistry:
    """One question is one connection; `timeout_seconds` bounds each wait, and the whole body however slowly it drips.

    Raises:
        ValueError: the address is not https (plain http is for this machine only) or the token is empty.
    """

    def __init__(self, address: str | None = None, token: str | None = None, timeout_seconds: float = 10) -> None:
        where = address if address is not None else os.environ.get(ADDRESS, "")
        held = token if token is not None else secret(TOKEN)
        headers = {"Authorization": f"Bearer {held}", "Accept": "application/json"}
        try:
            self._place = Place(where, timeout_seconds, headers=headers, good=frozenset({200}))
        except ValueError:
            raise ValueError(f"{ADDRESS}: give the gateway's address, beginning with https://") from None
        if not held:
            raise ValueError(f"{TOKEN}: give the token the gateway knows this installation by")

    def children_of(self, guardian_iin: str) -> list[ProvedChild]:
        """As the port says.

        Raises:
            RegistryUnavailable: no usable answer in time.
        """
        return wire.children_of(self._ask(wire.CHILDREN, wire.children_question(guardian_iin)))

    def statuses_of(self, child_iins: Sequence[str]) -> list[StatusAnswer]:
        """As the port says; asked in questions of a thousand children.

        Raises:
            RegistryUnavailable: no usable answer in time to one of the questions.
        """
        answers: list[StatusAnswer] = []
        for start in range(0, len(child_iins), _CHILDREN_PER_QUESTION):
            asked = child_iins[start : start + _CHILDREN_PER_QUESTION]
            answers += wire.statuses_of(self._ask(wire.STATUSES, wire.statuses_question(asked)), asked)
        return answers

    def _ask(self, path: str, body: bytes) -> bytes:
        try:
            return self._place.ask("POST", path, body)
        except Outside as fault:
            raise RegistryUnavailable(_FAULTS[fault.fault], fault.retry_after_seconds) from fault
