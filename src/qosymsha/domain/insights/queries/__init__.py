"""The checker of invariants: every promise of RELIABILITY.md 5 on our tables, from outside the code that keeps them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from time import perf_counter

from django.db import connection

from qosymsha.domain.insights.queries import draws, money, places, reads, trail, trust
from qosymsha.domain.insights.queries.found import Checking, Found
from qosymsha.domain.insights.queries.marks import Moment, Start, moment, starts
from qosymsha.domain.insights.rules import PROMISES, InvariantResult, Span

Check = Callable[[Checking], Found]
EVERYTHING = Start()
LANES = 2

CHECKS: dict[str, Check] = {
    "INV-1": places.seats,
    "INV-2": places.places_per_voucher,
    "INV-3": places.vouchers_per_child,
    "INV-4": money.postings,
    "INV-5": money.budget_lines,
    "INV-6": money.claims,
    "INV-7": money.two_parties,
    "INV-8": places.presence,
    "INV-9": trust.audit_chain,
    "INV-10": places.histories,
    "INV-11": places.states,
    "INV-12": trust.keys,
    "INV-13": trust.jobs,
    "INV-14": money.clearing_accounts,
    "INV-15": money.payment_files,
    "INV-16": draws.stability,
    "INV-17": draws.recomputation,
    "INV-18": reads.checkpoint,
    "INV-19": reads.reads,
    "INV-20": trust.rights,
    "INV-21": trust.retention,
    "INV-22": trust.server,
    "LEDGER-13": money.lines_sum_to_zero,
    "MONEY-TRAIL": trail.money_trail,
}

ALL = tuple(promise.id for promise in PROMISES)


def check_invariants(at: datetime) -> list[InvariantResult]:
    """Check every invariant on everything, in the order of its promise; those that can't be made here say why."""
    return [result for result, _ in checked(Span.FULL, at)]


def check_invariant(invariant: str, at: datetime, start: Start = EVERYTHING) -> InvariantResult:
    """Check one invariant by its id: on everything, or on what was touched since a start.

    Also a full run asks whether what an earlier green run has `reached` still stands.
    """
    began = perf_counter()
    with _roomy():
        found = CHECKS[invariant](Checking(at, start.touched, start.reached))
    took = perf_counter() - began
    is_ok = not found.violations
    return InvariantResult(invariant, is_ok, found.violations, found.examples, took, found.excuse, found.reached)


def checked(span: Span, at: datetime, invariants: Sequence[str] = ALL) -> Iterator[tuple[InvariantResult, Moment]]:
    """Each result as asked for, with the moment at which the run began: a later increment may start there if green.

    A full run checks two at a time, each on a connection of its own, unless a transaction is open here: its rows are
    seen by this connection alone.
    """
    assert set(CHECKS) == {promise.id for promise in PROMISES}, "each promise is checked"
    began = moment(at)
    known = starts(began)

    def check(invariant: str) -> InvariantResult:
        start = known.get(invariant, EVERYTHING)
        return check_invariant(invariant, at, start if span is Span.MINUTE else Start(None, start.reached))

    asked = [invariant for invariant in invariants if invariant in CHECKS]
    is_alone = span is Span.MINUTE or connection.in_atomic_block
    for result in map(check, asked) if is_alone else _side_by_side(check, asked):
        yield result, began


def _side_by_side(check: Callable[[str], InvariantResult], invariants: Iterable[str]) -> Iterator[InvariantResult]:
    def in_lane(invariant: str) -> InvariantResult:
        try:
            return check(invariant)
        finally:
            connection.close()

    with ThreadPoolExecutor(LANES, "invariants") as lanes:
        yield from lanes.map(in_lane, invariants)


@contextmanager
def _roomy() -> Iterator[None]:
    """Room to sort and to hash; plans are cheap to make and dear to compile.

    No parallel workers: sums over millions of accounts cost twice as much in parts. Lanes use the cores instead.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET work_mem = '256MB'; SET jit = off; SET max_parallel_workers_per_gather = 0")
    try:
        yield
    finally:
        if not connection.needs_rollback and not connection.closed_in_transaction:
            with connection.cursor() as cursor:
                cursor.execute("RESET work_mem; RESET jit; RESET max_parallel_workers_per_gather")
