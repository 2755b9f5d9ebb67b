"""Absences announced by families, and what follows when a child stays away for long."""

from __future__ import annotations

from django.contrib.postgres.fields import DateRangeField
from django.db import models

from qosymsha.domain.people.models import Child, Guardian, Territory
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.kernel.entropy import uuid4


class AbsenceNotice(models.Model):
    """A guardian's word that a child will be, or was, away on some days: `ill` or `excused`, why, and by which paper.

    `paper` is the paper's own number, never its content.

    pii: a child's absence, its kind of reason; reads are audited. Retention: the words go when the child is erased,
    the ids stay, nobody's.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    guardian = models.ForeignKey(Guardian, on_delete=models.PROTECT, db_index=False)
    kind = models.TextField()
    days = DateRangeField()
    reason = models.TextField()
    paper = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "absence_notice"
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=["ill", "excused"]), name="absence_notice_kind"),
        ]


class AbsenceCase(models.Model):
    """A place whose child missed lessons in a row: warned, suspended, then released unless somebody speaks up.

    `missed` counts lessons without a valid reason; `hear_until` is the last day of the hearing, `objection` what the
    family said in it; a person decides a case with an objection, on `evidence`.

    pii: a child's absence; reads are audited. Retention: the words go when the child is erased, the ids stay,
    nobody's.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT)
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT, db_index=False)
    state = models.TextField()
    missed = models.IntegerField()
    opened_at = models.DateTimeField()
    hear_until = models.DateField(null=True)
    objection = models.TextField(blank=True)
    objected_by = models.BigIntegerField(null=True)
    evidence = models.TextField(blank=True)

    class Meta:
        db_table = "absence_case"
        constraints = [
            models.UniqueConstraint(
                fields=["enrolment"], condition=models.Q(state__in=["warned", "suspended"]), name="absence_case_live"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="suspended") | models.Q(hear_until__isnull=False),
                name="absence_case_heard_before_release",
            ),
        ]


class AbsenceCaseHistory(models.Model):
    """Each step of a case; `seq` counts from 1 within the case; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    absence_case = models.ForeignKey(AbsenceCase, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "absence_case_history"
        constraints = [models.UniqueConstraint(fields=["absence_case", "seq"], name="absence_case_history_seq")]
