"""What a rule set says about accreditation: the papers asked for, and when their end is told beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Accrediting:
    """Which papers are asked of everybody and besides for a kind; days before an expiry on which it is told, falling.

    A rule set that says nothing of them has these.
    """

    papers: tuple[str, ...] = ("premises", "sanitary", "fire", "teachers")
    papers_of_kind: dict[str, tuple[str, ...]] = field(default_factory=dict)
    warn_days: tuple[int, ...] = (60, 30, 7)

    def asks(self, kinds: Iterable[str]) -> tuple[str, ...]:
        """The papers asked of a provider of these kinds, in order, each once."""
        more = [paper for kind in kinds for paper in self.papers_of_kind.get(kind, ())]
        return tuple(dict.fromkeys([*self.papers, *more]))

    def warns(self, days_left: int) -> int | None:
        """The smallest of the warning days that is not passed yet, as 30 for 12 days left; None: too early to tell."""
        return min((days for days in self.warn_days if days_left <= days), default=None)


def accrediting_of(section: Mapping[str, Any] | None) -> Accrediting:
    """The section as the code reads it, or what stands where there is none."""
    if section is None:
        return Accrediting()
    return Accrediting(
        tuple(section["papers"]),
        {kind: tuple(papers) for kind, papers in section["papers_of_kind"].items()},
        tuple(sorted(section["warn_days"], reverse=True)),
    )
