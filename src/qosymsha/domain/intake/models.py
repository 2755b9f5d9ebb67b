"""Drafts of applications, and categories named with papers: each case with its steps."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.admission.models import Round
from qosymsha.domain.intake.states import CaseState, Ground
from qosymsha.domain.people.models import Child, Guardian, Territory
from qosymsha.domain.programmes.models import Programme
from qosymsha.kernel.entropy import uuid4

UNDECIDED = ["open", "asked"]
ABOUT = "category_case"  # the kind under which papers are kept


class ApplicationDraft(models.Model):
    """What a family has chosen and not filed: one per child and programme; any guardian of the child goes on with it.

    no_pii: ids. Retention: until it is filed or thrown away, at most 30 days after the round's close.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    guardian = models.ForeignKey(Guardian, on_delete=models.PROTECT, db_index=False)
    kind = models.TextField(blank=True)
    saved_at = models.DateTimeField()

    class Meta:
        db_table = "application_draft"
        constraints = [
            models.UniqueConstraint(fields=["child", "programme"], name="application_draft_once"),
        ]


class CategoryCase(models.Model):
    """A category that a family names for a child in a round, checked from papers (documents about `category_case`).

    `ground` and `words` are the last decision's; `evidence` in `child_status` names this row's uuid. A case counts
    nothing: only a certified status does.
    pii: a social category; reads are audited and field-limited. Retention: the words go when the child is erased,
    the ids stay, nobody's.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    round = models.ForeignKey(Round, on_delete=models.PROTECT, db_index=False)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    guardian = models.ForeignKey(Guardian, on_delete=models.PROTECT, db_index=False)
    category = models.TextField()
    state = models.TextField()
    named_at = models.DateTimeField()
    handed_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    decided_by = models.BigIntegerField(null=True)
    ground = models.TextField(blank=True, default="")
    words = models.TextField(blank=True, default="")
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)

    class Meta:
        db_table = "category_case"
        indexes = [
            models.Index(
                fields=["territory", "handed_at"], condition=Q(state__in=UNDECIDED), name="category_case_queue"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["child", "round", "category"], condition=Q(state__in=UNDECIDED), name="category_case_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in CaseState]), name="category_case_state"
            ),
            models.CheckConstraint(
                condition=Q(ground__in=["", *(ground.value for ground in Ground)]), name="category_case_ground"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["refused", "asked"]) | (~Q(ground="") & Q(decided_by__isnull=False)),
                name="category_case_refused_on_a_ground",
            ),
            models.CheckConstraint(
                condition=~Q(state="certified") | Q(decided_by__isnull=False, first_day__isnull=False),
                name="category_case_certified_by_somebody",
            ),
        ]


class CategoryCaseStep(models.Model):
    """Each step of a case; insert-only. `words` are said to the family.

    pii: an officer's words on a family's paper. Retention: the words go when the child is erased, the ids stay,
    nobody's.
    """

    case = models.ForeignKey(CategoryCase, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    ground = models.TextField(blank=True, default="")
    words = models.TextField(blank=True, default="")
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "category_case_step"
        constraints = [models.UniqueConstraint(fields=["case", "seq"], name="category_case_step_seq")]
