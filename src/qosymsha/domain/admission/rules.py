"""Who may file, what a family competes in, how money becomes places. Source: docs/rules/admission.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from qosymsha.domain.allocation.announcement import TYPED
from qosymsha.domain.allocation.round_terms import OnShort, Policy, ReserveRule, RoundTerms, Segment, Tie
from qosymsha.domain.programmes.rules import Rules

TICKET_KIND = "application"  # the subject kind under which tickets are sealed
COMMITMENT_BYTES = 32
LONGEST_REASON = 500


class AdmissionRefusal(StrEnum):
    """Why this room says no. The first group stands on rows of a batch and on those rejected at close or refill."""

    NOT_GUARDIAN = "not_guardian"
    OTHER_TERRITORY = "other_territory"
    UNKNOWN_KIND = "unknown_kind"
    AGE_UNKNOWN = "age_unknown"
    WRONG_AGE = "wrong_age"
    HOLDS_VOUCHER = "holds_voucher"
    ALREADY_FILED = "already_filed"
    ROUND_CANCELLED = "round_cancelled"
    CHANGED_MEANWHILE = "changed_meanwhile"

    UNKNOWN_ROUND = "unknown_round"
    UNKNOWN_APPLICATION = "unknown_application"
    ROUND_IN_OTHER_STATE = "round_in_other_state"
    APPLICATION_IN_OTHER_STATE = "application_in_other_state"
    WINDOW_NOT_OPEN = "window_not_open"
    WINDOW_STILL_OPEN = "window_still_open"
    ANOTHER_ROUND_RUNS = "another_round_runs"

    WINDOW_BACKWARDS = "window_backwards"
    MONTHS_BACKWARDS = "months_backwards"
    MONTHS_IN_TWO_YEARS = "months_in_two_years"
    NO_BUDGET_LINE = "no_budget_line"
    TWO_PARTIES_NEEDED = "two_parties_needed"
    COMMITMENT_MALFORMED = "commitment_malformed"
    BEACON_NOT_NAMED = "beacon_not_named"
    CANCEL_REASON_MISSING = "cancel_reason_missing"

    SECRET_MISSING = "secret_missing"  # noqa: S105 - a reason
    SECRET_NOT_COMMITTED = "secret_not_committed"  # noqa: S105 - a reason
    BEACON_MALFORMED = "beacon_malformed"
    TWO_OFFICERS_TYPE = "two_officers_type"
    LIST_CHANGED = "list_changed"
    MONEY_GONE = "money_gone"
    OUTPUT_DIFFERS = "output_differs"
    TICKETS_ERASED = "tickets_erased"
    FREED_PLACES_WAIT = "freed_places_wait"
    OTHER_GUARDIAN_KEEPS = "other_guardian_keeps"


@dataclass(frozen=True, slots=True)
class FilingFacts:
    """What decides a row at filing, and again at close and refill. `slot` is None where no slot takes the kind."""

    is_ward: bool
    is_local: bool
    slot: str | None
    age: int | None
    holds_voucher: bool
    has_filed: bool


def refuse_filing(rules: Rules, facts: FilingFacts) -> AdmissionRefusal | None:
    """The first reason against an application, or None. A stranger learns only that the child is not theirs.

    Source: docs/rules/admission.md R-1 to R-6.
    """
    checks = (
        (not facts.is_ward, AdmissionRefusal.NOT_GUARDIAN),
        (not facts.is_local, AdmissionRefusal.OTHER_TERRITORY),
        (facts.slot is None, AdmissionRefusal.UNKNOWN_KIND),
        (facts.age is None, AdmissionRefusal.AGE_UNKNOWN),
        (not _is_of_age(rules, facts.age), AdmissionRefusal.WRONG_AGE),
        (facts.holds_voucher, AdmissionRefusal.HOLDS_VOUCHER),
        (facts.has_filed, AdmissionRefusal.ALREADY_FILED),
    )
    return next((reason for is_true, reason in checks if is_true), None)


def _is_of_age(rules: Rules, age: int | None) -> bool:
    return age is not None and rules.ages.minimum <= age <= rules.ages.maximum


def age_on(born_on: date, day: date) -> int:
    """Whole years on `day`; somebody born on 29 February is a year older from 1 March in common years."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def age_day(rules: Rules, *, filed_on: date, first_month: date) -> date:
    """The day on which ages are counted: the rule set's own day, else the course's first day or the day of filing."""
    if rules.ages.on is not None:
        return rules.ages.on
    return first_month if rules.ages.counted_on == "course_start" else filed_on


def slot_of(rules: Rules, kind: str) -> str | None:
    """The code of the entitlement slot that a kind uses, or None for a kind the rule set does not know."""
    if kind not in rules.kinds:
        return None
    return next((slot.code for slot in rules.slots if kind in slot.kinds), None)


def months_between(first: date, last: date) -> int:
    """How many months from `first` to `last`, both counted; both are first days of a month."""
    return (last.year - first.year) * 12 + last.month - first.month + 1


@dataclass(frozen=True, slots=True)
class Places:
    """Money turned into places of a segment: what was free, is kept for appeals, a voucher takes (all in tiyn)."""

    line_id: int
    places: int
    free_tiyn: int
    kept_tiyn: int
    voucher_tiyn: int


def places_for(*, line_id: int, free_tiyn: int, voucher_tiyn: int, appeals_reserve_permille: int) -> Places:
    """Whole places that the free money covers once the appeals reserve (rounded up) is set aside.

    Source: docs/rules/admission.md R-8.
    """
    kept = -(-free_tiyn * appeals_reserve_permille // 1000)
    return Places(line_id, (free_tiyn - kept) // voucher_tiyn, free_tiyn, kept, voucher_tiyn)


def affordable(free_tiyn: int, *, kept_tiyn: int, voucher_tiyn: int) -> int:
    """How many more vouchers the free money covers while what is kept for appeals stays. Source: R-10."""
    return max(0, (free_tiyn - kept_tiyn) // voucher_tiyn)


def tier_of(rules: Rules, category: str) -> int:
    """What orders a category: its place in the published order under `iterations`, its strict tier under `tiers`."""
    found = rules.category(category)
    return found.order if rules.allocation.policy == Policy.ITERATIONS else found.tier


def reserve_categories(rules: Rules) -> frozenset[str]:
    """The categories that decide more than the tier: those that some reserve names. Only they stand in the list."""
    return frozenset(reserve.category for reserve in rules.allocation.reserves)


def terms_of(rules: Rules, places: Mapping[str, int]) -> RoundTerms:
    """The engine's terms from the rule set and the places of each segment, in the rule set's order of kinds."""
    choice = rules.allocation
    is_iterations = choice.policy == Policy.ITERATIONS
    return RoundTerms(
        segments=tuple(Segment(kind, places[kind], _reserves(rules, kind, places[kind])) for kind in rules.kinds),
        policy=Policy(choice.policy),
        tie=Tie(choice.tie),
        rule=ReserveRule(choice.reserve_rule),
        on_short=OnShort(choice.on_short),
        coefficients={c.order: c.coefficient for c in rules.categories} if is_iterations else {},
    )


def _reserves(rules: Rules, segment: str, places: int) -> tuple[tuple[str, int], ...]:
    return tuple(
        (reserve.category, places * reserve.permille // 1000)
        for reserve in rules.allocation.reserves
        if reserve.segment == segment
    )


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """What a planned round is asked for: its window, the months it funds, its beacon and the parties' commitments."""

    opens_at: datetime
    closes_at: datetime
    first_month: date
    last_month: date
    beacon_name: str
    commitments: Mapping[str, bytes]


def _are_months(first: date, last: date) -> bool:
    return first.day == last.day == 1 and first <= last


def refuse_plan(plan: RoundPlan) -> AdmissionRefusal | None:
    """The first reason against a plan, or None. Source: docs/rules/admission.md R-7."""
    parties: Sequence[str] = [party for party in plan.commitments if party.strip()]
    checks = (
        (plan.closes_at <= plan.opens_at, AdmissionRefusal.WINDOW_BACKWARDS),
        (not _are_months(plan.first_month, plan.last_month), AdmissionRefusal.MONTHS_BACKWARDS),
        (plan.first_month.year != plan.last_month.year, AdmissionRefusal.MONTHS_IN_TWO_YEARS),
        (not plan.beacon_name.removeprefix(TYPED).strip(), AdmissionRefusal.BEACON_NOT_NAMED),
        (len(parties) < 2, AdmissionRefusal.TWO_PARTIES_NEEDED),
        (any(len(c) != COMMITMENT_BYTES for c in plan.commitments.values()), AdmissionRefusal.COMMITMENT_MALFORMED),
        (len(set(plan.commitments.values())) < len(plan.commitments), AdmissionRefusal.COMMITMENT_MALFORMED),
    )
    return next((reason for is_true, reason in checks if is_true), None)
