"""Results of the invariants' checker."""

from __future__ import annotations

from django.db import models


class InvariantRun(models.Model):
    """One check of one invariant: how many violations, and the first of them by id.

    no_pii: ids. Retention: one year.
    """

    at = models.DateTimeField()
    invariant = models.TextField()
    violations = models.IntegerField()
    examples = models.JSONField(default=list)
    seconds = models.FloatField()

    class Meta:
        db_table = "invariant_run"
