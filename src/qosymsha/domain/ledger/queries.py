"""Reading the ledger: balances, what moved a subject's money and why, and the checks of LEDGER.md 13."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import EllipsisType
from typing import Any

from django.db import connection

from qosymsha.domain.ledger.rules import AccountKey, AccountKind


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry on a subject's account with the cause that moved it."""

    posting_id: int
    at: datetime
    cause_kind: str
    cause_key: str
    account: AccountKey
    amount_tiyn: int


@dataclass(frozen=True, slots=True)
class Drift:
    """An account whose balance row is not the sum of its entries: never, unless somebody wrote by hand."""

    account_id: int
    balance_tiyn: int
    entries_tiyn: int


def balances(keys: Sequence[AccountKey]) -> dict[AccountKey, int]:
    """The balances in tiyn of the accounts asked for; an account never opened has 0. Only kinds with a balance row."""
    rows = _rows(
        "SELECT a.kind, a.line_id, a.subject_id, a.month, a.balance_tiyn"
        " FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::date[]) AS k (kind, line_id, subject_id, month)"
        " JOIN ledger_account a ON a.kind = k.kind AND a.line_id = k.line_id AND a.subject_id = k.subject_id"
        " AND a.month IS NOT DISTINCT FROM k.month",
        [
            [key.kind.value for key in keys],
            [key.line_id for key in keys],
            [key.subject_id for key in keys],
            [key.month for key in keys],
        ],
    )
    known = {_key(*row[:4]): row[4] for row in rows}
    assert None not in known.values(), "these kinds have no balance row: ask for totals"
    return {key: known.get(key, 0) for key in keys}


def subject_balances(
    kind: AccountKind, subject_ids: Sequence[int], month: date | None | EllipsisType = ...
) -> list[tuple[AccountKey, int]]:
    """Every account of these subjects with money on it, and its balance, by subject, line, month; `...`: any month."""
    any_month = month is ...
    rows = _rows(
        "SELECT kind, line_id, subject_id, month, balance_tiyn FROM ledger_account"
        " WHERE kind = %s AND subject_id = ANY (%s::bigint[]) AND (%s OR month IS NOT DISTINCT FROM %s::date)"
        " AND balance_tiyn > 0 ORDER BY subject_id, line_id, month",
        [kind.value, list(subject_ids), any_month, None if any_month else month],
    )
    return [(_key(*row[:4]), row[4]) for row in rows]


def totals(line_ids: Sequence[int] | None = None) -> dict[int, dict[str, int]]:
    """Line → kind → tiyn: sums of balance rows, or of entries for kinds without one; kinds never used are absent."""
    rows = _rows(
        "WITH asked AS MATERIALIZED (SELECT id, kind, line_id, balance_tiyn FROM ledger_account"
        " WHERE %s OR line_id = ANY (%s::bigint[])),"
        " amounts AS (SELECT line_id, kind, balance_tiyn AS amount FROM asked WHERE balance_tiyn IS NOT NULL"
        " UNION ALL SELECT a.line_id, a.kind, e.amount_tiyn FROM asked a JOIN ledger_entry e ON e.account_id = a.id"
        " WHERE a.balance_tiyn IS NULL)"
        " SELECT line_id, kind, sum(amount)::bigint FROM amounts GROUP BY line_id, kind ORDER BY line_id, kind",
        [line_ids is None, list(line_ids or [])],
    )
    found: dict[int, dict[str, int]] = {}
    for line_id, kind, amount in rows:
        found.setdefault(line_id, {})[kind] = amount
    return found


def unbalanced_lines() -> list[int]:
    """Lines whose accounts do not sum to zero: approp ≠ free + held + ... + lapsed (LEDGER.md 13). Must be empty."""
    return [line_id for line_id, kinds in totals().items() if sum(kinds.values()) != 0]


def drifted_accounts(limit: int = 100) -> list[Drift]:
    """Accounts whose balance row differs from the sum of their entries; the nightly check. Must be empty."""
    rows = _rows(
        "SELECT a.id, a.balance_tiyn, coalesce(e.amount, 0)::bigint FROM ledger_account a"
        " LEFT JOIN (SELECT account_id, sum(amount_tiyn) AS amount FROM ledger_entry GROUP BY account_id) e"
        " ON e.account_id = a.id WHERE a.balance_tiyn <> coalesce(e.amount, 0) ORDER BY a.id LIMIT %s",
        [limit],
    )
    return [Drift(*row) for row in rows]


def entries_of(posting_id: int) -> list[tuple[AccountKey, int]]:
    """A posting's entries in the order they were written."""
    rows = _rows(
        "SELECT a.kind, a.line_id, a.subject_id, a.month, e.amount_tiyn FROM ledger_entry e"
        " JOIN ledger_account a ON a.id = e.account_id WHERE e.posting_id = %s ORDER BY e.id",
        [posting_id],
    )
    return [(_key(*row[:4]), row[4]) for row in rows]


def movements(kind: AccountKind, subject_id: int) -> list[Movement]:
    """Why a subject's money is where it is: every entry on its accounts of this kind, oldest first (H6)."""
    rows = _rows(
        "SELECT p.id, p.at, p.cause_kind, p.cause_key, a.kind, a.line_id, a.subject_id, a.month, e.amount_tiyn"
        " FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id JOIN ledger_posting p ON p.id = e.posting_id"
        " WHERE a.kind = %s AND a.subject_id = %s ORDER BY p.id, e.id",
        [kind.value, subject_id],
    )
    return [Movement(row[0], row[1], row[2], row[3], _key(*row[4:8]), row[8]) for row in rows]


def posting_id(cause_kind: str, cause_key: str) -> int | None:
    """The posting of a cause, or None where it was never posted."""
    rows = _rows("SELECT id FROM ledger_posting WHERE cause_kind = %s AND cause_key = %s", [cause_kind, cause_key])
    return int(rows[0][0]) if rows else None


def _key(kind: str, line_id: int, subject_id: int, month: date | None) -> AccountKey:
    return AccountKey(AccountKind(kind), line_id, subject_id, month)


def _rows(statement: str, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return list(cursor.fetchall())
