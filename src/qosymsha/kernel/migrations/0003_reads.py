"""Who read a child's record: found by the child's id over every month; and the events of an hour, for the checker."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("kernel", "0002_hot_verbs")]
    operations = [
        migrations.RunSQL(
            # A short list of what is not yet in order: a page looks through all of it.
            "CREATE INDEX audit_event_child ON audit_event USING gin (subject_ids jsonb_path_ops)"
            " WITH (gin_pending_list_limit = 256) WHERE subject_kind = 'child'",
            "DROP INDEX audit_event_child",
        ),
        migrations.RunSQL(
            "CREATE INDEX audit_event_at ON audit_event USING brin (at) WITH (pages_per_range = 16)",
            "DROP INDEX audit_event_at",
        ),
    ]
