"""Who may wish which group, what a plan needs, who may answer an offer: pure. Source: docs/rules/choice.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from qosymsha.domain.allocation.announcement import TYPED
from qosymsha.domain.allocation.market import Criterion
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.providers.rules import Slot

TICKET_KIND = "choice_list"  # the subject kind under which tickets are sealed
COMMITMENT_BYTES = 32
LONGEST_REASON = 500


class ChoiceRefusal(StrEnum):
    """Why this room says no. The first group stands on rows of a batch and on lists rejected at close."""

    NOT_HOLDER = "not_holder"
    LIST_TWICE = "list_twice"
    NO_WISHES = "no_wishes"
    TOO_MANY_WISHES = "too_many_wishes"
    WISH_REPEATED = "wish_repeated"
    WISH_UNKNOWN = "wish_unknown"
    WISH_OTHER_KIND = "wish_other_kind"
    WISH_CLOSED = "wish_closed"
    WISH_NOT_ACCREDITED = "wish_not_accredited"
    WISH_WRONG_AGE = "wish_wrong_age"
    WISH_DEARER = "wish_dearer"
    WISH_CLASHES = "wish_clashes"

    CHOICE_ROUND_UNKNOWN = "choice_round_unknown"
    CHOICE_ROUND_IN_OTHER_STATE = "choice_round_in_other_state"
    CHOICE_WINDOW_NOT_OPEN = "choice_window_not_open"
    CHOICE_WINDOW_STILL_OPEN = "choice_window_still_open"
    CHOICE_ROUND_RUNS = "choice_round_runs"
    CHOICE_PLAN_WINDOW = "choice_plan_window"
    CHOICE_PLAN_START = "choice_plan_start"
    CHOICE_PLAN_BEACON = "choice_plan_beacon"
    CHOICE_PLAN_PARTIES = "choice_plan_parties"
    CHOICE_SECRETS_WRONG = "choice_secrets_wrong"
    CHOICE_BEACON_WRONG = "choice_beacon_wrong"
    CHOICE_TWO_OFFICERS_TYPE = "choice_two_officers_type"
    CHOICE_LIST_CHANGED = "choice_list_changed"
    CHOICE_OUTPUT_DIFFERS = "choice_output_differs"
    CHOICE_LIST_UNKNOWN = "choice_list_unknown"
    CHOICE_ROUND_CANCELLED = "choice_round_cancelled"
    CHOICE_CANCEL_REASON = "choice_cancel_reason"

    OFFER_UNKNOWN = "offer_unknown"
    OFFER_OF_BOTH = "offer_of_both"
    OFFER_ANSWERED = "offer_answered"
    OFFER_LATE = "offer_late"
    OFFER_NO_MORE_HOLDER = "offer_no_more_holder"
    FREED_BY_RERUN = "freed_by_rerun"
    FREED_BY_OFFER = "freed_by_offer"


class Freed(StrEnum):
    """What the rule set does with places that free up: `choice.freed`."""

    CHAIN = "chain"
    UNPLACED_ONLY = "unplaced_only"
    RERUN = "rerun"


@dataclass(frozen=True, slots=True)
class ListRow:
    """A guardian's list for a voucher: group ids, the most wanted first."""

    voucher_id: int
    guardian_id: int
    group_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OfferAnswer:
    """A guardian's yes or no to an offered place; with yes, the first day in it."""

    offer_id: int
    guardian_id: int
    is_yes: bool
    starts_on: date | None = None


@dataclass(frozen=True, slots=True)
class WishFacts:
    """What decides a wish on the first day in the group; money in tiyn a month. `is_kind`: line and kind fit."""

    is_known: bool
    is_kind: bool = False
    is_open: bool = False
    is_accredited: bool = False
    is_age: bool = False
    month_price_tiyn: int = 0
    month_tiyn: int = 0
    is_clashing: bool = False


def refuse_wish(facts: WishFacts) -> ChoiceRefusal | None:
    """The first reason against one wish, or None. Source: docs/rules/choice.md K-4 to K-9."""
    checks = (
        (not facts.is_known, ChoiceRefusal.WISH_UNKNOWN),
        (not facts.is_kind, ChoiceRefusal.WISH_OTHER_KIND),
        (not facts.is_open, ChoiceRefusal.WISH_CLOSED),
        (not facts.is_accredited, ChoiceRefusal.WISH_NOT_ACCREDITED),
        (not facts.is_age, ChoiceRefusal.WISH_WRONG_AGE),
        (facts.month_price_tiyn > facts.month_tiyn, ChoiceRefusal.WISH_DEARER),
        (facts.is_clashing, ChoiceRefusal.WISH_CLASHES),
    )
    return next((reason for is_against, reason in checks if is_against), None)


def refuse_shape(group_ids: Sequence[int], most: int) -> ChoiceRefusal | None:
    """Why a list is none, whatever it names: empty, longer than the rule set allows, a group twice (K-2, K-3)."""
    if not group_ids:
        return ChoiceRefusal.NO_WISHES
    if len(group_ids) > most:
        return ChoiceRefusal.TOO_MANY_WISHES
    return ChoiceRefusal.WISH_REPEATED if len(set(group_ids)) < len(group_ids) else None


def is_clash(one: Iterable[Slot], other: Iterable[Slot]) -> bool:
    """True where two groups have lessons at the same time on the same weekday, in days that both timetables hold."""
    others = list(other)
    return any(_overlap(a, b) for a in one for b in others)


def _overlap(a: Slot, b: Slot) -> bool:
    if a.weekday != b.weekday or a.starts >= b.ends or b.starts >= a.ends:
        return False
    return not _ends_before(a, b) and not _ends_before(b, a)


def _ends_before(a: Slot, b: Slot) -> bool:
    return a.last_day is not None and a.last_day < b.first_day


def criteria_of(rules: Rules) -> tuple[Criterion, ...]:
    """What every group looks at, in the rule set's order; lottery and line id always come last."""
    return tuple(Criterion(name) for name in rules.choice.criteria)


def tier_of(rules: Rules, claims: frozenset[str]) -> int:
    """The strict tier of the best category that the child has certified at the cut-off (K-11)."""
    return rules.best_category(claims & {category.code for category in rules.categories}).tier


def claims_of(rules: Rules, kind: str, certified: frozenset[str]) -> tuple[str, ...]:
    """The certified categories that groups of this kind keep places for, sorted (K-26)."""
    return tuple(sorted(certified & {reserve.category for reserve in rules.choice.reserves if reserve.kind == kind}))


@dataclass(frozen=True, slots=True)
class ChoicePlan:
    """A choice round as planned: its window, the first day in the groups, its beacon and the parties' commitments."""

    opens_at: datetime
    closes_at: datetime
    starts_on: date
    beacon_name: str
    commitments: Mapping[str, bytes]


def refuse_plan(plan: ChoicePlan, closes_on: date) -> ChoiceRefusal | None:
    """The first reason against a plan, or None; `closes_on` is the local day of its cut-off (K-1)."""
    commitments = list(plan.commitments.values())
    is_whole = all(party.strip() for party in plan.commitments) and all(len(c) == COMMITMENT_BYTES for c in commitments)
    checks = (
        (plan.closes_at <= plan.opens_at, ChoiceRefusal.CHOICE_PLAN_WINDOW),
        (plan.starts_on <= closes_on, ChoiceRefusal.CHOICE_PLAN_START),
        (not plan.beacon_name.removeprefix(TYPED).strip(), ChoiceRefusal.CHOICE_PLAN_BEACON),
        (len(set(commitments)) < max(2, len(commitments)) or not is_whole, ChoiceRefusal.CHOICE_PLAN_PARTIES),
    )
    return next((reason for is_against, reason in checks if is_against), None)


def refuse_offer(state: str, answer_by: date, today: date) -> ChoiceRefusal | None:
    """Why an offer can't be answered any more (K-20)."""
    if state != "offered":
        return ChoiceRefusal.OFFER_ANSWERED
    return ChoiceRefusal.OFFER_LATE if today > answer_by else None
