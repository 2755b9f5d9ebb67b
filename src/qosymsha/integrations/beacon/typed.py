"""A beacon whose value two officers type: a state lottery's draw or a closing price, where no relay is reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qosymsha.domain.admission.ports import BeaconSilent
from qosymsha.kernel.text import normal

PREFIX = "typed:"
_FORM = "a typed value is named typed:WHAT"


@dataclass(frozen=True, slots=True)
class Typed:
    """What one officer typed for a name; `officer` is a user id or another name that two people never share."""

    name: str
    officer: str
    text: str


class TypedBeacon:
    """Names are `typed:WHAT`: the source and its exact future value (`typed:national lottery, draw 1234`)."""

    def __init__(self, entries: Sequence[Typed] = ()) -> None:
        self._entries = tuple(entries)

    def check_name(self, name: str) -> str:
        """Blank for a name of this kind, else what one looks like."""
        return "" if name.startswith(PREFIX) and name.removeprefix(PREFIX).strip() else _FORM

    def value(self, name: str) -> bytes:
        """The text, UTF-8, white space made single, that two different officers typed alike.

        Raises:
            BeaconSilent: fewer than two officers typed a value, they differ, or it is empty or longer than 1,024 bytes.
        """
        if self.check_name(name):
            raise BeaconSilent(_FORM)
        typed = [entry for entry in self._entries if entry.name == name]
        if len({entry.officer.strip() for entry in typed if entry.officer.strip()}) < 2:
            raise BeaconSilent("two officers must type the value, each alone")
        values = {normal(entry.text).encode() for entry in typed}
        if len(values) > 1:
            raise BeaconSilent("the officers typed different values: read the source again")
        value = values.pop()
        if not 0 < len(value) <= 1_024:
            raise BeaconSilent("the value is empty or too long")
        return value
