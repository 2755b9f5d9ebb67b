"""Campaigns with their frozen lists, drawn visits, and the steps of both."""

from __future__ import annotations

from django.db import models

from qosymsha.domain.people.models import Territory
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.providers.models import Provider
from qosymsha.kernel.entropy import uuid4


class ControlCampaign(models.Model):
    """A control by sample. `frame` is the frozen list, `root` its hash with the terms; `commitment` binds the secret.

    The secret is sealed (`secret_*`) until the draw uses it, and shown (`secret`) at the end. `typed_*`: what the first
    of two officers typed where the beacon is no relay's.

    no_pii: groups, lessons, providers. Retention: for ever: no person stands in it.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT)
    state = models.TextField()
    unit = models.TextField()
    strata = models.TextField()
    first = models.DateField()
    last = models.DateField()
    size = models.IntegerField()
    beacon_name = models.TextField()
    planned_at = models.DateTimeField()
    planned_by = models.BigIntegerField()
    commitment = models.BinaryField()
    secret_key_id = models.TextField()
    secret_nonce = models.BinaryField()
    secret_box = models.BinaryField()
    terms = models.TextField(blank=True)
    frame = models.TextField(blank=True)
    units = models.IntegerField(default=0)
    root = models.BinaryField(null=True)
    frozen_at = models.DateTimeField(null=True)
    typed_value = models.BinaryField(null=True)
    typed_by = models.BigIntegerField(null=True)
    beacon_value = models.BinaryField(null=True)
    seed = models.BinaryField(null=True)
    drawn_at = models.DateTimeField(null=True)
    secret = models.BinaryField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "control_campaign"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="control_campaign_place"),
            models.CheckConstraint(condition=models.Q(size__gt=0, first__lte=models.F("last")), name="control_sane"),
            models.CheckConstraint(
                condition=~models.Q(state__in=["frozen", "drawn", "ended"])
                | models.Q(root__isnull=False, frozen_at__isnull=False, units__gt=0),
                name="control_frozen_has_root",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["drawn", "ended"])
                | models.Q(seed__isnull=False, beacon_value__isnull=False, drawn_at__isnull=False),
                name="control_drawn_has_seed",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="ended") | models.Q(secret__isnull=False, ended_at__isnull=False),
                name="control_ended_shows_secret",
            ),
        ]


class ControlCampaignHistory(models.Model):
    """Each step of a campaign; `seq` counts from 1; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    control_campaign = models.ForeignKey(ControlCampaign, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "control_campaign_history"
        constraints = [models.UniqueConstraint(fields=["control_campaign", "seq"], name="control_campaign_history_seq")]


class ControlVisit(models.Model):
    """A drawn unit: the visit, what was found, the provider's answer, the decision by another person.

    `place` is the order of the draw. `present` counts children; nobody is named. `document` is a paper's outside id.

    no_pii: counts and officials' words. Retention: for ever: officials' words on groups and lessons.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    campaign = models.ForeignKey(ControlCampaign, on_delete=models.PROTECT, db_index=False)
    place = models.IntegerField()
    unit = models.UUIDField()
    part = models.TextField()
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    group_id = models.BigIntegerField(null=True)
    session_id = models.BigIntegerField(null=True)
    state = models.TextField()
    visited_at = models.DateTimeField(null=True)
    visited_by = models.BigIntegerField(null=True)
    present = models.IntegerField(null=True)
    finding = models.TextField(blank=True)
    note = models.TextField(blank=True)
    document = models.UUIDField(null=True)
    answer_until = models.DateField(null=True)
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.BigIntegerField(null=True)
    sanction = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.BigIntegerField(null=True)
    proof_way = models.TextField(blank=True)
    proof_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "control_visit"
        constraints = [
            models.UniqueConstraint(fields=["campaign", "place"], name="control_visit_place_once"),
            models.UniqueConstraint(fields=["campaign", "unit"], name="control_visit_unit_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=["due", "missed"])
                | models.Q(visited_at__isnull=False, visited_by__isnull=False),
                name="control_visit_by_somebody",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["due", "missed", "clean"], finding="") | ~models.Q(finding=""),
                name="control_visit_finding",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="decided")
                | models.Q(decided_by__isnull=False, decided_at__isnull=False)
                & ~models.Q(sanction="")
                & ~models.Q(decided_by=models.F("visited_by")),
                name="control_visit_decided_by_another",
            ),
        ]


class ControlVisitHistory(models.Model):
    """Each step of a visit; `seq` counts from 1; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    control_visit = models.ForeignKey(ControlVisit, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "control_visit_history"
        constraints = [models.UniqueConstraint(fields=["control_visit", "seq"], name="control_visit_history_seq")]
