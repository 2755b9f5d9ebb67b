"""Accounts, postings, entries (LEDGER.md). Lines and subjects are plain ids: the ledger knows nothing above it."""

from __future__ import annotations

from django.db import models


class LedgerAccount(models.Model):
    """One account, keyed by kind, budget line, subject (voucher, enrolment, claim, payment line, provider) and month.

    `balance_tiyn` is kept where LEDGER.md says "balance row" (credit side positive, never below zero), else null.
    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    kind = models.TextField()
    line_id = models.BigIntegerField()
    subject_id = models.BigIntegerField(default=0)
    month = models.DateField(null=True)
    balance_tiyn = models.BigIntegerField(null=True)

    class Meta:
        db_table = "ledger_account"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "line_id", "subject_id", "month"], nulls_distinct=False, name="ledger_account_key"
            ),
            models.CheckConstraint(condition=models.Q(balance_tiyn__gte=0), name="ledger_account_not_negative"),
        ]


class LedgerPosting(models.Model):
    """A cause (kind, business key; unique) that moved money; insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    cause_kind = models.TextField()
    cause_key = models.TextField()
    reverses = models.BigIntegerField(null=True)

    class Meta:
        db_table = "ledger_posting"
        constraints = [models.UniqueConstraint(fields=["cause_kind", "cause_key"], name="ledger_posting_cause_once")]


class LedgerEntry(models.Model):
    """One leg of a posting in tiyn; partitioned by month of `at`, insert-only. `line_id` repeats the account's line.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    posting_id = models.BigIntegerField()
    account_id = models.BigIntegerField()
    line_id = models.BigIntegerField()
    amount_tiyn = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "ledger_entry"
