"""The life of a notice on its way to a person."""

from __future__ import annotations

from enum import StrEnum


class Door(StrEnum):
    """In whose pages a notice stands."""

    FAMILY = "family"
    PROVIDER = "provider"
    OFFICE = "office"


class DeliveryState(StrEnum):
    """The life of a notice on one way (SMS or e-mail); in the app it simply stands there."""

    WAITING = "waiting"
    SENT = "sent"  # the gateway took it
    DELIVERED = "delivered"  # the gateway says that it arrived
    FAILED = "failed"  # it cannot be delivered: no address, or refused for good
    GIVEN_UP = "given_up"  # tried for as long as the rules say
    STALE = "stale"  # its day was over before it could go


class Hitch(StrEnum):
    """Why a message did not go this time."""

    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    BUSY = "busy"
    SAYS_NO = "says_no"  # the gateway refuses us: a token, an address, a contract
    REFUSED = "refused"  # the gateway refuses this message for good
    NO_ADDRESS = "no_address"
    RIGHT_ENDED = "right_ended"  # it is no longer this person's matter
    UNDELIVERED = "undelivered"  # taken, and later reported as not arrived
    TOO_OLD = "too_old"
    DAY_PASSED = "day_passed"


OUTAGES = frozenset({Hitch.TIMED_OUT, Hitch.UNREACHABLE, Hitch.UNREADABLE, Hitch.BUSY, Hitch.SAYS_NO})

_D = DeliveryState
# A receipt may come late, or after we had stopped trying: what arrived has arrived.
DELIVERY_TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("", _D.WAITING),
        ("", _D.STALE),
        (_D.WAITING, _D.SENT),
        (_D.WAITING, _D.DELIVERED),
        (_D.WAITING, _D.FAILED),
        (_D.WAITING, _D.GIVEN_UP),
        (_D.WAITING, _D.STALE),
        (_D.SENT, _D.DELIVERED),
        (_D.SENT, _D.FAILED),
        (_D.FAILED, _D.DELIVERED),
        (_D.GIVEN_UP, _D.DELIVERED),
        (_D.STALE, _D.DELIVERED),
    }
)
