"""What a family pays beside the voucher: a group's charge, and receipts. No money of the programme is in it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.people.models import Territory
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.providers.models import ClubGroup
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.kernel.entropy import uuid4


class GroupCharge(models.Model):
    """What a group asks of a family a month beside the voucher, for places taken from a day on; insert-only.

    no_pii. Retention: for ever: no person stands in it.
    """

    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT)
    amount_tiyn = models.BigIntegerField()
    what_for = models.TextField()
    user_id = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "group_charge"
        constraints = [models.CheckConstraint(condition=Q(amount_tiyn__gte=0), name="group_charge_sane")]


class FamilyReceipt(models.Model):
    """A family's payment as its provider wrote it down; a slip is cancelled, never changed.

    pii: ids of a child's life; reads are audited. Retention: at least ten years; ids stay, nobody's once the person
    is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT)
    month = models.DateField()
    amount_tiyn = models.BigIntegerField()
    paid_on = models.DateField()
    recorded_by = models.BigIntegerField()
    recorded_at = models.DateTimeField()
    cancelled_by = models.BigIntegerField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "family_receipt"
        constraints = [models.CheckConstraint(condition=Q(amount_tiyn__gt=0), name="family_receipt_sane")]
