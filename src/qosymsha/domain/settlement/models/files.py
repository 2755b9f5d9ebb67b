"""Payment files and their lines, and what the bank said of them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.people.models import Territory
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.settlement.models.claims import Claim
from qosymsha.domain.settlement.states import LIVE_LINE, FileState, LineState
from qosymsha.kernel.entropy import uuid4


class PaymentFile(models.Model):
    """A pain.001 file: drawn → sent → answered; its hash is recorded before it leaves, the receipt when it arrived.

    `signature`: Ed25519 over the content, by the key whose public part is `signed_by`.

    no_pii. Retention: for ever; a sole trader's account number stays in it.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    state = models.TextField()
    content = models.BinaryField()
    content_hash = models.BinaryField(unique=True)
    signature = models.BinaryField(null=True)
    signed_by = models.BinaryField(null=True)
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

    no_pii: a provider's account number. Retention: for ever; a sole trader's account number stays in it.
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

    `file_number` is the payment file the word says it is about ("" where it says nothing).

    no_pii. Retention: for ever: no person stands in it.
    """

    reference = models.TextField(unique=True)
    end_to_end_id = models.TextField()
    status = models.TextField()
    amount_tiyn = models.BigIntegerField()
    currency = models.TextField(default="KZT")
    file_number = models.TextField(default="")
    reason = models.TextField(blank=True)
    outcome = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "bank_reply"


class ReplyDecision(models.Model):
    """An official's decision on a held reply, with the paper it rests on; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    reply = models.OneToOneField(BankReply, on_delete=models.PROTECT)
    choice = models.TextField()
    line = models.ForeignKey(PaymentLine, null=True, on_delete=models.PROTECT)
    basis = models.TextField()
    user_id = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "reply_decision"
        constraints = [
            models.CheckConstraint(
                condition=Q(choice="dismiss", line__isnull=True) | Q(choice="apply", line__isnull=False),
                name="reply_decision_choice",
            )
        ]
