"""A client for a treasury gateway over HTTPS (README.md gives the agreement): files out, messages in.

No redirect is followed, no half answer counts, and a gateway that fails three times in a row is left alone for a while.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from qosymsha.domain.settlement.ports import Reply, TreasuryUnavailable
from qosymsha.integrations.outgoing import Outside, Place
from qosymsha.integrations.treasury.breaker import Breaker
from qosymsha.integrations.treasury.messages import MOST_BYTES, UnreadableMessage, read_replies, unreadable
from qosymsha.runtime import outside
from qosymsha.runtime.secrets import secret

ADDRESS, TOKEN = "QOSYMSHA_TREASURY_ADDRESS", "QOSYMSHA_TREASURY_TOKEN"  # noqa: S105 - names of settings
SIGNATURE = "X-Signature-Ed25519"
_JSON = {"Content-Type": "application/json"}


class GatewayTreasury:
    """Speaks to the gateway that the settings name.

    Raises:
        ValueError: the address is not https (plain http is for this machine only) or the token is empty.
    """

    def __init__(
        self,
        address: str | None = None,
        token: str | None = None,
        timeout_seconds: float = 10,
        breaker: Breaker | None = None,
    ) -> None:
        held = token if token is not None else secret(TOKEN)
        if not held:
            raise ValueError(f"{TOKEN}: give the token the gateway knows this installation by")
        try:
            where = address if address is not None else os.environ.get(ADDRESS, "")
            headers = {"Authorization": f"Bearer {held}", "Accept": "application/json"}
            self._place = Place(where, timeout_seconds, 2 * MOST_BYTES, headers)
        except ValueError as fault:
            raise ValueError(f"{ADDRESS}: {fault}") from fault
        self._breaker = breaker or Breaker()
        self._open: dict[str, set[str]] = {}

    def send(self, content: bytes, content_hash: bytes, signature: bytes = b"") -> str:
        """As the port says: the gateway knows a file again by its hash, and whose it is by the signature's header."""
        assert hashlib.sha256(content).digest() == content_hash, "the hash is the content's"
        headers = {"Content-Type": "application/xml"}
        if signature:
            headers[SIGNATURE] = base64.b64encode(signature).decode()
        answer = self._ask("PUT", f"/files/{content_hash.hex()}", content, headers)
        receipt = answer.get("receipt")
        if not isinstance(receipt, str) or not 0 < len(receipt) <= 100:
            raise TreasuryUnavailable("no receipt in the answer")
        return receipt

    def replies(self) -> list[Reply]:
        """As the port says."""
        held = self._ask("GET", "/messages").get("messages")
        try:
            return [word for one in held or [] for word in self._read(str(one["id"]), str(one["content"]))]
        except (TypeError, KeyError) as fault:
            raise TreasuryUnavailable("unreadable answer") from fault

    def acknowledge(self, replies: Sequence[Reply]) -> None:
        """As the port says: a message is put away when each of its words was stored."""
        known = {reply.reference for reply in replies}
        done = [number for number, words in self._open.items() if not words - known]
        for words in self._open.values():
            words -= known
        if done:
            self._ask("POST", "/messages/acknowledge", json.dumps({"ids": done}).encode())
            for number in done:
                del self._open[number]

    def _read(self, number: str, content: str) -> list[Reply]:
        try:
            message = base64.b64decode(content, validate=True)
        except binascii.Error:
            message = content.encode()
        try:
            words = read_replies(message)
        except UnreadableMessage as fault:
            words = [unreadable(message, fault)]
        self._open[number] = {word.reference for word in words}
        return words

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = _JSON
    ) -> dict[str, Any]:
        return self._breaker.call(lambda: self._asked(method, path, body, headers))

    def _asked(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> dict[str, Any]:
        try:
            answer = outside.document(self._place.ask(method, path, body, headers=headers))
        except Outside as fault:
            raise TreasuryUnavailable(fault.fault.value) from fault
        except ValueError as fault:
            raise TreasuryUnavailable("unreadable answer") from fault
        if not isinstance(answer, dict):
            raise TreasuryUnavailable("unreadable answer")
        return answer
