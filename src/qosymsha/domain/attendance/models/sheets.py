"""Month sheets, their history and their rows."""

from __future__ import annotations

from django.db import models

from qosymsha.domain.people.models import Child, Territory
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.providers.models import ClubGroup, Provider
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.kernel.entropy import uuid4


class MonthSheet(models.Model):
    """The sheet of a group and month: the money document. States: DOMAIN.md 1.6; hashed and locked when sent.

    no_pii: ids. Retention: ten years.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, db_index=False)
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT)
    month = models.DateField()
    state = models.TextField()
    lessons_held = models.IntegerField()
    hash = models.BinaryField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "month_sheet"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="month_sheet_place"),
            models.UniqueConstraint(fields=["provider", "group", "month"], name="month_sheet_once"),
        ]


class MonthSheetHistory(models.Model):
    """Each step of a sheet's life; `seq` counts from 1 within the sheet; insert-only.

    no_pii: ids. Retention: ten years.
    """

    month_sheet = models.ForeignKey(MonthSheet, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "month_sheet_history"
        constraints = [models.UniqueConstraint(fields=["month_sheet", "seq"], name="month_sheet_history_seq")]


class SheetRow(models.Model):
    """One child's row of a sheet: lessons by mark, and the second party's word: silent, confirmed, disputed, decided.

    `confirmed_by` is the guardian who confirmed or disputed (with `reason`); `decided_by` is the user id of the officer
    who decided on `evidence`: both stay where a disputed row was decided.

    pii: a child's presence; reads are audited. Retention: ten years.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    sheet = models.ForeignKey(MonthSheet, on_delete=models.PROTECT, db_index=False)
    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT, db_index=False)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    present = models.IntegerField()
    ill = models.IntegerField()
    excused = models.IntegerField()
    absent = models.IntegerField()
    word = models.TextField()
    reason = models.TextField(blank=True)
    confirmed_by = models.BigIntegerField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    evidence = models.TextField(blank=True)
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "sheet_row"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="sheet_row_place"),
            models.UniqueConstraint(fields=["sheet", "enrolment"], name="sheet_row_once"),
            models.CheckConstraint(
                condition=models.Q(word="silent")
                | models.Q(word="confirmed", confirmed_by__isnull=False, confirmed_at__isnull=False)
                | models.Q(word="disputed", confirmed_by__isnull=False, confirmed_at__isnull=False)
                & ~models.Q(reason="")
                | models.Q(word__in=["decided", "rejected"], decided_by__gt=0, decided_at__isnull=False)
                & ~models.Q(evidence=""),
                name="sheet_row_word_has_speaker",
            ),
        ]
