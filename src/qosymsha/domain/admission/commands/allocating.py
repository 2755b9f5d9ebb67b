"""The run: numbers, order, grants, the independent check, vouchers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from qosymsha.domain.admission import steps
from qosymsha.domain.admission.access import ALLOWED, Action, Topic
from qosymsha.domain.admission.models import Round
from qosymsha.domain.admission.queries import facts, frozen
from qosymsha.domain.admission.queries.frozen import Run
from qosymsha.domain.admission.queries.granted import Granted, granted_in
from qosymsha.domain.admission.rules import AdmissionRefusal, Places
from qosymsha.domain.admission.states import ApplicationState, RoundState
from qosymsha.domain.allocation.round_answer import kind_name
from qosymsha.domain.allocation.round_check import findings
from qosymsha.domain.errands.states import Phase
from qosymsha.domain.errands.telling import tell
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.ledger.rules import AccountKey, AccountKind
from qosymsha.domain.ledger.steps import lock_commitments
from qosymsha.kernel import idempotency, outbox
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused

CHUNK = 10_000
VOUCHERS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Allocated:
    """What a run answers: granted and waiting per segment, vouchers issued, the answer's hash (hex)."""

    granted: dict[str, int]
    waiting: dict[str, int]
    vouchers: int
    output_hash: str


@dataclass(frozen=True, slots=True)
class Cause:
    """By whom and when."""

    actor: Actor
    at: datetime


@transaction.atomic(durable=True)
def allocate_round(*, actor: Actor, round_id: int, at: datetime, key: UUID) -> Allocated:
    """Run the engine on the frozen list, have the answer checked by code that shares nothing with it, issue vouchers.

    Raises:
        Refused: not drawn (or allocated already), the list changed, or the money that was free at close is gone.
    """
    require(actor, Action.ALLOCATE, ALLOWED, territory_id=facts.round_of(round_id).territory_id)
    the_round = steps.lock_round(round_id)
    places = frozen.places_of(the_round)
    lock_commitments(sorted({found.line_id for found in places.values()}))
    seen = idempotency.repeat(actor=actor, verb="allocate_round", key=key, body=round_id, at=at)
    if seen is not None:
        return Allocated(**seen)
    steps.require_state(the_round, RoundState.DRAWN)
    run = frozen.run(the_round)
    tell(Phase.CHECK)
    faults = findings(run.terms, run.arrays, run.answer)
    assert not faults, f"the independent checker found: {faults}"
    _require_money(run, places)
    allocated = _store(the_round, run, places, Cause(actor, at))
    steps.record(the_round, Action.ALLOCATE, actor=actor, at=at, detail=asdict(allocated))
    idempotency.keep(actor=actor, verb="allocate_round", key=key, outcome=asdict(allocated))
    return allocated


def _require_money(run: Run, places: dict[str, Places]) -> None:
    """A cut between close and run must not leave children with vouchers that nothing covers: nothing is stored then."""
    granted = Counter(run.closed.segment[run.answer.outcomes() == 0].tolist())
    needed: Counter[int] = Counter()
    for i, segment in enumerate(run.terms.segments):
        found = places[segment.id]
        needed[found.line_id] += granted[i] * found.voucher_tiyn
    keys = {line_id: AccountKey(AccountKind.FREE, line_id) for line_id in needed}
    free = ledger.balances(list(keys.values()))
    for line_id, amount in needed.items():
        if amount > free[keys[line_id]]:
            raise Refused(AdmissionRefusal.MONEY_GONE, line_id=line_id, short_tiyn=amount - free[keys[line_id]])


def _store(the_round: Round, run: Run, places: dict[str, Places], cause: Cause) -> Allocated:
    for part, rows in enumerate(_outcome_rows(run)):
        steps.check_now()
        tell(Phase.ROWS, part * CHUNK, len(run.closed.applications))
        steps.store_outcomes(the_round.id, rows)
        moved = steps.settle({row.application_id: row.result for row in rows}, actor=cause.actor, at=cause.at)
        for state, topic in (("granted", Topic.APPLICATION_GRANTED), ("waiting", Topic.APPLICATION_WAITING)):
            outbox.tell(topic=topic, subject_kind="application", subject_ids=moved[state], at=cause.at)
    granted, waiting = _counts(run, 0), _counts(run, 1)
    vouchers = 0
    for segment, found in places.items():
        for issued in _issue(the_round, segment, found, cause):
            vouchers += issued
            steps.check_now()
            tell(Phase.VOUCHERS, vouchers, sum(granted.values()))
    _end_earlier_rounds(the_round, cause)
    the_round.output_hash = frozen.answer_hash(run)
    steps.move_round(the_round, RoundState.ALLOCATED, actor=cause.actor, at=cause.at)
    return Allocated(granted, waiting, vouchers, the_round.output_hash.hex())


def _counts(run: Run, outcome: int) -> dict[str, int]:
    counted = Counter(run.closed.segment[run.answer.outcomes() == outcome].tolist())
    return {segment.id: counted[i] for i, segment in enumerate(run.terms.segments)}


def _outcome_rows(run: Run) -> Iterator[list[steps.OutcomeRow]]:
    """The answer as rows, chunk by chunk, in the order of the closed list."""
    answer, closed = run.answer, run.closed
    kinds, ranks, waiting = answer.granted_from(), answer.ranks(), answer.waiting_ranks()
    turns, iterations = answer.queue_places(), answer.iterations()
    assert ranks.all(), "every line of a closed list stands in the queue of its segment"
    for start in range(0, len(ranks), CHUNK):
        part = slice(start, start + CHUNK)
        numbers = run.numbers[part].tobytes()
        yield [
            steps.OutcomeRow(
                application_id=application_id,
                segment=run.terms.segments[segment].id,
                number=numbers[i * 32 : i * 32 + 32],
                iteration=iteration or None,
                turn=turn,
                rank=rank,
                waiting_rank=waiting_rank or None,
                how="" if waiting_rank else kind_name(run.terms, kind),
            )
            for i, (application_id, segment, iteration, turn, rank, waiting_rank, kind) in enumerate(
                zip(
                    closed.applications[part].tolist(),
                    closed.segment[part].tolist(),
                    iterations[part].tolist(),
                    turns[part].tolist(),
                    ranks[part].tolist(),
                    waiting[part].tolist(),
                    kinds[part].tolist(),
                    strict=True,
                )
            )
        ]


def _issue(the_round: Round, segment: str, found: Places, cause: Cause) -> Iterator[int]:
    """Vouchers for a segment: one posting for up to 20,000 of them, all under the one lock of the line's free money."""
    for part, winners in enumerate(granted_in(the_round.id, segment, VOUCHERS_AT_ONCE), 1):
        _reject_holders(winners, cause)
        fresh = [winner for winner in winners if not winner.holds_voucher]
        ids = steps.award(
            the_round,
            fresh,
            line_id=found.line_id,
            first_month=the_round.first_month,
            cause_key=f"{the_round.number}:{segment}:{part}",
            actor=cause.actor,
            at=cause.at,
        )
        yield len(ids)


def _reject_holders(winners: list[Granted], cause: Cause) -> None:
    """A child that got a voucher by another way since the close needs no second: its place goes to the next."""
    steps.move(
        [winner.id for winner in winners if winner.holds_voucher],
        come_from=[ApplicationState.GRANTED],
        to=ApplicationState.REJECTED,
        cause=AdmissionRefusal.HOLDS_VOUCHER,
        actor=cause.actor,
        at=cause.at,
    )


def _end_earlier_rounds(the_round: Round, cause: Cause) -> None:
    """Who still waits from an earlier round and did not file again leaves that list: the money is now this round's."""
    left = facts.waiting_elsewhere(the_round.programme_id, the_round.id)
    for start in range(0, len(left), CHUNK):
        ended = steps.move(
            left[start : start + CHUNK],
            come_from=[ApplicationState.WAITING],
            to=ApplicationState.ENDED,
            cause=f"later_round:{the_round.number}",
            actor=cause.actor,
            at=cause.at,
        )
        outbox.tell(topic=Topic.APPLICATION_ENDED, subject_kind="application", subject_ids=ended, at=cause.at)
