"""Marks by the instant they were stored: a summary of each stretch of pages, next to free to keep (docs/rules/invariants.md)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("attendance", "0005_absences")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX mark_marked_at ON mark USING brin (marked_at) WITH (pages_per_range = 32)",
            "DROP INDEX mark_marked_at",
        ),
    ]
