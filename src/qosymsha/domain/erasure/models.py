"""That somebody was erased, the nights' runs, legal holds."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.erasure.rules import Kind
from qosymsha.domain.people.models import Child
from qosymsha.kernel.entropy import uuid4


class Erasure(models.Model):
    """A person was erased at this instant: a `child`, `guardian`, `teacher`, `provider`, `user`; insert-only.

    no_pii: an id of nobody. Retention: for ever: it says that somebody is gone, and since when.
    """

    subject_kind = models.TextField()
    subject_id = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "erasure"
        indexes = [models.Index(fields=["-at"], name="erasure_latest")]
        constraints = [
            models.UniqueConstraint(fields=["subject_kind", "subject_id"], name="erasure_once"),
            models.CheckConstraint(condition=Q(subject_kind__in=[kind.value for kind in Kind]), name="erasure_kind"),
        ]


class ErasureRun(models.Model):
    """A night on which everybody due was erased, and what else was past its time left: how many of each.

    no_pii: counts. Retention: for ever: a row a night.
    """

    on = models.DateField(unique=True)
    at = models.DateTimeField()
    gone = models.JSONField()

    class Meta:
        db_table = "erasure_run"


class LegalHold(models.Model):
    """A child that must not be erased while a court, an audit or an inquiry asks: `reason` names its paper.

    no_pii: ids and a paper's number. Retention: for ever: who kept whom from being erased, and why.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    child = models.ForeignKey(Child, on_delete=models.PROTECT, db_index=False)
    reason = models.TextField()
    held_by = models.BigIntegerField()
    held_at = models.DateTimeField()
    lifted_by = models.BigIntegerField(null=True)
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "legal_hold"
        constraints = [
            models.UniqueConstraint(fields=["child"], condition=Q(lifted_at=None), name="legal_hold_one"),
            models.CheckConstraint(condition=~Q(reason=""), name="legal_hold_has_reason"),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_by=None) | Q(lifted_at__isnull=False, lifted_by__isnull=False),
                name="legal_hold_lifted_by_somebody",
            ),
        ]
