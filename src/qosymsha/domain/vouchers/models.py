"""Vouchers, seats, enrolments and their histories. Hot tables: indexes and keys are kept to what is used."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.people.models import Child, Territory
from qosymsha.domain.programmes.models import BudgetLine, Programme, RuleSet
from qosymsha.domain.providers.models import ClubGroup, Provider
from qosymsha.kernel.entropy import uuid4

LIVE_VOUCHER = ["issued", "accepted", "active", "suspended", "released"]
LIVE_ENROLMENT = ["offered", "contracted", "active"]


class Voucher(models.Model):
    """A child's entitlement: kind, slot, the budget line that pays, the planning tariff it was committed at.

    pii: none in itself (ids), but it is a child's record: reads are audited. Retention: at least ten years; ids
    stay, nobody's once the person is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    slot = models.TextField()
    kind = models.TextField()
    line = models.ForeignKey(BudgetLine, on_delete=models.PROTECT)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, db_index=False)
    application_id = models.BigIntegerField(null=True)
    state = models.TextField()
    reason = models.TextField(blank=True)
    issued_at = models.DateTimeField()
    accept_by = models.DateField()
    first_month = models.DateField()
    last_month = models.DateField()
    month_tiyn = models.BigIntegerField()

    class Meta:
        db_table = "voucher"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="voucher_place"),
            models.UniqueConstraint(
                fields=["child", "programme", "slot"], condition=Q(state__in=LIVE_VOUCHER), name="voucher_one_live"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[*LIVE_VOUCHER, "closed"]) & (~Q(state="closed") | ~Q(reason="")),
                name="voucher_state",
            ),
        ]


class VoucherHistory(models.Model):
    """Each step of a voucher's life; `seq` counts from 1 within the voucher; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "voucher_history"
        constraints = [models.UniqueConstraint(fields=["voucher", "seq"], name="voucher_history_seq")]


class Seat(models.Model):
    """How many places of a group are taken: changed by one conditional UPDATE only, with the CHECK behind it.

    `is_left_over`: a choice round left places over here that nobody on its lists waits for, so that they may be taken
    directly where the rule set says `choice_first`. `is_waited_for`: children stand on the group's own list, so that a
    free seat is offered to them and taken by nobody directly.
    no_pii. Retention: with the group.
    """

    group = models.OneToOneField(ClubGroup, primary_key=True, on_delete=models.PROTECT)
    capacity = models.IntegerField()
    taken = models.IntegerField(default=0)
    is_left_over = models.BooleanField(default=False, db_default=False)
    is_waited_for = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "seat"
        constraints = [
            models.CheckConstraint(condition=Q(taken__gte=0, taken__lte=models.F("capacity")), name="seat_not_oversold")
        ]


class Enrolment(models.Model):
    """A child's place in a group under a voucher, from `starts_on` to `ends_on` (last day, null = open).

    `promised_month` is the last month whose money was moved from held to place.
    pii: ids of a child's life; reads are audited. Retention: at least ten years; ids stay, nobody's once the person
    is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, db_index=False)
    line = models.ForeignKey(BudgetLine, on_delete=models.PROTECT, db_index=False)
    state = models.TextField()
    reason = models.TextField(blank=True)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)
    unit_tariff_tiyn = models.BigIntegerField()
    promised_month = models.DateField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "enrolment"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="enrolment_place"),
            models.UniqueConstraint(
                fields=["voucher"], condition=Q(state__in=LIVE_ENROLMENT), name="enrolment_one_live_per_voucher"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[*LIVE_ENROLMENT, "ended"]) & (~Q(state="ended") | Q(ends_on__isnull=False)),
                name="enrolment_state",
            ),
        ]


class TransferRequest(models.Model):
    """A transfer to another line that waits for that line's free money, its seat taken already, in the order of ids.

    `reason` says why it waits, later why it ended; `enrolment` is the place it came to; `until` the last day it waits.
    pii: ids of a child's life; reads are audited. Retention: at least ten years; ids stay, nobody's once the person
    is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT)
    guardian_id = models.BigIntegerField()
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT, db_index=False)
    line = models.ForeignKey(BudgetLine, on_delete=models.PROTECT, db_index=False)
    starts_on = models.DateField()
    needed_tiyn = models.BigIntegerField()
    state = models.TextField()
    reason = models.TextField()
    asked_at = models.DateTimeField()
    until = models.DateField()
    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT, null=True, db_index=False)

    class Meta:
        db_table = "transfer_request"
        indexes = [models.Index(fields=["line", "id"], condition=Q(state="waiting"), name="transfer_request_queue")]
        constraints = [
            models.UniqueConstraint(
                fields=["voucher"], condition=Q(state="waiting"), name="transfer_request_one_per_voucher"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "withdrawn", "expired", "refused"], enrolment__isnull=True)
                | Q(state="done", enrolment__isnull=False),
                name="transfer_request_state",
            ),
            models.CheckConstraint(condition=Q(needed_tiyn__gt=0), name="transfer_request_needs_money"),
        ]


class TransferRequestHistory(models.Model):
    """Each step of a waiting transfer's life; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    transfer_request = models.ForeignKey(TransferRequest, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "transfer_request_history"
        constraints = [models.UniqueConstraint(fields=["transfer_request", "seq"], name="transfer_request_history_seq")]


class Parting(models.Model):
    """A word of one of two guardians that cannot be undone once done: it waits for the other (docs/rules/guardians.md).

    It stands while the voucher is in `voucher_state` with `enrolment`. `takes_on`: the day it is done by itself.
    pii: ids of a child's life; reads are audited. Retention: at least ten years; ids stay, nobody's once the person
    is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT)
    voucher_state = models.TextField()
    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT, null=True, db_index=False)
    guardian_id = models.BigIntegerField()
    kind = models.TextField()
    group = models.ForeignKey(ClubGroup, on_delete=models.PROTECT, null=True, db_index=False)
    on = models.DateField(null=True)
    reason = models.TextField(blank=True)
    waits = models.BooleanField(default=False)
    state = models.TextField()
    asked_at = models.DateTimeField()
    takes_on = models.DateField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.BigIntegerField(null=True)

    class Meta:
        db_table = "parting"
        indexes = [models.Index(fields=["programme", "takes_on"], condition=Q(state="waiting"), name="parting_due")]
        constraints = [
            models.UniqueConstraint(fields=["voucher"], condition=Q(state="waiting"), name="parting_one_per_voucher"),
            models.CheckConstraint(
                condition=Q(kind="leave", on__isnull=False, group=None)
                | Q(kind="move", on__isnull=False, group__isnull=False)
                | Q(kind="refuse", on=None, group=None, takes_on=None),
                name="parting_kind",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at=None)
                | Q(state__in=["done", "stopped", "over"], ended_at__isnull=False),
                name="parting_state",
            ),
        ]


class EnrolmentHistory(models.Model):
    """Each step of an enrolment's life; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT, db_index=False)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    cause = models.TextField()
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "enrolment_history"
        constraints = [models.UniqueConstraint(fields=["enrolment", "seq"], name="enrolment_history_seq")]
