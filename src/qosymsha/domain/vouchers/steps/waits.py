"""Transfers that wait for another line's money: asked, and ended. Whoever changes one holds its voucher's lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from qosymsha.domain.vouchers.models import TransferRequest, TransferRequestHistory
from qosymsha.domain.vouchers.queries import Waiting, rows, waiting_of
from qosymsha.domain.vouchers.rules import EnrolRefusal
from qosymsha.domain.vouchers.states import Topic, TransferState
from qosymsha.domain.vouchers.steps.deeds import Deed, record
from qosymsha.domain.vouchers.steps.places import free_seats, lock_seats
from qosymsha.domain.vouchers.steps.terms import Wish

_TOPICS = {
    TransferState.WITHDRAWN: Topic.TRANSFER_WITHDRAWN,
    TransferState.EXPIRED: Topic.TRANSFER_EXPIRED,
    TransferState.REFUSED: Topic.TRANSFER_REFUSED,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A move whose family waits: what the other line needs to hold (tiyn), who asked, and up to which day."""

    wish: Wish
    needed_tiyn: int
    guardian_id: int
    until: date


def ask_transfers(deed: Deed, asked: Sequence[Asked]) -> None:
    """Queue moves in the given order, each behind all that wait for its line already. Their seats are taken before."""
    if not asked:
        return
    made = TransferRequest.objects.bulk_create(
        TransferRequest(
            territory_id=a.wish.voucher.territory_id,
            programme_id=a.wish.voucher.programme_id,
            voucher_id=a.wish.voucher.id,
            guardian_id=a.guardian_id,
            group_id=a.wish.group.id,
            line_id=a.wish.group.line_id,
            starts_on=a.wish.starts_on,
            needed_tiyn=a.needed_tiyn,
            state=TransferState.WAITING.value,
            reason=EnrolRefusal.NO_FREE_MONEY.value,
            asked_at=deed.at,
            until=a.until,
        )
        for a in asked
    )
    TransferRequestHistory.objects.bulk_create(
        TransferRequestHistory(
            transfer_request=one,
            seq=1,
            from_state="",
            to_state=TransferState.WAITING.value,
            cause=deed.action.value,
            at=deed.at,
            actor_id=deed.actor.user_id,
        )
        for one in made
    )
    by = {one.pk: one.guardian_id for one in made}
    record(deed, Topic.TRANSFER_WAITS, "transfer_request", list(by), by=by)


# Conditional on `waiting`: of two verbs that end one request, the second changes nothing and is told so.
_END = """
WITH ended AS (
    UPDATE transfer_request t SET state = %(state)s, reason = w.reason, enrolment_id = w.enrolment
      FROM unnest(%(ids)s::bigint[], %(reasons)s::text[], %(enrolments)s::bigint[]) AS w (id, reason, enrolment)
     WHERE t.id = w.id AND t.state = 'waiting' RETURNING t.id),
told AS (
    INSERT INTO transfer_request_history (transfer_request_id, seq, from_state, to_state, cause, at, actor_id)
    SELECT id, 2, 'waiting', %(state)s, %(cause)s, %(at)s, %(actor)s FROM ended ORDER BY id)
SELECT count(*) FROM ended"""


def end_requests(
    deed: Deed,
    state: TransferState,
    ended: Sequence[tuple[Waiting, str, int | None]],
    by: Mapping[int, int] | None = None,
) -> None:
    """Bring waiting requests to their end: (request, reason, place it came to). Without a place its seat is freed.

    `by`: voucher → the guardian whose word it is, where it is one.
    """
    assert transaction.get_connection().in_atomic_block, "a request ends with its seat"
    if not ended:
        return
    ids = [one.id for one, _, _ in ended]
    ((changed,),) = rows(
        _END,
        {
            "state": state.value,
            "ids": ids,
            "reasons": [reason for _, reason, _ in ended],
            "enrolments": [place for _, _, place in ended],
            "cause": deed.action.value,
            "at": deed.at,
            "actor": deed.actor.user_id,
        },
    )
    assert changed == len(ids), "each still waited: its voucher is locked"
    if state is not TransferState.DONE:
        free_seats(one.group_id for one, _, _ in ended)
        whose = None if by is None else {one.id: by[one.voucher_id] for one, _, _ in ended}
        record(deed, _TOPICS[state], "transfer_request", ids, by=whose)


def give_up_requests(deed: Deed, voucher_ids: Sequence[int], leaving: Iterable[int]) -> None:
    """The vouchers lose the places their waiting transfers were to start from: those end, their seats are freed.

    `leaving` are the groups whose seats the caller frees after this: all are locked at once, in one order.
    """
    waiting = waiting_of(voucher_ids).values()
    if waiting:
        lock_seats([*leaving, *(one.group_id for one in waiting)])
    end_requests(deed, TransferState.REFUSED, [(one, EnrolRefusal.PLACE_GIVEN_UP.value, None) for one in waiting])
