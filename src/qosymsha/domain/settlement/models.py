"""Claims and their rows, approvals, payment files and lines, the bank's replies, closed months and years."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.people.models import Territory
from qosymsha.domain.programmes.models import BudgetLine, Programme, RuleSet
from qosymsha.domain.providers.models import Contract, Provider
from qosymsha.domain.settlement.states import LIVE_LINE, ClaimState, FileState, LineState
from qosymsha.kernel.entropy import uuid4


class Claim(models.Model):
    """What a provider earned in a month under a contract: drawn → approved → in_file → paid | held | reversed.

    `formula` says in words and numbers how the amount came about. `iban` is frozen at approval; `turn` counts from 1
    and grows when a claim comes back (other bank details, a rejection): each turn needs its own approvals.
    no_pii. Retention: ten years.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT)
    line = models.ForeignKey(BudgetLine, on_delete=models.PROTECT, db_index=False)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, db_index=False)
    month = models.DateField()
    units = models.IntegerField()
    amount_tiyn = models.BigIntegerField()
    formula = models.JSONField()
    hash = models.BinaryField()
    state = models.TextField()
    reason = models.TextField(blank=True)
    drawn_at = models.DateTimeField()
    iban = models.TextField(blank=True)
    turn = models.IntegerField(default=1)

    class Meta:
        db_table = "claim"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=[s.value for s in ClaimState]), name="claim_state"),
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="claim_place"),
            models.UniqueConstraint(
                fields=["contract", "month"], condition=~Q(state="reversed"), name="claim_once_per_contract_and_month"
            ),
        ]


class ClaimRow(models.Model):
    """One child's part of a claim: payable units × tariff, rounded once. Live until its claim is reversed.

    no_pii: ids. Retention: ten years.
    """

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, db_index=False)
    sheet_row = models.ForeignKey(SheetRow, on_delete=models.PROTECT, db_index=False)
    enrolment_id = models.BigIntegerField()
    units = models.IntegerField()
    unit_tariff_tiyn = models.BigIntegerField()
    amount_tiyn = models.BigIntegerField()
    live = models.BooleanField(default=True)

    class Meta:
        db_table = "claim_row"
        constraints = [
            models.UniqueConstraint(fields=["claim", "sheet_row"], name="claim_row_once"),
            models.UniqueConstraint(fields=["sheet_row"], condition=Q(live=True), name="claim_row_in_one_live_claim"),
            models.CheckConstraint(condition=Q(amount_tiyn__gte=0, units__gte=0), name="claim_row_not_negative"),
        ]


class Approval(models.Model):
    """One official's yes to a claim in a turn: `approve` (`approve_2`… by band), then somebody else's `release`.

    Insert-only.

    no_pii: ids. Retention: ten years.
    """

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, db_index=False)
    turn = models.IntegerField()
    step = models.TextField()
    user_id = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "claim_approval"
        constraints = [
            models.UniqueConstraint(fields=["claim", "turn", "step"], name="claim_approval_step_once"),
            models.UniqueConstraint(fields=["claim", "turn", "user_id"], name="claim_approval_two_people"),
        ]


class PaymentFile(models.Model):
    """A pain.001 file: drawn → sent → answered; its hash is recorded before it leaves, the receipt when it arrived.

    no_pii. Retention: ten years.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    state = models.TextField()
    content = models.BinaryField()
    content_hash = models.BinaryField(unique=True)
    total_tiyn = models.BigIntegerField()
    drawn_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    receipt = models.TextField(blank=True)

    class Meta:
        db_table = "payment_file"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="payment_file_place"),
            models.CheckConstraint(condition=Q(state__in=[s.value for s in FileState]), name="payment_file_state"),
        ]


class PaymentLine(models.Model):
    """One line per claim in a file, bank details frozen at approval: drawn → sent → accepted | rejected | returned.

    no_pii: a provider's account number. Retention: ten years.
    """

    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    file = models.ForeignKey(PaymentFile, on_delete=models.PROTECT)
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT)
    end_to_end_id = models.TextField(unique=True)
    iban = models.TextField()
    amount_tiyn = models.BigIntegerField()
    state = models.TextField()

    class Meta:
        db_table = "payment_line"
        constraints = [
            models.UniqueConstraint(
                fields=["claim"], condition=Q(state__in=LIVE_LINE), name="payment_line_once_per_claim"
            ),
            models.CheckConstraint(condition=Q(state__in=[s.value for s in LineState]), name="payment_line_state"),
            models.CheckConstraint(condition=Q(amount_tiyn__gt=0), name="payment_line_positive"),
        ]


class BankReply(models.Model):
    """What the treasury said, keyed by its own reference: applied once however often it comes; insert-only.

    no_pii. Retention: ten years.
    """

    reference = models.TextField(unique=True)
    end_to_end_id = models.TextField()
    status = models.TextField()
    amount_tiyn = models.BigIntegerField()
    reason = models.TextField(blank=True)
    outcome = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "bank_reply"


class ClosedMonth(models.Model):
    """A month closed by hash: the digest of its claims and of the ledger's balances; insert-only.

    no_pii. Retention: ten years.
    """

    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT)
    month = models.DateField()
    hash = models.BinaryField()
    summary = models.JSONField()
    closed_at = models.DateTimeField()
    closed_by = models.BigIntegerField()

    class Meta:
        db_table = "closed_month"
        constraints = [models.UniqueConstraint(fields=["programme", "month"], name="closed_month_once")]


class ClosedYear(models.Model):
    """A budget year closed at its cut-off: what lapsed, and the named decision on December's places; insert-only.

    no_pii. Retention: ten years.
    """

    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT)
    year = models.IntegerField()
    december = models.TextField()
    decision = models.TextField()
    hash = models.BinaryField()
    summary = models.JSONField()
    closed_at = models.DateTimeField()
    closed_by = models.BigIntegerField()

    class Meta:
        db_table = "closed_year"
        constraints = [models.UniqueConstraint(fields=["programme", "year"], name="closed_year_once")]
