"""Publication: the run made again from the frozen rows, and the round's files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import transaction

from qosymsha.domain.allocation import choice_protocol
from qosymsha.domain.allocation.choice_protocol import ChoicePublication
from qosymsha.domain.allocation.protocol import Drawn
from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import ALLOWED, Action, Topic
from qosymsha.domain.choice.models import ChoiceRound, ChoiceSecret
from qosymsha.domain.choice.queries import facts, frozen
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.choice.states import ChoiceRoundState
from qosymsha.domain.errands.states import Phase
from qosymsha.domain.errands.telling import tell
from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused


@transaction.atomic(durable=True)
def publish_choice_round(*, actor: Actor, round_id: int, folder: Path, at: datetime, key: UUID) -> ChoiceRound:
    """Make the run again, refuse if a single bit differs, write `public/` and `restricted/` into `folder`.

    The files are the same bytes each time: publishing again writes them again and changes nothing.

    Raises:
        Refused: not allocated, the closed list changed, or `choice_output_differs`.
    """
    require(actor, Action.PUBLISH, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    body = [round_id, str(folder)]
    seen = idempotency.repeat(actor=actor, verb=Action.PUBLISH, key=key, body=body, at=at)
    steps.require_state(the_round, ChoiceRoundState.ALLOCATED, ChoiceRoundState.PUBLISHED)
    publication = _publication(the_round)
    tell(Phase.FILES)
    choice_protocol.write(folder, publication)
    if seen is not None:
        return the_round
    is_first = the_round.state == ChoiceRoundState.ALLOCATED
    if is_first:
        the_round.published_at = at
        steps.move_round(the_round, ChoiceRoundState.PUBLISHED, actor=actor, at=at)
    topic = Topic.ROUND_PUBLISHED if is_first else None
    steps.record(the_round, Action.PUBLISH, actor=actor, at=at, topic=topic)
    idempotency.keep(actor=actor, verb=Action.PUBLISH, key=key, outcome=round_id)
    return the_round


def _publication(the_round: ChoiceRound) -> ChoicePublication:
    found = frozen.frozen(the_round)
    match = frozen.match_of(found)
    if frozen.output_hash(found.closed.lines, match) != bytes(the_round.output_hash or b""):
        raise Refused(ChoiceRefusal.CHOICE_OUTPUT_DIFFERS, round=the_round.number)
    revealed = ChoiceSecret.objects.filter(round_id=the_round.id).order_by("id").values_list("secret", flat=True)
    drawn = Drawn(
        terms_text=the_round.terms,
        root=bytes(the_round.root or b""),
        beacon=bytes(the_round.beacon_value or b""),
        secrets=tuple(bytes(secret or b"") for secret in revealed),
        seed=bytes(the_round.seed or b""),
    )
    closed = found.closed
    return ChoicePublication(
        drawn=drawn,
        terms=found.terms,
        lines=closed.lines,
        leaves=closed.leaves,
        salts=closed.salts,
        numbers=found.numbers,
        market=found.market,
        match=match,
    )
