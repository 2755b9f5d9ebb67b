"""A mark of a month kept elsewhere, as it is brought in: whose, where, when, and the evidence beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from qosymsha.domain.flags.rules.evidence import COLUMNS

_OWN = frozenset({"provider", "group", "child", "earlier", "day"})
EVIDENCE = tuple(name for name in COLUMNS if name not in _OWN)


class FlagRefusal(StrEnum):
    """Why a verb of this room is refused."""

    UNKNOWN_FLAG = "unknown_flag"
    FLAG_NAMED_TWICE = "flag_named_twice"
    FLAG_RESOLVED = "flag_resolved"
    FLAG_REASON_MISSING = "flag_reason_missing"
    FLAG_EVIDENCE_MISSING = "flag_evidence_missing"
    FLAG_OWN_PROVIDER = "flag_own_provider"
    UNKNOWN_OUTCOME = "unknown_outcome"
    OUTSIDE_MARK_TWICE = "outside_mark_twice"
    POINT_UNNAMED = "point_unnamed"
    POINT_KNOWN = "point_known"
    POINT_DAYS = "point_days"


@dataclass(frozen=True, slots=True)
class OutsideRow:
    """`child` is a keyed hash; `starts_at` the local midnight where the hour is unknown; `evidence` as `EVIDENCE`."""

    on: date
    provider: str
    group_code: str
    child: bytes
    starts_at: datetime
    evidence: tuple[int, ...]
    child_ref: str = ""
    ref: str = ""
    child_id: int | None = None
    group_id: int | None = None
    provider_id: int | None = None

    @property
    def key(self) -> tuple[date, str, str, bytes, datetime]:
        """What makes it the same mark."""
        return (self.on, self.provider, self.group_code, self.child, self.starts_at)


@dataclass(frozen=True, slots=True)
class PointDraft:
    """A consultation point's device as traces call it, the point's name, its first day and the day after its last."""

    device: str
    name: str
    first: date
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """A checker's word on a flag: `dismissed` or `upheld`, why, and on what evidence."""

    flag_id: int
    outcome: str
    reason: str
    evidence: str
