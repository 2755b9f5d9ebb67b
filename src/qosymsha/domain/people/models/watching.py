"""What guards the records: counts of reads, grants, honeytokens, what a person must look at."""

from __future__ import annotations

from django.db import models

from qosymsha.domain.people.models.persons import User


class NumberMiss(models.Model):
    """A typed number that a registry did not prove: what the limit on guessing counts. The number is not kept.

    no_pii: ids. Retention: thirty days.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField()

    class Meta:
        db_table = "number_miss"
        indexes = [models.Index(fields=["user", "-at"], name="number_miss_latest")]


class ReadingDay(models.Model):
    """How many children's records an account has read on a day, how many more were granted, when it was stopped.

    Written by the SQL function `reading_spend` and by grants. no_pii: ids. Retention: one year.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT)
    on = models.DateField()
    children = models.IntegerField(db_default=0)
    granted = models.IntegerField(db_default=0)
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "reading_day"
        constraints = [
            models.UniqueConstraint(fields=["user", "on"], name="reading_day_once"),
            models.CheckConstraint(condition=models.Q(children__gte=0, granted__gte=0), name="reading_day_counts"),
        ]


class ReadChild(models.Model):
    """Which children an account has read on a day, so that one read twice counts once.

    no_pii: ids. Retention: thirty days (the audit holds every read).
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False)
    on = models.DateField()
    child_id = models.BigIntegerField()

    class Meta:
        db_table = "read_child"
        constraints = [models.UniqueConstraint(fields=["user", "on", "child_id"], name="read_child_once")]


class ReadingGrant(models.Model):
    """More children for an account today, by a second person, with the reason: two names.

    no_pii: ids and an official's reason. Retention: for ever: who let whom read more, and why.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    on = models.DateField()
    children = models.IntegerField()
    reason = models.TextField()
    granted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        db_table = "reading_grant"
        constraints = [
            models.CheckConstraint(condition=~models.Q(user=models.F("granted_by")), name="reading_grant_two_people"),
            models.CheckConstraint(condition=models.Q(children__gt=0), name="reading_grant_more"),
        ]


class Honeytoken(models.Model):
    """A child whom nobody has a reason to read: only a keyed hash of its id, so that the table names no child.

    no_pii: a keyed hash. Retention: while it is laid out.
    """

    mark = models.BinaryField(unique=True)
    laid_at = models.DateTimeField()

    class Meta:
        db_table = "honeytoken"


class SecurityEvent(models.Model):
    """Something a person must look at: a honeytoken read, an account stopped. Insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    at = models.DateTimeField()
    kind = models.TextField()
    user_id = models.BigIntegerField()
    subject_ids = models.JSONField()

    class Meta:
        db_table = "security_event"
        indexes = [models.Index(fields=["-at"], name="security_event_latest")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=[
                        "honeytoken_read",
                        "reading_stopped",
                        "guessing_stopped",
                        "passkey_copied",
                        "assistance_stopped",
                    ]
                ),
                name="security_event_kind",
            )
        ]
