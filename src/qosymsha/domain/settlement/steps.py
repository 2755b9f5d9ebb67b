"""What this room's verbs do with its rows inside an open transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db import connection, transaction

from qosymsha.domain.settlement.models import Claim, ClaimRow
from qosymsha.domain.settlement.rules.pay import Settled
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.settlement.states import ClaimState
from qosymsha.kernel.errors import RowOutcome

_ROWS = """
INSERT INTO claim_row (claim_id, sheet_row_id, enrolment_id, units, unit_tariff_tiyn, amount_tiyn, live)
SELECT r.*, true FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::int[], %s::bigint[], %s::bigint[]) AS r"""


def hashed_row(item: Settled) -> list[int]:
    """A row as a claim's hash covers it: sheet row, units, tariff and amount in tiyn."""
    return [item.row.sheet_row_id, item.due.units, item.row.attended.unit_tariff_tiyn, item.due.amount_tiyn]


def store_claims(drawn: Sequence[tuple[Claim, Sequence[Settled]]]) -> list[Claim]:
    """Store claims with their rows, two statements for any number; the claims come back with their ids."""
    assert transaction.get_connection().in_atomic_block, "a claim commits with its posting"
    claims = Claim.objects.bulk_create([claim for claim, _ in drawn])
    columns: list[list[int]] = [[], [], [], [], [], []]
    for claim, items in drawn:
        for item in items:
            row_id, units, tariff, amount = hashed_row(item)
            for column, value in zip(
                columns, (claim.id, row_id, item.row.enrolment_id, units, tariff, amount), strict=True
            ):
                column.append(value)
    if claims:
        with connection.cursor() as cursor:
            cursor.execute(_ROWS, columns)
    return claims


def move_claims(
    programme_id: int, claim_ids: Sequence[int], before: Collection[ClaimState], after: ClaimState, **changes: object
) -> set[int]:
    """Move the claims that stand in one of `before` to `after`, with other columns; return the ids of those moved."""
    assert transaction.get_connection().in_atomic_block, "a claim moves with its cause"
    claims = Claim.objects.filter(programme_id=programme_id, id__in=claim_ids, state__in=before).order_by("id")
    ids = set(claims.select_for_update(no_key=True).values_list("id", flat=True))
    Claim.objects.filter(id__in=ids).update(state=after, **changes)
    return ids


def free_rows(claim_ids: Collection[int]) -> None:
    """Let the rows of reversed claims be claimed anew."""
    ClaimRow.objects.filter(claim_id__in=claim_ids).update(live=False)


def moved_outcomes(claim_ids: Sequence[int], moved: Collection[int]) -> list[RowOutcome]:
    """One outcome per claim asked for: moved, or refused because it is unknown or in another state."""
    known = set(Claim.objects.filter(id__in=claim_ids).values_list("id", flat=True))
    return [
        RowOutcome(row, claim_id) if claim_id in moved else refused_claim(row, claim_id, _absence(claim_id in known))
        for row, claim_id in enumerate(claim_ids)
    ]


def refused_claim(row: int, claim_id: int, reason: SettlementRefusal) -> RowOutcome:
    """The outcome of a claim that stays as it is."""
    return RowOutcome(row, None, reason, f"claim {claim_id}")


def _absence(is_known: bool) -> SettlementRefusal:
    return SettlementRefusal.CLAIM_IN_OTHER_STATE if is_known else SettlementRefusal.UNKNOWN_CLAIM
