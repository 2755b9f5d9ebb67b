"""What the checker found, and how far it has looked."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="InvariantRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("invariant", models.TextField()),
                ("span", models.TextField(default="full")),
                ("violations", models.IntegerField()),
                ("examples", models.JSONField(default=list)),
                ("seconds", models.FloatField()),
            ],
            options={
                "db_table": "invariant_run",
                "indexes": [models.Index(fields=["invariant", "span", "-id"], name="invariant_run_latest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("span__in", ["minute", "full"])), name="invariant_run_span"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="InvariantMark",
            fields=[
                ("invariant", models.TextField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("cluster", models.TextField()),
                ("horizon", models.BigIntegerField()),
                ("marked_from", models.DateTimeField()),
                ("reached", models.JSONField(default=dict)),
            ],
            options={"db_table": "invariant_mark"},
        ),
    ]
