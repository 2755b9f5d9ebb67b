"""Close the window: look at every application once more, freeze the list, publish its root."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from qosymsha.domain.admission import steps
from qosymsha.domain.admission.access import ALLOWED, Action, Topic
from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.queries import facts, frozen
from qosymsha.domain.admission.queries.facts import Filed
from qosymsha.domain.admission.rules import (
    TICKET_KIND,
    AdmissionRefusal,
    Places,
    months_between,
    places_for,
    refuse_filing,
    reserve_categories,
    tier_of,
)
from qosymsha.domain.admission.states import RoundState
from qosymsha.domain.admission.steps import Checked, FrozenRow
from qosymsha.domain.allocation import announcement, canonical, draw
from qosymsha.domain.errands.states import Phase
from qosymsha.domain.errands.telling import tell
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.ledger.steps import lock_commitments
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Rules
from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Closed:
    """What a close answers: the root (hex), how many stand in the list, how many were rejected by reason."""

    root: str
    applications: int
    rejected: dict[str, int]


@transaction.atomic(durable=True)
def close_round(*, actor: Actor, round_id: int, at: datetime, key: UUID) -> Closed:
    """Fix claims and categories as certified at the cut-off, reject who lost the right, freeze the canonical list.

    Raises:
        Refused: not open, or the window still is.
    """
    require(actor, Action.CLOSE_ROUND, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    seen = idempotency.repeat(actor=actor, verb="close_round", key=key, body=round_id, at=at)
    if seen is not None:
        return Closed(**seen)
    steps.require_state(the_round, RoundState.OPEN)
    if at < the_round.closes_at:
        raise Refused(AdmissionRefusal.WINDOW_STILL_OPEN, round=the_round.number)
    closed = _close(actor, the_round, at)
    steps.record(the_round, Action.CLOSE_ROUND, actor=actor, at=at, topic=Topic.ROUND_CLOSED, detail=_as_json(closed))
    idempotency.keep(actor=actor, verb="close_round", key=key, outcome=_as_json(closed))
    return closed


def _close(actor: Actor, the_round: Round, at: datetime) -> Closed:
    in_force = programmes.rules_of(the_round.rule_set_id)
    places = _places(the_round, in_force.rules)
    leaves, rejected, position = bytearray(), Counter[str](), 0
    last, looked_at, filed_in_all = b"", 0, facts.submitted_count(the_round.id)
    while filed := facts.submitted_after(the_round.id, last, CHUNK):
        last = filed[-1].line_id
        checked = _look_again(the_round, in_force.rules, filed)
        steps.check(checked, actor=actor, at=at)
        kept = [(row, found) for row, found in zip(filed, checked, strict=True) if found.reason is None]
        rejected.update(found.reason.value for found in checked if found.reason is not None)
        rows = _freeze(in_force.rules, kept, position)
        steps.freeze(the_round.id, rows)
        leaves += b"".join(row.leaf for row in rows)
        position += len(rows)
        looked_at += len(filed)
        steps.check_now()
        tell(Phase.ROWS, looked_at, filed_in_all)
    the_round.places = {segment: _fields(found) for segment, found in places.items()}
    the_round.terms = announcement.terms_text(frozen.terms_for(the_round, places), frozen.announced(the_round))
    the_round.root = frozen.root_of(the_round.terms, leaves)
    the_round.closed_at = at
    steps.move_round(the_round, RoundState.CLOSED, actor=actor, at=at)
    return Closed(the_round.root.hex(), position, dict(rejected))


def _places(the_round: Round, rules: Rules) -> dict[str, Places]:
    """Turn the money free now into places, segment by segment."""
    year, months = the_round.first_month.year, months_between(the_round.first_month, the_round.last_month)
    lines: dict[str, int] = {}
    for kind in rules.kinds:
        line_id = programmes.line_id(the_round.programme_id, kind, year)
        if line_id is None:
            raise Refused(AdmissionRefusal.NO_BUDGET_LINE, kind=kind)
        lines[kind] = line_id
    lock_commitments(sorted(set(lines.values())))
    free = ledger.balances([AccountKey(AccountKind.FREE, line_id) for line_id in lines.values()])
    return {
        kind: places_for(
            line_id=line_id,
            free_tiyn=free[AccountKey(AccountKind.FREE, line_id)],
            voucher_tiyn=rules.planning_tariff[kind] * months,
            appeals_reserve_permille=rules.appeals_reserve_permille,
        )
        for kind, line_id in lines.items()
    }


def _look_again(the_round: Round, rules: Rules, filed: Sequence[Filed]) -> list[Checked]:
    on = facts.cut_off_day(the_round)
    again = facts.seen_again(the_round, rules, filed, on=on)
    statuses = people.statuses([row.child_id for row in filed], on)
    known = {category.code for category in rules.categories}
    found = []
    for row, fact in zip(filed, again, strict=True):
        claims = statuses.get(row.child_id, frozenset()) & known
        category = rules.best_category(claims).code
        found.append(Checked(row.id, tuple(sorted(claims)), category, refuse_filing(rules, fact)))
    return found


def _freeze(rules: Rules, kept: Sequence[tuple[Filed, Checked]], position: int) -> list[FrozenRow]:
    """The canonical lines and salted leaves of the next rows of the list."""
    deciding = reserve_categories(rules)
    is_by_arrival = rules.allocation.tie == "arrived"
    tiers = {category.code: tier_of(rules, category.code) for category in rules.categories}
    tickets = people.unseal(TICKET_KIND, [row.id for row, _ in kept])
    rows = []
    for row, found in kept:
        line = canonical.Line(
            row.line_id,
            row.kind,
            tiers[found.category],
            tuple(claim for claim in found.claims if claim in deciding),
            row.arrived if is_by_arrival else None,
        ).text()
        rows.append(FrozenRow(position, row.id, line, canonical.leaf(draw.salt(tickets[row.id]), line)))
        position += 1
    return rows


def _fields(found: Places) -> dict[str, int]:
    return {name: getattr(found, name) for name in Places.__slots__}


def _as_json(closed: Closed) -> dict[str, Any]:
    return {"root": closed.root, "applications": closed.applications, "rejected": closed.rejected}
