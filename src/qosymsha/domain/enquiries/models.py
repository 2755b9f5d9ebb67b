"""Enquiries, what they found, what was opened of it."""

from __future__ import annotations

from django.db import models

from qosymsha.domain.people.models import Child
from qosymsha.kernel.entropy import uuid4


class Enquiry(models.Model):
    """An official asked for somebody: why, about which case, by what (never what was typed); insert-only.

    no_pii: ids. Retention: for ever: who looked for whom, and why; ids, nobody's once the person is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    user_id = models.BigIntegerField()
    purpose = models.TextField()
    reference = models.TextField()
    way = models.TextField()
    hits = models.IntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "enquiry"
        indexes = [models.Index(fields=["user_id", "at"], name="enquiry_of_day")]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(purpose="") & ~models.Q(reference=""), name="enquiry_has_a_purpose"
            )
        ]


class EnquiryHit(models.Model):
    """A child that an enquiry found; insert-only.

    no_pii: ids. Retention: for ever: who looked for whom, and why; ids, nobody's once the person is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    enquiry = models.ForeignKey(Enquiry, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)

    class Meta:
        db_table = "enquiry_hit"
        constraints = [models.UniqueConstraint(fields=["enquiry", "child"], name="enquiry_hit_once")]


class EnquiryOpening(models.Model):
    """The second act: the record was opened, again with a purpose; insert-only.

    no_pii: ids. Retention: for ever: who looked for whom, and why; ids, nobody's once the person is erased.
    """

    hit = models.ForeignKey(EnquiryHit, on_delete=models.PROTECT)
    purpose = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "enquiry_opening"
        constraints = [models.CheckConstraint(condition=~models.Q(purpose=""), name="enquiry_opening_has_a_purpose")]
