"""Claims and their rows, approvals, closed months and years."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.people.models import Territory
from qosymsha.domain.programmes.models import BudgetLine, Programme, RuleSet
from qosymsha.domain.providers.models import Contract, Provider
from qosymsha.domain.settlement.states import ClaimState
from qosymsha.kernel.entropy import uuid4


class Claim(models.Model):
    """What a provider earned in a month under a contract: drawn → approved → in_file → paid | held | reversed.

    `formula` says in words and numbers how the amount came about. `iban` is frozen at approval; `turn` counts from 1
    and grows when a claim comes back (other bank details, a rejection): each turn needs its own approvals.
    `offset_tiyn` is kept back for what the provider owes: the payment is the amount less it.
    no_pii. Retention: for ever; a sole trader's account number stays in it.
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
    offset_tiyn = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "claim"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=[s.value for s in ClaimState]), name="claim_state"),
            models.CheckConstraint(
                condition=Q(offset_tiyn=0) | Q(offset_tiyn__gt=0, offset_tiyn__lt=models.F("amount_tiyn")),
                name="claim_offset_leaves_something",
            ),
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="claim_place"),
            models.UniqueConstraint(
                fields=["contract", "month"], condition=~Q(state="reversed"), name="claim_once_per_contract_and_month"
            ),
        ]


class ClaimRow(models.Model):
    """One part of what a child's sheet row is paid. Live until its claim is reversed; live parts count from 1 upwards.

    `due_tiyn` is what the row was due in all by the facts of that day (`present` payable units, `waiting` ones, paid
    absences `proved` by paper), `claimed_tiyn` what earlier parts had claimed of it less what was clawed back; the
    amount is the difference, never below zero. `kept_tiyn` stayed on the place for the waiting units.
    Its keys are asked once per statement (`kernel.schema.belongs`): the enrolment is its sheet row's.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    sheet_row = models.ForeignKey(SheetRow, on_delete=models.PROTECT, db_index=False, db_constraint=False)
    part = models.IntegerField(default=1, db_default=1)
    enrolment_id = models.BigIntegerField()
    units = models.IntegerField()
    unit_tariff_tiyn = models.BigIntegerField()
    amount_tiyn = models.BigIntegerField()
    due_tiyn = models.BigIntegerField()
    claimed_tiyn = models.BigIntegerField(default=0, db_default=0)
    kept_tiyn = models.BigIntegerField(default=0, db_default=0)
    present = models.IntegerField()
    waiting = models.IntegerField(default=0, db_default=0)
    proved = models.IntegerField(default=0, db_default=0)
    live = models.BooleanField(default=True)

    class Meta:
        db_table = "claim_row"
        constraints = [
            models.UniqueConstraint(fields=["claim", "sheet_row"], name="claim_row_once"),
            models.UniqueConstraint(fields=["sheet_row", "part"], condition=Q(live=True), name="claim_row_part_once"),
            models.CheckConstraint(
                condition=Q(amount_tiyn__gte=0, units__gte=0, kept_tiyn__gte=0, part__gte=1),
                name="claim_row_not_negative",
            ),
        ]


class ClaimInput(models.Model):
    """The frozen input of a claim, canonical JSON: drawn again from it, a claim has the same bytes; insert-only.

    no_pii: ids and counts. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    claim = models.OneToOneField(Claim, primary_key=True, on_delete=models.PROTECT)
    content = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        db_table = "claim_input"


class Approval(models.Model):
    """One official's yes to a claim in a turn: `approve` (`approve_2`… by band), then somebody else's `release`.

    Insert-only.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
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


class ClosedMonth(models.Model):
    """A month closed by hash: the digest of its claims and of the ledger's balances; insert-only.

    no_pii. Retention: for ever: no person stands in it.
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

    no_pii. Retention: for ever: no person stands in it.
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


class CarriedLine(models.Model):
    """Places of a closed year that were promised again: from the closed line's year on they stand on the next line.

    Insert-only.

    no_pii. Retention: for ever: no person stands in it.
    """

    line = models.OneToOneField(BudgetLine, primary_key=True, on_delete=models.PROTECT)
    next_line = models.ForeignKey(BudgetLine, on_delete=models.PROTECT, related_name="+", db_index=False)
    closed_year = models.ForeignKey(ClosedYear, on_delete=models.PROTECT, db_index=False)

    class Meta:
        db_table = "carried_line"


class MoneyDay(models.Model):
    """Where each tenge of a programme was on a day, tied to its documents; `differences` must be 0; insert-only.

    no_pii: sums and ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    programme = models.ForeignKey(Programme, on_delete=models.PROTECT)
    day = models.DateField()
    at = models.DateTimeField()
    hash = models.BinaryField()
    summary = models.JSONField()
    differences = models.IntegerField()

    class Meta:
        db_table = "money_day"
        constraints = [models.UniqueConstraint(fields=["programme", "day"], name="money_day_once")]
