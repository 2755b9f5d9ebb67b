"""Accounts and drafts by their short names."""

from __future__ import annotations

from datetime import UTC, date, datetime

from qosymsha.domain.ledger.rules import AccountKey, AccountKind, Draft

AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def account(kind: str, line: int = 1, subject: int = 0, month: date | None = None) -> AccountKey:
    """An account of line 1 unless another is named."""
    return AccountKey(AccountKind(kind), line, subject, month)


def move(cause: str, amount: int, source: AccountKey, target: AccountKey, kind: str = "test") -> Draft:
    """A posting of two entries."""
    return Draft(kind, cause, ((source, -amount), (target, amount)))


def grant(amount: int, line: int = 1, cause: str = "grant") -> Draft:
    """Budget: approp → free."""
    return move(f"{cause}-{line}", amount, account("approp", line), account("free", line))
