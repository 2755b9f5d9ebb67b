"""Refusals, renewals, waiting lists."""

import django.db.models.deletion
from django.db import migrations, models

import qosymsha.kernel.entropy


class Migration(migrations.Migration):
    """Their tables."""

    dependencies = [("agreements", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="ChildRefusal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("ground", models.TextField()),
                ("state", models.TextField()),
                ("filed_by", models.BigIntegerField()),
                ("filed_at", models.DateTimeField()),
                ("review_by", models.DateField()),
                ("family_word", models.TextField(blank=True)),
                ("decided_by", models.BigIntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("reason", models.TextField(blank=True)),
                ("child", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="people.child")),
                ("enrolment", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="vouchers.enrolment")),
                (
                    "programme",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="programmes.programme"),
                ),
                ("provider", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="providers.provider")),
                (
                    "rule_set",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.ruleset"
                    ),
                ),
                (
                    "territory",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="people.territory"
                    ),
                ),
            ],
            options={
                "db_table": "child_refusal",
            },
        ),
        migrations.CreateModel(
            name="ChildRefusalHistory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.IntegerField()),
                ("from_state", models.TextField()),
                ("to_state", models.TextField()),
                ("cause", models.TextField()),
                ("at", models.DateTimeField()),
                ("actor_id", models.BigIntegerField()),
                (
                    "child_refusal",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="agreements.childrefusal"
                    ),
                ),
            ],
            options={
                "db_table": "child_refusal_history",
            },
        ),
        migrations.CreateModel(
            name="GroupWait",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("guardian_id", models.BigIntegerField()),
                ("state", models.TextField()),
                ("reason", models.TextField(blank=True)),
                ("asked_at", models.DateTimeField()),
                ("until", models.DateField(null=True)),
                ("child", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="people.child")),
                (
                    "enrolment",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="vouchers.enrolment"
                    ),
                ),
                (
                    "group",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="providers.clubgroup"
                    ),
                ),
                (
                    "programme",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.programme"
                    ),
                ),
                (
                    "territory",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="people.territory"
                    ),
                ),
                ("voucher", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="vouchers.voucher")),
            ],
            options={
                "db_table": "group_wait",
            },
        ),
        migrations.CreateModel(
            name="GroupWaitHistory",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.IntegerField()),
                ("from_state", models.TextField()),
                ("to_state", models.TextField()),
                ("cause", models.TextField()),
                ("at", models.DateTimeField()),
                ("actor_id", models.BigIntegerField()),
                (
                    "group_wait",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="agreements.groupwait"
                    ),
                ),
            ],
            options={
                "db_table": "group_wait_history",
            },
        ),
        migrations.CreateModel(
            name="Renewal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user_id", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "after",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="vouchers.enrolment"
                    ),
                ),
                (
                    "before",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="vouchers.enrolment"
                    ),
                ),
            ],
            options={
                "db_table": "renewal",
            },
        ),
        migrations.CreateModel(
            name="RenewalWord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("continues", models.BooleanField()),
                ("guardian_id", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("enrolment", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="vouchers.enrolment")),
            ],
            options={
                "db_table": "renewal_word",
            },
        ),
        migrations.AddConstraint(
            model_name="childrefusal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "filed")), fields=("enrolment",), name="child_refusal_one_filed"
            ),
        ),
        migrations.AddConstraint(
            model_name="childrefusal",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["filed", "stands", "overturned", "withdrawn"]),
                    ("family_word__in", ["", "agrees", "objects"]),
                    models.Q(
                        models.Q(("state", "overturned"), _negated=True),
                        models.Q(("reason", ""), _negated=True),
                        _connector="OR",
                    ),
                ),
                name="child_refusal_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="childrefusalhistory",
            constraint=models.UniqueConstraint(fields=("child_refusal", "seq"), name="child_refusal_history_seq"),
        ),
        migrations.AddIndex(
            model_name="groupwait",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "offered"])),
                fields=["group", "id"],
                name="group_wait_queue",
            ),
        ),
        migrations.AddConstraint(
            model_name="groupwait",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["waiting", "offered"])),
                fields=("group", "voucher"),
                name="group_wait_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="groupwait",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("state__in", ["waiting", "offered", "declined", "expired", "left", "dropped"]),
                        ("enrolment__isnull", True),
                    ),
                    models.Q(("enrolment__isnull", False), ("state", "taken")),
                    _connector="OR",
                ),
                name="group_wait_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="groupwait",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "offered"), _negated=True), ("until__isnull", False), _connector="OR"
                ),
                name="group_wait_timer",
            ),
        ),
        migrations.AddConstraint(
            model_name="groupwaithistory",
            constraint=models.UniqueConstraint(fields=("group_wait", "seq"), name="group_wait_history_seq"),
        ),
    ]
