"""What a person's record must be: pure judgement of rows, without clock or database. Sources: DOMAIN.md 4 and 9."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from qosymsha.domain.people.ports import ProvedChild, StatusAnswer
from qosymsha.domain.people.states import FAMILY, Channel, Role
from qosymsha.kernel import iin
from qosymsha.kernel.text import folded, normal

_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[-'’`. ])*\Z")  # any script's letters: `[а-я]` would refuse Kazakh names
_PHONE = re.compile(r"\+?[0-9]{7,15}\Z")
_EMAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@.,;<>]{2,}\Z")  # whether it is read is another question
_EMAIL_LENGTH = 254  # RFC 5321
_FIRST_YEAR = 1900  # earlier is a slip of the hand, whoever the person is
PREFIX_LETTERS = 3
ERASED_NAME = "—"  # how pages name somebody whose secrets are gone


class PeopleRefusal(StrEnum):
    """Why a row or a verb of this room is refused."""

    BAD_IIN = "bad_iin"
    SYNTHETIC_IIN = "synthetic_iin"
    NAME_MISSING = "name_missing"
    NAME_UNREADABLE = "name_unreadable"
    PHONE_UNREADABLE = "phone_unreadable"
    LANGUAGE_UNKNOWN = "language_unknown"
    BIRTH_DATE_MISSING = "birth_date_missing"
    BIRTH_DATE_IMPOSSIBLE = "birth_date_impossible"
    BIRTH_DATE_DIFFERS = "birth_date_differs"
    GUARDIANSHIP_NOT_PROVED = "guardianship_not_proved"
    HOME_UNKNOWN = "home_unknown"
    CHILD_UNKNOWN = "child_unknown"
    CATEGORY_MISSING = "category_missing"
    EVIDENCE_MISSING = "evidence_missing"
    VALIDITY_REVERSED = "validity_reversed"
    NOT_THE_GUARDIAN = "not_the_guardian"
    ROLE_UNKNOWN = "role_unknown"
    MEMBERSHIP_UNKNOWN = "membership_unknown"
    RIGHT_TO_ONESELF = "right_to_oneself"
    SECOND_PERSON_NEEDED = "second_person_needed"
    PROPOSAL_UNKNOWN = "proposal_unknown"
    PROPOSED_BY_ONESELF = "proposed_by_oneself"
    DEPARTMENT_CODE_TAKEN = "department_code_taken"
    TERRITORY_UNKNOWN = "territory_unknown"
    NUMBER_TAKEN = "number_taken"


# Roles that move money or rules, or give roles: one operator proposes such a right, another gives it (ASVS 2.3.5).
POWERFUL = frozenset({Role.OPERATOR, Role.RULE_APPROVER, Role.APPROVER, Role.PAYER})


class GuardRefusal(StrEnum):
    """Why a child's record is not shown or not linked. None says whether the child is known here."""

    CHILD_NOT_PROVED = "child_not_proved"
    TOO_MANY_NUMBERS = "too_many_numbers"
    READING_OVER = "reading_over"
    GRANT_TO_ONESELF = "grant_to_oneself"
    GRANT_WITHOUT_REASON = "grant_without_reason"
    GRANT_TOO_LARGE = "grant_too_large"
    ACCOUNT_UNKNOWN = "account_unknown"
    HONEYTOKEN_THERE = "honeytoken_there"


class PreferenceRefusal(StrEnum):
    """Why a wish on language and notices is not kept."""

    EMAIL_MISSING = "email_missing"
    EMAIL_UNREADABLE = "email_unreadable"
    NO_PHONE_FOR_SMS = "no_phone_for_sms"


class SignInRefusal(StrEnum):
    """Why somebody is not let in, or not believed again."""

    CODE_WRONG = "code_wrong"
    APP_CODE_WRONG = "app_code_wrong"
    CODE_OVER = "code_over"
    TOO_MANY_CODES = "too_many_codes"
    TOO_MANY_TRIES = "too_many_tries"
    PHONE_MISSING = "phone_missing"
    FACTOR_THERE = "factor_there"
    FACTOR_MISSING = "factor_missing"
    PERSON_UNKNOWN = "person_unknown"
    DEMO_PERSON_UNKNOWN = "demo_person_unknown"
    NOT_THE_SAME_PERSON = "not_the_same_person"


class YouthRefusal(StrEnum):
    """Why a child known here gets no account of its own today."""

    TOO_YOUNG = "youth_too_young"
    OF_AGE = "youth_of_age"
    WITHOUT_GUARDIAN = "youth_without_guardian"
    ONE_FACTOR = "youth_one_factor"


def birthday(born_on: date, years: int) -> date:
    """The day somebody becomes so old; born on 29 February: 1 March in a common year."""
    try:
        return born_on.replace(year=born_on.year + years)
    except ValueError:
        return date(born_on.year + years, 3, 1)


def refuse_youth(
    born_on: date | None, *, ages: tuple[int, int] | None, has_guardian: bool, today: date
) -> StrEnum | None:
    """Why a child has no own account today; `ages`: from which birthday until which, None: nobody has one.

    Source: PRODUCT.md A2; docs/rules/people.md R-39..R-41.
    """
    if ages is None or born_on is None:
        return SignInRefusal.PERSON_UNKNOWN
    if today < birthday(born_on, ages[0]):
        return YouthRefusal.TOO_YOUNG
    if today >= birthday(born_on, ages[1]):
        return YouthRefusal.OF_AGE
    return None if has_guardian else YouthRefusal.WITHOUT_GUARDIAN


@dataclass(frozen=True, slots=True)
class CodeLimits:
    """What a second factor may cost a guesser (NIST 800-63B: RELIABILITY.md 1); an installation may set others."""

    digits: int = 6
    minutes: int = 5
    tries: int = 5
    codes_in_window: int = 5
    misses_in_window: int = 10
    window_minutes: int = 30


@dataclass(frozen=True, slots=True)
class NumberLimits:
    """How many typed numbers the registry may fail to prove for one account, in which time (RELIABILITY.md T3)."""

    misses: int = 20
    minutes: int = 60


# Children whose records an account reaches in a day before it is stopped (RELIABILITY.md T13). A provider's people see
# their own groups only, so that theirs is wide; settings may give other numbers (READING_LIMITS).
CHILDREN_A_DAY = 200
PROVIDER_CHILDREN_A_DAY = 1_000
GRANT_AT_MOST = 500
_PROVIDERS_OWN = frozenset({Role.PROVIDER_MANAGER.value, Role.TEACHER.value})
_UNBOUNDED = frozenset({*FAMILY, Role.SYSTEM})  # own children only, oneself; jobs


def reading_limit(roles: Collection[str], limits: Mapping[str, int]) -> int | None:
    """How many children a day somebody with these roles may reach: the least that one of them gives; None: no bound.

    `limits` gives roles other numbers than the house's own.
    """
    bounds = [
        limits.get(role, PROVIDER_CHILDREN_A_DAY if role in _PROVIDERS_OWN else CHILDREN_A_DAY)
        for role in roles
        if role not in _UNBOUNDED
    ]
    return min(bounds, default=None)


def refuse_grant(*, giver: int, taker: int, children: int, reason: str) -> GuardRefusal | None:
    """Why one person may not let another read so many children more today."""
    if giver == taker:
        return GuardRefusal.GRANT_TO_ONESELF
    if not reason.strip():
        return GuardRefusal.GRANT_WITHOUT_REASON
    return None if 0 < children <= GRANT_AT_MOST else GuardRefusal.GRANT_TOO_LARGE


@dataclass(frozen=True, slots=True)
class Proof:
    """When and in which way (`states.Way`) a person last proved who they are: a command may store it with its fact."""

    at: datetime
    way: str


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """A sent code as it stands when an answer comes: `fits` says whether the answer is its."""

    fits: bool
    expires_at: datetime
    tries: int
    is_used: bool


def refuse_code(code: CodeFacts | None, at: datetime, limits: CodeLimits) -> SignInRefusal | None:
    """The first reason against an answer; a code is over once used, late, or tried too often, fitting or not."""
    if code is None or code.is_used or at >= code.expires_at or code.tries >= limits.tries:
        return SignInRefusal.CODE_OVER
    return None if code.fits else SignInRefusal.CODE_WRONG


@dataclass(frozen=True, slots=True)
class PersonDetails:
    """A person as a paper names one; only the given name is mandatory (DOMAIN.md 9), a child's birth date too."""

    iin: str | None
    surname: str
    given: str
    patronymic: str = ""
    born_on: date | None = None
    phone: str = ""

    @property
    def full_name(self) -> str:
        """Surname, given name, patronymic: as lists show it."""
        return " ".join(part for part in (self.surname, self.given, self.patronymic) if part)


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """A guardian with the children to register; `home_id` is the territory (district) the children live in."""

    guardian: PersonDetails
    children: tuple[PersonDetails, ...]
    language: str = "kk"
    home_id: int | None = None


def person_json(person: PersonDetails) -> bytes:
    """What is encrypted for a person: UTF-8 JSON with short fixed keys, blanks left out."""
    fields = {
        "iin": person.iin,
        "surname": person.surname,
        "given": person.given,
        "patronymic": person.patronymic,
        "born_on": person.born_on and person.born_on.isoformat(),
        "phone": person.phone,
    }
    return json.dumps({k: v for k, v in fields.items() if v}, ensure_ascii=False).encode()


def person_of(plain: bytes) -> PersonDetails:
    """The person of `person_json`'s bytes."""
    fields = json.loads(plain)
    born = fields.pop("born_on", None)
    return PersonDetails(
        iin=fields.get("iin"),
        surname=fields.get("surname", ""),
        given=fields.get("given", ""),
        patronymic=fields.get("patronymic", ""),
        born_on=date.fromisoformat(born) if born else None,
        phone=fields.get("phone", ""),
    )


def name_words(person: PersonDetails) -> frozenset[str]:
    """The folded words a person is searched by."""
    return frozenset(folded(person.full_name).replace("-", " ").split())


def searched_words(words: frozenset[str]) -> frozenset[str]:
    """What is stored hashed for these words: each word, and each word's first letters marked with an asterisk."""
    return words | {f"{w[:PREFIX_LETTERS]}*" for w in words if len(w) >= PREFIX_LETTERS}


def tidy(person: PersonDetails) -> PersonDetails:
    """Names in NFC with single blanks; a phone without blanks, brackets, hyphens; an IIN without blanks."""
    return PersonDetails(
        iin=(person.iin or "").strip() or None,
        surname=normal(person.surname),
        given=normal(person.given),
        patronymic=normal(person.patronymic),
        born_on=person.born_on,
        phone=re.sub(r"[\s()-]", "", person.phone),
    )


def refuse_person(person: PersonDetails, *, today: date, synthetic_allowed: bool) -> PeopleRefusal | None:
    """The first fault of a tidy person's own fields, or None. An odd date inside an IIN is none (DOMAIN.md 4.1)."""
    return (
        _refuse_number(person.iin, synthetic_allowed)
        or _refuse_names(person)
        or (PeopleRefusal.PHONE_UNREADABLE if person.phone and not _PHONE.match(person.phone) else None)
        or (PeopleRefusal.BIRTH_DATE_IMPOSSIBLE if not _is_birth_date(person.born_on, today) else None)
    )


def _refuse_number(number: str | None, synthetic_allowed: bool) -> PeopleRefusal | None:
    if number is None:
        return None
    try:
        iin.person(number, synthetic_allowed=synthetic_allowed)
    except iin.NumberError as error:
        is_synthetic = error.fault is iin.NumberFault.SYNTHETIC
        return PeopleRefusal.SYNTHETIC_IIN if is_synthetic else PeopleRefusal.BAD_IIN
    return None


def _refuse_names(person: PersonDetails) -> PeopleRefusal | None:
    if not person.given:
        return PeopleRefusal.NAME_MISSING
    parts = (person.surname, person.given, person.patronymic)
    return None if all(_NAME.match(part) for part in parts if part) else PeopleRefusal.NAME_UNREADABLE


def _is_birth_date(born_on: date | None, today: date) -> bool:
    return born_on is None or (born_on <= today and born_on.year >= _FIRST_YEAR)


@dataclass(frozen=True, slots=True)
class Preferences:
    """In which language, by which channels (values of `states.Channel`; the app always), at which e-mail address.

    `is_told`: the person said so; else it is what the house takes until then.
    """

    language: str
    channels: frozenset[str]
    email: str = ""
    is_told: bool = True


def refuse_preferences(wish: Preferences, has_phone: bool) -> StrEnum | None:
    """The first reason against a wish, or None. Source: PRODUCT.md J1; docs/rules/people.md R-28..R-31."""
    if wish.language not in ("kk", "ru", "en"):
        return PeopleRefusal.LANGUAGE_UNKNOWN
    if Channel.EMAIL in wish.channels and not wish.email:
        return PreferenceRefusal.EMAIL_MISSING
    if wish.email and not (len(wish.email) <= _EMAIL_LENGTH and _EMAIL.match(wish.email)):
        return PreferenceRefusal.EMAIL_UNREADABLE
    return PreferenceRefusal.NO_PHONE_FOR_SMS if Channel.SMS in wish.channels and not has_phone else None


def refuse_guardian(guardian: PersonDetails, language: str) -> PeopleRefusal | None:
    """What a guardian must have beyond a person: an IIN (who signs in, whom the registry knows), a language."""
    if guardian.iin is None:
        return PeopleRefusal.BAD_IIN
    return None if language in ("kk", "ru", "en") else PeopleRefusal.LANGUAGE_UNKNOWN


def proof_of(child: PersonDetails, proofs: Sequence[ProvedChild]) -> ProvedChild | None:
    """The registry's word on this child: by IIN, or for a child without one by birth date and given name."""
    if child.iin is not None:
        return next((p for p in proofs if p.child_iin == child.iin), None)
    given = folded(child.given)
    return next(
        (p for p in proofs if p.child_iin is None and p.born_on == child.born_on and folded(p.given) == given), None
    )


def refuse_child(guardian: PersonDetails, child: PersonDetails, proof: ProvedChild | None) -> PeopleRefusal | None:
    """What a child must have beyond a person: a birth date that fits the guardian's and the registry's, and a proof."""
    if child.born_on is None:
        return PeopleRefusal.BIRTH_DATE_MISSING
    if guardian.born_on is not None and guardian.born_on >= child.born_on:
        return PeopleRefusal.BIRTH_DATE_IMPOSSIBLE
    if proof is None:
        return PeopleRefusal.GUARDIANSHIP_NOT_PROVED
    if proof.born_on is not None and proof.born_on != child.born_on:
        return PeopleRefusal.BIRTH_DATE_DIFFERS
    return None


def refuse_status(answer: StatusAnswer) -> PeopleRefusal | None:
    """What a certified category must name; which categories exist is the rule set's word, not this room's."""
    if not answer.category.strip():
        return PeopleRefusal.CATEGORY_MISSING
    if not answer.source.strip() or not answer.evidence.strip():
        return PeopleRefusal.EVIDENCE_MISSING
    is_reversed = answer.valid_to is not None and answer.valid_to < answer.valid_from
    return PeopleRefusal.VALIDITY_REVERSED if is_reversed else None


def merged(stored: PersonDetails, given: PersonDetails) -> PersonDetails:
    """The stored person with what is told anew; a blank erases nothing, and the birth date and IIN stay as stored."""
    return replace(
        stored,
        surname=given.surname or stored.surname,
        given=given.given or stored.given,
        patronymic=given.patronymic or stored.patronymic,
        born_on=stored.born_on or given.born_on,
        phone=given.phone or stored.phone,
    )
