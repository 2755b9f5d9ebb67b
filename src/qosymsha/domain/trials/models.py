"""Trial lessons and their history."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.attendance.models import Session
from qosymsha.domain.people.models import Child, Territory
from qosymsha.domain.programmes.models import Programme, RuleSet
from qosymsha.domain.providers.models import ClubGroup, Provider
from qosymsha.kernel.entropy import uuid4


class TrialLesson(models.Model):
    """A child booked for one lesson of a group, once a group; what the teacher said of it.

    pii: ids of a child's life; reads are audited. Retention: at least ten years; ids stay, nobody's once the person
    is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, db_index=False)
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT, db_index=False)
    session = models.ForeignKey(Session, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    guardian_id = models.BigIntegerField()
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, db_index=False)
    state = models.TextField()
    booked_at = models.DateTimeField()
    marked_by = models.BigIntegerField(null=True)
    marked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "trial_lesson"
        indexes = [models.Index(fields=["provider", "session"], name="trial_lesson_of")]
        constraints = [
            models.UniqueConstraint(
                fields=["group", "child"], condition=~Q(state="cancelled"), name="trial_lesson_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["booked", "cancelled"], marked_at__isnull=True)
                | Q(state__in=["came", "missed"], marked_at__isnull=False, marked_by__isnull=False),
                name="trial_lesson_state",
            ),
        ]


class TrialLessonHistory(models.Model):
    """Each step of a trial's life; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    trial_lesson = models.ForeignKey(TrialLesson, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "trial_lesson_history"
        constraints = [models.UniqueConstraint(fields=["trial_lesson", "seq"], name="trial_lesson_history_seq")]
