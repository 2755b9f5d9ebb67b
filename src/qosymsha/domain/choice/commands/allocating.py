"""The run: numbers, deferred acceptance, the independent check, seats, places and their money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from qosymsha.domain.allocation.freed import Applicants, applicants
from qosymsha.domain.allocation.market import UNPLACED
from qosymsha.domain.allocation.stability import findings
from qosymsha.domain.allocation.standing import held_entries, last_taken, ranks_of_wishes
from qosymsha.domain.choice import steps
from qosymsha.domain.choice.access import ALLOWED, Action, Topic
from qosymsha.domain.choice.models import ChoiceList, ChoiceRound
from qosymsha.domain.choice.queries import facts, frozen
from qosymsha.domain.choice.queries.frozen import Frozen
from qosymsha.domain.choice.rules import ChoiceRefusal
from qosymsha.domain.choice.states import ChoiceRoundState, ListState
from qosymsha.domain.choice.steps import Moved
from qosymsha.domain.errands.states import Phase
from qosymsha.domain.errands.telling import tell
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers import queries as voucher_queries
from qosymsha.domain.vouchers import steps as vouchers
from qosymsha.domain.vouchers.rules import EnrolRefusal, refuse_day
from qosymsha.domain.vouchers.states import Topic as VoucherTopic
from qosymsha.domain.vouchers.states import VoucherState
from qosymsha.domain.vouchers.steps import Deed, Wish
from qosymsha.kernel import idempotency, outbox
from qosymsha.kernel.actor import Actor, require

CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class Placed:
    """What a run answers: children placed and not, placed by rank of wish ("1" is the first), given but not taken."""

    placed: int
    unplaced: int
    by_wish: dict[str, int]
    not_taken: dict[str, int]
    output_hash: str


@transaction.atomic(durable=True)
def allocate_places(*, actor: Actor, round_id: int, at: datetime, key: UUID) -> Placed:
    """Run the engine on the frozen list, have it judged by code that shares nothing with it, give the places.

    A child whose voucher is no longer free, or whose group closed since, gets none: its place goes to the next of the
    group's list as a freed one. Seats are taken by the conditional update, the best of a group first.

    Raises:
        Refused: not drawn (or allocated already), or the list changed.
    """
    require(actor, Action.ALLOCATE, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    seen = idempotency.repeat(actor=actor, verb=Action.ALLOCATE, key=key, body=round_id, at=at)
    if seen is not None:
        return Placed(**seen)
    steps.require_state(the_round, ChoiceRoundState.DRAWN)
    earlier = facts.last_round_id(the_round.programme_id)
    found = frozen.frozen(the_round)
    match = frozen.match_of(found)
    tell(Phase.CHECK)
    faults = findings(found.market, match)
    assert not faults, f"the independent checker found: {faults}"
    placed = _store(the_round, found, match, Deed(actor, Action.ALLOCATE, at, key))
    _end_earlier(earlier, the_round, actor, at)
    steps.record(the_round, Action.ALLOCATE, actor=actor, at=at, detail=asdict(placed))
    idempotency.keep(actor=actor, verb=Action.ALLOCATE, key=key, outcome=asdict(placed))
    return placed


def _store(the_round: ChoiceRound, found: Frozen, match: NDArray[np.int32], deed: Deed) -> Placed:
    line, ranks = applicants(found.market), ranks_of_wishes(found.market, match).tolist()
    steps.store_outcomes(the_round.id, _outcomes(found, match, ranks))
    steps.store_cutoffs(the_round.id, _cutoffs(found, line, match))
    steps.store_entries(the_round.id, frozen.entries(found, line))
    voucher_of = dict(ChoiceList.objects.filter(round_id=the_round.id).values_list("id", "voucher_id"))
    held = vouchers.lock_vouchers([voucher_of[list_id] for list_id in found.closed.list_ids])
    refused: dict[int, StrEnum] = {}
    entered: set[int] = set()
    wishes = _wishes(the_round, found, match, [held[voucher_of[i]] for i in found.closed.list_ids], deed, refused)
    for part in _best_first(line, match, wishes):
        entered |= _enter(deed, the_round, part, refused)
        tell(Phase.PLACES, len(entered), len(wishes))
    _tell_lists(found, match, held, voucher_of, entered, refused, deed)
    _open_left_over(found, match)
    the_round.output_hash = frozen.output_hash(found.closed.lines, match)
    steps.move_round(the_round, ChoiceRoundState.ALLOCATED, actor=deed.actor, at=deed.at)
    by_wish = Counter(str(ranks[row]) for row in sorted(entered))
    return Placed(
        placed=len(entered),
        unplaced=len(found.closed.list_ids) - len(entered),
        by_wish=dict(sorted(by_wish.items(), key=lambda item: int(item[0]))),
        not_taken=dict(Counter(reason.value for reason in refused.values())),
        output_hash=the_round.output_hash.hex(),
    )


def _outcomes(found: Frozen, match: NDArray[np.int32], ranks: Sequence[int]) -> Iterator[steps.OutcomeRow]:
    numbers = found.numbers.tobytes()
    for row, (list_id, group) in enumerate(zip(found.closed.list_ids, match.tolist(), strict=True)):
        is_placed = group != UNPLACED
        yield steps.OutcomeRow(
            list_id,
            numbers[row * 32 : row * 32 + 32],
            found.group_ids[group] if is_placed else None,
            ranks[row] if is_placed else None,
        )


def _cutoffs(found: Frozen, line: Applicants, match: NDArray[np.int32]) -> Iterator[steps.CutoffRow]:
    groups = len(found.group_ids)
    wished = np.bincount(found.market.groups, minlength=groups).tolist()
    taken = np.bincount(match[match != UNPLACED], minlength=groups).tolist()
    last = last_taken(line, match).tolist()
    for number, group_id in enumerate(found.group_ids):
        line_id = found.closed.lines[last[number]].line_id if last[number] != UNPLACED else None
        group = found.terms.groups[number]
        reserved = sum(places for _, places in group.reserves)
        yield steps.CutoffRow(group_id, group.capacity, reserved, wished[number], taken[number], line_id)


def _wishes(  # noqa: PLR0913 - three rooms' rows meet here
    the_round: ChoiceRound,
    found: Frozen,
    match: NDArray[np.int32],
    held: Sequence[voucher_queries.VoucherFacts],
    deed: Deed,
    refused: dict[int, StrEnum],
) -> dict[int, Wish]:
    """Row of the closed list → what is to be entered; rows that can't be any more go to `refused`."""
    starts_on = max(the_round.starts_on, deed.today)
    facts_of = providers.group_facts(found.group_ids)
    wishes = {}
    for row, (group, voucher) in enumerate(zip(match.tolist(), held, strict=True)):
        if group == UNPLACED:
            continue
        reason = refuse_day(starts_on, deed.today, voucher.first_month, voucher.last_month)
        if voucher.state not in facts.HOLDING:
            refused[row] = ChoiceRefusal.NOT_HOLDER
        elif reason is not None:
            refused[row] = reason
        else:
            wishes[row] = Wish(row, voucher, facts_of[found.group_ids[group]], starts_on)
    return wishes


def _best_first(line: Applicants, match: NDArray[np.int32], wishes: Mapping[int, Wish]) -> Iterator[list[Wish]]:
    """The wishes in the order of the groups' lists, chunk by chunk: should a seat be gone, the last stays without."""
    standing = np.empty(line.market.groups.size + 1, np.int64)
    standing[line.entries] = np.arange(line.entries.size)
    entries = held_entries(line.market, match)
    rows = sorted(wishes, key=lambda row: int(standing[entries[row]]))
    for start in range(0, len(rows), CHUNK):
        yield [wishes[row] for row in rows[start : start + CHUNK]]


def _enter(deed: Deed, the_round: ChoiceRound, wishes: Sequence[Wish], refused: dict[int, StrEnum]) -> set[int]:
    judged, prices = vouchers.judge(wishes, refused)
    has_seat = vouchers.take_seats([wish.group.id for wish in judged])
    seated = [wish for wish, has in zip(judged, has_seat, strict=True) if has]
    refused |= {wish.row: EnrolRefusal.GROUP_FULL for wish, has in zip(judged, has_seat, strict=True) if not has}
    # Seats went in the order of the groups' lists; a place's id must not tell it: a club's pages list places by it.
    opened = vouchers.enter(deed, sorted(seated, key=lambda wish: wish.voucher.id), prices)
    ids = list(opened.values())
    vouchers.record(deed, VoucherTopic.ENROLLED, "enrolment", ids, the_round.territory_id)
    return set(opened)


def _tell_lists(  # noqa: PLR0913 - what became of every row
    found: Frozen,
    match: NDArray[np.int32],
    held: Mapping[int, voucher_queries.VoucherFacts],
    voucher_of: Mapping[int, int],
    entered: set[int],
    refused: Mapping[int, StrEnum],
    deed: Deed,
) -> None:
    moved = []
    for row, (list_id, group) in enumerate(zip(found.closed.list_ids, match.tolist(), strict=True)):
        if row in entered:
            moved.append(Moved(list_id, ListState.PLACED, "allocated", found.group_ids[group]))
            continue
        is_out = held[voucher_of[list_id]].state == VoucherState.CLOSED
        cause = refused[row].value if row in refused else "allocated"
        moved.append(Moved(list_id, ListState.LEFT if is_out else ListState.UNPLACED, cause))
    for start in range(0, len(moved), CHUNK):
        steps.move_lists(moved[start : start + CHUNK], actor=deed.actor, at=deed.at)
    for topic, state in ((Topic.PLACED, ListState.PLACED), (Topic.UNPLACED, ListState.UNPLACED)):
        ids = [row.list_id for row in moved if row.to is state]
        outbox.tell(topic=topic, subject_kind="choice_list", subject_ids=ids, at=deed.at)


def _open_left_over(found: Frozen, match: NDArray[np.int32]) -> None:
    """Groups that took everyone who wanted them and still have places: these may be taken directly from now on."""
    taken = np.bincount(match[match != UNPLACED], minlength=len(found.group_ids))
    spare = np.flatnonzero(taken < found.market.capacities).tolist()
    vouchers.mark_left_over([found.group_ids[number] for number in spare], is_left_over=True)


def _end_earlier(earlier_id: int | None, the_round: ChoiceRound, actor: Actor, at: datetime) -> None:
    """Lists of the round before give way to this one's, but for those with an open offer that may still be answered."""
    if earlier_id is None:
        return
    waiting = ChoiceList.objects.filter(round_id=earlier_id, state__in=[ListState.PLACED, ListState.UNPLACED])
    waiting = waiting.exclude(pk__in=facts.lists_with_open_offers(earlier_id)).order_by("id")
    cause = f"later_round:{the_round.number}"
    moved = [Moved(i, ListState.LEFT, cause, group) for i, group in waiting.values_list("id", "group_id")]
    for start in range(0, len(moved), CHUNK):
        steps.move_lists(moved[start : start + CHUNK], actor=actor, at=at)
