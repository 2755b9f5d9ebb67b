"""Passkeys, the questions put to them, recovery codes."""

from __future__ import annotations

from django.db import models

from qosymsha.domain.people.models import User
from qosymsha.kernel.entropy import uuid4


class Passkey(models.Model):
    """A passkey of an official: its public part only, the private one never leaves the person's device.

    `credential` is WebAuthn's attested credential data (device, id, public key); `stopped_at`: a copy was seen.

    no_pii: ids and a public key; the name is what its owner calls a device. Retention: with the user.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    user = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False)
    credential_id = models.BinaryField(unique=True)
    credential = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    name = models.CharField(max_length=60)
    added_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "passkey"
        indexes = [models.Index(fields=["user"], condition=models.Q(ended_at=None), name="passkey_in_use")]
        constraints = [models.CheckConstraint(condition=models.Q(sign_count__gte=0), name="passkey_count")]


class PasskeyQuestion(models.Model):
    """A question (challenge) put to a browser: for one person, one purpose, one visit; answered once, and soon.

    no_pii: ids and random bytes; the visit as a keyed hash. Retention: thirty days.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False)
    purpose = models.TextField()
    visit = models.BinaryField()
    challenge = models.BinaryField()
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "passkey_question"
        indexes = [models.Index(fields=["user", "purpose", "-asked_at"], name="passkey_question_latest")]
        constraints = [
            models.CheckConstraint(condition=models.Q(purpose__in=["add", "prove"]), name="passkey_question_purpose")
        ]


class RecoveryCode(models.Model):
    """A code on paper for the day when every device is lost: a keyed hash, one use; a fresh set ends the old one.

    no_pii: ids and a keyed hash. Retention: with the user.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT)
    code_hash = models.BinaryField()
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "recovery_code"
        constraints = [models.UniqueConstraint(fields=["user", "code_hash"], name="recovery_code_once")]
