"""Moving acts from state to state, each step in its history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from qosymsha.domain.settlement.models import ServiceAct, ServiceActHistory
from qosymsha.domain.settlement.states import ActState
from qosymsha.kernel.actor import Actor

_MOVE = """
UPDATE service_act a SET state = m.state, reason = m.reason
  FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS m (id, state, reason) WHERE a.id = m.id"""


def move_acts(actor: Actor, moves: Sequence[tuple[ServiceAct, ActState, str]], at: datetime) -> None:
    """Move locked acts, each to a state with a reason ("" where none is asked)."""
    assert transaction.get_connection().in_atomic_block, "an act moves with its cause"
    if not moves:
        return
    before = [(act, act.state, reason) for act, _, reason in moves]
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, [[a.id for a, _, _ in moves], [s.value for _, s, _ in moves], [r for _, _, r in moves]])
    for act, state, reason in moves:
        act.state, act.reason = state, reason
    tell_acts(actor, before, at)


def tell_acts(actor: Actor, moved: Sequence[tuple[ServiceAct, str, str]], at: datetime) -> None:
    """A step of the history for each act: (the act as it is now, the state before, the reason)."""
    acts = [act.id for act, _, _ in moved]
    seq: dict[int, int] = {}
    for act_id, number in ServiceActHistory.objects.filter(service_act_id__in=acts).values_list(
        "service_act_id", "seq"
    ):
        seq[act_id] = max(number, seq.get(act_id, 0))
    ServiceActHistory.objects.bulk_create(
        ServiceActHistory(
            service_act_id=act.id, seq=seq.get(act.id, 0) + 1, from_state=before, to_state=str(act.state),
            reason=reason, at=at, actor_id=actor.user_id,
        )
        for act, before, reason in moved
    )  # fmt: skip
