"""Rounds, secrets of the draw, applications, the frozen list, outcomes, refills."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.admission.states import ApplicationState, RoundState
from qosymsha.domain.people.models import Child, Guardian, Territory
from qosymsha.domain.programmes.models import BudgetLine, Programme, RuleSet
from qosymsha.kernel.entropy import uuid4

LIVE_APPLICATION = ["draft", "submitted", "checked", "ranked", "waiting", "granted"]
RUNNING_ROUND = ["open", "closed", "drawn"]


class Round(models.Model):
    """An intake window and its one draw: planned → open → closed → drawn → allocated → published, or cancelled.

    The beacon is named before opening; `root` is published at close, `seed` after the draw. `places` holds the
    fields of `rules.Places` by segment, `terms` the closed list's leaf 0. Written once, by trigger. `cancel_reason`
    is public.
    no_pii. Retention: for ever.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, db_index=False)
    state = models.TextField()
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    first_month = models.DateField()
    last_month = models.DateField()
    beacon_name = models.TextField()
    beacon_value = models.BinaryField(null=True)
    root = models.BinaryField(null=True)
    seed = models.BinaryField(null=True)
    places = models.JSONField(null=True)
    terms = models.TextField(blank=True)
    output_hash = models.BinaryField(null=True)
    closed_at = models.DateTimeField(null=True)
    drawn_at = models.DateTimeField(null=True)
    published_at = models.DateTimeField(null=True)
    cancel_reason = models.TextField(blank=True, default="")
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "admission_round"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="round_place"),
            models.UniqueConstraint(
                fields=["programme"], condition=Q(state__in=RUNNING_ROUND), name="round_one_at_a_time"
            ),
            models.CheckConstraint(condition=Q(state__in=[s.value for s in RoundState]), name="round_state"),
            models.CheckConstraint(condition=Q(closes_at__gt=models.F("opens_at")), name="round_window"),
            models.CheckConstraint(
                condition=Q(state="cancelled", cancelled_at__isnull=False) & ~Q(cancel_reason="")
                | ~Q(state="cancelled") & Q(cancelled_at__isnull=True, cancel_reason=""),
                name="round_cancelled",
            ),
        ]


class RoundHistory(models.Model):
    """Each step of a round's life, each state entered at most once: what makes a second draw impossible; insert-only.

    no_pii. Retention: for ever.
    """

    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    from_state = models.TextField()
    to_state = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "round_history"
        constraints = [models.UniqueConstraint(fields=["round", "to_state"], name="round_history_state_once")]


class DrawSecret(models.Model):
    """A party's commitment before opening, and its secret revealed at the draw (sealed in `person_secret` until then).

    no_pii. Retention: for ever.
    """

    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    party = models.TextField()
    commitment = models.BinaryField()
    secret = models.BinaryField(null=True)

    class Meta:
        db_table = "draw_secret"
        constraints = [models.UniqueConstraint(fields=["round", "party"], name="draw_secret_party_once")]


class Application(models.Model):
    """A child's application in a round; its life is in `states.ApplicationState`.

    `line_id` is SHA-256("line" 00 ticket); the ticket stands sealed in `person_secret` (kind `application`).
    `claims` are the category codes certified at the cut-off, `category` the one it competes in.
    pii: a social category; reads are audited and field-limited. Retention: with the child: then its ticket is
    destroyed, the line is nobody's.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    round = models.ForeignKey(Round, on_delete=models.PROTECT, db_index=False)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    guardian = models.ForeignKey(Guardian, on_delete=models.PROTECT, db_index=False)
    slot = models.TextField()
    kind = models.TextField()
    segment = models.TextField()
    age = models.IntegerField()
    claims = models.JSONField(default=list)
    category = models.TextField(blank=True)
    line_id = models.BinaryField()
    state = models.TextField()
    # Indexed instead of `state`, so that a step between two live states touches no index (a heap-only update).
    is_live = models.GeneratedField(
        expression=Q(state__in=LIVE_APPLICATION),  # type: ignore[arg-type]  # the stubs do not know Q here
        output_field=models.BooleanField(),
        db_persist=True,
    )
    reason = models.TextField(blank=True)
    submitted_at = models.DateTimeField()

    class Meta:
        db_table = "application"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="application_place"),
            models.UniqueConstraint(fields=["round", "line_id"], name="application_line_once"),
            models.CheckConstraint(
                condition=Q(state__in=[s.value for s in ApplicationState]) & (~Q(state="rejected") | ~Q(reason="")),
                name="application_state",
            ),
            models.UniqueConstraint(
                fields=["child", "programme", "slot"],
                condition=Q(is_live=True),
                name="application_one_live",
            ),
        ]


class ApplicationHistory(models.Model):
    """Each step of an application's life; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    application = models.ForeignKey(Application, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "application_history"
        constraints = [models.UniqueConstraint(fields=["application", "seq"], name="application_history_seq")]


class FrozenLine(models.Model):
    """The closed list: one canonical line and its salted leaf per application, in the order of line ids; insert-only.

    no_pii: no personal field stands in a line. Retention: for ever.
    """

    round = models.ForeignKey(Round, on_delete=models.PROTECT, db_index=False)
    position = models.IntegerField()
    application = models.OneToOneField(Application, on_delete=models.PROTECT)
    line = models.TextField()
    leaf = models.BinaryField()

    class Meta:
        db_table = "frozen_line"
        constraints = [models.UniqueConstraint(fields=["round", "position"], name="frozen_line_position")]


class Outcome(models.Model):
    """Where an application stands after the run: its number, its place in the order, how it was granted.

    `rank` counts from 1 within the segment over all, `waiting_rank` within those who wait. no_pii. Retention: for ever.
    """

    application = models.OneToOneField(Application, primary_key=True, on_delete=models.PROTECT)
    round = models.ForeignKey(Round, on_delete=models.PROTECT, db_index=False)
    segment = models.TextField()
    number = models.BinaryField()
    iteration = models.IntegerField(null=True)
    turn = models.IntegerField(null=True)
    rank = models.IntegerField()
    waiting_rank = models.IntegerField(null=True)
    result = models.TextField()
    how = models.TextField(blank=True)

    class Meta:
        db_table = "outcome"
        constraints = [models.UniqueConstraint(fields=["round", "segment", "rank"], name="outcome_rank_once")]


class Refill(models.Model):
    """A batch of freed places given to the next on the waiting list of a segment; insert-only.

    no_pii. Retention: for ever.
    """

    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    line = models.ForeignKey(BudgetLine, on_delete=models.PROTECT)
    segment = models.TextField()
    granted = models.IntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "refill"
