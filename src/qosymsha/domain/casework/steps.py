"""Holds written and ended inside an open transaction: one open hold a row, whoever asks at the same instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection, transaction

from qosymsha.domain.casework.models import RowHold
from qosymsha.domain.casework.queries.holds import Subject
from qosymsha.domain.casework.states import Kind, Over
from qosymsha.domain.vouchers.queries import rows
from qosymsha.kernel.actor import Actor

# The unique index decides who was first: the second of two at the same instant stores nothing.
_HOLD = """
INSERT INTO row_hold (territory_id, kind, subject_id, holder_id, given_by, since, until, over)
VALUES (%s, %s, %s, %s, %s, %s, %s, '') ON CONFLICT DO NOTHING RETURNING id"""


def lock_open(kind: Kind, subject_id: int) -> list[int]:
    """The row's open hold, live or lapsed, locked: one id or none. Look at who holds the row after this, not before."""
    assert transaction.get_connection().in_atomic_block, "a lock lasts as long as its transaction"
    open_ones = RowHold.objects.filter(kind=kind.value, subject_id=subject_id, ended_at=None)
    return list(open_ones.select_for_update(no_key=True).values_list("id", flat=True))


def end(ids: list[int], over: Over, actor: Actor, at: datetime) -> None:
    """End holds that `lock_open` gave: never one that began since."""
    RowHold.objects.filter(id__in=ids).update(ended_at=at, ended_by=actor.user_id, over=over.value)


def hold(  # noqa: PLR0913 (a hold is born with all of its terms)
    kind: Kind, subject: Subject, holder_id: int, actor: Actor, at: datetime, until: date
) -> int | None:
    """A new hold's id, or None where somebody holds the row already."""
    assert transaction.get_connection().in_atomic_block, "a hold commits with its record"
    values = [subject.territory_id, kind.value, subject.id, holder_id, actor.user_id, at, until]
    stored = rows(_HOLD, values)
    return int(stored[0][0]) if stored else None


def forget_words(child_ids: Sequence[int]) -> int:
    """Blank what officials wrote about endings of these erased children's vouchers; how many rows changed."""
    assert transaction.get_connection().in_atomic_block, "an erasure commits with its record"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE voucher_ending e SET words = '—', answer = CASE e.answer WHEN '' THEN '' ELSE '—' END"
            " FROM voucher v WHERE v.id = e.voucher_id AND v.child_id = ANY (%s)"
            " AND (e.words || e.answer) NOT IN ('—', '——')",
            [list(child_ids)],
        )
        return int(cursor.rowcount)
