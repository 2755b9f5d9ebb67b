"""Sessions, and the marks on them (by month)."""

from __future__ import annotations

from django.db import models

from qosymsha.domain.people.models import Territory
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.providers.models import ClubGroup, Provider, Teacher, Venue
from qosymsha.kernel.entropy import uuid4


class Session(models.Model):
    """One lesson of a group on a day, made from the timetable; `on` is the local day.

    no_pii. Retention: ten years.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, db_index=False)
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT, db_index=False)
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT, db_index=False)
    teacher = models.ForeignKey(Teacher, on_delete=models.PROTECT, db_index=False)
    on = models.DateField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.TextField()
    reason = models.TextField(blank=True)

    class Meta:
        db_table = "session"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="session_place"),
            models.UniqueConstraint(fields=["group", "starts_at"], name="session_once"),
        ]


class Mark(models.Model):
    """The provider's mark of one child at one session: present, ill, excused, absent. Partitioned by month of `on`.

    pii: a child's presence; reads are audited. Retention: five years, whole months dropped.
    """

    on = models.DateField()
    session_id = models.BigIntegerField()
    enrolment_id = models.BigIntegerField()
    child_id = models.BigIntegerField()
    territory_id = models.BigIntegerField()
    programme_id = models.BigIntegerField()
    value = models.TextField()
    source = models.TextField()
    marked_at = models.DateTimeField()
    marked_by = models.BigIntegerField()
    pk = models.CompositePrimaryKey("on", "session_id", "enrolment_id")

    class Meta:
        managed = False
        db_table = "mark"
