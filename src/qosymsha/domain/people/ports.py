"""What a registry must answer. No network inside a transaction: a door asks, then gives the answers to a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from qosymsha.domain.people.states import GuardianKind

__all__ = [
    "CodeNotSent",
    "CodeSender",
    "GuardianKind",
    "Identity",
    "IdentityFault",
    "IdentityProvider",
    "IdentityQuestion",
    "IdentityRefused",
    "ProvedChild",
    "Registry",
    "RegistryFault",
    "RegistryUnavailable",
    "StatusAnswer",
]


@dataclass(frozen=True, slots=True)
class ProvedChild:
    """A registry's word that a guardian speaks for a child: `kind` a `GuardianKind`, `evidence` its id.

    A child without an IIN is named by birth date and given name instead. Where `born_on` is given it must agree.
    """

    child_iin: str | None
    kind: str
    evidence: str
    born_on: date | None = None
    given: str = ""


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """A registry's word on a child's category: valid from a day to a last day (None: open), with the answer's id."""

    child_iin: str
    category: str
    source: str
    evidence: str
    valid_from: date
    valid_to: date | None


class RegistryFault(StrEnum):
    """Why there is no answer. None of them says anything about the person asked for."""

    TIMED_OUT = "registry_timed_out"
    UNREACHABLE = "registry_unreachable"
    UNREADABLE = "registry_unreadable"
    BUSY = "registry_busy"
    SAYS_NO = "registry_says_no"
    CONSENT_WITHDRAWN = "consent_withdrawn"  # not asked at all (`asking`): no adapter says this


class RegistryUnavailable(Exception):
    """No usable answer; ask again after `retry_after_seconds` where named. Carries no number of a person."""

    def __init__(self, fault: RegistryFault, retry_after_seconds: int | None = None) -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.retry_after_seconds = retry_after_seconds


class Registry(Protocol):
    """A registry of people (births, guardianship, social statuses)."""

    def children_of(self, guardian_iin: str) -> list[ProvedChild]:
        """The children this person speaks for today; an empty list where there are none.

        Raises:
            RegistryUnavailable: no usable answer; nothing may be concluded from it.
        """
        ...

    def statuses_of(self, child_iins: Sequence[str]) -> list[StatusAnswer]:
        """The categories that hold for these children; a child without any is simply not named.

        Raises:
            RegistryUnavailable: no usable answer for all of them; nothing may be concluded from it.
        """
        ...


class CodeNotSent(Exception):
    """The code could not be handed over for sending; the person may ask again. Carries no number of a person."""


class CodeSender(Protocol):
    """Sends a one-time code to a person's phone."""

    def send(self, phone: str, code: str, language: str) -> str:
        """Send it; what is returned is shown on the page (a fake shows the code itself, a real sender returns "").

        Raises:
            CodeNotSent: it could not be handed over.
        """
        ...


class IdentityFault(StrEnum):
    """Why the identity provider's word does not let anybody in. None of them says anything about a person."""

    UNREACHABLE = "identity_unreachable"
    UNREADABLE = "identity_unreadable"
    SAYS_NO = "identity_says_no"
    NOT_BELIEVED = "identity_not_believed"
    TOO_LATE = "identity_too_late"


class IdentityRefused(Exception):
    """Nobody is let in; `detail` names the check that failed, for the log, never a claim's value."""

    def __init__(self, fault: IdentityFault, detail: str = "") -> None:
        super().__init__(f"{fault.value} {detail}".strip())
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True, slots=True)
class IdentityQuestion:
    """A person sent to the provider: the address to send to, and what only this browser's session may know."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider saw: its own name for the person, the number where it told one, and when it saw them.

    `has_two_factors`: it stated two, in a word that the operator has listed.
    """

    subject: str
    iin: str | None
    seen_at: datetime | None
    has_two_factors: bool = False


class IdentityProvider(Protocol):
    """An OpenID Connect provider (eGov's place)."""

    def ask(self, back: str, *, anew: bool) -> IdentityQuestion:
        """A question whose answer comes to the address `back`; `anew`: the person must prove it now, again.

        Raises:
            IdentityRefused: the provider gave no usable description of itself.
        """
        ...

    def answer(self, question: IdentityQuestion, back: str, code: str, at: datetime) -> Identity:
        """Whom the provider saw, for the code that came back; everything about the answer is checked.

        Raises:
            IdentityRefused: no usable answer, or one that must not be believed.
        """
        ...
