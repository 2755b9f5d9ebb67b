"""How a person proves anew who they are: codes, apps, tries."""

from __future__ import annotations

from django.db import models

from qosymsha.domain.people.models.persons import User


class OneTimeCode(models.Model):
    """A code sent to a person's phone: only its keyed hash is kept, with its end, its tries and its one use.

    no_pii: ids and a keyed hash. Retention: thirty days.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT)
    code_hash = models.BinaryField()
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    tries = models.SmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "one_time_code"
        indexes = [models.Index(fields=["user", "-made_at"], name="one_time_code_latest")]


class SecondFactor(models.Model):
    """An authenticator app (`totp`) of an official; its secret stands in `person_secret`, kind `second_factor`.

    `last_step` is the last 30-second step whose code was used: none counts twice.

    no_pii: ids. Retention: with the user: then its secret is destroyed.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT)
    kind = models.TextField()
    added_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0)

    class Meta:
        db_table = "second_factor"
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind"],
                condition=models.Q(ended_at=None, confirmed_at__isnull=False),
                name="second_factor_one_in_use",
            ),
            models.CheckConstraint(condition=models.Q(kind__in=["totp"]), name="second_factor_kind"),
        ]


class StrongTry(models.Model):
    """A try of a second factor, passed or not: what the limit on failures counts.

    no_pii: ids. Retention: thirty days.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT)
    way = models.TextField()
    at = models.DateTimeField()
    passed = models.BooleanField()

    class Meta:
        db_table = "strong_try"
        indexes = [models.Index(fields=["user", "-at"], name="strong_try_latest")]
