"""Sessions and what was changed about them."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models

from qosymsha.domain.people.models import Territory
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.providers.models import ClubGroup, Provider, Teacher, Venue
from qosymsha.kernel.entropy import uuid4


class InstantRange(models.Func):
    """The instants of a lesson as a range, its end left out."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class Session(models.Model):
    """One lesson of a group on a day, made from the timetable; `on` is the local day.

    A moved session stays and points to its new one (`moved_to`); so does a cancelled one that was made up. Live ones
    (planned, held) never put a teacher in two places, nor more children into a venue than it may hold (migration 0003).

    no_pii. Retention: for ever: no person stands in it.
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
    moved_to = models.ForeignKey("self", null=True, on_delete=models.PROTECT, db_index=False)
    # A column, not the state itself: the constraints look at it, and `planned` → `held` leaves it, so that the update
    # of a marked session touches no index.
    is_live = models.GeneratedField(
        expression=models.Q(state__in=["planned", "held"]),  # type: ignore[arg-type]
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta:
        db_table = "session"
        indexes = [
            models.Index(fields=["group", "starts_at"], name="session_group_time"),
            models.Index(fields=["venue", "on"], name="session_venue_day"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="session_place"),
            models.UniqueConstraint(
                fields=["group", "starts_at"], condition=models.Q(is_live=True), name="session_once"
            ),
            models.UniqueConstraint(
                fields=["moved_to"], condition=models.Q(moved_to__isnull=False), name="session_moved_once"
            ),
            ExclusionConstraint(
                name="session_teacher_once",
                expressions=[
                    ("teacher", RangeOperators.EQUAL),
                    (InstantRange("starts_at", "ends_at"), RangeOperators.OVERLAPS),
                ],
                condition=models.Q(is_live=True),
            ),
            models.CheckConstraint(
                condition=models.Q(moved_to__isnull=True, state__in=["planned", "held", "cancelled"])
                | models.Q(moved_to__isnull=False, state__in=["moved", "cancelled"]),
                name="session_moved_somewhere",
            ),
        ]


class SessionChange(models.Model):
    """What was changed about a session, by whom, why; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="changes")
    kind = models.TextField()
    reason = models.TextField()
    from_teacher = models.BigIntegerField(null=True)
    to_teacher = models.BigIntegerField(null=True)
    to_session = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "session_change"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="substituted", from_teacher__isnull=False, to_teacher__isnull=False)
                | models.Q(kind__in=["moved", "made_up"], to_session__isnull=False)
                | models.Q(kind__in=["cancelled", "reinstated", "rehoused"]),
                name="session_change_whole",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="session_change_has_reason"),
        ]
