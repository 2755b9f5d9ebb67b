"""What a rule set says about categories that an officer checks from papers: days, how many papers, how long kept."""

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
