"""The kernel's tables. Partitioned ones are made by SQL in migrations and only described here (`managed = False`)."""

from __future__ import annotations

from django.db import models


class AuditEvent(models.Model):
    """One line per write, or read, of people's rows; partitioned by month of `at`, insert-only.

    no_pii: ids only (`actor_label` names a user id or a job). Retention: five years, whole months dropped; links stay.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()
    actor_label = models.TextField()
    action = models.TextField()
    subject_kind = models.TextField()
    subject_ids = models.JSONField()
    territory_id = models.BigIntegerField(null=True)
    detail = models.JSONField()

    class Meta:
        managed = False
        db_table = "audit_event"


class AuditLink(models.Model):
    """The hash chain over audit events, written by one sequencer; insert-only.

    no_pii: hashes. Retention: for ever: the chain goes on over events that have left.
    """

    seq = models.BigIntegerField(primary_key=True)
    event_id = models.BigIntegerField(unique=True)
    event_at = models.DateTimeField()
    prev_hash = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        db_table = "audit_link"


class Outbox(models.Model):
    """News for the jobs: topic and ids only; by month, insert-only; `outbox_cursor` remembers who read how far.

    no_pii: ids. Retention: three months.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    topic = models.TextField()
    subject_kind = models.TextField()
    subject_id = models.BigIntegerField()
    detail = models.JSONField()

    class Meta:
        managed = False
        db_table = "outbox"


class OutboxCursor(models.Model):
    """How far a consumer has read the outbox: its window of finished transactions (SQL columns), the last id in it.

    no_pii. Retention: for ever.
    """

    consumer = models.TextField(primary_key=True)
    last_id = models.BigIntegerField(default=0)
    moved_at = models.DateTimeField()

    class Meta:
        db_table = "outbox_cursor"


class IdempotencyKey(models.Model):
    """A verb done under a key by a user, with the body's hash and what was answered.

    no_pii: ids and hashes. Retention: to the round's end (`kept_until`), then deleted by a job.
    """

    user_id = models.BigIntegerField()
    verb = models.TextField()
    key = models.UUIDField()
    body_hash = models.BinaryField()
    outcome = models.JSONField(null=True)
    at = models.DateTimeField()
    kept_until = models.DateField(null=True)
    replays = models.IntegerField(default=0)

    class Meta:
        db_table = "idempotency_key"
        constraints = [models.UniqueConstraint(fields=["user_id", "verb", "key"], name="idempotency_key_once")]


class ClockShift(models.Model):
    """The demo's shift of the clock: one row at most; `doctor` is red on it in production.

    no_pii. Retention: the demo's database.
    """

    id = models.SmallIntegerField(primary_key=True)
    by_interval = models.DurationField()

    class Meta:
        db_table = "clock_shift"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="clock_shift_one_row")]
