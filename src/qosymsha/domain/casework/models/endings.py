"""Vouchers that officials end: proposed by one, decided by another."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from qosymsha.domain.people.models import Territory
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.kernel.entropy import uuid4


class VoucherEnding(models.Model):
    """A place to be released or a voucher to be closed by the office; `hear_until` is the hearing's last day.

    `words` are for the family, `answer` the second person's. A voucher has one open ending at most.
    pii: ids of a child's life, an official's words; reads are audited. Retention: the words go when the child is
    erased, the ids stay, nobody's.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT)
    ending = models.TextField()
    ground = models.TextField(blank=True)
    words = models.TextField()
    state = models.TextField()
    proposed_by = models.BigIntegerField()
    proposed_at = models.DateTimeField()
    hear_until = models.DateField()
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True, default="")

    class Meta:
        db_table = "voucher_ending"
        indexes = [
            models.Index(fields=["programme", "hear_until"], condition=Q(state="proposed"), name="voucher_ending_waits")
        ]
        constraints = [
            models.UniqueConstraint(fields=["voucher"], condition=Q(state="proposed"), name="voucher_ending_one_open"),
            models.CheckConstraint(
                condition=Q(state="proposed", decided_by=None)
                | Q(state="withdrawn", decided_by=F("proposed_by"))
                | Q(state__in=["carried_out", "declined"], decided_by__isnull=False, decided_at__isnull=False)
                & ~Q(decided_by=F("proposed_by")),
                name="voucher_ending_two_people",
            ),
            models.CheckConstraint(
                condition=Q(ending="release") | Q(ending="close") & ~Q(ground=""), name="voucher_ending_has_ground"
            ),
        ]
