"""Places refused, carried on to the next contract, waited for."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.people.models import Child, Territory
from qosymsha.domain.programmes.models import Programme, RuleSet
from qosymsha.domain.providers.models import ClubGroup, Provider
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.kernel.entropy import uuid4


class ChildRefusal(models.Model):
    """A provider's refusal of a child on a ground of the rule set; the place stays until it stands.

    A paper's number and a family's words stand in the table of secrets.
    pii: ids of a child's life; reads are audited. Retention: the words go when the child is erased, the ids stay,
    nobody's.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT)
    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, db_index=False)
    ground = models.TextField()
    state = models.TextField()
    filed_by = models.BigIntegerField()
    filed_at = models.DateTimeField()
    review_by = models.DateField()
    family_word = models.TextField(blank=True)
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        db_table = "child_refusal"
        constraints = [
            models.UniqueConstraint(fields=["enrolment"], condition=Q(state="filed"), name="child_refusal_one_filed"),
            models.CheckConstraint(
                condition=Q(state__in=["filed", "stands", "overturned", "withdrawn"])
                & Q(family_word__in=["", "agrees", "objects"])
                & (~Q(state="overturned") | ~Q(reason="")),
                name="child_refusal_state",
            ),
        ]


class ChildRefusalHistory(models.Model):
    """Each step of a refusal's life; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    child_refusal = models.ForeignKey(ChildRefusal, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "child_refusal_history"
        constraints = [models.UniqueConstraint(fields=["child_refusal", "seq"], name="child_refusal_history_seq")]


class RenewalWord(models.Model):
    """A family's yes or no to going on next year; the latest counts; insert-only.

    pii: ids of a child's life. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT)
    continues = models.BooleanField()
    guardian_id = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "renewal_word"


class Renewal(models.Model):
    """A place carried on: the one that ended and the one that began in its stead; insert-only.

    pii: ids of a child's life. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    before = models.OneToOneField(Enrolment, on_delete=models.PROTECT, related_name="+")
    after = models.OneToOneField(Enrolment, on_delete=models.PROTECT, related_name="+")
    user_id = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "renewal"


class GroupWait(models.Model):
    """A child on a group's own waiting list, in the order of ids; an offer holds a seat up to its day.

    pii: ids of a child's life; reads are audited. Retention: at least ten years; ids stay, nobody's once the person
    is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT, db_index=False)
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    guardian_id = models.BigIntegerField()
    state = models.TextField()
    reason = models.TextField(blank=True)
    asked_at = models.DateTimeField()
    until = models.DateField(null=True)
    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT, null=True, db_index=False)

    class Meta:
        db_table = "group_wait"
        indexes = [
            models.Index(fields=["group", "id"], condition=Q(state__in=["waiting", "offered"]), name="group_wait_queue")
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["group", "voucher"], condition=Q(state__in=["waiting", "offered"]), name="group_wait_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "offered", "declined", "expired", "left", "dropped"])
                & Q(enrolment__isnull=True)
                | Q(state="taken", enrolment__isnull=False),
                name="group_wait_state",
            ),
            models.CheckConstraint(condition=~Q(state="offered") | Q(until__isnull=False), name="group_wait_timer"),
        ]


class GroupWaitHistory(models.Model):
    """Each step of a wait's life; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    group_wait = models.ForeignKey(GroupWait, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "group_wait_history"
        constraints = [models.UniqueConstraint(fields=["group_wait", "seq"], name="group_wait_history_seq")]
