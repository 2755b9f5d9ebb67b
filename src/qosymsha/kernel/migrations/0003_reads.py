"""Who read a child's record: found by the child's id over every month, for the family's own page."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("kernel", "0002_hot_verbs")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX audit_event_child ON audit_event USING gin (subject_ids jsonb_path_ops)"
            " WHERE subject_kind = 'child'",
            "DROP INDEX audit_event_child",
        )
    ]
