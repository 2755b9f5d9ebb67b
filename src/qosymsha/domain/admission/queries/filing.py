"""What one wish to file is decided by, in one question, with the version it stood at (decision 0035)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from qosymsha.domain.admission.queries.facts import Live, is_past
from qosymsha.domain.admission.rules import FilingFacts, age_day, age_on, slot_of
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.cipher import Sealed
from qosymsha.kernel.clock import local_day

_FACTS = """
SELECT * FROM filing_facts(%s::bigint, %s::uuid, %s::bigint, %s::uuid, %s::bigint, %s::date, %s, %s, %s::uuid)"""


@dataclass(frozen=True, slots=True)
class OneWish:
    """A guardian's wish for one child; round and child by id, or by uuid as addresses and forms name them."""

    round: int | UUID
    guardian_id: int
    child: int | UUID
    kind: str


@dataclass(frozen=True, slots=True)
class RoundSeen:
    """The round's own row as far as filing asks; but for `state` nothing of it changes once it is open."""

    id: int
    number: str
    territory_id: int
    programme_id: int
    rule_set_id: int
    rule_set_hash: bytes
    state: str
    opens_at: datetime
    closes_at: datetime
    first_month: date

    @property
    def rules(self) -> Rules:
        """The rule set the round was planned under."""
        return programmes.rules_of_hash(self.rule_set_id, self.rule_set_hash)


@dataclass(frozen=True, slots=True)
class WishSeen:
    """What was found; `child_id` 0 where there is no such child, `version` of the rows that decide, what is reserved.

    `is_key_known`: the key was used before, so that there is nothing to decide.
    """

    round: RoundSeen
    child_id: int
    facts: FilingFacts
    past: tuple[int, ...]
    is_key_known: bool
    version: str
    next_id: int
    next_serial: int


def seen(wish: OneWish, *, actor: Actor, verb: str, key: UUID, at: datetime) -> WishSeen | None:
    """The facts of a wish; None where there is no such round. The birth date is read for the deed that follows."""
    on = local_day(at)
    names = [*_named(wish.round), *_named(wish.child)]
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, [*names, wish.guardian_id, on, actor.user_id, verb, key])
        row = cursor.fetchone()
    return None if row is None else _seen(wish.kind, row, on)


def _named(one: int | UUID) -> tuple[int | None, UUID | None]:
    return (None, one) if isinstance(one, UUID) else (one, None)


def _seen(kind: str, row: tuple[Any, ...], on: date) -> WishSeen:
    columns = [*row[:5], bytes(row[5]), *row[6:10]]
    the_round = RoundSeen(*columns)
    child_id, is_ward, is_local = row[10] or 0, row[11], row[12]
    ids, slots, states, rounds = (column or [] for column in row[16:20])
    live = {slot: Live(i, state, r) for i, slot, state, r in zip(ids, slots, states, rounds, strict=True)}
    slot = slot_of(the_round.rules, kind)
    own = live.get(slot or "")
    gives_way = own is not None and is_past(own, the_round.id)
    facts = FilingFacts(
        is_ward=is_ward,
        is_local=is_local,
        slot=slot,
        age=_age(the_round, child_id, row[13:16], on),
        holds_voucher=slot in row[20],
        has_filed=own is not None and not gives_way,
    )
    past = (own.id,) if own is not None and gives_way else ()
    return WishSeen(the_round, child_id, facts, past, *row[21:25])


def _age(the_round: RoundSeen, child_id: int, sealed: tuple[str | None, bytes, bytes], on: date) -> int | None:
    key_id, nonce, ciphertext = sealed
    born_on = people.born_on(child_id, Sealed(key_id, nonce, ciphertext)) if key_id is not None else None
    if born_on is None:
        return None
    return age_on(born_on, age_day(the_round.rules, filed_on=on, first_month=the_round.first_month))
