"""Programmes, rule sets, budget lines, classifiers, the calendar of working days."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.db import models

from qosymsha.domain.people.models import Department, Territory
from qosymsha.kernel.entropy import uuid4


class Programme(models.Model):
    """A programme of one territory (an akimat), e.g. clubs and sections in Astana.

    no_pii. Retention: for ever.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT)
    code = models.TextField()
    name_kk = models.TextField()
    name_ru = models.TextField()
    name_en = models.TextField(blank=True)

    class Meta:
        db_table = "programme"
        constraints = [
            models.UniqueConstraint(fields=["territory", "code"], name="programme_code_once"),
            models.UniqueConstraint(fields=["id", "territory"], name="programme_place"),
        ]


class RuleSet(models.Model):
    """A version of a programme's rules: a canonical JSON document, its hash, its days. Frozen once approved.

    `authors`: everybody who wrote in it; none of them may approve it (a constraint).

    no_pii. Retention: for ever: each decision names the version it used.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT)
    version = models.IntegerField()
    schema = models.TextField()
    document = models.JSONField()
    hash = models.BinaryField()
    state = models.TextField()
    valid = DateRangeField()
    drafted_by = models.BigIntegerField()
    approved_by = models.BigIntegerField(null=True)
    approved_at = models.DateTimeField(null=True)
    authors = ArrayField(models.BigIntegerField(), default=list)
    withdrawn_reason = models.TextField(blank=True, default="")

    class Meta:
        db_table = "rule_set"
        constraints = [
            models.UniqueConstraint(fields=["programme", "version"], name="rule_set_version_once"),
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="rule_set_place"),
            ExclusionConstraint(
                name="rule_set_one_in_force",
                expressions=[("programme", RangeOperators.EQUAL), ("valid", RangeOperators.OVERLAPS)],
                condition=models.Q(state="approved"),
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True) | ~models.Q(approved_by=models.F("drafted_by")),
                name="rule_set_second_person",
            ),
        ]


class RuleDraft(models.Model):
    """Rules being written, over several sittings and by several people: one open draft per programme.

    `edits` counts the changes of each section: who saves one changed meanwhile is refused. `policy_chosen`: somebody
    said which order of categories holds; it is never taken over in silence.
    no_pii. Retention: for ever: who wrote what stands in the audit.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    based_on = models.ForeignKey(RuleSet, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    document = models.JSONField()
    valid_from = models.DateField()
    edits = models.JSONField(default=dict)
    policy_chosen = models.BooleanField(default=False)
    state = models.TextField()
    authors = ArrayField(models.BigIntegerField())
    opened_at = models.DateTimeField()
    edited_at = models.DateTimeField()
    edited_by = models.BigIntegerField()
    rule_set = models.ForeignKey(RuleSet, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        db_table = "rule_draft"
        constraints = [
            models.UniqueConstraint(fields=["programme"], condition=models.Q(state="open"), name="rule_draft_one_open"),
            models.CheckConstraint(
                condition=models.Q(state="submitted", rule_set__isnull=False, policy_chosen=True)
                | models.Q(state__in=["open", "dropped"], rule_set__isnull=True),
                name="rule_draft_state",
            ),
        ]


class BudgetLine(models.Model):
    """Department × kind × budget code in one fiscal year: what the ledger calls a line.

    no_pii. Retention: for ever: no person stands in it.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT)
    department = models.ForeignKey(Department, on_delete=models.PROTECT)
    kind = models.TextField()
    code = models.TextField()
    fiscal_year = models.IntegerField()

    class Meta:
        db_table = "budget_line"
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "department", "kind", "code", "fiscal_year"], name="budget_line_once"
            ),
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="budget_line_place"),
        ]


class BudgetPlan(models.Model):
    """What a line gets for a period (an allotment or an amendment, which may be a cut): each row is one ledger posting.

    no_pii. Retention: for ever: no person stands in it.
    """

    line = models.ForeignKey(BudgetLine, on_delete=models.PROTECT)
    period = DateRangeField()
    amount_tiyn = models.BigIntegerField()
    decision = models.TextField()
    decided_at = models.DateTimeField()
    decided_by = models.BigIntegerField()

    class Meta:
        db_table = "budget_plan"


class DrawWord(models.Model):
    """What an officer read at the source of a round's draw and typed, alone; two must have read the same.

    no_pii. Retention: for ever.
    """

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    round_number = models.TextField()
    user_id = models.BigIntegerField()
    value = models.BinaryField()
    said_at = models.DateTimeField()

    class Meta:
        db_table = "draw_word"
        constraints = [models.UniqueConstraint(fields=["round_number", "user_id"], name="draw_word_once")]


class CalendarDay(models.Model):
    """A day that differs from Monday-to-Friday: a holiday, a working Saturday. Editable; no library is trusted alone.

    no_pii. Retention: for ever.
    """

    territory = models.ForeignKey(Territory, null=True, on_delete=models.PROTECT)
    day = models.DateField()
    is_working = models.BooleanField()
    name_kk = models.TextField()
    name_ru = models.TextField()
    source = models.TextField()

    class Meta:
        db_table = "calendar_day"
        constraints = [
            models.UniqueConstraint(fields=["territory", "day"], nulls_distinct=False, name="calendar_day_once")
        ]


class Activity(models.Model):
    """A direction of lessons (dombra, judo, robotics) within a kind.

    no_pii. Retention: for ever.
    """

    code = models.TextField(primary_key=True)
    kind = models.TextField()
    name_kk = models.TextField()
    name_ru = models.TextField()
    name_en = models.TextField(blank=True)
    folded = models.TextField(default="")
    sort_kk = models.TextField(default="")
    source = models.TextField()

    class Meta:
        db_table = "activity"
