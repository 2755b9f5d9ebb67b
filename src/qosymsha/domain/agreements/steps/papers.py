"""Words about a person that no table of this room holds: they are sealed in the table of secrets."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from qosymsha.domain.agreements.states import PAPER as PAPER
from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.people.steps import SecretRow

REFUSAL, WORD = "child_refusal", "refusal_word"  # kinds in the table of secrets


def keep_secret(kind: str, row_id: int, text: str) -> None:
    """Seal a text under a row of this room; an empty one is not kept."""
    if text.strip():
        people_steps.seal(kind, [SecretRow(row_id, text.strip().encode())])


def forget_words(child_ids: Sequence[int]) -> int:
    """Destroy what is sealed of these erased children's papers and refusals, blank why; how many secrets there were."""
    assert transaction.get_connection().in_atomic_block, "an erasure commits with its record"
    ids, gone = list(child_ids), 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM enrolment_paper WHERE child_id = ANY (%s)", [ids])
        gone += people_steps.erase(PAPER, [row for (row,) in cursor.fetchall()])
        cursor.execute("SELECT id FROM child_refusal WHERE child_id = ANY (%s)", [ids])
        refusals = [row for (row,) in cursor.fetchall()]
        gone += sum(people_steps.erase(kind, refusals) for kind in (REFUSAL, WORD))
        for table in ("enrolment_paper", "child_refusal"):
            blank = f"UPDATE {table} SET reason = '—' WHERE child_id = ANY (%s) AND reason NOT IN ('', '—')"  # noqa: S608
            cursor.execute(blank, [ids])
    return gone
