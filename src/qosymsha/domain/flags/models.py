"""Runs of the screening, red flags with their reasons and history, and marks of months kept elsewhere."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField
from django.db import models

from qosymsha.domain.people.models import Territory
from qosymsha.domain.programmes.models import Programme
from qosymsha.kernel.entropy import uuid4


class FlagRun(models.Model):
    """One provider's month was judged by these rules at this instant; insert-only.

    no_pii: ids and counts. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    provider = models.TextField()
    provider_id = models.BigIntegerField(null=True)
    month = models.DateField()
    rules_hash = models.BinaryField()
    at = models.DateTimeField()
    places = models.IntegerField()
    marks = models.IntegerField()
    flagged = models.IntegerField()

    class Meta:
        db_table = "flag_run"
        indexes = [models.Index(fields=["provider_id", "month"], name="flag_run_of_provider")]


class RedFlag(models.Model):
    """A child's month in a group that looks wrong, until a person says what it is.

    `provider` and `group_code` are those of the register, or of the file a month kept elsewhere came from; `child_key`
    is a keyed hash then, and `child_ref` the file's own word for the child. Days are those held back while it is open.

    pii: a suspicion about a child's presence (the checker behind sign-in). Retention: the words go when the child
    is erased, the ids stay, nobody's.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    month = models.DateField()
    provider = models.TextField()
    provider_id = models.BigIntegerField(null=True)
    group_code = models.TextField()
    group_id = models.BigIntegerField(null=True)
    enrolment_id = models.BigIntegerField(null=True)
    child_id = models.BigIntegerField(null=True)
    child_key = models.BinaryField()
    child_ref = models.TextField(blank=True)
    state = models.TextField()
    score_permille = models.IntegerField()
    days = ArrayField(models.DateField())
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.BigIntegerField(null=True)
    reason = models.TextField(blank=True)
    evidence = models.TextField(blank=True)

    class Meta:
        db_table = "red_flag"
        indexes = [models.Index(fields=["programme", "month", "provider"], name="red_flag_of_month")]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "month", "provider", "group_code", "child_key"],
                condition=models.Q(state="open"),
                name="red_flag_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", resolved_at__isnull=True)
                | models.Q(state__in=["dismissed", "upheld"], resolved_at__isnull=False, resolved_by__gt=0)
                & ~models.Q(reason="")
                & ~models.Q(evidence=""),
                name="red_flag_resolved_by_somebody",
            ),
        ]


class FlagReason(models.Model):
    """What a rule said about a flag's month: its figures and days, as they were when it was said; insert-only.

    no_pii: figures. Retention: with the flag: ids stay, nobody's once the person is erased.
    """

    flag = models.ForeignKey(RedFlag, on_delete=models.PROTECT, related_name="reasons")
    code = models.TextField()
    days = ArrayField(models.DateField())
    strength_permille = models.IntegerField()
    weight_permille = models.IntegerField()
    figures = models.JSONField()
    said_at = models.DateTimeField()

    class Meta:
        db_table = "flag_reason"


class FlagHistory(models.Model):
    """Each step of a flag's life; insert-only.

    no_pii: ids. Retention: with the flag: ids stay, nobody's once the person is erased.
    """

    red_flag = models.ForeignKey(RedFlag, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "red_flag_history"
        constraints = [models.UniqueConstraint(fields=["red_flag", "seq"], name="red_flag_history_seq")]


class PointDevice(models.Model):
    """A device of a consultation point, on which many families may confirm: what the page's trace calls it, and when.

    no_pii: an office's device. Retention: for ever: no person stands in it.
    """

    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT)
    device = models.TextField()
    name = models.TextField()
    valid = DateRangeField()
    registered_by = models.BigIntegerField()
    registered_at = models.DateTimeField()

    class Meta:
        db_table = "point_device"
        constraints = [
            ExclusionConstraint(
                name="point_device_once",
                expressions=[("programme", "="), ("device", "="), ("valid", "&&")],
            ),
            models.CheckConstraint(condition=~models.Q(device="") & ~models.Q(name=""), name="point_device_named"),
        ]


class OutsideMark(models.Model):
    """A mark of a month that was kept in another system, with the evidence that came with it. Partitioned by `on`.

    Brought in to be screened: nothing of it is ever paid. Persons, devices and networks are keyed hashes; `child_ref`
    and `ref` are the file's own words for child and row, never an IIN.

    pii: a child's presence, pseudonymous. Retention: one year, whole months dropped.
    """

    on = models.DateField()
    programme_id = models.BigIntegerField()
    provider = models.TextField()
    group_code = models.TextField()
    child = models.BinaryField()
    starts_at = models.DateTimeField()
    told = models.JSONField()

    class Meta:
        managed = False
        db_table = "outside_mark"
