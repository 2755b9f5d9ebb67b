"""Corrections after payment: what a provider owes back, decided by two people, kept back from claims or refunded."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.people.models import Territory
from qosymsha.domain.programmes.models import BudgetLine, Programme
from qosymsha.domain.providers.models import Provider
from qosymsha.domain.settlement.models.claims import Claim
from qosymsha.domain.settlement.states import RecoveryState, RefundState
from qosymsha.kernel.entropy import uuid4


class Recovery(models.Model):
    """Money paid that was not due: proposed → supported → decided | dismissed; a decided one is a receivable.

    `proposed_by` 0 is the system, which saw that paid days were upheld as flagged or disputed; a person with evidence
    supports every proposal (`supported_by`), another decides by a numbered act (`decision`). `plan_permille` is the
    most of each later claim that is kept back.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    line = models.ForeignKey(BudgetLine, on_delete=models.PROTECT, db_index=False)
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT)
    amount_tiyn = models.BigIntegerField()
    reason = models.TextField()
    state = models.TextField()
    evidence = models.TextField(blank=True)
    decision = models.TextField(blank=True)
    plan_permille = models.IntegerField(default=0)
    proposed_by = models.BigIntegerField()
    proposed_at = models.DateTimeField()
    supported_by = models.BigIntegerField(null=True)
    supported_at = models.DateTimeField(null=True)
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "recovery"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="recovery_place"),
            models.CheckConstraint(condition=Q(state__in=[s.value for s in RecoveryState]), name="recovery_state"),
            models.CheckConstraint(condition=Q(amount_tiyn__gt=0), name="recovery_positive"),
            models.CheckConstraint(
                condition=Q(state="proposed") | Q(supported_by__gt=0, supported_at__isnull=False) & ~Q(evidence=""),
                name="recovery_has_evidence",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["decided", "dismissed"])
                | Q(decided_by__gt=0, decided_at__isnull=False) & ~Q(decision="") & ~Q(decided_by=F("supported_by")),
                name="recovery_two_people",
            ),
        ]


class RecoveryRow(models.Model):
    """The part of a recovery that a sheet row makes; `is_decided` once it is owed.

    Rows of a dismissed recovery stay: what officials let be is not proposed again.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    recovery = models.ForeignKey(Recovery, on_delete=models.PROTECT, db_index=False)
    sheet_row = models.ForeignKey(SheetRow, on_delete=models.PROTECT)
    units = models.IntegerField()
    amount_tiyn = models.BigIntegerField()
    is_decided = models.BooleanField(default=False)

    class Meta:
        db_table = "recovery_row"
        constraints = [
            models.UniqueConstraint(fields=["recovery", "sheet_row"], name="recovery_row_once"),
            models.CheckConstraint(condition=Q(amount_tiyn__gt=0, units__gte=0), name="recovery_row_positive"),
        ]


class ClaimOffset(models.Model):
    """What of a claim was kept back for a recovery; live until the claim is reversed.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT)
    recovery = models.ForeignKey(Recovery, on_delete=models.PROTECT)
    amount_tiyn = models.BigIntegerField()
    live = models.BooleanField(default=True)

    class Meta:
        db_table = "claim_offset"
        constraints = [
            models.UniqueConstraint(fields=["claim", "recovery"], name="claim_offset_once"),
            models.CheckConstraint(condition=Q(amount_tiyn__gt=0), name="claim_offset_positive"),
        ]


class Refund(models.Model):
    """Money a provider paid back to the bank account: recorded by one person, confirmed by another.

    Between the two it stands in suspense, under its bank reference. no_pii. Retention: for ever: no person stands
    in it.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    recovery = models.ForeignKey(Recovery, on_delete=models.PROTECT)
    reference = models.TextField(unique=True)
    amount_tiyn = models.BigIntegerField()
    state = models.TextField()
    recorded_by = models.BigIntegerField()
    recorded_at = models.DateTimeField()
    confirmed_by = models.BigIntegerField(null=True)
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "refund"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=[s.value for s in RefundState]), name="refund_state"),
            models.CheckConstraint(condition=Q(amount_tiyn__gt=0), name="refund_positive"),
            models.CheckConstraint(
                condition=Q(state="recorded")
                | Q(confirmed_by__gt=0, confirmed_at__isnull=False) & ~Q(confirmed_by=F("recorded_by")),
                name="refund_two_people",
            ),
        ]


class PlaceCover(models.Model):
    """The named decision that gave a row's place the money it lacked: from the voucher, or from the line's free money.

    Insert-only. no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    sheet_row = models.ForeignKey(SheetRow, on_delete=models.PROTECT)
    line = models.ForeignKey(BudgetLine, on_delete=models.PROTECT, db_index=False)
    source = models.TextField()
    amount_tiyn = models.BigIntegerField()
    decision = models.TextField()
    decided_by = models.BigIntegerField()
    decided_at = models.DateTimeField()

    class Meta:
        db_table = "place_cover"
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_tiyn__gt=0, source__in=["held", "free"]) & ~Q(decision=""),
                name="place_cover_decided",
            )
        ]
