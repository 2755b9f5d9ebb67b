"""What a rule set says about officers' queues: categories checked from papers, rows held by name. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Checking:
    """Working days an officer has, and a family has for another paper; most papers of a category; days they are kept.

    A rule set that says nothing of them has these. Source: docs/rules/documents.md.
    """

    check_working_days: int = 5
    ask_working_days: int = 3
    papers_at_most: int = 6
    keep_days: int = 365


def checking_of(section: Mapping[str, Any] | None) -> Checking:
    """The section as the code reads it, or what stands where there is none."""
    if section is None:
        return Checking()
    return Checking(**{name: section[name] for name in Checking.__slots__})


@dataclass(frozen=True, slots=True)
class Casework:
    """For how many working days a row of a queue is its holder's; a rule set that says nothing of it has these."""

    hold_working_days: int = 3


def casework_of(section: Mapping[str, Any] | None) -> Casework:
    """The section as the code reads it, or what stands where there is none."""
    return Casework() if section is None else Casework(section["hold_working_days"])
