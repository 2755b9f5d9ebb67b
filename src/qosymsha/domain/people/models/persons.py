"""Territories, departments, users, guardians, children and the one table of secrets: names stand only there."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateRangeField, RangeOperators
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from qosymsha.domain.people.states import ConsentWay, Purpose
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

    pii: the subject identifier. Retention: five years after the last right ended; a guardian's with the guardian:
    then `subject` names nobody.
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

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT)
    role = models.TextField()
    territory = models.ForeignKey(Territory, null=True, on_delete=models.PROTECT)
    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT)
    provider_id = models.BigIntegerField(null=True)
    valid = DateRangeField()

    class Meta:
        db_table = "membership"


class RoleProposal(models.Model):
    """A powerful role that one operator proposes and another gives or refuses: proposed → given | refused.

    no_pii: ids. Retention: at least ten years; ids stay, nobody's once the person is erased.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.TextField()
    territory = models.ForeignKey(Territory, null=True, on_delete=models.PROTECT, related_name="+")
    department = models.ForeignKey(Department, null=True, on_delete=models.PROTECT, related_name="+")
    first = models.DateField()
    last = models.DateField(null=True)
    state = models.TextField(default="proposed")
    proposed_by = models.BigIntegerField()
    proposed_at = models.DateTimeField()
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "role_proposal"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="proposed", decided_by=None)
                | models.Q(state__in=["given", "refused"], decided_by__isnull=False, decided_at__isnull=False),
                name="role_proposal_state",
            ),
            models.CheckConstraint(
                condition=~models.Q(decided_by=models.F("proposed_by")), name="role_proposal_two_people"
            ),
            models.CheckConstraint(
                condition=~models.Q(user=models.F("proposed_by")) & ~models.Q(user=models.F("decided_by")),
                name="role_proposal_not_oneself",
            ),
        ]


class Guardian(models.Model):
    """A guardian as the programme knows one: an id, a language; the person is in `person_secret`.

    With a `child` it is that child's own account: no guardian, no secret of its own (the person is the child's).
    no_pii: ids. Retention: with the last child's record.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    user = models.OneToOneField(User, null=True, on_delete=models.PROTECT)
    territory = models.ForeignKey(Territory, on_delete=models.PROTECT, db_index=False)
    language = models.CharField(max_length=2, default="kk")
    created_at = models.DateTimeField()
    child = models.ForeignKey("Child", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        db_table = "guardian"
        constraints = [
            models.UniqueConstraint(
                fields=["child"], condition=models.Q(child__isnull=False), name="guardian_of_oneself_once"
            )
        ]


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

    no_pii: ids. Retention: with the child's record: then ids of nobody, `evidence` blank.
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

    pii: a social status (restricted: the officer who checks and the guardian behind step-up). Retention: with the
    child: deleted when it is erased.
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
    """A consent of a guardian for a purpose, for oneself or for a child, how it was given, and its withdrawal.

    A no without any yes before is a row of way `none`, withdrawn at its first instant.

    no_pii: ids. Retention: five years after withdrawal, or with the person; the last word stays while the person does.
    """

    guardian = models.ForeignKey(Guardian, on_delete=models.PROTECT)
    child = models.ForeignKey(Child, null=True, on_delete=models.PROTECT)
    purpose = models.TextField()
    way = models.TextField(db_default=ConsentWay.CARRIED.value)
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "consent"
        constraints = [
            models.CheckConstraint(condition=models.Q(purpose__in=[p.value for p in Purpose]), name="consent_purpose"),
            models.CheckConstraint(condition=models.Q(way__in=[w.value for w in ConsentWay]), name="consent_way"),
            models.CheckConstraint(
                condition=models.Q(withdrawn_at=None) & ~models.Q(way=ConsentWay.NONE.value)
                | models.Q(withdrawn_at__isnull=False, withdrawn_at__gte=models.F("given_at")),
                name="consent_in_order",
            ),
            models.UniqueConstraint(
                fields=["guardian", "child", "purpose"],
                condition=models.Q(withdrawn_at=None),
                nulls_distinct=False,
                name="consent_stands_once",
            ),
        ]


class NoticePreference(models.Model):
    """Whether a user wants notices by a channel; the user's own word, the row of `app` says that there was one.

    The e-mail address stands in `person_secret`, kind `notice_email`. no_pii: ids. Retention: with the user.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False)
    channel = models.TextField()
    is_wanted = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        db_table = "notice_preference"
        constraints = [
            models.UniqueConstraint(fields=["user", "channel"], name="notice_preference_once"),
            models.CheckConstraint(
                condition=models.Q(channel__in=["app", "email", "sms", "push"]), name="notice_preference_channel"
            ),
            models.CheckConstraint(
                condition=~models.Q(channel="app") | models.Q(is_wanted=True), name="notice_preference_app_stays"
            ),
        ]
