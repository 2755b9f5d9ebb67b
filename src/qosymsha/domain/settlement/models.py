"""Claims and their rows, approvals, payment files and lines, the bank's replies, closed months."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.people.models import Territory
from qosymsha.domain.programmes.models import BudgetLine, Programme, RuleSet
from qosymsha.domain.providers.models import Contract, Provider
from qosymsha.kernel.entropy import uuid4


class Claim(models.Model):
    """What a provider earned in a month under a contract: drawn → approved → in_file → paid | held | reversed.

    `formula` says in words and numbers how the amount came about. no_pii. Retention: ten years.
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
    drawn_at = models.DateTimeField()
    iban = models.TextField(blank=True)

    class Meta:
        db_table = "claim"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="claim_place"),
            models.UniqueConstraint(
                fields=["contract", "month"], condition=~Q(state="reversed"), name="claim_once_per_contract_and_month"
            ),
        ]


class ClaimRow(models.Model):
    """One child's part of a claim: payable units × tariff, rounded once.

    no_pii: ids. Retention: ten years.
    """

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT)
    sheet_row = models.ForeignKey(SheetRow, on_delete=models.PROTECT)
    enrolment_id = models.BigIntegerField()
    units = models.IntegerField()
    unit_tariff_tiyn = models.BigIntegerField()
    amount_tiyn = models.BigIntegerField()

    class Meta:
        db_table = "claim_row"
        constraints = [models.UniqueConstraint(fields=["claim", "sheet_row"], name="claim_row_once")]


class Approval(models.Model):
    """One official's yes to a claim: `approve`, then `release` by somebody else; insert-only.

    no_pii: ids. Retention: ten years.
    """

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT)
    step = models.TextField()
    user_id = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "claim_approval"
        constraints = [
            models.UniqueConstraint(fields=["claim", "step"], name="claim_approval_step_once"),
            models.UniqueConstraint(fields=["claim", "user_id"], name="claim_approval_two_people"),
        ]


class PaymentFile(models.Model):
    """A pain.001 file: drawn → sent → answered; its content hash is recorded before it leaves.

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

    class Meta:
        db_table = "payment_file"
        constraints = [models.UniqueConstraint(fields=["id", "territory", "programme"], name="payment_file_place")]


class PaymentLine(models.Model):
    """One line per claim in a file, bank details frozen at approval: sent → accepted | rejected | returned.

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
                fields=["claim"], condition=Q(state__in=["sent", "accepted"]), name="payment_line_once_per_claim"
            ),
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
