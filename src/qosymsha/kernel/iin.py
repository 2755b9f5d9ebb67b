"""IIN (person) and BIN (organisation): twelve ASCII digits and a check digit. DOMAIN.md 4, law 223 of 12.01.2007.

Birth date and sex are never read from an IIN (Resolution 853 of 26.08.2013): an odd date is a warning at most.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

_TWELVE = re.compile(r"[0-9]{12}\Z")
_FIRST = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
_SECOND = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)
_NEVER_ISSUED = frozenset("789")
_ORGANISATION = frozenset("456")


class NumberFault(StrEnum):
    """Why a text is no IIN or BIN."""

    NOT_TWELVE_DIGITS = "not_twelve_digits"
    WRONG_CHECK_DIGIT = "wrong_check_digit"
    SYNTHETIC = "synthetic_number"
    NOT_A_PERSON = "not_a_person"
    NOT_AN_ORGANISATION = "not_an_organisation"


class NumberError(ValueError):
    """A text that is no IIN or BIN; `fault` says why. The text is never repeated (it may be somebody's number)."""

    def __init__(self, fault: NumberFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def check_digit(first_eleven: str) -> int | None:
    """Return the twelfth digit for eleven ASCII digits, or None where none is ever issued (both passes give 10)."""
    digits = [int(c) for c in first_eleven]
    for weights in (_FIRST, _SECOND):
        rest = sum(d * w for d, w in zip(digits, weights, strict=True)) % 11
        if rest < 10:
            return rest
    return None


def canonical(text: str) -> str:
    """Return the twelve digits of a valid IIN or BIN; spaces around it are dropped, other scripts' digits are refused.

    Raises:
        NumberError: not twelve ASCII digits, or the check digit is wrong.
    """
    stripped = text.strip()
    if unicodedata.normalize("NFKC", stripped) != stripped or not _TWELVE.match(stripped):
        raise NumberError(NumberFault.NOT_TWELVE_DIGITS)
    if check_digit(stripped[:11]) != int(stripped[11]):
        raise NumberError(NumberFault.WRONG_CHECK_DIGIT)
    return stripped


def is_synthetic(number: str) -> bool:
    """True for demo people: a seventh digit 7, 8 or 9 is never issued to a person (BINs: see `is_organisation`)."""
    return number[6] in _NEVER_ISSUED and not is_organisation(number)


def is_organisation(number: str) -> bool:
    """True where digit 5 is 4, 5 or 6: a legal entity's BIN; a person's IIN has a day of month (0-3) there."""
    return number[4] in _ORGANISATION


def person(text: str, *, synthetic_allowed: bool = True) -> str:
    """Return a canonical IIN.

    Raises:
        NumberError: no valid number, an organisation's BIN, or a synthetic person where that is switched off.
    """
    number = canonical(text)
    if is_organisation(number):
        raise NumberError(NumberFault.NOT_A_PERSON)
    if not synthetic_allowed and is_synthetic(number):
        raise NumberError(NumberFault.SYNTHETIC)
    return number


def organisation(text: str) -> str:
    """Return a canonical BIN of a legal entity.

    Raises:
        NumberError: no valid number, or digit 5 is not 4, 5 or 6.
    """
    number = canonical(text)
    if not is_organisation(number):
        raise NumberError(NumberFault.NOT_AN_ORGANISATION)
    return number


def masked(number: str) -> str:
    """The number as pages show it: `••••••••0909` keeps the last four digits."""
    return "•" * 8 + number[-4:]


def has_odd_date(number: str) -> bool:
    """True where digits 1-6 are no calendar date or digit 7 is above 6: a warning, never a refusal (DOMAIN.md 4.1)."""
    month, day = int(number[2:4]), int(number[4:6])
    return not (1 <= month <= 12 and 1 <= day <= 31) or number[6] > "6"
