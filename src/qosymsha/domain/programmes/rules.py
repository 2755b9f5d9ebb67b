"""A rule set as the code reads it: frozen dataclasses made from its canonical document. All numbers and dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeVar

from qosymsha.domain.programmes import document as documents
from qosymsha.domain.programmes.accrediting_rules import Accrediting, accrediting_of
from qosymsha.domain.programmes.agreement_rules import Agreements, agreements_of
from qosymsha.domain.programmes.checking_rules import Casework, Checking, casework_of, checking_of
from qosymsha.domain.programmes.control_rules import Controls, controls_of
from qosymsha.domain.programmes.document import RuleSetFault as RuleSetFault

T = TypeVar("T")


class ProgrammeRefusal(StrEnum):
    """Why a programme's rules, lines or days stay as they are."""

    CODE_TAKEN = "programme_code_taken"
    NO_RULES_IN_FORCE = "no_rules_in_force"
    NOT_A_DRAFT = "not_a_draft"
    SAME_PERSON = "same_person"
    REWRITES_THE_PAST = "rewrites_the_past"
    LINE_EXISTS = "line_exists"
    KIND_UNKNOWN = "kind_unknown"
    OTHER_TERRITORY = "other_territory"
    OUTSIDE_YEAR = "outside_year"
    NOTHING_MOVED = "nothing_moved"
    DRAFT_IS_OPEN = "rule_draft_is_open"
    DRAFT_NOT_OPEN = "rule_draft_not_open"
    DRAFT_CHANGED = "rule_draft_changed"
    DRAFT_HAS_FAULTS = "rule_draft_has_faults"
    DRAFT_CHANGES_NOTHING = "rule_draft_changes_nothing"
    POLICY_NOT_CHOSEN = "policy_not_chosen"
    STARTS_IN_THE_PAST = "rules_start_in_the_past"
    WITHDRAW_REASON_MISSING = "withdraw_reason_missing"
    DAY_IS_PAST = "day_is_past"
    NOT_THE_CITYS_DAY = "not_the_citys_day"


@dataclass(frozen=True, slots=True)
class Ages:
    """Ages in whole years, counted on `counted_on`: `filing`, `course_start` or the day `on`."""

    minimum: int
    maximum: int
    counted_on: str
    on: date | None


@dataclass(frozen=True, slots=True)
class Category:
    """A social category: its order (1 is first), coefficient (places an iteration), strict tier; its evidence."""

    code: str
    order: int
    coefficient: int
    tier: int
    evidence: str
    valid_days: int | None
    verifier: str
    sensitivity: str


@dataclass(frozen=True, slots=True)
class Reserve:
    """Places kept in a segment for a category, in permille of the segment's places."""

    segment: str
    category: str
    permille: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """`tiers` | `iterations`; tie `lottery` | `arrived`; reserve rule; what a short budget does; freed places."""

    policy: str
    tie: str
    reserve_rule: str
    on_short: str
    reserves: tuple[Reserve, ...]
    freed_places: str


@dataclass(frozen=True, slots=True)
class Slot:
    """An entitlement slot: the kinds it may be used for and how many live vouchers of it a child may hold."""

    code: str
    kinds: tuple[str, ...]
    max_live: int


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a unit of a kind (or of one activity) is paid: MRP multiple and resolved tiyn; units a month."""

    kind: str
    activity: str | None
    unit_mrp: Fraction
    unit_tiyn: int
    units_per_month: int


@dataclass(frozen=True, slots=True)
class Timers:
    """Days until a voucher must be accepted and a place chosen (working days); restore window in calendar days.

    `transfer_wait_working_days`: how long a transfer to another line may wait for that line's money, its seat kept.
    """

    accept_working_days: int
    choose_working_days: int
    restore_days: int
    review_working_days: int
    transfer_wait_working_days: int


@dataclass(frozen=True, slots=True)
class Absences:
    """Lessons missed in a row without a valid reason before a warning and a release; reasons that count as valid.

    Between suspension and release lie `hearing_working_days`; `needs_notice`: a reason counts only on days that a
    guardian announced.
    """

    warn_after: int
    release_after: int
    valid_reasons: tuple[str, ...]
    hearing_working_days: int
    needs_notice: bool


@dataclass(frozen=True, slots=True)
class Pay:
    """`mode` per_lesson | per_month (threshold in permille); paid absences per month; partial sheets; pay day.

    `paid_reasons`: marks (ill, excused) that may be paid.   `evidence`: none, or paper (only absences with a paper's
    number count).   `screened`: only sheets looked through for red flags are claimed.
    `offset_permille`: the most of a claim that is kept back for what its provider owes.
    """

    mode: str
    month_threshold_permille: int
    paid_absences_cap: int
    partial_sheets: bool
    pay_day: int
    paid_reasons: tuple[str, ...] = ("ill", "excused")
    evidence: str = "none"
    screened: bool = False
    offset_permille: int = 500


@dataclass(frozen=True, slots=True)
class Marks:
    """Hours after a lesson's end from which a mark that reaches the server is shown as late.

    `who`: a teacher marks the `own` lessons (by timetable, change or substitution), or `any` of the provider.
    """

    late_after_hours: int
    who: str = "own"


@dataclass(frozen=True, slots=True)
class Papers:
    """What must stand before a claim is approved; an e-invoice number's form (`#` is a digit); where a pay day goes.

    `pay_day_moves`, where it is no working day: next | previous | stay.
    """

    act_required: bool
    einvoice_required: bool
    einvoice_format: str
    pay_day_moves: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Reminder days of the month after, and the working days after which a named officer decides a silent row.

    A guardian's second factor is fresh for `proof_minutes`.
    """

    reminder_days: tuple[int, ...]
    officer_after_working_days: int
    proof_minutes: int


@dataclass(frozen=True, slots=True)
class Presence:
    """The rotating code at the venue: seconds of a code, codes before and after that still count, minutes around a
    lesson; hours in which a scan made offline is kept as evidence; `scan_is_word`: a scan is the second party's word.
    """

    code_seconds: int
    tolerance_steps: int
    early_minutes: int
    late_minutes: int
    late_upload_hours: int
    refused_scans_an_hour: int
    scan_is_word: bool


@dataclass(frozen=True, slots=True)
class YearEnd:
    """The cut-off (month, day) and what happens to December's places: `officer_decision` | `promise_again`."""

    cut_off_month: int
    cut_off_day: int
    december: str


@dataclass(frozen=True, slots=True)
class ChoiceReserve:
    """Places kept for a category in the groups of a kind, in permille of a group's free places."""

    kind: str
    category: str
    permille: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Choice rounds: most wishes a list may hold; what groups look at, in order; freed places; offers; `opening`.

    `freed`: chain | unplaced_only | rerun.   `opening`: direct, or choice_first (only what a choice round left over).
    `reserves` are kept, by `reserve_rule`, in groups with at least `reserves_from` free places.
    """

    wishes: int
    criteria: tuple[str, ...]
    freed: str
    offer_working_days: int
    opening: str
    reserve_rule: str
    reserves: tuple[ChoiceReserve, ...]
    reserves_from: int

    def reserved_places(self, kind: str, places: int) -> list[tuple[str, int]]:
        """(category, places) kept in a group of this kind with so many free places, in the order listed; none of 0."""
        if places < self.reserves_from:
            return []
        kept = [(r.category, places * r.permille // 1000) for r in self.reserves if r.kind == kind]
        return [(category, size) for category, size in kept if size]


@dataclass(frozen=True, slots=True)
class FlagRule:
    """A rule of red flags: on or off, what it says alone (permille), its thresholds by name (docs/rules/flags.md)."""

    code: str
    on: bool
    weight_permille: int
    thresholds: dict[str, int]


@dataclass(frozen=True, slots=True)
class Flags:
    """Red flags: from which score a child's month is flagged, from which share a rule is too common to mean anything
    (both permille), and the rules.
    """

    flag_permille: int
    common_permille: int
    rules: tuple[FlagRule, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """`planning_tariff`: kind → tiyn held per voucher and month; `approval_bands`: upper bound in tiyn → approvals."""

    ages: Ages
    kinds: tuple[str, ...]
    segment_by: tuple[str, ...]
    categories: tuple[Category, ...]
    allocation: Allocation
    slots: tuple[Slot, ...]
    unit: str
    mrp_tiyn: int
    tariffs: tuple[Tariff, ...]
    planning_tariff: dict[str, int]
    timers: Timers
    absences: Absences
    pay: Pay
    marks: Marks
    confirmation: Confirmation
    approval_bands: tuple[tuple[int | None, int], ...]
    appeals_reserve_permille: int
    opening: str
    year_end: YearEnd
    choice: Choice
    presence: Presence
    papers: Papers
    flags: Flags
    agreements: Agreements
    controls: Controls = Controls()
    accrediting: Accrediting = Accrediting()
    checking: Checking = Checking()
    casework: Casework = Casework()

    def category(self, code: str) -> Category:
        """The category of a code; KeyError where the rule set has none."""
        return next(c for c in self.categories if c.code == code)

    def best_category(self, claims: frozenset[str]) -> Category:
        """The first category in order that the child has a claim to; the last is everybody's. Never a sum."""
        return min((c for c in self.categories if c.code in claims or c.evidence == "none"), key=lambda c: c.order)

    def tariff(self, kind: str, activity: str) -> Tariff:
        """The activity's own tariff, else the kind's."""
        matching = [t for t in self.tariffs if t.kind == kind and t.activity in (activity, None)]
        return max(matching, key=lambda t: t.activity is not None)


def parse(document: Any) -> Rules:
    """Rules of a document.

    Raises:
        RuleSetFault: the first field that breaks the JSON Schema or contradicts another, with what to do.
    """
    document = documents.read(document)
    ages, confirmed = document["ages"], document["confirmation"]
    counted_on_day = date.fromisoformat(ages["on"]) if ages["on"] else None
    allocation = _made(Allocation, document["allocation"], reserves=_each(Reserve, document["allocation"]["reserves"]))
    return Rules(
        ages=_made(Ages, ages, on=counted_on_day),
        kinds=tuple(document["kinds"]["codes"]),
        segment_by=tuple(document["segments"]["by"]),
        categories=tuple(sorted(_each(Category, document["categories"]["list"]), key=lambda c: c.order)),
        allocation=allocation,
        slots=tuple(_made(Slot, slot, kinds=tuple(slot["kinds"])) for slot in document["slots"]["list"]),
        unit=document["service"]["unit"],
        mrp_tiyn=document["mrp"]["tiyn"],
        tariffs=tuple(_made(Tariff, t, unit_mrp=Fraction(t["unit_mrp"])) for t in document["tariffs"]["list"]),
        planning_tariff=dict(document["planning_tariff"]["tiyn"]),
        timers=_made(Timers, document["timers"]),
        absences=_made(Absences, document["absences"], valid_reasons=tuple(document["absences"]["valid_reasons"])),
        pay=_made(Pay, document["pay"], paid_reasons=tuple(document["pay"]["paid_reasons"])),
        marks=_made(Marks, {"who": "own"} | document["marks"]),
        confirmation=_made(Confirmation, confirmed, reminder_days=tuple(confirmed["reminder_days"])),
        approval_bands=tuple((band["up_to_tiyn"], band["approvals"]) for band in document["approvals"]["bands"]),
        appeals_reserve_permille=document["appeals_reserve"]["permille"],
        opening=document["opening"]["mode"],
        year_end=_made(YearEnd, document["year_end"]),
        presence=_made(Presence, document["presence"]),
        papers=_made(Papers, document["papers"]),
        choice=_made(
            Choice,
            document["choice"],
            criteria=tuple(document["choice"]["criteria"]),
            reserves=_each(ChoiceReserve, document["choice"]["reserves"]),
        ),
        flags=_made(Flags, document["flags"], rules=_each(FlagRule, document["flags"]["list"])),
        agreements=agreements_of(document["agreements"]),
        controls=controls_of(document.get("controls")),
        accrediting=accrediting_of(document.get("accreditation")),
        checking=checking_of(document.get("category_checks")),
        casework=casework_of(document.get("casework")),
    )


def _made(kind: type[T], section: Mapping[str, Any], **given: Any) -> T:
    """A dataclass from a section's fields of the same names; `given` replaces those that need another type."""
    names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: given[name] if name in given else section[name] for name in names})


def _each(kind: type[T], sections: list[dict[str, Any]]) -> tuple[T, ...]:
    return tuple(_made(kind, section) for section in sections)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days: Monday to Friday, except where `overrides` says otherwise (True: works, False: rests)."""

    overrides: Mapping[date, bool] = field(default_factory=dict)

    def is_working(self, day: date) -> bool:
        """True where the day is worked."""
        return self.overrides.get(day, day.weekday() < 5)

    def add_working_days(self, day: date, n: int) -> date:
        """The n-th working day after `day`; `day` itself does not count, and n = 0 gives it back (C-2)."""
        while n > 0:
            day += timedelta(days=1)
            n -= self.is_working(day)
        return day

    def working_days_between(self, after: date, until: date) -> int:
        """How many working days lie after `after` up to and with `until`."""
        return sum(self.is_working(after + timedelta(days=n)) for n in range(1, (until - after).days + 1))
