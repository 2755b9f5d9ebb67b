"""Moving money inside an open transaction: the only writer of accounts, postings and entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from qosymsha.domain.ledger import queries
from qosymsha.domain.ledger.rules import Draft, LedgerRefusal, array, is_balanced, repeating
from qosymsha.kernel import locks
from qosymsha.kernel.errors import Refused

_POST = """
SELECT posting_ids, refusal, detail FROM ledger_post(%s, %s::text[], %s::text[], %s::bigint[],
    %s::int[], %s::text[], %s::bigint[], %s::bigint[], %s::date[], %s::bigint[])"""


def post(drafts: Sequence[Draft], *, at: datetime) -> list[int]:
    """Post the drafts, all or none, in one round trip; return the postings' ids in the order of the drafts.

    Accounts are opened as they are named. A refusal leaves the caller's transaction usable, without these drafts.

    Raises:
        Refused: `not_covered` where a balance would go below zero, `cause_repeated` where a cause was posted before.
    """
    return _post(drafts, reverses=None, at=at)


def lock_commitments(line_ids: Sequence[int]) -> None:
    """Hold the one lock of `free` of these lines until commit; take it before reading `free` (LEDGER.md 3)."""
    locks.exclusive(*(f"ledger.commitments.{line_id}" for line_id in line_ids))


def reverse(posting_id: int, *, cause_kind: str, cause_key: str, at: datetime) -> int:
    """Undo a whole posting by one with the opposite entries; return its id. A posting is reversed once (LEDGER.md 10).

    Raises:
        Refused: `not_covered` where the money has moved on, `already_reversed`, `cause_repeated`.
    """
    entries = tuple((account, -amount) for account, amount in queries.entries_of(posting_id))
    assert entries, "the posting exists"
    return _post([Draft(cause_kind, cause_key, entries)], reverses=posting_id, at=at)[0]


def _post(drafts: Sequence[Draft], *, reverses: int | None, at: datetime) -> list[int]:
    assert transaction.get_connection().in_atomic_block, "a posting commits with its fact"
    assert all(map(is_balanced, drafts)), "each draft sums to zero for each line"
    if not drafts:
        return []
    entries = [entry for draft in drafts for entry in draft.entries]
    accounts, amounts = zip(*entries, strict=True)
    kinds, lines, subjects, months = zip(*accounts, strict=True)
    arguments: list[Any] = [
        at,
        [draft.cause_kind for draft in drafts],
        [draft.cause_key for draft in drafts],
        [reverses] * len(drafts),
        repeating([no for no, draft in enumerate(drafts, 1) for _ in draft.entries]),
        repeating(kinds),
        repeating(lines),
        array(subjects),
        repeating(months),
        array(amounts),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_POST, arguments)
        posting_ids, refusal, detail = cursor.fetchone()
    if refusal is not None:
        raise Refused(LedgerRefusal(refusal), row=detail)
    return list(posting_ids)
