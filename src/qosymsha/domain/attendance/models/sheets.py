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

    `version` counts how often it was sent; `scan_is_word` says whether the month's rules take the family's scan at the
    venue for the second party's word on that day. Group, territory and programme are one key, the group's.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, db_index=False)
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT, db_constraint=False)
    month = models.DateField()
    state = models.TextField()
    lessons_held = models.IntegerField()
    hash = models.BinaryField(null=True)
    sent_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1, db_default=1)
    scan_is_word = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "month_sheet"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="month_sheet_place"),
            models.UniqueConstraint(fields=["provider", "group", "month"], name="month_sheet_once"),
        ]


class MonthSheetHistory(models.Model):
    """Each step of a sheet's life; `seq` counts from 1 within the sheet; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
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

    `seen` counts the present days on which the family's scan was accepted. `confirmed_by` is the guardian who confirmed
    or disputed (with `reason`), `proof_way` and `proof_at` how and when she proved to be herself; `decided_by` is the
    user id of the officer who decided on `evidence`: both stay where a disputed row was decided.
    Its keys are asked once per statement (`kernel.schema.belongs`): a row is of its sheet's place, and of the
    enrolment's place and child.

    pii: a child's presence; reads are audited. Retention: the words go when the child is erased, the ids stay,
    nobody's.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    sheet = models.ForeignKey(MonthSheet, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    child = models.ForeignKey(Child, on_delete=models.PROTECT, db_constraint=False)
    present = models.IntegerField()
    ill = models.IntegerField()
    excused = models.IntegerField()
    absent = models.IntegerField()
    seen = models.IntegerField(default=0, db_default=0)
    word = models.TextField()
    reason = models.TextField(blank=True)
    confirmed_by = models.BigIntegerField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    proof_way = models.TextField(blank=True, db_default="")
    proof_at = models.DateTimeField(null=True)
    evidence = models.TextField(blank=True)
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "sheet_row"
        constraints = [
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


class SheetVersion(models.Model):
    """What a sheet said before it was sent again: document, hash and the words on its rows; insert-only.

    pii: presence by the places' outside ids. Retention: at least ten years; ids stay, nobody's once the person is
    erased.
    """

    sheet = models.ForeignKey(MonthSheet, on_delete=models.PROTECT, db_index=False)
    version = models.IntegerField()
    hash = models.BinaryField()
    sent_at = models.DateTimeField()
    document = models.TextField()
    words = models.JSONField()

    class Meta:
        db_table = "sheet_version"
        constraints = [models.UniqueConstraint(fields=["sheet", "version"], name="sheet_version_once")]


class ReturnedRow(models.Model):
    """Why the customer sent a row of a sheet back, by the sheet's version; insert-only.

    pii: a remark on a child's row. Retention: the words go when the child is erased, the ids stay, nobody's.
    """

    sheet_row = models.ForeignKey(SheetRow, on_delete=models.PROTECT, db_index=False)
    version = models.IntegerField()
    reason = models.TextField()
    at = models.DateTimeField()
    returned_by = models.BigIntegerField()

    class Meta:
        db_table = "returned_row"
        constraints = [models.UniqueConstraint(fields=["sheet_row", "version"], name="returned_row_once")]


class DayHold(models.Model):
    """A day of a row that must not be paid: `disputed` by the guardian (cause 0) or `flagged` (cause: the flag's id).

    `guardian_id`: who disputes; of two guardians each takes back the own dispute alone.
    `open` until a person clears it (payable again) or upholds it (never payable). `is_present` and `is_seen` say what
    the day counts in the row. A day is held while any of its holds is open or upheld.

    pii: a child's presence. Retention: the words go when the child is erased, the ids stay, nobody's.
    """

    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    sheet_row = models.ForeignKey(SheetRow, on_delete=models.PROTECT, db_index=False)
    session_id = models.BigIntegerField()
    on = models.DateField()
    kind = models.TextField()
    cause_id = models.BigIntegerField()
    state = models.TextField()
    reason = models.TextField()
    is_present = models.BooleanField()
    is_seen = models.BooleanField()
    opened_at = models.DateTimeField()
    opened_by = models.BigIntegerField()
    guardian_id = models.BigIntegerField(null=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.BigIntegerField(null=True)
    evidence = models.TextField(blank=True, db_default="")

    class Meta:
        db_table = "day_hold"
        constraints = [
            models.UniqueConstraint(fields=["sheet_row", "session_id", "kind", "cause_id"], name="day_hold_once"),
            models.CheckConstraint(condition=models.Q(kind__in=["disputed", "flagged"]), name="day_hold_kind"),
            models.CheckConstraint(
                condition=models.Q(state="open") | models.Q(resolved_by__isnull=False, resolved_at__isnull=False),
                name="day_hold_resolved_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["kind", "cause_id"], name="day_hold_cause")]
