"""Where each tenge of a line is: what the ledger says beside what the documents say. Pure. Source: PRODUCT.md H6."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qosymsha.domain.settlement.rules.compact import compact

SCHEMA = "qosymsha.money_day/1"


@dataclass(frozen=True, slots=True)
class Tie:
    """One account kind of a line: tiyn by the ledger, tiyn by its documents (`free`: by what they leave).

    `tied_to` names the documents.
    """

    kind: str
    ledger_tiyn: int
    documents_tiyn: int
    tied_to: str

    @property
    def difference_tiyn(self) -> int:
        """Must be zero."""
        return self.ledger_tiyn - self.documents_tiyn


@dataclass(frozen=True, slots=True)
class Finding:
    """A subject whose ledger and documents differ: which, on which line, both amounts in tiyn."""

    line_id: int
    kind: str
    subject: str
    ledger_tiyn: int
    documents_tiyn: int


@dataclass(frozen=True, slots=True)
class LineMoney:
    """A line with its ties."""

    line_id: int
    name: str
    fiscal_year: int
    ties: tuple[Tie, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """A programme's lines on a day, and every difference by its subject (the first ones where there are many)."""

    day: str
    lines: tuple[LineMoney, ...]
    findings: tuple[Finding, ...]

    @property
    def differences(self) -> int:
        """Ties that do not close, and subjects that differ."""
        return len(self.findings) + sum(tie.difference_tiyn != 0 for line in self.lines for tie in line.ties)

    def summary(self) -> dict[str, Any]:
        """As it is stored, hashed and shown."""
        return {
            "schema": SCHEMA,
            "day": self.day,
            "lines": [
                {
                    "line": line.line_id,
                    "name": line.name,
                    "year": line.fiscal_year,
                    "accounts": [{**asdict(tie), "difference_tiyn": tie.difference_tiyn} for tie in line.ties],
                }
                for line in self.lines
            ],
            "findings": [asdict(finding) for finding in self.findings],
            "differences": self.differences,
        }


def digest(summary: Mapping[str, Any]) -> bytes:
    """SHA-256 of a summary."""
    return hashlib.sha256(compact(dict(summary))).digest()


# Each kind of account and what stands behind it.
TIED_TO = {
    "approp": "budget plan rows",
    "free": "budget less everything below",
    "held": "live vouchers, account by account",
    "place": "enrolments; for claimed rows what their last part kept",
    "payable": "claims owed, less what is kept back",
    "transit": "payment lines sent",
    "paid": "payment lines accepted by bank replies, what was kept back, less what is owed back",
    "released": "what places and vouchers gave back, not swept yet",
    "lapsed": "closed years, and claims drawn after their close",
    "refunds": "refunds confirmed after the year",
    "receivable": "decided recoveries, less what was kept back and refunded",
    "suspense": "refunds recorded, not confirmed",
}


def ties(by_ledger: Mapping[str, int], by_documents: Mapping[str, int]) -> tuple[Tie, ...]:
    """All kinds in order; `free` is tied by what the budget's documents leave after all others."""
    known = {kind: by_documents.get(kind, 0) for kind in TIED_TO}
    known["free"] = -sum(tiyn for kind, tiyn in known.items() if kind != "free")
    found: Sequence[Tie] = [Tie(kind, by_ledger.get(kind, 0), known[kind], text) for kind, text in TIED_TO.items()]
    return tuple(found)
