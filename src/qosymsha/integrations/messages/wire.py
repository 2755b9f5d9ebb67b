"""The SMS gateway's JSON, both ways: what the client sends and reads, and what the fake gateway answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from qosymsha.domain.messages.ports import NotTaken, Receipt, Sms
from qosymsha.domain.messages.states import Hitch
from qosymsha.runtime import outside

MESSAGES, RECEIPTS, ACKNOWLEDGE = "/v1/messages", "/v1/receipts", "/v1/receipts/acknowledge"


def message(sms: Sms) -> bytes:
    """The body that hands a message over; phone and text stand in bodies, never in addresses."""
    return json.dumps({"key": str(sms.key), "to": sms.phone, "text": sms.text}, ensure_ascii=False).encode()


def reference(body: bytes, sms: Sms) -> str:
    """The gateway's reference for this very message.

    Raises:
        NotTaken: `refused` for good, or `unreadable`: anything not as agreed, another message's answer.
    """
    answer = _object(body)
    if answer.get("key") != str(sms.key):
        raise NotTaken(Hitch.UNREADABLE)
    if answer.get("refused"):
        raise NotTaken(Hitch.REFUSED)
    found = answer.get("reference")
    if not isinstance(found, str) or not found.strip():
        raise NotTaken(Hitch.UNREADABLE)
    return found


def receipts(body: bytes) -> list[Receipt]:
    """The words of an answer.

    Raises:
        NotTaken: `unreadable` — one word of it is not as agreed; none is used.
    """
    rows = _object(body).get("receipts")
    if not isinstance(rows, list):
        raise NotTaken(Hitch.UNREADABLE)
    return [_receipt(row) for row in rows]


def receipts_answer(words: Sequence[Receipt]) -> bytes:
    """A gateway's answer."""
    states = {True: "delivered", False: "failed"}
    rows = [{"id": one.id, "key": one.key, "state": states[one.is_delivered]} for one in words]
    return json.dumps({"receipts": rows}).encode()


def acknowledgement(words: Sequence[Receipt]) -> bytes:
    """The body that says which words were stored."""
    return json.dumps({"ids": [one.id for one in words]}).encode()


def _receipt(row: Any) -> Receipt:
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in ("id", "key", "state")):
        raise NotTaken(Hitch.UNREADABLE)
    if row["state"] not in ("delivered", "failed"):
        raise NotTaken(Hitch.UNREADABLE)
    return Receipt(row["id"], row["key"], row["state"] == "delivered")


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = outside.document(body)
    except ValueError as fault:
        raise NotTaken(Hitch.UNREADABLE) from fault
    if not isinstance(found, dict):
        raise NotTaken(Hitch.UNREADABLE)
    return found
