"""Territories, departments, users, guardians, children and the one table of secrets: names stand only there."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from qosymsha.kernel.entropy import uuid4


class Territory(models.Model):
    """A node of the KATO classifier, dated. Never keyed by name: `Almaty` names a city, a region and a district.

    no_pii. Retention: for ever.
    """

    kato = models.CharField(max_length=9)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT)
    kind = models.TextField()
    name_kk = models.TextField()
    name_ru = models.TextField()
    name_en = models.TextField(blank=True)
    sort_kk = models.TextField(default="")
    valid = DateRangeField()

    class Meta:
        db_table = "territory"
        constraints = [
            ExclusionConstraint(
                name="territory_kato_once_at_a_time",
                expressions=[("kato", RangeOperators.EQUAL), ("valid", RangeOperators.OVERLAPS)],
            )
        ]


class Department(models.Model):
    """A department of an akimat (education, sport, culture): owns kinds, budget lines and approvals.

    no_pii. Retention: for ever.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT)
    code = models.TextField()
    name_kk = models.TextField()
    name_ru = models.TextField()
    name_en = models.TextField(blank=True)

    class Meta:
        db_table = "department"
        constraints = [models.UniqueConstraint(fields=["territory", "code"], name="department_code_once")]


class User(AbstractBaseUser):
    """Somebody who signs in through the identity provider; `subject` is its identifier, no password is kept.

    pii: the subject identifier. Retention: five years after the last right ended.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    subject = models.TextField(unique=True)
    language = models.CharField(max_length=2, default="kk")
    is_active = models.BooleanField(default=True)

    objects = BaseUserManager["User"]()
    USERNAME_FIELD = "subject"

    class Meta:
        db_table = "app_user"


class Membership(models.Model):
    """A role of a user with its scope and its days: a right is this row, valid today.

    no_pii: ids. Retention: five years after its end.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT)
    role = models.TextField()
    territory = models.ForeignKey(Territory, null=True, on_delete=models.PROTECT)
    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT)
    provider_id = models.BigIntegerField(null=True)
    valid = DateRangeField()

    class Meta:
        db_table = "membership"


class Guardian(models.Model):
    """A guardian as the programme knows one: an id, a language; the person is in `person_secret`.

    no_pii: ids. Retention: with the last child's record.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    user = models.OneToOneField(User, null=True, on_delete=models.PROTECT)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    language = models.CharField(max_length=2, default="kk")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "guardian"


class Child(models.Model):
    """A child: an id, a home district; the person is in `person_secret`.

    no_pii: ids. Retention: five years after the last voucher closed, then the secrets row is destroyed.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, related_name="+", db_index=False)
    home = models.ForeignKey(Territory, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "child"


class Guardianship(models.Model):
    """Guardian ↔ child, proved by a registry, with its days. Its end ends access at once.

    no_pii: ids. Retention: with the child's record.
    """

    guardian = models.ForeignKey(Guardian, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    kind = models.TextField()
    evidence = models.TextField()
    valid = DateRangeField()

    class Meta:
        db_table = "guardianship"
        constraints = [
            ExclusionConstraint(
                name="guardianship_once_at_a_time",
                expressions=[
                    ("guardian", RangeOperators.EQUAL),
                    ("child", RangeOperators.EQUAL),
                    ("valid", RangeOperators.OVERLAPS),
                ],
            )
        ]


class PersonSecret(models.Model):
    """The one table of secrets: AES-GCM over a JSON of names, birth date, phone, IIN, or a ticket and salt.

    `lookup` is the keyed hash of the IIN (unique per subject kind), `name_tokens` keyed hashes of folded name words.
    pii: everything. Retention: erasing a person is deleting this row.
    """

    subject_kind = models.TextField()
    subject_id = models.BigIntegerField()
    key_id = models.TextField()
    nonce = models.BinaryField()
    ciphertext = models.BinaryField()
    lookup = models.BinaryField(null=True)
    name_tokens = ArrayField(models.BinaryField(), default=list)

    class Meta:
        db_table = "person_secret"
        constraints = [
            models.UniqueConstraint(fields=["subject_kind", "subject_id"], name="person_secret_subject_once"),
            models.UniqueConstraint(fields=["subject_kind", "lookup"], name="person_secret_lookup_once"),
        ]
        indexes = [GinIndex(fields=["name_tokens"], name="person_secret_names")]


class ChildStatus(models.Model):
    """A social category of a child as a register or an officer certified it, with validity and raw evidence id.

    pii: a social status (restricted: the officer who checks and the guardian behind step-up). Retention: five years.
    """

    child = models.ForeignKey(Child, on_delete=models.PROTECT)
    category = models.TextField()
    source = models.TextField()
    evidence = models.TextField()
    state = models.TextField()
    valid = DateRangeField()
    certified_at = models.DateTimeField()
    certified_by = models.BigIntegerField()

    class Meta:
        db_table = "child_status"
        constraints = [
            models.UniqueConstraint(
                fields=["child", "category", "source"],
                condition=models.Q(state="certified"),
                name="child_status_one_word_of_a_source",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["certified", "superseded"]), name="child_status_state"
            ),
        ]


class Consent(models.Model):
    """A consent of a guardian for a purpose, and its withdrawal.

    no_pii: ids. Retention: five years after withdrawal.
    """

    guardian = models.ForeignKey(Guardian, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, null=True, on_delete=models.PROTECT)
    purpose = models.TextField()
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "consent"


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

    no_pii: ids. Retention: five years after it ended.
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


class NumberMiss(models.Model):
    """A typed number that a registry did not prove: what the limit on guessing counts. The number is not kept.

    no_pii: ids. Retention: thirty days.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT)
    at = models.DateTimeField()

    class Meta:
        db_table = "number_miss"
        indexes = [models.Index(fields=["user", "-at"], name="number_miss_latest")]


class ReadingDay(models.Model):
    """How many children's records an account has read on a day, how many more were granted, when it was stopped.

    Written by the SQL function `reading_spend` and by grants. no_pii: ids. Retention: one year.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT)
    on = models.DateField()
    children = models.IntegerField(db_default=0)
    granted = models.IntegerField(db_default=0)
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "reading_day"
        constraints = [
            models.UniqueConstraint(fields=["user", "on"], name="reading_day_once"),
            models.CheckConstraint(condition=models.Q(children__gte=0, granted__gte=0), name="reading_day_counts"),
        ]


class ReadChild(models.Model):
    """Which children an account has read on a day, so that one read twice counts once.

    no_pii: ids. Retention: thirty days (the audit holds every read).
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False)
    on = models.DateField()
    child_id = models.BigIntegerField()

    class Meta:
        db_table = "read_child"
        constraints = [models.UniqueConstraint(fields=["user", "on", "child_id"], name="read_child_once")]


class ReadingGrant(models.Model):
    """More children for an account today, by a second person, with the reason: two names.

    no_pii: ids and an official's reason. Retention: five years.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    on = models.DateField()
    children = models.IntegerField()
    reason = models.TextField()
    granted_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        db_table = "reading_grant"
        constraints = [
            models.CheckConstraint(condition=~models.Q(user=models.F("granted_by")), name="reading_grant_two_people"),
            models.CheckConstraint(condition=models.Q(children__gt=0), name="reading_grant_more"),
        ]


class Honeytoken(models.Model):
    """A child whom nobody has a reason to read: only a keyed hash of its id, so that the table names no child.

    no_pii: a keyed hash. Retention: while it is laid out.
    """

    mark = models.BinaryField(unique=True)
    laid_at = models.DateTimeField()

    class Meta:
        db_table = "honeytoken"


class SecurityEvent(models.Model):
    """Something a person must look at: a honeytoken read, an account stopped. Insert-only.

    no_pii: ids. Retention: five years.
    """

    at = models.DateTimeField()
    kind = models.TextField()
    user_id = models.BigIntegerField()
    subject_ids = models.JSONField()

    class Meta:
        db_table = "security_event"
        indexes = [models.Index(fields=["-at"], name="security_event_latest")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["honeytoken_read", "reading_stopped", "guessing_stopped"]),
                name="security_event_kind",
            )
        ]
