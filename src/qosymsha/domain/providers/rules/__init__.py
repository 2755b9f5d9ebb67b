"""What providers' papers, groups and timetables must be: pure functions. Sources: DOMAIN.md 1.5, 4.2; PRODUCT.md C."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from enum import StrEnum
from itertools import product
from uuid import UUID

from qosymsha.domain.people.rules import PersonDetails
from qosymsha.domain.programmes.rules import Rules
from qosymsha.domain.providers.rules.catalogue import BOUNDS as BOUNDS
from qosymsha.domain.providers.rules.catalogue import KIND_WORDS as KIND_WORDS
from qosymsha.domain.providers.rules.catalogue import is_in_country as is_in_country
from qosymsha.domain.providers.rules.catalogue import latin as latin
from qosymsha.domain.providers.rules.catalogue import plane as plane
from qosymsha.domain.providers.rules.catalogue import words_of as words_of
from qosymsha.domain.providers.states import AccreditationState, GroupState

LANGUAGES = frozenset({"kk", "ru", "en"})
_WEEK = timedelta(days=7)
_IBAN = re.compile(r"KZ[0-9]{2}[0-9]{3}[0-9A-Z]{13}\Z")


class ProviderRefusal(StrEnum):
    """Why a row or a verb of this room is refused."""

    BAD_NUMBER = "bad_number"
    NAME_MISSING = "name_missing"
    OWNER_UNREADABLE = "owner_unreadable"
    BAD_IBAN = "bad_iban"
    PROVIDER_UNKNOWN = "provider_unknown"
    PROVIDER_ELSEWHERE = "provider_elsewhere"
    ACCREDITATION_LIVE = "accreditation_live"
    ACCREDITATION_UNKNOWN = "accreditation_unknown"
    NO_SUCH_STEP = "no_such_step"
    PAPERS_MISSING = "papers_missing"
    REASON_MISSING = "reason_missing"
    PAPER_UNREADABLE = "paper_unreadable"
    NOT_ACCREDITED = "not_accredited"
    NO_RULES = "no_rules_in_force"
    NO_CONTRACT = "no_contract"
    CONTRACT_OVERLAPS = "contract_overlaps"
    CONTRACT_UNKNOWN = "contract_unknown"
    LINE_UNKNOWN = "line_unknown"
    OUTSIDE_FISCAL_YEAR = "outside_fiscal_year"
    VOLUME_MISSING = "volume_missing"
    DAYS_REVERSED = "days_reversed"
    ACTIVITY_UNKNOWN = "activity_unknown"
    CODE_MISSING = "code_missing"
    CODE_TAKEN = "code_taken"
    LANGUAGE_UNKNOWN = "language_unknown"
    BAD_AGES = "bad_ages"
    BAD_CAPACITY = "bad_capacity"
    DISTRICT_UNKNOWN = "district_unknown"
    TARIFF_ABOVE_RULE = "tariff_above_rule"
    UNITS_ABOVE_RULE = "units_above_rule"
    TIMETABLE_EMPTY = "timetable_empty"
    TIMETABLE_UNREADABLE = "timetable_unreadable"
    TIMETABLE_TWICE_A_DAY = "timetable_twice_a_day"
    TEACHER_UNREADABLE = "teacher_unreadable"
    TEACHER_BUSY = "teacher_busy"
    VENUE_FULL = "venue_full"
    GROUP_UNKNOWN = "group_unknown"
    TEACHES_NOWHERE = "teaches_nowhere"
    PLACE_UNREADABLE = "place_unreadable"
    GROUND_UNKNOWN = "ground_unknown"
    KIND_UNKNOWN = "accredited_kind_unknown"
    ANSWER_MISSING = "answer_missing"
    VENUE_UNKNOWN = "venue_unknown"
    VENUE_TAKEN = "venue_taken"
    ADDRESS_MISSING = "address_missing"
    ADAPTATION_UNKNOWN = "adaptation_unknown"
    MODE_UNKNOWN = "mode_unknown"
    CHARGE_ABOVE_RULE = "charge_above_rule"
    NOTHING_CHANGED = "nothing_changed"
    TEACHER_UNKNOWN = "teacher_unknown"
    TEACHER_THERE = "teacher_there"
    TEACHER_GONE = "teacher_gone"


class PaperKind(StrEnum):
    """Papers of an accreditation."""

    PREMISES = "premises"
    SANITARY = "sanitary"
    FIRE = "fire"
    TEACHERS = "teachers"
    FIRST_AID = "first_aid"


class Mode(StrEnum):
    """How lessons are given."""

    ON_SITE = "on_site"
    BLENDED = "blended"
    ONLINE = "online"


# Assumption to be confirmed by the akimat: papers without which nobody is accredited (DOMAIN.md 1.5 names the norms).
REQUIRED_PAPERS = frozenset({PaperKind.PREMISES, PaperKind.SANITARY, PaperKind.FIRE, PaperKind.TEACHERS})


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """A provider to register: a company by BIN, or a sole trader by IIN; `name` is the firm's or trade name.

    `owner` is the sole trader's person where known; a company has none.
    """

    number: str
    name: str
    iban: str = ""
    owner: PersonDetails | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper of an accreditation: valid from a day to a last day (None: open); `file_hash` is SHA-256 of the scan.

    `content` is a scan that comes with it; what is kept of it is told by `document_uuid`.
    """

    kind: str
    number: str
    first_day: date
    last_day: date | None = None
    file_hash: bytes | None = None
    document_uuid: UUID | None = None
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class SlotDraft:
    """A weekly lesson: ISO weekday (Monday 1), local times."""

    weekday: int
    starts: time
    ends: time


@dataclass(frozen=True, slots=True)
class VenueDraft:
    """Where lessons take place; known again by district and Russian address. `place`: degrees (latitude, longitude)."""

    district_id: int
    address_kk: str
    address_ru: str
    capacity: int
    place: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class GroupDraft:
    """A group to open; `code` is the provider's own, `last_day` None means to the contract's end.

    `contract_id` is needed only where two contracts fit the activity's kind on the first day. `teacher_id` names
    somebody who works for the provider already; then `teacher` says nothing.
    """

    code: str
    activity: str
    language: str
    age_min: int
    age_max: int
    capacity: int
    unit_tariff_tiyn: int
    units_per_month: int
    first_day: date
    venue: VenueDraft
    teacher: PersonDetails
    slots: tuple[SlotDraft, ...]
    last_day: date | None = None
    is_adapted: bool = False
    contract_id: int | None = None
    mode: str = "on_site"
    adds_tiyn: int = 0
    teacher_id: int | None = None


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A group with what decides about its places; days are first and last days, a last day None is open."""

    id: int
    uuid: UUID
    territory_id: int
    programme_id: int
    provider_id: int
    contract_id: int
    line_id: int
    venue_id: int
    district_id: int
    kind: str
    activity: str
    code: str
    language: str
    age_min: int
    age_max: int
    capacity: int
    unit_tariff_tiyn: int
    units_per_month: int
    is_adapted: bool
    state: str
    first_day: date
    last_day: date | None
    contract_first: date
    contract_last: date | None
    accreditation_state: str | None
    accredited_first: date | None
    accredited_last: date | None

    def runs_on(self, day: date) -> bool:
        """The group has lessons in its life on that day: its own days and the contract's hold."""
        return _within(day, self.first_day, self.last_day) and _within(day, self.contract_first, self.contract_last)

    def accredited_on(self, day: date) -> bool:
        """Its provider may take new children on that day: accredited, not limited, and no paper has expired."""
        is_accredited = self.accreditation_state == AccreditationState.ACCREDITED and self.accredited_first is not None
        return is_accredited and _within(day, self.accredited_first or day, self.accredited_last)

    def takes_new_on(self, day: date) -> bool:
        """A new place may begin in it on that day, seats apart."""
        return self.state == GroupState.OPEN and self.runs_on(day) and self.accredited_on(day)

    def takes_age(self, years: int) -> bool:
        """A child of so many whole years may come."""
        return self.age_min <= years <= self.age_max


@dataclass(frozen=True, slots=True)
class Slot:
    """A weekly lesson as stored, with the group's venue."""

    group_id: int
    teacher_id: int
    venue_id: int
    weekday: int
    starts: time
    ends: time
    first_day: date
    last_day: date | None


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson that the timetable puts on a day."""

    group_id: int
    teacher_id: int
    venue_id: int
    on: date
    starts: time
    ends: time


def lessons_of(slots: Iterable[Slot], first: date, last: date, days_off: Collection[date]) -> Iterator[Lesson]:
    """The lessons of a timetable from `first` to `last`, days off left out; in order within each slot."""
    for slot in slots:
        day = max(first, slot.first_day)
        day += timedelta(days=(slot.weekday - day.isoweekday()) % 7)
        end = last if slot.last_day is None else min(last, slot.last_day)
        while day <= end:
            if day not in days_off:
                yield Lesson(slot.group_id, slot.teacher_id, slot.venue_id, day, slot.starts, slot.ends)
            day += _WEEK


def iban_is_right(text: str) -> bool:
    """True for a Kazakh IBAN: KZ, 2 check digits, 3 of the bank, 13 of the account; ISO 7064 mod 97 (DOMAIN.md 5.1)."""
    if not _IBAN.match(text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def papers_hold_until(
    papers: Sequence[Paper], day: date, required: Collection[str] = REQUIRED_PAPERS
) -> tuple[bool, date | None]:
    """Whether each required paper is valid on `day`, and the last day on which all still are (None: open).

    Several papers of a kind count as their latest end among those valid on the day.
    """
    ends: list[date] = []
    for kind in required:
        valid = [p for p in papers if p.kind == kind and _within(day, p.first_day, p.last_day)]
        if not valid:
            return False, None
        last_days = [p.last_day for p in valid if p.last_day is not None]
        if len(last_days) == len(valid):
            ends.append(max(last_days))
    return True, min(ends, default=None)


def refuse_paper(paper: Paper) -> ProviderRefusal | None:
    """What a paper must name: a kind we know, a number, days in order."""
    is_known = paper.kind in set(PaperKind) and bool(paper.number.strip())
    is_ordered = paper.last_day is None or paper.first_day <= paper.last_day
    return None if is_known and is_ordered else ProviderRefusal.PAPER_UNREADABLE


def refuse_group(draft: GroupDraft) -> ProviderRefusal | None:
    """The first fault of the draft in itself, or None."""
    checks = (
        (not draft.code.strip(), ProviderRefusal.CODE_MISSING),
        (draft.language not in LANGUAGES, ProviderRefusal.LANGUAGE_UNKNOWN),
        (not 0 <= draft.age_min <= draft.age_max, ProviderRefusal.BAD_AGES),
        (draft.capacity < 1 or draft.venue.capacity < 1, ProviderRefusal.BAD_CAPACITY),
        (draft.last_day is not None and draft.last_day < draft.first_day, ProviderRefusal.DAYS_REVERSED),
        (draft.teacher_id is None and draft.teacher.iin is None, ProviderRefusal.TEACHER_UNREADABLE),
        (not is_in_country(draft.venue.place), ProviderRefusal.PLACE_UNREADABLE),
        (draft.mode not in set(Mode), ProviderRefusal.MODE_UNKNOWN),
    )
    return next((reason for is_wrong, reason in checks if is_wrong), None) or refuse_slots(draft.slots)


def refuse_slots(slots: Sequence[SlotDraft]) -> ProviderRefusal | None:
    """The first fault of a week's lessons in themselves, or None."""
    if not slots:
        return ProviderRefusal.TIMETABLE_EMPTY
    if not all(1 <= s.weekday <= 7 and s.starts < s.ends for s in slots):
        return ProviderRefusal.TIMETABLE_UNREADABLE
    is_double = len({s.weekday for s in slots}) < len(slots)
    return ProviderRefusal.TIMETABLE_TWICE_A_DAY if is_double else None


def refuse_tariff(draft: GroupDraft, kind: str, rules: Rules) -> ProviderRefusal | None:
    """A group may cost less than the rule set's tariff, never more, and never more units a month."""
    if kind not in rules.kinds:
        return ProviderRefusal.ACTIVITY_UNKNOWN
    tariff = rules.tariff(kind, draft.activity)
    if not 0 < draft.unit_tariff_tiyn <= tariff.unit_tiyn:
        return ProviderRefusal.TARIFF_ABOVE_RULE
    if not 0 < draft.units_per_month <= tariff.units_per_month:
        return ProviderRefusal.UNITS_ABOVE_RULE
    return refuse_charge(draft.adds_tiyn, rules)


def refuse_charge(adds_tiyn: int, rules: Rules) -> ProviderRefusal | None:
    """A family adds nothing, or at most what the rule set allows (PRODUCT.md C9)."""
    charge = rules.agreements.charge
    most = charge.ceiling_tiyn if charge.allowed else 0
    return None if 0 <= adds_tiyn <= most else ProviderRefusal.CHARGE_ABOVE_RULE


def meets(a: Slot, b: Slot) -> bool:
    """Two weekly lessons share an instant on some day."""
    shares_time = a.weekday == b.weekday and a.starts < b.ends and b.starts < a.ends
    return shares_time and _overlap(a.first_day, a.last_day, b.first_day, b.last_day)


def is_teacher_busy(wanted: Sequence[Slot], taken: Sequence[Slot]) -> bool:
    """A teacher of the wanted lessons teaches elsewhere at the same time."""
    return any(w.teacher_id == t.teacher_id and meets(w, t) for w in wanted for t in taken)


def is_venue_full(
    wanted: Sequence[Slot], taken: Sequence[Slot], children: Mapping[int, int], group_capacity: int, venue_capacity: int
) -> bool:
    """The venue would hold more children at once than it may; `children` is capacity by group of the taken slots.

    Looked at on each first day and hour at which a wanted or taken lesson begins: only there the number can rise.
    """
    for slot in wanted:
        meeting = [t for t in taken if t.venue_id == slot.venue_id and meets(slot, t)]
        instants = {slot.starts, *(max(slot.starts, m.starts) for m in meeting)}
        days = {slot.first_day, *(max(slot.first_day, m.first_day) for m in meeting)}
        for instant, day in product(instants, days):
            present = sum(children[m.group_id] for m in meeting if _is_present(m, instant, day))
            if present + group_capacity > venue_capacity:
                return True
    return False


def _is_present(slot: Slot, instant: time, day: date) -> bool:
    return slot.starts <= instant < slot.ends and _within(day, slot.first_day, slot.last_day)


def _within(day: date, first: date, last: date | None) -> bool:
    return first <= day and (last is None or day <= last)


def _overlap(a_first: date, a_last: date | None, b_first: date, b_last: date | None) -> bool:
    return (b_last is None or a_first <= b_last) and (a_last is None or b_first <= a_last)
