"""What the draw needs from outside: a value that nobody could know or choose before the list was closed."""

from __future__ import annotations

from typing import Protocol


class BeaconSilent(Exception):
    """The beacon gave no value to be trusted: not out yet, unreachable, malformed, two officers differ. Says which."""


class Beacon(Protocol):
    """A public source of randomness. A name always has the same value; fetched by a door, never in a transaction.

    An adapter may also offer `check_name(name: str) -> str`: blank where a round could be drawn by this name one day,
    else what a name must look like. Doors ask it before a window opens, when the name can still be changed.
    """

    def value(self, name: str) -> bytes:
        """The value, 1 to 1,024 bytes, of the beacon's round `name` (`Round.beacon_name`, fixed before opening).

        Raises:
            BeaconSilent: there is no trustworthy value under this name, now or ever.
        """
        ...
