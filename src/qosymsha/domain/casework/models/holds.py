"""Rows of queues that somebody holds by name."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.people.models import Territory, User


class RowHold(models.Model):
    """Who holds a row of a queue, given by whom, since when, up to which day; a row has one open hold at most.

    Open only says that nobody ended it: whether it still counts is told by its days and the holder's rights
    (`queries.holds`). Past ones stay.
    no_pii: ids of officials and rows. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    kind = models.TextField()
    subject_id = models.BigIntegerField()
    holder = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False, related_name="+")
    given_by = models.BigIntegerField()
    since = models.DateTimeField()
    until = models.DateField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.BigIntegerField(null=True)
    over = models.TextField(blank=True, default="")

    class Meta:
        db_table = "row_hold"
        indexes = [models.Index(fields=["holder", "kind"], condition=Q(ended_at=None), name="row_hold_of_holder")]
        constraints = [
            models.UniqueConstraint(fields=["kind", "subject_id"], condition=Q(ended_at=None), name="row_hold_one"),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None, over="")
                | Q(ended_at__isnull=False, ended_by__isnull=False) & ~Q(over=""),
                name="row_hold_ended_by_somebody",
            ),
        ]
