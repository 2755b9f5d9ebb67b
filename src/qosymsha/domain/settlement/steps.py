"""What this room's verbs do with its rows inside an open transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from django.db import connection, transaction

from qosymsha.domain.people import steps as people_steps
from qosymsha.domain.settlement.models import (
    CarriedLine,
    Claim,
    ClaimInput,
    ClaimOffset,
    ClaimRow,
    ClosedYear,
    Recovery,
    RecoveryRow,
)
from qosymsha.domain.settlement.rules.corrections import Excess
from qosymsha.domain.settlement.rules.frozen import Drawn, digest, frozen
from qosymsha.domain.settlement.rules.pay import Settled
from qosymsha.domain.settlement.rules.refusals import SettlementRefusal
from qosymsha.domain.settlement.states import ClaimState, RecoveryState
from qosymsha.kernel.errors import RowOutcome

# Secrets of each kind whose time is over; a signer's number stays as long as a signature of that account does.
_SIGNED = {
    "act_signature": "SELECT a.id FROM act_signature a JOIN person_secret s ON s.subject_kind = 'act_signature'"
    " AND s.subject_id = a.id WHERE a.at < %s",
    "einvoice": "SELECT e.id FROM e_invoice e JOIN person_secret s ON s.subject_kind = 'einvoice'"
    " AND s.subject_id = e.id WHERE e.recorded_at < %s",
    "signatory": "SELECT g.user_id FROM signatory g JOIN person_secret s ON s.subject_kind = 'signatory'"
    " AND s.subject_id = g.user_id WHERE greatest(g.at, (SELECT max(a.at) FROM act_signature a"
    " WHERE a.user_id = g.user_id)) < %s",
}
_ROWS = """
COPY claim_row (claim_id, sheet_row_id, part, enrolment_id, units, unit_tariff_tiyn, amount_tiyn, due_tiyn,
                claimed_tiyn, kept_tiyn, present, waiting, proved, live) FROM STDIN"""
_ROW = "\t".join(["%d"] * 13) + "\tt\n"


def store_claims(drawn: Sequence[tuple[Claim, Drawn]]) -> list[Claim]:
    """Store claims with their rows and frozen inputs, three statements for any number; claims get their ids."""
    assert transaction.get_connection().in_atomic_block, "a claim commits with its posting"
    claims = Claim.objects.bulk_create([claim for claim, _ in drawn])
    # Django gives the driver's errors its own names only around plain statements.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_ROWS) as rows:
        for claim, one in drawn:
            rows.write("".join([_ROW % _stored(claim.id, item) for item in one.settlement.settled]))
    contents = [(claim, frozen(one.input)) for claim, one in drawn]
    ClaimInput.objects.bulk_create(
        ClaimInput(claim=c, content=content, hash=digest(content)) for c, content in contents
    )
    return claims


def store_offsets(kept: Sequence[tuple[Claim, Sequence[tuple[int, int]]]]) -> None:
    """Store what stored claims keep back: (recovery, tiyn) each."""
    ClaimOffset.objects.bulk_create(
        ClaimOffset(claim=claim, recovery_id=recovery_id, amount_tiyn=tiyn)
        for claim, items in kept
        for recovery_id, tiyn in items
    )


def _stored(claim_id: int, item: Settled) -> tuple[int, ...]:
    row, part, keep, whole = item
    facts = row.attended
    return (
        claim_id,
        row.sheet_row_id,
        row.part,
        row.enrolment_id,
        part.units,
        facts.unit_tariff_tiyn,
        part.amount_tiyn,
        whole,
        row.claimed.amount_tiyn,
        keep,
        facts.present,
        facts.waiting,
        facts.proved,
    )


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
    """Let the rows of reversed claims be claimed anew, and what they kept back be owed again."""
    ClaimRow.objects.filter(claim_id__in=claim_ids).update(live=False)
    ClaimOffset.objects.filter(claim_id__in=claim_ids).update(live=False)


def moved_outcomes(claim_ids: Sequence[int], moved: Collection[int]) -> list[RowOutcome]:
    """One outcome per claim asked for: moved, or refused because it is unknown or in another state."""
    known = set(Claim.objects.filter(id__in=claim_ids).values_list("id", flat=True))
    return [
        RowOutcome(row, claim_id) if claim_id in moved else refused_claim(row, claim_id, _absence(claim_id in known))
        for row, claim_id in enumerate(claim_ids)
    ]


def refused_claim(row: int, claim_id: int, reason: StrEnum) -> RowOutcome:
    """The outcome of a claim that stays as it is."""
    return RowOutcome(row, None, reason, f"claim {claim_id}")


def _absence(is_known: bool) -> SettlementRefusal:
    return SettlementRefusal.CLAIM_IN_OTHER_STATE if is_known else SettlementRefusal.UNKNOWN_CLAIM


def carry_lines(closed: ClosedYear, next_lines: Mapping[int, int]) -> None:
    """Store which lines pay the promised places of a closed year's lines from now on."""
    CarriedLine.objects.bulk_create(
        CarriedLine(line_id=line_id, next_line_id=next_line, closed_year=closed)
        for line_id, next_line in sorted(next_lines.items())
    )


def store_recoveries(found: Sequence[tuple[Recovery, Sequence[Excess]]]) -> list[Recovery]:
    """Store recoveries with the sheet rows they are about."""
    made = Recovery.objects.bulk_create([recovery for recovery, _ in found])
    RecoveryRow.objects.bulk_create(
        RecoveryRow(recovery=recovery, sheet_row_id=one.sheet_row_id, units=one.units, amount_tiyn=one.amount_tiyn)
        for recovery, rows in found
        for one in rows
    )
    return made


def lock_recoveries(programme_id: int, recovery_ids: Sequence[int]) -> dict[int, Recovery]:
    """Recoveries of a programme by id, locked in the order of their ids."""
    found = Recovery.objects.filter(programme_id=programme_id, id__in=recovery_ids).select_related("claim")
    return {r.id: r for r in found.order_by("id").select_for_update(of=("self",), no_key=True)}


def support_recoveries(supported: Sequence[tuple[int, str]], *, user_id: int, at: datetime) -> None:
    """Store who supports proposals (id, evidence)."""
    for recovery_id, evidence in supported:
        Recovery.objects.filter(id=recovery_id).update(
            state=RecoveryState.SUPPORTED, supported_by=user_id, supported_at=at, evidence=evidence
        )


def store_verdicts(decided: Sequence[Recovery]) -> None:
    """Store decisions; rows of decided ones count as clawed back."""
    Recovery.objects.bulk_update(decided, ["state", "decision", "decided_by", "decided_at", "plan_permille"])
    owed = [recovery for recovery in decided if recovery.state == RecoveryState.DECIDED]
    RecoveryRow.objects.filter(recovery__in=owed).update(is_decided=True)


def forget_signatures(before: datetime) -> int:
    """Destroy the sealed signatures, whole e-invoice numbers and signers' numbers last used before an instant.

    What was signed, its hash and the certificate's number stay. How many secrets there were.
    """
    assert transaction.get_connection().in_atomic_block, "an erasure commits with its record"
    gone = 0
    with connection.cursor() as cursor:
        for kind, statement in _SIGNED.items():
            cursor.execute(statement, [before])
            gone += people_steps.erase(kind, [row for (row,) in cursor.fetchall()])
    return gone
