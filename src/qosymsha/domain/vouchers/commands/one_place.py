"""Take one place: the verb of an opening day, in two questions over the batch's rules."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from qosymsha.domain.vouchers import steps
from qosymsha.domain.vouchers.access import ALLOWED, Action, may_speak
from qosymsha.domain.vouchers.rules import (
    EnrolRefusal,
    PlaceWish,
    VoucherRefusal,
    reason_of,
    refuse_place,
)
from qosymsha.domain.vouchers.steps import Deed, PlaceSeen
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import KeyReason, Refused

TRIES = 2


def take_place(*, actor: Actor, wish: PlaceWish, at: datetime, key: UUID) -> int:
    """Give a voucher's child a seat and move the first month's money from held to place; the enrolment's id.

    Repeating a `key` answers the first place again. One transaction of its own, the statement that stores: do not call
    it inside another.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
        Refused: the first reason against it, or `changed_meanwhile`; nothing is stored.
    """
    require(actor, Action.ENROL, ALLOWED)
    deed = Deed(actor, Action.ENROL, at, key)
    for _ in range(TRIES):
        seen = steps.see_place(deed, wish)
        if seen is None:
            raise Refused(VoucherRefusal.UNKNOWN_VOUCHER)
        told = steps.take_place(deed, wish, seen, None if seen.is_key_known else _price(deed, wish, seen))
        if told.answer != "stale":
            return _taken(told)
    raise Refused(EnrolRefusal.CHANGED_MEANWHILE)


def _price(deed: Deed, wish: PlaceWish, seen: PlaceSeen) -> int:
    """What the place costs in its first month, in tiyn.

    Raises:
        Refused: the first reason against it, in the order of the batch's.
    """
    reason = _refuse_before(deed, wish, seen)
    if reason is not None:
        raise Refused(reason)
    facts = steps.facts_of(seen.terms(wish.starts_on), seen.wish(wish.starts_on))
    reason = refuse_place(facts)
    if reason is None and seen.free <= 0:
        reason = EnrolRefusal.GROUP_FULL
    if reason is not None:
        raise Refused(reason)
    return facts.place_tiyn


def _refuse_before(deed: Deed, wish: PlaceWish, seen: PlaceSeen) -> StrEnum | None:
    """Whose word it is, then what the rows themselves say, then who has the first word on the group's seats."""
    if not (seen.is_ward and may_speak(deed.actor, wish.guardian_id, seen.voucher.territory_id)):
        return VoucherRefusal.NOT_GUARDIAN
    reason = steps.refuse_wish(seen.voucher, seen.group, wish.starts_on, deed.today)
    if reason is None and seen.rules.choice.opening == steps.CHOICE_FIRST and not seen.is_left_over:
        return EnrolRefusal.CHOICE_FIRST
    return reason


def _taken(told: steps.Taking) -> int:
    if told.answer == "reused":
        raise Refused(KeyReason.KEY_REUSED, verb=Action.ENROL.value)
    if told.answer == "full":
        raise Refused(EnrolRefusal.GROUP_FULL)
    if told.refusal is not None:
        raise Refused(reason_of(told.refusal))
    assert told.id is not None, "stored, or repeated from a first time that stored"
    return told.id
