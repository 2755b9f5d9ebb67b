"""The value of a beacon that no relay gives: two officers read it at the source and type it, each alone."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.programmes import queries, steps
from qosymsha.domain.programmes.access import ALLOWED, Action
from qosymsha.domain.programmes.models import DrawWord
from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor, require


@transaction.atomic(durable=True)
def say_draw_value(  # noqa: PLR0913 - whose round, which, what was read, by whom, when, once
    *, actor: Actor, programme_id: int, round_number: str, value: bytes, at: datetime, key: UUID
) -> int:
    """Keep what this officer read for a round's draw, in place of what they typed before; return how many have said it.

    Raises:
        Forbidden: the actor may not, here.
    """
    programme = queries.programme(programme_id)
    require(actor, Action.SAY_DRAW_VALUE, ALLOWED, territory_id=programme.territory_id)
    body = [programme_id, round_number, value.hex()]
    seen = idempotency.repeat(actor=actor, verb="say_draw_value", key=key, body=body, at=at)
    if seen is not None:
        return int(seen)
    DrawWord.objects.update_or_create(
        round_number=round_number,
        user_id=actor.user_id,
        defaults={"programme_id": programme_id, "value": value, "said_at": at},
    )
    detail: dict[str, object] = {"round": round_number, "value": value.hex()}
    steps.record(actor, at, Action.SAY_DRAW_VALUE, "programme", [programme_id], programme.territory_id, detail)
    said = DrawWord.objects.filter(round_number=round_number, value=value).count()
    idempotency.keep(actor=actor, verb="say_draw_value", key=key, outcome=said)
    return said
