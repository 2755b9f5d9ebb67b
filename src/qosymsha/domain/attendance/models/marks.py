"""Marks (by month), the batches that phones send, and the words that did not become the mark."""

from __future__ import annotations

from django.db import models

from qosymsha.domain.attendance.models.lessons import Session
from qosymsha.domain.providers.models import Provider
from qosymsha.kernel.entropy import uuid4


class Mark(models.Model):
    """The provider's mark of one child at one session: present, ill, excused, absent. Partitioned by month of `on`.

    `marked_at` is the server's time; `recorded_at` is what the phone's clock said: a claim. `batch_id` and `counter`
    say which word of which phone it is; both are null where it was made online or put right by a person (`source`).

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
    batch_id = models.BigIntegerField(null=True)
    counter = models.BigIntegerField(null=True)
    recorded_at = models.DateTimeField(null=True)
    pk = models.CompositePrimaryKey("on", "session_id", "enrolment_id")

    class Meta:
        managed = False
        db_table = "mark"


class MarkDevice(models.Model):
    """An installation of the page on a phone: the counters that have reached the server, as ranges.

    no_pii: a random id of an installation. Retention: for ever: no person stands in it.
    """

    device = models.UUIDField(primary_key=True)
    last_at = models.DateTimeField()

    class Meta:
        db_table = "mark_device"


class MarkBatch(models.Model):
    """Marks that a phone sent at once, made without network; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    user_id = models.BigIntegerField()
    device = models.UUIDField()
    counter_from = models.BigIntegerField()
    counter_to = models.BigIntegerField()
    received_at = models.DateTimeField()

    class Meta:
        db_table = "mark_batch"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(counter_from__gt=0, counter_to__gte=models.F("counter_from")), name="mark_batch_sane"
            )
        ]


class MarkObjection(models.Model):
    """A word of a phone that is not the mark itself: kept, visible, resolved by a person where it contradicts.

    `open`: contradicts the mark or came too late (`reason`).   `agreed`: says what the mark says.
    `superseded`: the same phone said otherwise later.   `upheld`, `dismissed`: resolved by a person, who says why.

    pii: a child's presence; reads are audited. Retention: the words go when the child is erased, the ids stay,
    nobody's.
    """

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, db_index=False)
    session = models.ForeignKey(Session, on_delete=models.PROTECT, db_index=False)
    on = models.DateField()
    enrolment_id = models.BigIntegerField()
    value = models.TextField()
    device = models.UUIDField()
    counter = models.BigIntegerField()
    said_by = models.BigIntegerField()
    batch = models.ForeignKey(MarkBatch, on_delete=models.PROTECT, db_index=False)
    recorded_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    state = models.TextField()
    reason = models.TextField(blank=True)
    resolution = models.TextField(blank=True)
    resolved_by = models.BigIntegerField(null=True)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "mark_objection"
        indexes = [
            models.Index(fields=["session", "enrolment_id"], name="mark_objection_place"),
            models.Index(fields=["provider", "on"], condition=models.Q(state="open"), name="mark_objection_open"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "counter", "session", "enrolment_id", "value", "said_by"], name="mark_objection_once"
            ),
            models.CheckConstraint(condition=~models.Q(state="open", reason=""), name="mark_objection_has_reason"),
            models.CheckConstraint(
                condition=~models.Q(state__in=["upheld", "dismissed"])
                | models.Q(resolved_by__isnull=False, resolved_at__isnull=False) & ~models.Q(resolution=""),
                name="mark_objection_resolved_by_somebody",
            ),
        ]


class MarkChange(models.Model):
    """A person put a mark right: from what (`""`: there was none) to what, who and why; insert-only.

    pii: a child's presence; reads are audited. Retention: the words go when the child is erased, the ids stay,
    nobody's.
    """

    session = models.ForeignKey(Session, on_delete=models.PROTECT)
    enrolment_id = models.BigIntegerField()
    from_value = models.TextField(blank=True)
    to_value = models.TextField()
    said_by = models.BigIntegerField(null=True)
    said_at = models.DateTimeField(null=True)
    objection = models.ForeignKey(MarkObjection, null=True, on_delete=models.PROTECT, db_index=False)
    reason = models.TextField()
    at = models.DateTimeField()
    changed_by = models.BigIntegerField()

    class Meta:
        db_table = "mark_change"
        constraints = [models.CheckConstraint(condition=~models.Q(reason=""), name="mark_change_has_reason")]
