"""A client for drand-like public beacons (HTTP API v1: relay/CHAIN/public/ROUND).

Checked: the round is the one named, randomness = SHA-256(signature), and relays agree (two must answer where two are
configured). NOT checked: the BLS threshold signature itself, for want of a pairing library in the standard library; so
whoever runs every configured relay could lie. Configure relays of different operators; anyone can check the published
value with a drand client of their own.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence

from qosymsha.domain.admission.ports import BeaconSilent
from qosymsha.integrations.outgoing import NoAnswer, Outside, Place
from qosymsha.runtime import outside

RELAYS = "QOSYMSHA_BEACON_RELAYS"  # addresses, comma-separated
_NAME = re.compile(r"drand:([0-9a-f]{64}):([1-9][0-9]{0,18})\Z")
_FORM = "a drand round is named drand:CHAIN:ROUND, the chain's hash in 64 small hex digits"
_MAX_BYTES = 65_536
_TIMEOUT_SECONDS = 10
_SAID = {
    NoAnswer.SAYS_NO: "status 404 or the like; a round that has not come yet is not there",
    NoAnswer.UNREADABLE: "a redirect, or an answer that is too long",
}


class DrandBeacon:
    """Names are `drand:CHAIN:ROUND`: the chain's hash (64 hex digits) and the number of a future round."""

    def __init__(self, relays: Sequence[str] | None = None) -> None:
        configured = os.environ.get(RELAYS, "").split(",") if relays is None else relays
        self._relays = [relay.strip().rstrip("/") for relay in configured if relay.strip()]

    def check_name(self, name: str) -> str:
        """Blank for a name that is a drand round, else what one looks like; asks no relay."""
        return "" if _NAME.match(name) else _FORM

    def value(self, name: str) -> bytes:
        """The round's 32 bytes of randomness, as the configured relays agree on it.

        Raises:
            BeaconSilent: a name that is no drand round, no relay configured, too few answer, or they differ.
        """
        found = _NAME.match(name)
        if found is None:
            raise BeaconSilent(_FORM)
        if not self._relays:
            raise BeaconSilent(f"no relay is configured: set {RELAYS}")
        answers, faults = [], []
        for relay in self._relays:
            try:
                answers.append(_ask(relay, found[1], int(found[2])))
            except BeaconSilent as silent:
                faults.append(f"{relay}: {silent}")
        if len(set(answers)) > 1:
            raise BeaconSilent("the relays answer differently: do not draw")
        if len(answers) < min(2, len(self._relays)):
            raise BeaconSilent("; ".join(faults))
        return answers[0]


def _ask(relay: str, chain: str, number: int) -> bytes:
    try:
        place = Place(relay, _TIMEOUT_SECONDS, _MAX_BYTES, {"Accept": "application/json"})
    except ValueError:
        raise BeaconSilent("a relay's address begins with https://") from None
    try:
        text = place.ask("GET", f"/{chain}/public/{number}")
    except Outside as outside:
        raise BeaconSilent(_SAID.get(outside.fault, f"not reachable ({outside.fault.value})")) from outside
    return _checked(text, number)


def _checked(text: bytes, number: int) -> bytes:
    """The randomness of an answer, once it fits its signature and the round asked for."""
    try:
        document = outside.document(text)
        signature, randomness = bytes.fromhex(document["signature"]), bytes.fromhex(document["randomness"])
        answered = document["round"]
    except (ValueError, KeyError, TypeError) as fault:
        raise BeaconSilent("the answer is no drand round") from fault
    if answered != number or isinstance(answered, bool):
        raise BeaconSilent("the answer is another round's")
    if not signature or hashlib.sha256(signature).digest() != randomness:
        raise BeaconSilent("the randomness is not the hash of the signature")
    return randomness
