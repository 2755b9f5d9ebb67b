"""The family's scan at the venue, a card read by the teacher, attempts that were refused, and traces of devices."""

from __future__ import annotations

from django.db import models


class CheckIn(models.Model):
    """One child at one session as somebody besides the teacher saw it. Partitioned by month of `on`.

    `kind`: `code`, the family's scan of the rotating code, a second party's word; `late`, such a scan that came in
    after its time; `card`, the child's card read by the teacher: both evidence, no party. A scan takes the place of a
    card read, whose instant stays in `card_at`. `step` is the code's number, `guardian_id` who scanned.

    pii: a child's presence; reads are audited. Retention: five years, whole months dropped.
    """

    on = models.DateField()
    session_id = models.BigIntegerField()
    enrolment_id = models.BigIntegerField()
    child_id = models.BigIntegerField()
    territory_id = models.BigIntegerField()
    programme_id = models.BigIntegerField()
    kind = models.TextField()
    guardian_id = models.BigIntegerField(null=True)
    step = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    card_at = models.DateTimeField(null=True)
    pk = models.CompositePrimaryKey("on", "session_id", "enrolment_id")

    class Meta:
        managed = False
        db_table = "check_in"


class CheckInRefusal(models.Model):
    """An attempt to check in that was refused, and why; ids only. Partitioned by month of `at`.

    pii: whose attempt. Retention: 90 days after the end of the month, whole months dropped.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    reason = models.TextField()
    child_id = models.BigIntegerField()
    guardian_id = models.BigIntegerField(null=True)
    session_id = models.BigIntegerField(null=True)

    class Meta:
        managed = False
        db_table = "check_in_refusal"


class TraceRow(models.Model):
    """Which device and network a mark batch, a check-in or a month's word came from: 16 bytes of a keyed hash each.

    The key is the month's own, so that a device cannot be followed from one month to the next. `month` is the month the
    subject is about: a word on September's sheet can be compared with September's marks. Partitioned by `month`.
    `subject_id`: mark_batch.id | session.id (with `enrolment_id`) | sheet_row.id; `enrolment_id` is 0 otherwise.

    pii: pseudonymous. Retention: 90 days after the end of the month, whole months dropped.
    """

    id = models.BigAutoField(primary_key=True)
    month = models.DateField()
    kind = models.TextField()
    subject_id = models.BigIntegerField()
    enrolment_id = models.BigIntegerField()
    device = models.BinaryField(null=True)
    network = models.BinaryField(null=True)
    at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "trace"
