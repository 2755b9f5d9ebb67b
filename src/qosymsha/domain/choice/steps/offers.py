"""Offers of freed places: made, answered, ended; each holds its seat while it is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction

from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.states import OFFER_TRANSITIONS, OfferState
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.entropy import uuid4

_MAKE = """
WITH made AS (
    INSERT INTO choice_offer (uuid, territory_id, programme_id, round_id, choice_list_id, group_id, state, made_at,
                              answer_by)
    SELECT t.uuid, %(territory)s, %(programme)s, %(round)s, t.list, t.grp, 'offered', %(at)s, %(by)s
      FROM unnest(%(uuids)s::uuid[], %(lists)s::bigint[], %(groups)s::bigint[]) WITH ORDINALITY AS t(uuid, list, grp, n)
     ORDER BY t.n RETURNING id),
told AS (
    INSERT INTO choice_offer_history (choice_offer_id, seq, from_state, to_state, cause, at, actor_id)
    SELECT id, 1, '', 'offered', 'freed', %(at)s, %(actor)s FROM made)
SELECT id FROM made"""
_LOCK = """
SELECT o.id, o.round_id, o.choice_list_id, o.group_id, o.state, o.answer_by, l.voucher_id, o.territory_id
  FROM choice_offer o JOIN choice_list l ON l.id = o.choice_list_id
 WHERE o.id = ANY (%s) ORDER BY o.id FOR UPDATE OF o"""
_MOVE = """
WITH moved AS (
    UPDATE choice_offer o SET state = %(to)s, left_group_id = t.left_group
      FROM unnest(%(ids)s::bigint[], %(left)s::bigint[]) AS t(id, left_group)
     WHERE o.id = t.id AND o.state = 'offered' RETURNING o.id)
INSERT INTO choice_offer_history (choice_offer_id, seq, from_state, to_state, cause, at, actor_id)
SELECT id, 1 + (SELECT count(*) FROM choice_offer_history h WHERE h.choice_offer_id = moved.id), 'offered', %(to)s,
       %(cause)s, %(at)s, %(actor)s
  FROM moved RETURNING choice_offer_id"""


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """An offer's own row, with the voucher of its list; `answer_by` is the last day to answer."""

    id: int
    round_id: int
    list_id: int
    group_id: int
    state: str
    answer_by: date
    voucher_id: int
    territory_id: int


def make_offers(
    the_round: ChoiceRound, pairs: Sequence[tuple[int, int]], *, answer_by: date, actor: Actor, at: datetime
) -> list[int]:
    """Offer places to (list, group) pairs whose seats are taken for them already; answers the offers' ids."""
    if not pairs:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _MAKE,
            {
                "uuids": [uuid4() for _ in pairs],
                "lists": [list_id for list_id, _ in pairs],
                "groups": [group_id for _, group_id in pairs],
                "territory": the_round.territory_id,
                "programme": the_round.programme_id,
                "round": the_round.id,
                "by": answer_by,
                "at": at,
                "actor": actor.user_id,
            },
        )
        return [i for (i,) in cursor.fetchall()]


def lock_offers(offer_ids: Sequence[int]) -> dict[int, OpenOffer]:
    """Lock offers, in the order of their ids, to the transaction's end; those that exist, as they are now."""
    assert transaction.get_connection().in_atomic_block, "a lock lives as long as its transaction"
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(offer_ids)])
        return {row[0]: OpenOffer(*row) for row in cursor.fetchall()}


def move_offers(
    left: Sequence[tuple[int, int | None]], to: OfferState, *, cause: str, actor: Actor, at: datetime
) -> list[int]:
    """Move open offers, given as (offer, group the child leaves by it); answers those that were open."""
    assert (OfferState.OFFERED.value, to.value) in OFFER_TRANSITIONS
    if not left:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE,
            {
                "ids": [i for i, _ in left],
                "left": [group for _, group in left],
                "to": to.value,
                "cause": cause,
                "at": at,
                "actor": actor.user_id,
            },
        )
        return [i for (i,) in cursor.fetchall()]
