"""Results of counting: figures of a programme's year, waiting lines of groups, what was measured of groups."""

from __future__ import annotations

from django.db import models

from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.providers.models import ClubGroup, Provider


class Figure(models.Model):
    """One named figure of a programme's year as it was counted last; without a programme: of the whole house.

    `content` is what a page needs, small cells merged already (rules.telling).
    no_pii: counts. Retention: replaced every night, for ever.
    """

    programme = models.ForeignKey(Programme, null=True, on_delete=models.PROTECT, db_index=False)
    year = models.IntegerField(null=True)
    name = models.TextField()
    at = models.DateTimeField()
    seconds = models.FloatField()
    content = models.JSONField()

    class Meta:
        db_table = "figure"
        constraints = [
            models.UniqueConstraint(fields=["name", "programme", "year"], nulls_distinct=False, name="figure_once")
        ]


class WaitingLine(models.Model):
    """How many children wait for a place in a group, and how many days those waited who were offered one last year.

    no_pii: counts, public as every group's line is. Retention: replaced every five minutes; with the group.
    """

    group = models.OneToOneField(ClubGroup, primary_key=True, on_delete=models.PROTECT)
    waiting = models.IntegerField()
    usual_days = models.IntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "waiting_line"
        constraints = [models.CheckConstraint(condition=models.Q(waiting__gte=0), name="waiting_line_counts")]


class Measure(models.Model):
    """What was counted of a provider, or of one group of it (rules.ratings.Measured), between two days.

    no_pii: counts; shares are shown from the numbers of rules.ratings on. Retention: replaced every night.
    """

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, db_index=False)
    group = models.ForeignKey(ClubGroup, null=True, on_delete=models.PROTECT)
    since = models.DateField()
    until = models.DateField()
    at = models.DateTimeField()
    planned = models.IntegerField()
    held = models.IntegerField()
    marked = models.IntegerField()
    confirmed = models.IntegerField()
    children = models.IntegerField()
    came = models.IntegerField()
    stayed = models.IntegerField()
    upheld = models.IntegerField()

    class Meta:
        db_table = "measure"
        constraints = [
            models.UniqueConstraint(fields=["provider", "group"], nulls_distinct=False, name="measure_once"),
            models.CheckConstraint(
                condition=models.Q(
                    held__lte=models.F("planned"), confirmed__lte=models.F("marked"), stayed__lte=models.F("came")
                ),
                name="measure_sane",
            ),
        ]
