"""Visits of guardians to consultation points, and what they confirmed there."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.assistance.states import Act, VisitWay
from qosymsha.domain.people.models import Guardian, User
from qosymsha.kernel.entropy import uuid4

ABOUT = "assisted_visit"  # the kind under which a signed consent is kept


class AssistedVisit(models.Model):
    """A clerk with a guardian at a point; `guardian` is null where the typed number is nobody's here: told to none.

    `point_id` is a row of `consultation_point`. One code at a time: `code_is_for` visit or act. `confirmed_at`: the
    guardian's word for the next act, used up by it.
    no_pii: ids and a keyed hash. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    clerk = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False)
    guardian = models.ForeignKey(Guardian, null=True, on_delete=models.PROTECT)
    point_id = models.BigIntegerField(null=True)
    way = models.TextField()
    made_at = models.DateTimeField()
    code_hash = models.BinaryField(null=True)
    code_is_for = models.TextField(blank=True, default="")
    code_expires_at = models.DateTimeField(null=True)
    codes = models.SmallIntegerField(default=0)
    tries = models.SmallIntegerField(default=0)
    proved_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "assisted_visit"
        indexes = [models.Index(fields=["clerk", "-made_at"], name="assisted_visit_latest")]
        constraints = [
            models.CheckConstraint(condition=Q(way__in=[way.value for way in VisitWay]), name="assisted_visit_way"),
            models.CheckConstraint(
                condition=Q(proved_at=None) | Q(guardian__isnull=False), name="assisted_visit_proved_by_somebody"
            ),
        ]


class AssistedAct(models.Model):
    """What a guardian confirmed in a visit, at which instant; the act itself stands where it belongs. Insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    visit = models.ForeignKey(AssistedVisit, on_delete=models.PROTECT)
    act = models.TextField()
    subject = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        db_table = "assisted_act"
        constraints = [
            models.CheckConstraint(condition=Q(act__in=[act.value for act in Act]), name="assisted_act_kind")
        ]
