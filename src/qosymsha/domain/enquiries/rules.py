"""What an enquiry must state, how often an account may ask, what is shown before a record is opened: pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from qosymsha.domain.enquiries.states import Purpose, Way
from qosymsha.kernel import iin
from qosymsha.kernel.numbers import is_human_number
from qosymsha.kernel.text import folded

ENQUIRIES_A_DAY = 40  # of one account; an installation may set another number (ENQUIRIES_A_DAY)
MOST_HITS = 5
OPEN_FOR = timedelta(minutes=30)  # an opened record is looked at for so long, then it is opened again
# A case's number: letters, digits, a few signs, at least one digit; no room for a name, and no IIN.
_REFERENCE = re.compile(r"(?=.*\d)[0-9A-ZА-ЯӘҒҚҢӨҰҮҺІЁ№/.-]{3,30}\Z")
_IIN_INSIDE = re.compile(r"\d{12}")


class EnquiryRefusal(StrEnum):
    """Why an enquiry is not made or a record not opened. None says whether somebody is known here."""

    PURPOSE_MISSING = "purpose_missing"
    REFERENCE_MALFORMED = "reference_malformed"
    NOTHING_ASKED = "nothing_asked"
    NAME_INCOMPLETE = "name_incomplete"
    NUMBER_MALFORMED = "number_malformed"
    ENQUIRY_IIN_MALFORMED = "enquiry_iin_malformed"
    ENQUIRIES_OVER = "enquiries_over"
    UNKNOWN_HIT = "unknown_hit"


@dataclass(frozen=True, slots=True)
class Asked:
    """What an official typed: one of the three, and why."""

    purpose: str
    reference: str
    iin: str = ""
    name: str = ""
    born_on: date | None = None
    number: str = ""

    @property
    def way(self) -> Way:
        """By what is searched; the IIN first."""
        return Way.IIN if self.iin.strip() else Way.NUMBER if self.number.strip() else Way.NAME

    @property
    def words(self) -> tuple[str, ...]:
        """The folded words of the name."""
        return tuple(sorted(set(folded(self.name).replace("-", " ").split())))


def refuse_purpose(purpose: str, reference: str) -> EnquiryRefusal | None:
    """Why this is no stated purpose."""
    if purpose not in set(Purpose):
        return EnquiryRefusal.PURPOSE_MISSING
    text = reference.strip().upper()
    is_fine = bool(_REFERENCE.match(text)) and not _IIN_INSIDE.search(text)
    return None if is_fine else EnquiryRefusal.REFERENCE_MALFORMED


def refuse_asked(asked: Asked) -> EnquiryRefusal | None:
    """The first reason against an enquiry; slips are told of any number alike, known or not."""
    reason = refuse_purpose(asked.purpose, asked.reference)
    if reason is not None:
        return reason
    if asked.way is Way.IIN:
        return None if _is_iin(asked.iin) else EnquiryRefusal.ENQUIRY_IIN_MALFORMED
    if asked.way is Way.NUMBER:
        return None if is_human_number(asked.number) else EnquiryRefusal.NUMBER_MALFORMED
    if not asked.words and asked.born_on is None:
        return EnquiryRefusal.NOTHING_ASKED
    return None if len(asked.words) > 1 and asked.born_on is not None else EnquiryRefusal.NAME_INCOMPLETE


def _is_iin(text: str) -> bool:
    try:
        iin.person(text)
    except iin.NumberError:
        return False
    return True


def masked_name(surname: str, given: str) -> str:
    """`Серікова Айгүл` → `С•••• А••••`: as many dots for every name, so that none is told by its length."""
    return " ".join(f"{word[0]}••••" for word in (surname, given) if word)
