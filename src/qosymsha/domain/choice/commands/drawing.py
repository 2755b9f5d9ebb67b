"""The draw: secrets shown against their commitments, the beacon's value, the seed. Once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.allocation.announcement import RevealError, seed_of, vouched
from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import ALLOWED, Action, Topic
from qosymsha.domain.choice.models import ChoiceRound, ChoiceSecret
from qosymsha.domain.choice.queries import facts, frozen
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.choice.states import ChoiceRoundState
from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused

SECRET_BYTES = 32
MAX_BEACON_BYTES = 1_024


@transaction.atomic(durable=True)
def draw_choice_round(  # noqa: PLR0913 - a draw has two sources, and the command its three
    *,
    actor: Actor,
    round_id: int,
    beacon_value: bytes,
    secrets: Mapping[str, bytes],
    at: datetime,
    key: UUID,
    second: Actor | None = None,
) -> ChoiceRound:
    """Make the seed from the closed list's root, the named beacon's value and every party's secret. Once.

    Where the beacon is `typed:…`, its value is what `actor` and `second`, another officer, both say; the audit names
    them.

    Raises:
        Forbidden: one of the officers may not draw in this city.
        Refused: not closed (or drawn already), no second officer for a typed value, a secret missing or not the one
            committed to, a malformed beacon value, or frozen rows that no longer have the published root.
    """
    officers = [actor] if second is None else [actor, second]
    for officer in officers:
        require(officer, Action.DRAW, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    body = [round_id, beacon_value.hex(), {party: secret.hex() for party, secret in secrets.items()}]
    if idempotency.repeat(actor=actor, verb=Action.DRAW, key=key, body=body, at=at) is not None:
        return the_round
    steps.require_state(the_round, ChoiceRoundState.CLOSED)
    typed_by = vouched(the_round.beacon_name, (officer.user_id for officer in officers))
    if typed_by is None:
        raise Refused(ChoiceRefusal.CHOICE_TWO_OFFICERS_TYPE, round=the_round.number)
    if not 0 < len(beacon_value) <= MAX_BEACON_BYTES:
        raise Refused(ChoiceRefusal.CHOICE_BEACON_WRONG)
    ordered = _in_order(round_id, secrets)
    frozen.closed_lists(the_round)
    the_round.seed = _seed(the_round, beacon_value, ordered)
    the_round.beacon_value, the_round.drawn_at = beacon_value, at
    steps.reveal(round_id, ordered)
    steps.move_round(the_round, ChoiceRoundState.DRAWN, actor=actor, at=at)
    detail = {"seed": the_round.seed.hex(), **typed_by}
    steps.record(the_round, Action.DRAW, actor=actor, at=at, topic=Topic.ROUND_DRAWN, detail=detail)
    idempotency.keep(actor=actor, verb=Action.DRAW, key=key, outcome=round_id)
    return the_round


def _in_order(round_id: int, secrets: Mapping[str, bytes]) -> dict[str, bytes]:
    """The secrets in the order of the commitments; whether each is the right one is `seed_of`'s to find."""
    parties = list(ChoiceSecret.objects.filter(round_id=round_id).order_by("id").values_list("party", flat=True))
    if set(parties) != set(secrets) or any(len(secret) != SECRET_BYTES for secret in secrets.values()):
        raise Refused(ChoiceRefusal.CHOICE_SECRETS_WRONG)
    return {party: secrets[party] for party in parties}


def _seed(the_round: ChoiceRound, beacon_value: bytes, secrets: Mapping[str, bytes]) -> bytes:
    root = bytes(the_round.root or b"")
    try:
        return seed_of(frozen.announced(the_round), root, beacon_value, list(secrets.values()))
    except RevealError:
        raise Refused(ChoiceRefusal.CHOICE_SECRETS_WRONG) from None
