"""Devices of consultation points."""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """A table of its own."""

    dependencies = [
        ("flags", "0002_functions"),
        ("people", "0003_sign_in"),
        ("programmes", "0002_guards"),
    ]

    operations = [
        migrations.CreateModel(
            name="PointDevice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("device", models.TextField()),
                ("name", models.TextField()),
                ("valid", django.contrib.postgres.fields.ranges.DateRangeField()),
                ("registered_by", models.BigIntegerField()),
                ("registered_at", models.DateTimeField()),
                (
                    "programme",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="programmes.programme"),
                ),
                (
                    "territory",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="people.territory"
                    ),
                ),
            ],
            options={
                "db_table": "point_device",
                "constraints": [
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        expressions=[("programme", "="), ("device", "="), ("valid", "&&")], name="point_device_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("device", ""), _negated=True), models.Q(("name", ""), _negated=True)
                        ),
                        name="point_device_named",
                    ),
                ],
            },
        ),
    ]
