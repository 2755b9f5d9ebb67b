"""What a registry must answer. No network inside a transaction: a door asks, then gives the answers to a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ProvedChild:
    """A registry's word that a guardian speaks for a child: `kind` parent | guardian | foster, `evidence` its id.

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
