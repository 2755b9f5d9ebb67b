"""Consultation points."""

from __future__ import annotations

from django.db import models

from qosymsha.domain.people.models import Territory


class ConsultationPoint(models.Model):
    """Where a family gets help in person; clock hours are nowhere stated and not invented (DOMAIN.md 7.1).

    no_pii. Retention: for ever.
    """

    district = models.ForeignKey(Territory, on_delete=models.PROTECT)
    name_kk = models.TextField()
    name_ru = models.TextField()
    name_en = models.TextField(blank=True)
    address = models.TextField(blank=True)
    opening_days = models.TextField(blank=True)
    source = models.TextField()

    class Meta:
        db_table = "consultation_point"
        constraints = [models.UniqueConstraint(fields=["district", "name_ru"], name="consultation_point_once")]
