"""What a family and a provider sign, and the papers that a place asks for."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.people.models import Child, Territory
from qosymsha.domain.programmes.models import Programme, RuleSet
from qosymsha.domain.providers.models import Provider
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.kernel.entropy import uuid4


class FamilyContract(models.Model):
    """The contract of a place: its content frozen and hashed when drawn; a template with a version and hash.

    `content` is canonical JSON that names the child by its outside id; names stand on the printed paper alone.
    pii: ids of a child's life; reads are audited. Retention: at least ten years; ids stay, nobody's once the person
    is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    enrolment = models.OneToOneField(Enrolment, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, db_index=False)
    template = models.TextField()
    template_hash = models.BinaryField()
    content = models.BinaryField()
    hash = models.BinaryField()
    charge_tiyn = models.BigIntegerField()
    state = models.TextField()
    drawn_at = models.DateTimeField()
    sign_by = models.DateField()
    reminded_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "family_contract"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="family_contract_place"),
            models.CheckConstraint(
                condition=Q(state__in=["open", "signed"], charge_tiyn__gte=0), name="family_contract_state"
            ),
        ]


class FamilyContractSignature(models.Model):
    """One side's signature: who, by which proof of identity, over which hash; insert-only.

    no_pii: ids of accounts. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    contract = models.ForeignKey(FamilyContract, on_delete=models.PROTECT, db_index=False)
    side = models.TextField()
    user_id = models.BigIntegerField()
    guardian_id = models.BigIntegerField(null=True)
    content_hash = models.BinaryField()
    proof_at = models.DateTimeField()
    proof_way = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "family_contract_signature"
        constraints = [
            models.UniqueConstraint(fields=["contract", "side"], name="family_contract_signed_once"),
            models.CheckConstraint(
                condition=Q(side="family", guardian_id__isnull=False) | Q(side="provider", guardian_id__isnull=True),
                name="family_contract_signature_side",
            ),
        ]


class EnrolmentPaper(models.Model):
    """A paper of a child for a provider: which, from when to when; its number stands in the table of secrets.

    What the paper says of a child's health is written nowhere. `document_id`: a sealed scan, where one was brought.
    pii: that a child has a paper; reads are audited. Retention: with the child: then its number is destroyed, the
    ids stay, nobody's.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    enrolment = models.ForeignKey(Enrolment, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, db_index=False)
    code = models.TextField()
    issued_on = models.DateField()
    valid_until = models.DateField(null=True)
    document_id = models.BigIntegerField(null=True)
    state = models.TextField()
    reason = models.TextField(blank=True)
    by_user = models.BigIntegerField()
    at = models.DateTimeField()
    checked_by = models.BigIntegerField(null=True)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "enrolment_paper"
        indexes = [models.Index(fields=["provider", "child", "code"], name="enrolment_paper_of")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["given", "seen", "returned"]) & (~Q(state="returned") | ~Q(reason="")),
                name="enrolment_paper_state",
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=models.F("issued_on")),
                name="enrolment_paper_days",
            ),
        ]
