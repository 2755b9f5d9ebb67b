"""A programme's money as errands: claims, acts, payment files, the close of a month and a year.

Claims and acts are drawn a part at a time, each part whole in a transaction of its own: a city's month neither fills
the memory nor holds families' money while it lasts. Each part has a key of its own made from the errand's, so that an
errand that is begun again finds what was drawn, and goes on after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import uuid5

from qosymsha.domain.errands.commands import Begun
from qosymsha.domain.errands.rules import ErrandRefusal, Partly
from qosymsha.domain.errands.states import Phase
from qosymsha.domain.errands.telling import tell
from qosymsha.domain.ledger.rules import LedgerRefusal
from qosymsha.domain.people import queries as people
from qosymsha.domain.settlement import commands
from qosymsha.domain.settlement.access import Action
from qosymsha.domain.settlement.commands.closes import December, DecemberDecision
from qosymsha.domain.settlement.rules.acts import Party
from qosymsha.domain.settlement.rules.payment_file import Payer
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden, Refused, RowOutcome

PROVIDERS_AT_ONCE = 50
ACTS_AT_ONCE = 200
_AGAIN = 3  # a family moved a place's money in between: a part is drawn anew from what is there now
_Draw = Callable[[dict[str, Any], Sequence[int]], Mapping[str, int]]
_CLAIMS: Mapping[StrEnum | None, str] = {None: "claims", SettlementRefusal.CLAIM_ALREADY_DRAWN: "there"}


@dataclass(frozen=True, slots=True)
class _Parts:
    """Ids of what is drawn, in their order, and how many of them are one part."""

    phase: Phase
    ids: Sequence[int]
    size: int


def _envelope(begun: Begun, actor: Actor, at: datetime) -> dict[str, Any]:
    return {"actor": actor, "programme_id": begun.subject_id, "at": at, "key": begun.uuid}


def _in_parts(begun: Begun, actor: Actor, at: datetime, parts: _Parts, draw: _Draw) -> Mapping[str, int]:
    """All parts one after another, each with the rights of its own moment; what they counted together.

    Raises:
        Forbidden: the actor had no right to the first part.
        Refused: a rule says no to the first part.
        Partly: the same of a later one.
    """
    tally: Counter[str] = Counter()
    for first in range(0, len(parts.ids), parts.size):
        tell(parts.phase, first, len(parts.ids))
        mine = actor if first == 0 else people.actor_for(begun.user_id, clock.read())
        envelope = _envelope(begun, mine, at) | {"key": uuid5(begun.uuid, str(first))}
        try:
            tally.update(_patiently(draw, envelope, parts.ids[first : first + parts.size]))
        except (Refused, Forbidden) as no:
            if first == 0:
                raise
            reason = no.reason if isinstance(no, Refused) else ErrandRefusal.ERRAND_RIGHT_ENDED
            raise Partly(reason.value, tally) from None
    return dict(tally)


def _patiently(draw: _Draw, envelope: dict[str, Any], part: Sequence[int]) -> Mapping[str, int]:
    for _ in range(_AGAIN - 1):
        try:
            return draw(envelope, part)
        except Refused as refused:
            if refused.reason is not LedgerRefusal.NOT_COVERED:
                raise
    return draw(envelope, part)


def _draw_claims(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    month = date.fromisoformat(begun.body["month"])

    def draw(envelope: dict[str, Any], providers: Sequence[int]) -> Mapping[str, int]:
        return _counted(commands.draw_claims(**envelope, provider_ids=providers, month=month))

    parts = _Parts(Phase.CLAIMS, begun.body["providers"], PROVIDERS_AT_ONCE)
    found = _in_parts(begun, actor, at, parts, draw)
    return {"claims": 0, **found}


def _counted(outcomes: Sequence[RowOutcome]) -> Mapping[str, int]:
    """Claims drawn, contracts that had theirs, rows that wait for a later one."""
    return Counter(_CLAIMS.get(one.reason, "held") for one in outcomes)


def _draw_acts(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    customer = Party(**begun.body["customer"])

    def draw(envelope: dict[str, Any], claims: Sequence[int]) -> Mapping[str, int]:
        outcomes = commands.draw_acts(**envelope, claim_ids=claims, customer=customer)
        return Counter("acts" if one.reason is None else "left" for one in outcomes)

    found = _in_parts(begun, actor, at, _Parts(Phase.ACTS, begun.body["claims"], ACTS_AT_ONCE), draw)
    return {"acts": 0, **found}


def _draw_file(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    """One file over all that is released: whole or not at all, as its hash covers it."""
    tell(Phase.PAYMENTS)
    payer, pay_on = Payer(**begun.body["payer"]), date.fromisoformat(begun.body["pay_on"])
    drawn = commands.draw_payment_file(**_envelope(begun, actor, at), payer=payer, pay_on=pay_on)
    if drawn.file_id is None:
        raise Refused(SettlementRefusal.ACCOUNT_CHANGED)
    left = sum(one.reason is not None for one in drawn.rows)
    return {"payments": len(drawn.rows) - left, "file": drawn.file_id} | ({"left": left} if left else {})


def _close_month(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    tell(Phase.LEDGER)
    month = date.fromisoformat(begun.body["month"])
    closed = commands.close_month(**_envelope(begun, actor, at), month=month)
    return {"sealed": closed.summary["claims"], "unpaid": len(closed.summary["unpaid"])}


def _close_year(begun: Begun, actor: Actor, at: datetime) -> Mapping[str, int]:
    tell(Phase.LEDGER)
    choice = begun.body["december"]
    december = DecemberDecision(December(choice), begun.body["document"]) if choice else None
    commands.close_year(**_envelope(begun, actor, at), year=begun.body["year"], december=december)
    return {}


VERBS: dict[str, Callable[[Begun, Actor, datetime], Mapping[str, int]]] = {
    Action.DRAW_CLAIMS: _draw_claims,
    Action.DRAW_ACTS: _draw_acts,
    Action.DRAW_PAYMENT_FILE: _draw_file,
    Action.CLOSE_MONTH: _close_month,
    Action.CLOSE_YEAR: _close_year,
}
