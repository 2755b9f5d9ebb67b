"""Tickets of erased children are destroyed: the published line stays, and whose it was is known to nobody."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from qosymsha.domain.choice.rules import TICKET_KIND
from qosymsha.domain.people import steps as people


def forget_tickets(child_ids: Sequence[int]) -> int:
    """Destroy the sealed tickets of these children's lists; how many there were.

    Who kept the ticket on a receipt can still prove the line by it; the public verifiers need none.
    """
    assert transaction.get_connection().in_atomic_block, "an erasure commits with its record"
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM choice_list WHERE child_id = ANY (%s)", [list(child_ids)])
        return people.erase(TICKET_KIND, [row for (row,) in cursor.fetchall()])
