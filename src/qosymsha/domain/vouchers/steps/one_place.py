"""One place: its facts in one question, with the version they stood at; stored by one statement (decision 0035)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, time
from typing import Any, NamedTuple

from django.db import connection

from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.providers.rules import GroupFacts, Slot, lessons_of
from qosymsha.domain.vouchers.queries import VoucherFacts
from qosymsha.domain.vouchers.rules import PlaceWish, month_end
from qosymsha.domain.vouchers.steps.deeds import Deed
from qosymsha.domain.vouchers.steps.terms import Terms, Wish
from qosymsha.kernel import entropy, idempotency
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.cipher import Sealed
from qosymsha.kernel.clock import month_of

_FACTS = "SELECT * FROM place_facts(%s::uuid, %s::uuid, %s, %s::date, %s::date, %s, %s, %s::uuid)"
_TAKE = """
SELECT * FROM take_place(%s, %s, %s, %s::uuid, %s::bytea, %s, %s, %s, %s, %s, %s::date, %s::uuid, %s::bigint)"""
_GROUP = slice(13, 40)  # the columns of `place_facts` that are a group's


@dataclass(frozen=True, slots=True)
class PlaceSeen:
    """What a wish for a place is decided by, and the version of those rows; `group` None: there is no such group.

    `free` counts seats, `is_left_over` says that a choice round left some. `is_key_known`: the key was used before, so
    that there is nothing to decide.
    """

    voucher: VoucherFacts
    group: GroupFacts | None
    rules: Rules
    is_ward: bool
    born_on: date | None
    held_tiyn: int
    free: int
    is_left_over: bool
    slots: str
    days_off: list[date]
    is_key_known: bool
    version: str

    def terms(self, starts_on: date) -> Terms:
        """The terms of a day that lies within the voucher's months."""
        return Terms(
            lessons={} if self.group is None else {self.group.id: self._lesson_days(self.group, starts_on)},
            born={} if self.born_on is None else {self.voucher.child_id: self.born_on},
            held={self.voucher.id: self.held_tiyn},
        )

    def _lesson_days(self, group: GroupFacts, starts_on: date) -> list[date]:
        """The group's lesson days in the month of the first day, in order: hours do not matter for the price."""
        weekly = [
            Slot(group.id, 0, group.venue_id, weekday, time.min, time.max, date.fromisoformat(first), _day(last))
            for weekday, first, last in json.loads(self.slots)
        ]
        found = lessons_of(weekly, month_of(starts_on), month_end(starts_on), frozenset(self.days_off))
        return sorted(lesson.on for lesson in found)

    def wish(self, starts_on: date) -> Wish:
        """The wish as a batch's row names it."""
        assert self.group is not None, "refused otherwise"
        return Wish(0, self.voucher, self.group, starts_on)


class Taking(NamedTuple):
    """The function's answer: `stored`, `repeated` (what was answered first), `reused`, `stale` or `full`."""

    answer: str
    refusal: str | None
    id: int | None


def see_place(deed: Deed, wish: PlaceWish) -> PlaceSeen | None:
    """The facts of a wish; None where there is no such voucher."""
    arguments: list[Any] = [wish.voucher, wish.group, wish.guardian_id, deed.today, wish.starts_on]
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, [*arguments, deed.actor.user_id, deed.action.value, deed.key])
        row = cursor.fetchone()
    return None if row is None else _seen(row)


def _seen(row: tuple[Any, ...]) -> PlaceSeen:
    voucher = VoucherFacts(*row[:13])
    group = GroupFacts(*row[_GROUP]) if row[13] is not None else None
    rule_set_hash, is_ward, key_id, nonce, ciphertext = row[40:45]
    born_on = people.born_on(voucher.child_id, Sealed(key_id, nonce, ciphertext)) if key_id is not None else None
    rules = programmes.rules_of_hash(voucher.rule_set_id, bytes(rule_set_hash))
    return PlaceSeen(voucher, group, rules, is_ward, born_on, row[45], row[46] or 0, *row[47:52])


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def take_place(deed: Deed, wish: PlaceWish, seen: PlaceSeen, price_tiyn: int | None) -> Taking:
    """Store the place with its key, voucher, posting, audit, news and, last, its seat; or say why not.

    Without a price the key was used before: its row is written, then what it answered is told again.
    """
    idempotency.assert_alone()
    group_id = seen.group.id if seen.group is not None else 0
    body = digest([[seen.voucher.id, wish.guardian_id, group_id, wish.starts_on.isoformat()]])
    arguments: list[Any] = [deed.actor.user_id, deed.actor.label, deed.action.value, deed.key, body, deed.at]
    arguments += [seen.voucher.id, group_id, wish.guardian_id, seen.version, wish.starts_on]
    arguments += [None, None] if price_tiyn is None else [entropy.uuid4(), price_tiyn]
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, arguments)
        return Taking._make(cursor.fetchone())
