"""Close the window: look at every list once more, fix the groups' free places, freeze the list, publish its root."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.allocation import canonical, draw
from qosymsha.domain.allocation.choice_list import ChoiceGroup, ChoiceLine, ChoiceTerms, Wished, terms_text
from qosymsha.domain.allocation.round_terms import ReserveRule
from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import ALLOWED, Action, Topic
from qosymsha.domain.choice.models import ChoiceRound
from qosymsha.domain.choice.queries import facts, frozen
from qosymsha.domain.choice.queries.facts import FiledList
from qosymsha.domain.choice.rules import TICKET_KIND, ChoiceRefusal, claims_of, criteria_of, tier_of
from qosymsha.domain.choice.states import ChoiceRoundState, ListState
from qosymsha.domain.errands.states import Phase
from qosymsha.domain.errands.telling import tell
from qosymsha.domain.people import queries as people
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers import queries as vouchers
from qosymsha.domain.vouchers import steps as voucher_steps
from qosymsha.kernel import idempotency
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused

CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Closed:
    """What a close answers: the root (hex), lists frozen and rejected, wishes no longer possible, by reason."""

    root: str
    lists: int
    rejected: dict[str, int]
    dropped: dict[str, int]


@dataclass(slots=True)
class _Freezing:
    """A close under way."""

    actor: Actor
    at: datetime
    the_round: ChoiceRound
    uuids: dict[int, str]
    filed_in_all: int
    looked_at: int = 0
    leaves: bytearray = field(default_factory=bytearray)
    position: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)


@transaction.atomic(durable=True)
def close_choice_round(*, actor: Actor, round_id: int, at: datetime, key: UUID) -> Closed:
    """Fix tiers, siblings, districts and free places as of the cut-off; freeze the canonical list; publish its root.

    A wish that became impossible is left out, a list without any left is rejected. From now on the groups' free places
    are the round's: under the opening `choice_first` nobody takes them directly.

    Raises:
        Refused: not open, or the window still is.
    """
    require(actor, Action.CLOSE, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    seen = idempotency.repeat(actor=actor, verb=Action.CLOSE, key=key, body=round_id, at=at)
    if seen is not None:
        return Closed(**seen)
    steps.require_state(the_round, ChoiceRoundState.OPEN)
    if at < the_round.closes_at:
        raise Refused(ChoiceRefusal.CHOICE_WINDOW_STILL_OPEN, round=the_round.number)
    closed = _close(actor, the_round, at)
    steps.record(the_round, Action.CLOSE, actor=actor, at=at, topic=Topic.ROUND_CLOSED, detail=asdict(closed))
    idempotency.keep(actor=actor, verb=Action.CLOSE, key=key, outcome=asdict(closed))
    return closed


def _close(actor: Actor, the_round: ChoiceRound, at: datetime) -> Closed:
    terms, uuids = _terms(the_round)
    freezing = _Freezing(actor, at, the_round, uuids, facts.filed_count(the_round.id))
    for filed in _chunks(the_round.id):
        _freeze(freezing, filed)
    the_round.terms = terms_text(terms, frozen.announced(the_round))
    the_round.root = frozen.root_of(the_round.terms, freezing.leaves)
    the_round.closed_at = at
    steps.move_round(the_round, ChoiceRoundState.CLOSED, actor=actor, at=at)
    return Closed(the_round.root.hex(), freezing.position, dict(freezing.rejected), dict(freezing.dropped))


def _chunks(round_id: int) -> Iterator[list[FiledList]]:
    last = b""
    while filed := facts.filed_after(round_id, last, CHUNK):
        last = filed[-1].line_id
        yield filed


def _terms(the_round: ChoiceRound) -> tuple[ChoiceTerms, dict[int, str]]:
    """Criteria and the groups that take children on the first day, with the seats free now; group id → its uuid."""
    groups = providers.groups_open_on(the_round.programme_id, the_round.starts_on)
    ids = [group.id for group in groups]
    voucher_steps.mark_left_over(ids, is_left_over=False)
    free = vouchers.free_places(ids)
    districts = facts.katos({group.district_id for group in groups})
    rules = programmes.rules_of(the_round.rule_set_id).rules
    listed = tuple(
        ChoiceGroup(
            str(g.uuid),
            free[g.id],
            districts[g.district_id],
            (g.age_min, g.age_max),
            tuple(rules.choice.reserved_places(g.kind, free[g.id])),
        )
        for g in groups
    )
    terms = ChoiceTerms(criteria_of(rules), listed, ReserveRule(rules.choice.reserve_rule))
    return terms, {group.id: str(group.uuid) for group in groups}


def _freeze(freezing: _Freezing, filed: Sequence[FiledList]) -> None:
    kept, moved = [], []
    for one, line, reason in _look_again(freezing, filed):
        if line is None:
            freezing.rejected[reason] += 1
            moved.append(steps.Moved(one.id, ListState.REJECTED, reason))
        else:
            kept.append((one.id, line))
            moved.append(steps.Moved(one.id, ListState.FROZEN, "closed"))
    tickets = people.unseal(TICKET_KIND, [list_id for list_id, _ in kept])
    rows = []
    for position, (list_id, line) in enumerate(kept, freezing.position):
        text = line.text()
        rows.append(steps.LineRow(position, list_id, text, canonical.leaf(draw.salt(tickets[list_id]), text)))
    steps.store_lines(freezing.the_round.id, rows)
    steps.move_lists(moved, actor=freezing.actor, at=freezing.at)
    freezing.leaves += b"".join(row.leaf for row in rows)
    freezing.position += len(rows)
    freezing.looked_at += len(filed)
    tell(Phase.ROWS, freezing.looked_at, freezing.filed_in_all)


def _look_again(freezing: _Freezing, filed: Sequence[FiledList]) -> Iterator[tuple[FiledList, ChoiceLine | None, str]]:
    """Each list with its line, or with the reason why it has none."""
    the_round = freezing.the_round
    on = local_day(the_round.closes_at)
    rules = programmes.rules_of(the_round.rule_set_id).rules
    held = facts.vouchers_of([one.voucher_id for one in filed])
    judge = facts.Judge(the_round, [(held[one.voucher_id], one.group_ids) for one in filed])
    children = [one.child_id for one in filed]
    siblings, statuses, homes = facts.siblings(children, on), people.statuses(children, on), people.homes(children)
    katos = facts.katos(set(homes.values()))
    for one in filed:
        voucher = held[one.voucher_id]
        if voucher.state not in facts.HOLDING:
            yield one, None, ChoiceRefusal.NOT_HOLDER.value
            continue
        groups = list(_possible(freezing, judge, voucher, one))
        age = judge.age(voucher)
        if not groups or age is None:
            yield one, None, ChoiceRefusal.NO_WISHES.value
            continue
        wishes = tuple(Wished(freezing.uuids[g], (one.child_id, g) in siblings) for g in groups)
        certified = statuses.get(one.child_id, frozenset())
        home = katos.get(homes.get(one.child_id, 0), "")
        claims = claims_of(rules, voucher.kind, certified)
        yield one, ChoiceLine(one.line_id, tier_of(rules, certified), age, home, wishes, claims), ""


def _possible(freezing: _Freezing, judge: facts.Judge, voucher: vouchers.VoucherFacts, one: FiledList) -> Iterator[int]:
    for group_id in one.group_ids:
        reason = judge.refuse(voucher, group_id)
        if reason is None and group_id not in freezing.uuids:
            reason = ChoiceRefusal.WISH_CLOSED
        if reason is None:
            yield group_id
        else:
            freezing.dropped[reason.value] += 1
