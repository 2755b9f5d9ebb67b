"""Papers behind a claim: the act of services, its two signatures, the e-invoice, who may sign for whom."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from qosymsha.domain.people.models import Territory
from qosymsha.domain.programmes.models import Programme
from qosymsha.domain.providers.models import Provider
from qosymsha.domain.settlement.models.claims import Claim
from qosymsha.domain.settlement.states import ActState, InvoiceState, Side
from qosymsha.kernel.entropy import uuid4


class Signatory(models.Model):
    """Whose electronic signature a user's is: the IIN stands in `person_secret` under subject kind `signatory`.

    `basis` names the paper that gives the right to sign (an order, a power of attorney).
    no_pii: ids and a paper's number. Retention: ten years after the last signature, then the number is destroyed.
    """

    user_id = models.BigIntegerField(unique=True)
    basis = models.TextField()
    registered_by = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "signatory"


class ServiceAct(models.Model):
    """The act of services of a claim: signing → awaiting_invoice → checking → done, or refused.

    `content` is canonical JSON, frozen; both sides sign exactly these bytes, `hash` is their SHA-256.
    no_pii: numbers of children, never who. Retention: for ever: no person stands in it.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    number = models.TextField(unique=True)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, db_index=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT)
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT)
    customer_bin = models.CharField(max_length=12)
    amount_tiyn = models.BigIntegerField()
    content = models.BinaryField()
    hash = models.BinaryField()
    state = models.TextField()
    reason = models.TextField(blank=True)
    drawn_at = models.DateTimeField()

    class Meta:
        db_table = "service_act"
        constraints = [
            models.UniqueConstraint(fields=["id", "territory", "programme"], name="service_act_place"),
            models.UniqueConstraint(fields=["claim"], condition=~Q(state="refused"), name="service_act_one_live"),
            models.CheckConstraint(condition=Q(state__in=[s.value for s in ActState]), name="service_act_state"),
        ]


class ServiceActHistory(models.Model):
    """Each step of an act's life; insert-only.

    no_pii. Retention: for ever: no person stands in it.
    """

    service_act = models.ForeignKey(ServiceAct, on_delete=models.PROTECT)
    seq = models.IntegerField()
    from_state = models.TextField()
    to_state = models.TextField()
    reason = models.TextField(blank=True)
    at = models.DateTimeField()
    actor_id = models.BigIntegerField()

    class Meta:
        db_table = "service_act_history"
        constraints = [models.UniqueConstraint(fields=["service_act", "seq"], name="service_act_history_seq")]


class ActSignature(models.Model):
    """One side's signature of an act; insert-only. The CMS itself, which names a person, is a secret of this row.

    `content_hash` is what was signed, `signature_hash` names the CMS for ever (a replay is known by it).
    no_pii: ids and a certificate's number. Retention: ten years, then the signature itself is destroyed; its hash
    stays.
    """

    service_act = models.ForeignKey(ServiceAct, on_delete=models.PROTECT, db_index=False)
    side = models.TextField()
    user_id = models.BigIntegerField()
    content_hash = models.BinaryField()
    signature_hash = models.BinaryField(unique=True)
    certificate = models.TextField()
    issuer = models.TextField()
    is_legal = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        db_table = "act_signature"
        constraints = [
            models.UniqueConstraint(fields=["service_act", "side"], name="act_signature_side_once"),
            models.UniqueConstraint(fields=["service_act", "user_id"], name="act_signature_two_people"),
            models.CheckConstraint(condition=Q(side__in=[s.value for s in Side]), name="act_signature_side"),
        ]


class EInvoice(models.Model):
    """The number of an electronic invoice (ЭСФ) of an act: recorded by the provider, then accepted or rejected.

    A sole trader's e-invoice number holds an IIN: here it stands masked, whole in `person_secret` (kind `einvoice`).
    no_pii: see above. Retention: ten years, then the whole number is destroyed; the masked one stays.
    """

    service_act = models.ForeignKey(ServiceAct, on_delete=models.PROTECT, db_index=False)
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, db_index=False)
    number = models.TextField()
    lookup = models.BinaryField()
    issued_on = models.DateField()
    amount_tiyn = models.BigIntegerField()
    state = models.TextField()
    reason = models.TextField(blank=True)
    recorded_by = models.BigIntegerField()
    recorded_at = models.DateTimeField()
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "e_invoice"
        constraints = [
            models.UniqueConstraint(fields=["provider", "lookup"], name="e_invoice_number_once"),
            models.UniqueConstraint(fields=["service_act"], condition=~Q(state="rejected"), name="e_invoice_one_live"),
            models.CheckConstraint(condition=Q(state__in=[s.value for s in InvoiceState]), name="e_invoice_state"),
            models.CheckConstraint(
                condition=Q(state="recorded") | Q(decided_by__isnull=False, decided_at__isnull=False),
                name="e_invoice_decided_by_somebody",
            ),
        ]
