"""Audit events by their instant: a summary of each stretch of pages, next to free to keep (docs/rules/invariants.md)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("kernel", "0004_retention")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX audit_event_at ON audit_event USING brin (at) WITH (pages_per_range = 32)",
            "DROP INDEX audit_event_at",
        ),
    ]
