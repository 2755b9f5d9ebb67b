"""When a child may be refused, which papers lack, what a contract says: pure. Source: docs/rules/agreements.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from qosymsha.domain.agreements.states import PaperState
from qosymsha.domain.programmes.agreement_rules import Agreements, ContractTerms, Ground, PaperTerms
from qosymsha.domain.programmes.rules import Calendar

LOOKAHEAD = timedelta(days=400)  # of working days that any of the rule set's timers may reach


class AgreementRefusal(StrEnum):
    """Why a verb of this room is refused (docs A-1 …)."""

    UNKNOWN_PLACE = "unknown_place"
    PLACE_ENDED = "place_ended"
    SIGNED_BEFORE = "signed_before"
    OTHER_CONTENT = "other_content"
    PAPER_UNKNOWN = "paper_unknown"
    PAPER_NUMBER_MISSING = "paper_number_missing"
    PAPER_DAYS = "paper_days"
    PAPER_OVER = "paper_over"
    PAPER_CHECKED = "paper_checked"
    SCAN_NOT_TAKEN = "scan_not_taken"
    REASON_MISSING = "agreement_reason_missing"
    NO_SUCH_GROUND = "no_such_ground"
    REFUSED_LATE = "refused_late"
    GROUND_NOT_SO = "ground_not_so"
    REFUSED_ALREADY = "refused_already"
    REFUSAL_OVER = "refusal_over"
    OTHER_OBJECTS = "other_objects"
    NO_CHARGE_HERE = "no_charge_here"
    CHARGE_TOO_HIGH = "charge_too_high"
    CHARGE_NOT_PAID_BY_FAMILY = "no_charge_agreed"
    AMOUNT_WRONG = "amount_wrong"
    RECEIPT_CANCELLED = "receipt_cancelled"
    NO_WAITING_HERE = "no_waiting_here"
    SEATS_FREE = "seats_free"
    WAITS_ALREADY = "waits_already"
    TOO_MANY_WAITS = "too_many_waits"
    WAIT_OVER = "wait_over"
    WAIT_OF_OTHER = "wait_of_other"
    FAMILY_LEAVES = "family_leaves"
    NOT_NEXT_CONTRACT = "not_next_contract"
    DAY_WRONG = "renewal_day_wrong"


class ProviderReason(StrEnum):
    """Why a place ended where its provider refused the child: the reason that voucher and place bear."""

    WRONG_AGE = "provider_wrong_age"
    MEDICAL = "provider_medical"
    PAPERS_MISSING = "provider_papers_missing"
    GROUP_CLOSED = "provider_group_closed"
    CONTRACT_UNSIGNED = "provider_contract_unsigned"


@dataclass(frozen=True, slots=True)
class PaperFacts:
    """A paper as it stands: `state` of PaperState, its last day (None: without end)."""

    code: str
    state: str
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class PaperStanding:
    """How a child stands with a paper asked: `ok`, `given` (not looked at yet), `soon`, `over`, `missing`, `late`.

    `on`: the day it is due or ends; None where nothing is to be done.
    """

    code: str
    stands: str
    on: date | None


@dataclass(frozen=True, slots=True)
class PlaceNow:
    """What grounds are judged by: days as dates, the child's age on its first day, the group, its papers, its contract.

    `unsigned_since`: the last day to sign has passed and the family has not; None otherwise.
    """

    taken_on: date
    age: int | None
    age_min: int
    age_max: int
    is_group_closed: bool
    papers: Sequence[PaperStanding]
    unsigned_since: date | None


def reason_of_ground(code: str) -> ProviderReason:
    """What voucher and place say of a refusal on this ground."""
    return ProviderReason(f"provider_{code}")


def paper_standings(
    asked: Iterable[PaperTerms], brought: Sequence[PaperFacts], taken_on: date, today: date, calendar: Calendar
) -> list[PaperStanding]:
    """How a child stands with each paper asked, in their order (A-6). `brought`: newest first."""
    return [_standing(one, brought, calendar.add_working_days(taken_on, one.due_working_days), today) for one in asked]


def _standing(asked: PaperTerms, brought: Sequence[PaperFacts], due: date, today: date) -> PaperStanding:
    usable = [p for p in brought if p.code == asked.code and p.state != PaperState.RETURNED]
    newest = max(usable, key=lambda p: p.valid_until or date.max, default=None)
    if newest is None:
        return PaperStanding(asked.code, "late" if today > due else "missing", due)
    last = newest.valid_until
    if last is not None and last < today:
        return PaperStanding(asked.code, "over", last)
    if newest.state == PaperState.GIVEN:
        return PaperStanding(asked.code, "given", last)
    if last is not None and last - timedelta(days=asked.warn_days) <= today:
        return PaperStanding(asked.code, "soon", last)
    return PaperStanding(asked.code, "ok", last)


def refuse_paper(issued_on: date, valid_until: date | None, number: str, today: date) -> AgreementRefusal | None:
    """Why a paper is not written down: no number, days that cannot be, or its last day has passed (A-7)."""
    if not number.strip():
        return AgreementRefusal.PAPER_NUMBER_MISSING
    if issued_on > today or (valid_until is not None and valid_until < issued_on):
        return AgreementRefusal.PAPER_DAYS
    return AgreementRefusal.PAPER_OVER if valid_until is not None and valid_until < today else None


def last_day_of(asked: PaperTerms, issued_on: date) -> date | None:
    """The last day a paper holds by the rule set, None without end."""
    return None if asked.valid_days is None else issued_on + timedelta(days=asked.valid_days - 1)


def refuse_ground(  # noqa: PLR0913 - the rules, the ground, its facts, its paper, the day, the calendar
    rules: Agreements, code: str, place: PlaceNow, paper_number: str, today: date, calendar: Calendar
) -> AgreementRefusal | None:
    """The first reason against a refusal on this ground (A-9 … A-12)."""
    ground = rules.refusal.ground(code)
    if ground is None:
        return AgreementRefusal.NO_SUCH_GROUND
    if not ground.any_time and calendar.working_days_between(place.taken_on, today) > rules.refusal.working_days:
        return AgreementRefusal.REFUSED_LATE
    if ground.needs_paper and not paper_number.strip():
        return AgreementRefusal.PAPER_NUMBER_MISSING
    return None if is_so(ground, rules, place) else AgreementRefusal.GROUND_NOT_SO


def is_so(ground: Ground, rules: Agreements, place: PlaceNow) -> bool:
    """Whether the house's own facts bear the ground out; what a doctor's paper says the house does not know."""
    if ground.code == "wrong_age":
        return place.age is None or not place.age_min <= place.age <= place.age_max
    if ground.code == "group_closed":
        return place.is_group_closed
    if ground.code == "contract_unsigned":
        return rules.contract.mode == "must" and place.unsigned_since is not None
    if ground.code == "papers_missing":
        harsh = {one.code for one in rules.papers if one.at_expiry == "may_refuse"}
        return any(p.stands == "late" or (p.stands == "over" and p.code in harsh) for p in place.papers)
    return True


def refuse_charge(rules: Agreements, amount_tiyn: int) -> AgreementRefusal | None:
    """Why a group may not ask this of a family (A-17)."""
    if not rules.charge.allowed and amount_tiyn:
        return AgreementRefusal.NO_CHARGE_HERE
    if amount_tiyn < 0:
        return AgreementRefusal.AMOUNT_WRONG
    return AgreementRefusal.CHARGE_TOO_HIGH if amount_tiyn > rules.charge.ceiling_tiyn else None


def is_overdue(contract: ContractTerms, sign_by: date, is_signed: bool, today: date) -> bool:
    """True where the family was asked to sign and its last day has passed (A-3)."""
    return contract.mode != "off" and not is_signed and today > sign_by
