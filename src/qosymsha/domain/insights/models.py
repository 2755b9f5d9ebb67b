"""Results of the invariants' checker, and how far it has looked."""

from __future__ import annotations

from django.db import models

from qosymsha.domain.insights.rules import Span


class InvariantRun(models.Model):
    """One check of one invariant: how many violations, and the first of them by id.

    no_pii: ids. Retention: red ones and the night's one year, green minutes three days.
    """

    at = models.DateTimeField()
    invariant = models.TextField()
    span = models.TextField(default=Span.FULL.value)
    violations = models.IntegerField()
    examples = models.JSONField(default=list)
    seconds = models.FloatField()

    class Meta:
        db_table = "invariant_run"
        indexes = [models.Index(fields=["invariant", "span", "-id"], name="invariant_run_latest")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(span__in=[span.value for span in Span]), name="invariant_run_span"
            )
        ]


class InvariantMark(models.Model):
    """Where an invariant's last green run began: the next increment looks at what later transactions wrote.

    `horizon` is `pg_snapshot_xmin` of that moment in the cluster named; `reached` is what the check itself remembers.
    no_pii: ids and hashes. Retention: one row an invariant, for ever.
    """

    invariant = models.TextField(primary_key=True)
    at = models.DateTimeField()
    cluster = models.TextField()
    horizon = models.BigIntegerField()
    marked_from = models.DateTimeField()
    reached = models.JSONField(default=dict)

    class Meta:
        db_table = "invariant_mark"
