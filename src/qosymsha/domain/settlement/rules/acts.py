"""The act of services: what it says, who may sign it, what an e-invoice's number looks like. Pure.

Source: docs/rules/papers.md P-1 to P-12.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from qosymsha.domain.programmes.rules import Papers
from qosymsha.domain.settlement.ports import SignatureFault, Verified
from qosymsha.domain.settlement.states import ActState, Side
from qosymsha.kernel.iin import NumberError, person

SCHEMA = "qosymsha.act/1"
_IIN_PLACE = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")
_DIGIT = "#"
MASK = "•" * 12


class PaperRefusal(StrEnum):
    """Why a paper stays as it is."""

    UNKNOWN_ACT = "unknown_act"
    UNKNOWN_PROVIDER = "unknown_provider_number"
    ACT_EXISTS = "act_exists"
    ACT_IN_OTHER_STATE = "act_in_other_state"
    CLAIM_NOT_FOR_ACT = "claim_not_for_act"
    ACT_NOT_SIGNED = "act_not_signed"
    EINVOICE_MISSING = "einvoice_missing"
    SIDE_SIGNED = "side_signed"
    SIGNER_NOT_REGISTERED = "signer_not_registered"
    SIGNER_OTHER_PERSON = "signer_other_person"
    SIGNER_OTHER_ORGANISATION = "signer_other_organisation"
    SIGNER_OF_BOTH_SIDES = "signer_of_both_sides"
    SIGNATURE_REPLAYED = "signature_replayed"
    NO_LEGAL_FORCE = "no_legal_force"
    EINVOICE_MALFORMED = "einvoice_malformed"
    EINVOICE_REPEATED = "einvoice_repeated"
    EINVOICE_OTHER_AMOUNT = "einvoice_other_amount"
    EINVOICE_DATE = "einvoice_date"
    NOT_A_NUMBER_OF_A_PERSON = "not_a_number_of_a_person"
    UNKNOWN_REPLY = "unknown_reply"
    REPLY_NOT_HELD = "reply_not_held"
    REPLY_DECIDED = "reply_decided"
    REPLY_FITS_NO_LINE = "reply_fits_no_line"


@dataclass(frozen=True, slots=True)
class Party:
    """One side of an act; a sole trader's number stands in the certificate, never in the act."""

    name: str
    bin: str


@dataclass(frozen=True, slots=True)
class ActFacts:
    """What an act is made of: the claim's numbers and formula, the contract, both sides. No child is named."""

    number: str
    drawn_on: date
    programme: tuple[str, str]
    customer: Party
    provider: Party
    provider_number: str
    contract: str
    claim: str
    claim_hash: str
    month: date
    amount_tiyn: int
    formula: dict[str, Any]


def act_content(facts: ActFacts) -> dict[str, Any]:
    """The act as data, which is canonically written, hashed and signed; the printed paper says the same."""
    return {
        "schema": SCHEMA,
        "number": facts.number,
        "drawn_on": facts.drawn_on.isoformat(),
        "programme": {"kk": facts.programme[0], "ru": facts.programme[1]},
        "customer": {"name": facts.customer.name, "bin": facts.customer.bin},
        "provider": {"name": facts.provider.name, "bin": facts.provider.bin, "number": facts.provider_number},
        "contract": facts.contract,
        "claim": {"number": facts.claim, "hash": facts.claim_hash},
        "month": facts.month.isoformat()[:7],
        "lines": facts.formula.get("sums", []),
        "units": facts.formula.get("units", 0),
        "words": {language: list(words) for language, words in sorted(facts.formula.get("words", {}).items())},
        "amount_tiyn": facts.amount_tiyn,
        "currency": "KZT",
    }


@dataclass(frozen=True, slots=True)
class SigningFacts:
    """An act as a signature is judged: its state and hash, who signed, whose signature is wanted on this side.

    `organisation` is the BIN the certificate must bear; "" where the provider is a sole trader: then the person's own
    number is what the provider is known by (`is_own_trader`).
    """

    state: ActState
    hash: bytes
    signed: Collection[Side]
    signed_by: Collection[int]
    organisation: str
    is_registered: bool
    is_same_person: bool
    is_own_trader: bool
    is_replay: bool


def refuse_signature(
    facts: SigningFacts, side: Side, user_id: int, word: Verified, *, legal_only: bool
) -> StrEnum | None:
    """The first reason against a verified signature on an act's side. Source: docs/rules/papers.md P-4."""
    is_other_organisation = (
        word.certificate.bin != facts.organisation if facts.organisation else not facts.is_own_trader
    )
    checks: tuple[tuple[bool, StrEnum], ...] = (
        (facts.is_replay, PaperRefusal.SIGNATURE_REPLAYED),
        (side in facts.signed, PaperRefusal.SIDE_SIGNED),
        (facts.state is not ActState.SIGNING, PaperRefusal.ACT_IN_OTHER_STATE),
        (word.document_hash != facts.hash, SignatureFault.OTHER_DOCUMENT),
        (legal_only and not word.is_legal, PaperRefusal.NO_LEGAL_FORCE),
        (not facts.is_registered, PaperRefusal.SIGNER_NOT_REGISTERED),
        (not facts.is_same_person, PaperRefusal.SIGNER_OTHER_PERSON),
        (is_other_organisation, PaperRefusal.SIGNER_OTHER_ORGANISATION),
        (user_id in facts.signed_by, PaperRefusal.SIGNER_OF_BOTH_SIDES),
    )
    return next((reason for is_true, reason in checks if is_true), None)


def is_in_days(word: Verified, at: datetime) -> bool:
    """True where the certificate is good at the instant the signature is stored."""
    return word.certificate.valid_from <= at <= word.certificate.valid_until


def after_signing(signed: Collection[Side], papers: Papers) -> ActState:
    """Where an act stands with these sides' signatures."""
    if set(signed) != set(Side):
        return ActState.SIGNING
    return ActState.AWAITING_INVOICE if papers.einvoice_required else ActState.DONE


def refuse_approval(papers: Papers, state: str | None) -> PaperRefusal | None:
    """Why a claim whose act stands so (None: it has none) can't be approved. Source: docs/rules/papers.md P-9."""
    if not papers.act_required or state == ActState.DONE:
        return None
    if state in (ActState.AWAITING_INVOICE, ActState.CHECKING):
        return PaperRefusal.EINVOICE_MISSING
    return PaperRefusal.ACT_NOT_SIGNED


def einvoice_number(text: str, form: str) -> str | None:
    """The number in capitals without blanks, or None where it hasn't the rule set's form (`#` is an ASCII digit)."""
    number = "".join(text.split()).upper()
    if len(number) != len(form):
        return None
    fits = (c.isascii() and c.isdigit() if f == _DIGIT else c == f for c, f in zip(number, form, strict=True))
    return number if all(fits) else None


def without_person(number: str) -> str:
    """The number with a person's IIN in it masked; an organisation's BIN stays."""
    return _IIN_PLACE.sub(lambda found: MASK if _is_person(found.group()) else found.group(), number)


def _is_person(digits: str) -> bool:
    try:
        person(digits)
    except NumberError:
        return False
    return True


def refuse_einvoice(act_tiyn: int, amount_tiyn: int, issued_on: date, drawn_on: date, today: date) -> StrEnum | None:
    """The first reason against an e-invoice: another amount, a day before the act's month or in the future."""
    if amount_tiyn != act_tiyn:
        return PaperRefusal.EINVOICE_OTHER_AMOUNT
    return None if drawn_on <= issued_on <= today else PaperRefusal.EINVOICE_DATE
