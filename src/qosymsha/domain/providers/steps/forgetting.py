"""Teachers and sole traders whose time is over: their secrets go, their rows stay as ids."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.providers.steps.running import TEACHER

TRADER = "provider"  # a sole trader's kind in the table of secrets


def erase_teachers(teacher_ids: Sequence[int]) -> None:
    """Destroy these teachers' secrets."""
    people_steps.erase(TEACHER, teacher_ids)


def erase_traders(provider_ids: Sequence[int]) -> None:
    """Destroy these sole traders' secrets, their trade name and their account number."""
    assert transaction.get_connection().in_atomic_block, "an erasure commits with its record"
    people_steps.erase(TRADER, provider_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE provider SET name = '—', folded = '', iban = '' WHERE id = ANY (%s) AND legal_form = 'sole_trader'",
            [list(provider_ids)],
        )
