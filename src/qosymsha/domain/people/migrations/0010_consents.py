"""Consents have a closed set of purposes, say how they were given, and stand once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0009_role_proposals")]

    operations = [
        migrations.AddField("consent", "way", models.TextField(db_default="carried")),
        migrations.AddConstraint(
            "consent",
            models.CheckConstraint(condition=models.Q(("purpose__in", ["registries"])), name="consent_purpose"),
        ),
        migrations.AddConstraint(
            "consent",
            models.CheckConstraint(
                condition=models.Q(("way__in", ["linking", "page", "carried", "none"])), name="consent_way"
            ),
        ),
        migrations.AddConstraint(
            "consent",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("withdrawn_at", None), models.Q(("way", "none"), _negated=True)),
                    models.Q(("withdrawn_at__gte", models.F("given_at")), ("withdrawn_at__isnull", False)),
                    _connector="OR",
                ),
                name="consent_in_order",
            ),
        ),
        migrations.AddConstraint(
            "consent",
            models.UniqueConstraint(
                condition=models.Q(("withdrawn_at", None)),
                fields=("guardian", "child", "purpose"),
                name="consent_stands_once",
                nulls_distinct=False,
            ),
        ),
    ]
