"""Notices, their deliveries and the ways out; what a delivery may become is kept by the database too."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import qosymsha.kernel.entropy
from qosymsha.domain.messages.states import DELIVERY_TRANSITIONS
from qosymsha.kernel.schema import only_transitions


class Migration(migrations.Migration):
    """The room's first tables."""

    initial = True

    dependencies = [
        ("people", "0009_role_proposals"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="NoticeWay",
            fields=[
                ("channel", models.TextField(primary_key=True, serialize=False)),
                ("failures", models.IntegerField(default=0)),
                ("rests_until", models.DateTimeField(null=True)),
                ("hitch", models.TextField(blank=True, default="")),
                ("good_at", models.DateTimeField(null=True)),
                ("bad_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "notice_way",
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("door", models.TextField()),
                ("provider_id", models.BigIntegerField(null=True)),
                ("kind", models.TextField()),
                ("occasion", models.TextField()),
                ("matters", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                (
                    "child_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                ("told_at", models.DateTimeField()),
                ("made_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(null=True)),
                ("read_at", models.DateTimeField(null=True)),
                ("keep_until", models.DateField()),
                (
                    "guardian",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="people.guardian"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "notice",
            },
        ),
        migrations.CreateModel(
            name="NoticeDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.TextField()),
                ("state", models.TextField()),
                ("key", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("is_urgent", models.BooleanField()),
                ("attempts", models.IntegerField(default=0)),
                ("next_try_at", models.DateTimeField(null=True)),
                ("give_up_at", models.DateTimeField()),
                ("hitch", models.TextField(blank=True, default="")),
                ("reference", models.TextField(blank=True, default="")),
                ("parts", models.SmallIntegerField(default=0)),
                ("made_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "notice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="messages.notice"
                    ),
                ),
            ],
            options={
                "db_table": "notice_delivery",
            },
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("guardian__isnull", False)),
                fields=["guardian", "-told_at"],
                name="notice_of_guardian",
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("user__isnull", False)), fields=["user", "-told_at"], name="notice_of_user"
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(fields=["keep_until"], name="notice_keep_until"),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("guardian__isnull", False)),
                fields=("guardian", "occasion"),
                name="notice_once_guardian",
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("user__isnull", False)), fields=("user", "occasion"), name="notice_once_user"
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("door", "family"), ("guardian__isnull", False), ("user", None)),
                    models.Q(("door__in", ["provider", "office"]), ("guardian", None), ("user__isnull", False)),
                    _connector="OR",
                ),
                name="notice_for_one_person",
            ),
        ),
        migrations.AddIndex(
            model_name="noticedelivery",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["channel", "next_try_at"], name="notice_delivery_due"
            ),
        ),
        migrations.AddIndex(
            model_name="noticedelivery",
            index=models.Index(
                condition=models.Q(("state__in", ["failed", "given_up"])),
                fields=["ended_at"],
                name="notice_delivery_bad",
            ),
        ),
        migrations.AddConstraint(
            model_name="noticedelivery",
            constraint=models.UniqueConstraint(fields=("notice", "channel"), name="notice_delivery_once"),
        ),
        migrations.AddConstraint(
            model_name="noticedelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "sent", "delivered", "failed", "given_up", "stale"])),
                name="notice_delivery_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="noticedelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("channel__in", ["sms", "email"])), name="notice_delivery_channel"
            ),
        ),
        migrations.AddConstraint(
            model_name="noticedelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_try_at__isnull", False), ("state", "waiting")),
                    models.Q(models.Q(("state", "waiting"), _negated=True), ("next_try_at", None)),
                    _connector="OR",
                ),
                name="notice_delivery_waits_or_not",
            ),
        ),
        only_transitions("notice_delivery", "state", DELIVERY_TRANSITIONS),
    ]
