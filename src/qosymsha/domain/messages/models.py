"""Notices, their deliveries, what a person chose of them, and how each way stands."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from qosymsha.domain.messages.states import DeliveryState, Door
from qosymsha.domain.people.models import Guardian, User
from qosymsha.domain.people.states import Channel
from qosymsha.kernel.entropy import uuid4


class Notice(models.Model):
    """News as one person is told it: a guardian, or a user of a provider or of the office.

    `occasion` is the news' business key (kind, matter, instant): one notice for a person and an occasion, whatever
    runs twice. `matters` are ids of the rows it is about, of the kind that the table of topics names. `due_at` is when
    it is too late to act.
    no_pii: ids, never a name or a category. Retention: `keep_until`, 400 days by the rules.
    """

    uuid = models.UUIDField(unique=True, default=uuid4)
    door = models.TextField()
    guardian = models.ForeignKey(Guardian, null=True, on_delete=models.PROTECT, db_index=False)
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, db_index=False)
    provider_id = models.BigIntegerField(null=True)
    kind = models.TextField()
    occasion = models.TextField()
    matters = ArrayField(models.BigIntegerField())
    child_ids = ArrayField(models.BigIntegerField(), default=list)
    told_at = models.DateTimeField()
    made_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    keep_until = models.DateField()

    class Meta:
        db_table = "notice"
        indexes = [
            models.Index(
                fields=["guardian", "-told_at"], condition=Q(guardian__isnull=False), name="notice_of_guardian"
            ),
            models.Index(fields=["user", "-told_at"], condition=Q(user__isnull=False), name="notice_of_user"),
            models.Index(fields=["keep_until"], name="notice_keep_until"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["guardian", "occasion"], condition=Q(guardian__isnull=False), name="notice_once_guardian"
            ),
            models.UniqueConstraint(
                fields=["user", "occasion"], condition=Q(user__isnull=False), name="notice_once_user"
            ),
            models.CheckConstraint(
                condition=Q(door=Door.FAMILY.value, guardian__isnull=False, user=None)
                | Q(door__in=[Door.PROVIDER.value, Door.OFFICE.value], guardian=None, user__isnull=False),
                name="notice_for_one_person",
            ),
        ]


class NoticeDelivery(models.Model):
    """A notice on one way out; `key` is its idempotency key at the gateway, the same at every try.

    While it waits, `next_try_at` is when it may be taken up next; who takes it up moves that on first. `parts` counts
    an SMS' parts. No text and no address is kept.
    no_pii: ids. Retention: with its notice.
    """

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.TextField()
    state = models.TextField()
    key = models.UUIDField(unique=True, default=uuid4)
    is_urgent = models.BooleanField()
    attempts = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    give_up_at = models.DateTimeField()
    hitch = models.TextField(blank=True, default="")
    reference = models.TextField(blank=True, default="")
    parts = models.SmallIntegerField(default=0)
    made_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notice_delivery"
        indexes = [
            models.Index(fields=["channel", "next_try_at"], condition=Q(state="waiting"), name="notice_delivery_due"),
            models.Index(
                fields=["ended_at"], condition=Q(state__in=["failed", "given_up"]), name="notice_delivery_bad"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["notice", "channel"], name="notice_delivery_once"),
            models.CheckConstraint(
                condition=Q(state__in=[one.value for one in DeliveryState]), name="notice_delivery_state"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=[Channel.SMS.value, Channel.EMAIL.value]), name="notice_delivery_channel"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", next_try_at__isnull=False) | (~Q(state="waiting") & Q(next_try_at=None)),
                name="notice_delivery_waits_or_not",
            ),
        ]


class NoticeChoice(models.Model):
    """Whether a user wants a theme of a door's news by the ways out; the user's own word, no row: it comes.

    no_pii: ids. Retention: with the user.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, db_index=False)
    door = models.TextField()
    theme = models.TextField()
    is_wanted = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        db_table = "notice_choice"
        constraints = [
            models.UniqueConstraint(fields=["user", "door", "theme"], name="notice_choice_once"),
            models.CheckConstraint(condition=Q(door__in=[one.value for one in Door]), name="notice_choice_door"),
        ]


class NoticeWay(models.Model):
    """How a way out stands: failures in a row, until when it is left alone, when it last worked; one row a channel.

    no_pii. Retention: for ever.
    """

    channel = models.TextField(primary_key=True)
    failures = models.IntegerField(default=0)
    rests_until = models.DateTimeField(null=True)
    hitch = models.TextField(blank=True, default="")
    good_at = models.DateTimeField(null=True)
    bad_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notice_way"
