"""Errands."""

from __future__ import annotations

from django.db import models

from qosymsha.domain.errands.states import OPEN, ErrandState
from qosymsha.kernel.entropy import uuid4


class Errand(models.Model):
    """An official's wish and what became of it; at most one open about one thing. `body` goes when it ends.

    `wish` tells one wish of a verb from another about the same thing: a month, which rows of it.

    no_pii: ids, codes, figures; the body (a draw's secrets, a typed value) is sealed, and destroyed at the end.
    Retention: three months after its end.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    verb = models.TextField()
    territory_id = models.BigIntegerField()
    subject_kind = models.TextField()
    subject_id = models.BigIntegerField()
    subject_uuid = models.UUIDField()
    label = models.TextField()
    wish = models.TextField(default="", db_default="")
    user_id = models.BigIntegerField()
    form_key = models.UUIDField()
    proved_at = models.DateTimeField(null=True)
    proved_by = models.TextField(default="")
    body_key_id = models.TextField(default="")
    body_nonce = models.BinaryField(null=True)
    body = models.BinaryField(null=True)
    state = models.TextField(default=ErrandState.WAITING)
    asked_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    tries = models.IntegerField(default=0)
    phase = models.TextField(default="")
    rows_done = models.IntegerField(default=0)
    rows_all = models.IntegerField(default=0)
    reason = models.TextField(default="")
    tally = models.JSONField(default=dict)

    class Meta:
        db_table = "errand"
        indexes = [
            models.Index(fields=["user_id", "form_key"], name="errand_of_form"),
            models.Index(fields=["ended_at"], name="errand_ended"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subject_kind", "subject_id"],
                condition=models.Q(state__in=[one.value for one in OPEN]),
                name="errand_one_open",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=[one.value for one in ErrandState]), name="errand_known_state"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=[one.value for one in OPEN], ended_at__isnull=True)
                | (~models.Q(state__in=[one.value for one in OPEN]) & models.Q(ended_at__isnull=False, body=None)),
                name="errand_ended_without_body",
            ),
        ]
