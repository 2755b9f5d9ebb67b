"""An accreditation's file: what it asks, how each paper stands on a day, why an officer said no. Pure.

Source: docs/rules/providers.md; the papers and the days of warning are the rule set's (`accreditation`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from qosymsha.domain.programmes.accrediting_rules import Accrediting
from qosymsha.domain.providers.rules import Paper, PaperKind, ProviderRefusal


class Ground(StrEnum):
    """Why an accreditation is limited, refused or revoked: chosen from this list, told besides in words."""

    PAPERS_MISSING = "papers_missing"
    PAPERS_EXPIRED = "papers_expired"
    FALSE_PAPERS = "false_papers"
    PREMISES_UNFIT = "premises_unfit"
    FIRE_UNSAFE = "fire_unsafe"
    UNSANITARY = "unsanitary"
    TEACHERS_UNCHECKED = "teachers_unchecked"
    CONTROL_FINDINGS = "control_findings"
    CONTRACT_BREACH = "contract_breach"
    OTHER = "other"


class Standing(StrEnum):
    """How an asked paper stands on a day."""

    MISSING = "missing"
    EXPIRED = "expired"
    COMING = "coming"  # valid from a later day
    ENDING = "ending"  # valid, but inside the days of warning
    VALID = "valid"


@dataclass(frozen=True, slots=True)
class Asked:
    """A kind of paper in a file: is it asked for, how it stands, until when, the paper that counts, all that came.

    `warns`: inside how many days of its end it is, by the rule set's days of warning; None where it is further away.
    """

    kind: str
    is_required: bool
    standing: Standing
    until: date | None
    warns: int | None
    papers: tuple[Paper, ...]


def asked_papers(papers: Sequence[Paper], kinds: Collection[str], terms: Accrediting, today: date) -> list[Asked]:
    """Every paper the file's profile asks for, in the rule set's order, then what came besides."""
    required = terms.asks(kinds)
    besides = [kind for kind in PaperKind if kind not in required and any(p.kind == kind for p in papers)]
    return [
        _asked(kind, kind in required, tuple(p for p in papers if p.kind == kind), terms, today)
        for kind in [*required, *besides]
    ]


def _asked(kind: str, is_required: bool, papers: tuple[Paper, ...], terms: Accrediting, today: date) -> Asked:
    valid = [p for p in papers if p.first_day <= today and (p.last_day is None or today <= p.last_day)]
    if not valid:
        is_coming = any(p.first_day > today for p in papers)
        without = Standing.COMING if is_coming else Standing.EXPIRED if papers else Standing.MISSING
        ended = max((p.last_day for p in papers if p.last_day), default=None)
        return Asked(kind, is_required, without, ended, None, papers)
    until = None if any(p.last_day is None for p in valid) else max(p.last_day for p in valid if p.last_day)
    warns = None if until is None else terms.warns((until - today).days)
    return Asked(kind, is_required, Standing.VALID if warns is None else Standing.ENDING, until, warns, papers)


def lacking(asked: Sequence[Asked]) -> list[str]:
    """The kinds of required papers that are not valid today."""
    fine = (Standing.VALID, Standing.ENDING)
    return [one.kind for one in asked if one.is_required and one.standing not in fine]


def refuse_grounds(grounds: Sequence[str]) -> ProviderRefusal | None:
    """Grounds are chosen from the list."""
    return None if set(grounds) <= set(Ground) else ProviderRefusal.GROUND_UNKNOWN
