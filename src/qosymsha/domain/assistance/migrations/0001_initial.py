"""Visits of guardians to consultation points, and what was confirmed there."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import qosymsha.kernel.entropy
from qosymsha.kernel.schema import insert_only


class Migration(migrations.Migration):
    """Visits and acts; an act is written once."""

    initial = True

    dependencies = [
        ("kernel", "0001_initial"),
        ("people", "0003_sign_in"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AssistedVisit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("point_id", models.BigIntegerField(null=True)),
                ("way", models.TextField()),
                ("made_at", models.DateTimeField()),
                ("code_hash", models.BinaryField(null=True)),
                ("code_is_for", models.TextField(blank=True, default="")),
                ("code_expires_at", models.DateTimeField(null=True)),
                ("codes", models.SmallIntegerField(default=0)),
                ("tries", models.SmallIntegerField(default=0)),
                ("proved_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "clerk",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "guardian",
                    models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="people.guardian"),
                ),
            ],
            options={
                "db_table": "assisted_visit",
            },
        ),
        migrations.CreateModel(
            name="AssistedAct",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("act", models.TextField()),
                ("subject", models.UUIDField()),
                ("at", models.DateTimeField()),
                (
                    "visit",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="assistance.assistedvisit"),
                ),
            ],
            options={
                "db_table": "assisted_act",
            },
        ),
        migrations.AddIndex(
            model_name="assistedvisit",
            index=models.Index(fields=["clerk", "-made_at"], name="assisted_visit_latest"),
        ),
        migrations.AddConstraint(
            model_name="assistedvisit",
            constraint=models.CheckConstraint(
                condition=models.Q(("way__in", ["code", "paper"])), name="assisted_visit_way"
            ),
        ),
        migrations.AddConstraint(
            model_name="assistedvisit",
            constraint=models.CheckConstraint(
                condition=models.Q(("proved_at", None), ("guardian__isnull", False), _connector="OR"),
                name="assisted_visit_proved_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="assistedact",
            constraint=models.CheckConstraint(
                condition=models.Q(("act__in", ["file_application", "confirm_month"])), name="assisted_act_kind"
            ),
        ),
        insert_only("assisted_act"),
    ]
