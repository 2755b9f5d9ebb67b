"""The checker of invariants: every promise of RELIABILITY.md 5 on our tables, from outside the code that keeps them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import perf_counter

from qosymsha.domain.insights.queries import draws, money, places, trail, trust
from qosymsha.domain.insights.queries.found import Checking, Found
from qosymsha.domain.insights.rules import NOT_YET, PROMISES, InvariantResult

Check = Callable[[Checking], Found]

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
    "INV-20": trust.rights,
    "INV-21": trust.retention,
    "INV-22": trust.server,
    "LEDGER-13": money.lines_sum_to_zero,
    "MONEY-TRAIL": trail.money_trail,
}


def check_invariants(at: datetime) -> list[InvariantResult]:
    """Check every invariant in the order of its promise; those that can't apply yet are listed with their reason."""
    assert set(CHECKS) | set(NOT_YET) == {promise.id for promise in PROMISES}, (
        "each promise is checked or excused by name"
    )
    return [check_invariant(promise.id, at) for promise in PROMISES]


def check_invariant(invariant: str, at: datetime) -> InvariantResult:
    """Check one invariant by its id."""
    if invariant in NOT_YET:
        return InvariantResult(invariant, True, 0, [], 0.0, NOT_YET[invariant])
    began = perf_counter()
    found = CHECKS[invariant](Checking(at))
    return InvariantResult(invariant, not found.violations, found.violations, found.examples, perf_counter() - began)
