"""What a posting is, and what may be posted: pure. Source: LEDGER.md; docs/rules/ledger.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple


class AccountKind(StrEnum):
    """Where a tenge of a line can be; the sums of all kinds of a line are zero because `approp` goes below it."""

    APPROP = "approp"
    FREE = "free"
    HELD = "held"
    PLACE = "place"
    PAYABLE = "payable"
    TRANSIT = "transit"
    PAID = "paid"
    RELEASED = "released"
    LAPSED = "lapsed"
    REFUNDS = "refunds"
    RECEIVABLE = "receivable"
    SUSPENSE = "suspense"


WITH_BALANCE = frozenset(
    {
        AccountKind.FREE,
        AccountKind.HELD,
        AccountKind.PLACE,
        AccountKind.PAYABLE,
        AccountKind.TRANSIT,
        AccountKind.RECEIVABLE,
    }
)


class LedgerRefusal(StrEnum):
    """Why money does not move."""

    NOT_COVERED = "not_covered"
    CAUSE_REPEATED = "cause_repeated"
    ALREADY_REVERSED = "already_reversed"


class AccountKey(NamedTuple):
    """An account's name: its kind, the budget line, and where the kind asks for them a subject's id and a month."""

    kind: AccountKind
    line_id: int
    subject_id: int = 0
    month: date | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A posting to be: its cause (kind and business key, once for ever), its entries in tiyn, plus onto, minus off."""

    cause_kind: str
    cause_key: str
    entries: tuple[tuple[AccountKey, int], ...]


def is_balanced(draft: Draft) -> bool:
    """True where the draft has two entries or more, none of zero, and sums to zero for each line (LEDGER.md 1)."""
    entries = draft.entries
    if len(entries) == 2:  # nearly every posting, so without a dictionary
        (one, amount), (other, back) = entries
        return amount != 0 and amount == -back and one.line_id == other.line_id
    by_line: defaultdict[int, int] = defaultdict(int)
    for account, amount in entries:
        by_line[account.line_id] += amount
    return len(entries) > 2 and all(amount for _, amount in entries) and not any(by_line.values())


def array(values: Sequence[int | str | date | None]) -> str:
    """A PostgreSQL array literal of numbers, days and plain words (no comma, brace, quote or space): `{1,NULL,place}`.

    Written by the driver, element by element, a month's million numbers take longer than posting them.
    """
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def repeating(values: Sequence[str | int | date | None]) -> str:
    """The same literal for a column of few different values, each of which is spelled once."""
    spelled = {value: "NULL" if value is None else str(value) for value in set(values)}
    return "{" + ",".join(map(spelled.__getitem__, values)) + "}"
