"""A beacon for demo and tests: the value follows from the name, so a year can be played again. Never random."""

from __future__ import annotations

import hashlib

from qosymsha.domain.admission.ports import BeaconSilent


class FakeBeacon:
    """Answers every name except those in `silent`, which play a round that has not come or a relay that is down."""

    def __init__(self, silent: frozenset[str] = frozenset()) -> None:
        self._silent = silent

    def check_name(self, name: str) -> str:
        """Blank for every name but a blank one."""
        return "" if name.strip() else "name it with any word"

    def value(self, name: str) -> bytes:
        """32 bytes that depend on the name only.

        Raises:
            BeaconSilent: a blank name, or one of `silent`.
        """
        if not name.strip() or name in self._silent:
            raise BeaconSilent("the fake beacon has no value under this name")
        return hashlib.sha256(b"fake beacon\0" + name.encode()).digest()
