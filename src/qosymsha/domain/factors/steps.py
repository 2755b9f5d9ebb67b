"""What any room's verb may do with this room's rows inside its transaction: let an account's devices and codes go."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from qosymsha.domain.factors.models import Passkey, PasskeyQuestion, RecoveryCode


def forget_factors(user_ids: Sequence[int]) -> int:
    """Delete the passkeys, questions and recovery codes of accounts that are erased; how many rows there were."""
    assert transaction.get_connection().in_atomic_block, "an erasure commits with its record"
    theirs = [model.objects.filter(user_id__in=user_ids) for model in (PasskeyQuestion, RecoveryCode, Passkey)]
    return sum(rows.delete()[0] for rows in theirs)
