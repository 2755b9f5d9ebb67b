"""The draw: secrets shown against their commitments, the beacon's value, the seed. Once."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.admission import steps
from qosymsha.domain.admission.access import ALLOWED, Action, Topic
from qosymsha.domain.admission.models import DrawSecret, Round
from qosymsha.domain.admission.queries import facts, frozen
from qosymsha.domain.admission.rules import AdmissionRefusal
from qosymsha.domain.admission.states import RoundState
from qosymsha.domain.allocation import draw
from qosymsha.domain.allocation.announcement import vouched
from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused

SECRET_BYTES = 32
MAX_BEACON_BYTES = 1_024


@transaction.atomic(durable=True)
def draw_round(  # noqa: PLR0913 - a draw has two sources, and the command its three
    *,
    actor: Actor,
    round_id: int,
    beacon_value: bytes,
    secrets: Mapping[str, bytes],
    at: datetime,
    key: UUID,
    second: Actor | None = None,
) -> Round:
    """Make the seed from the closed list's root, the named beacon's value and every party's secret.

    The door fetches `beacon_value` from the adapter under `Round.beacon_name` before it calls. There is no second draw:
    the state, a unique history row and a trigger each refuse it. Where the beacon is `typed:…`, its value is what
    `actor` and `second`, another officer, both say; the audit names them.

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
    if idempotency.repeat(actor=actor, verb="draw_round", key=key, body=body, at=at) is not None:
        return the_round
    steps.require_state(the_round, RoundState.CLOSED)
    typed_by = vouched(the_round.beacon_name, (officer.user_id for officer in officers))
    if typed_by is None:
        raise Refused(AdmissionRefusal.TWO_OFFICERS_TYPE, round=the_round.number)
    ordered = _checked_secrets(the_round, secrets)
    if not 0 < len(beacon_value) <= MAX_BEACON_BYTES:
        raise Refused(AdmissionRefusal.BEACON_MALFORMED)
    root = _root_as_published(the_round)
    the_round.beacon_value = beacon_value
    the_round.seed = draw.seed(the_round.number, root, beacon_value, list(ordered.values()))
    the_round.drawn_at = at
    steps.reveal(round_id, ordered)
    steps.move_round(the_round, RoundState.DRAWN, actor=actor, at=at)
    told = {"seed": the_round.seed.hex(), **typed_by}
    steps.record(the_round, Action.DRAW, actor=actor, at=at, topic=Topic.ROUND_DRAWN, detail=told)
    idempotency.keep(actor=actor, verb="draw_round", key=key, outcome=round_id)
    return the_round


def _checked_secrets(the_round: Round, secrets: Mapping[str, bytes]) -> dict[str, bytes]:
    """The secrets in the order of the commitments, each proved to be the one its party bound itself to."""
    committed = DrawSecret.objects.filter(round_id=the_round.id).order_by("id").values_list("party", "commitment")
    found: dict[str, bytes] = {}
    for party, commitment in committed:
        secret = secrets.get(party)
        if secret is None:
            raise Refused(AdmissionRefusal.SECRET_MISSING, party=party)
        if len(secret) != SECRET_BYTES or not hmac.compare_digest(draw.commitment(secret), bytes(commitment)):
            raise Refused(AdmissionRefusal.SECRET_NOT_COMMITTED, party=party)
        found[party] = secret
    if set(secrets) - set(found):
        raise Refused(AdmissionRefusal.SECRET_NOT_COMMITTED, party=sorted(set(secrets) - set(found))[0])
    return found


def _root_as_published(the_round: Round) -> bytes:
    """The root, made again from the frozen rows: a row changed behind the program's back stops the draw."""
    assert the_round.root is not None, "a closed round has its root"
    frozen.closed_list(the_round, frozen.terms_for(the_round, frozen.places_of(the_round)))
    return bytes(the_round.root)
