"""One account per child, and only of a child that is there: built while everybody goes on; played twice it does no harm."""

from django.db import migrations, models

_KEY = [
    """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'guardian_of_oneself') THEN
        ALTER TABLE guardian ADD CONSTRAINT guardian_of_oneself FOREIGN KEY (child_id) REFERENCES child (id)
            DEFERRABLE INITIALLY DEFERRED NOT VALID;
    END IF;
END $$""",
    """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_constraint WHERE conname = 'guardian_of_oneself' AND NOT convalidated) THEN
        ALTER TABLE guardian VALIDATE CONSTRAINT guardian_of_oneself;
    END IF;
END $$""",
]
_ONCE = [
    "DROP INDEX CONCURRENTLY IF EXISTS guardian_of_oneself_once",
    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS guardian_of_oneself_once ON guardian (child_id)"
    " WHERE child_id IS NOT NULL",
]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("people", "0011_youth")]
    operations = [
        migrations.RunSQL(_KEY, "ALTER TABLE guardian DROP CONSTRAINT IF EXISTS guardian_of_oneself"),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(_ONCE, "DROP INDEX CONCURRENTLY IF EXISTS guardian_of_oneself_once")],
            [
                migrations.AddConstraint(
                    "guardian",
                    models.UniqueConstraint(
                        fields=["child"],
                        condition=models.Q(("child__isnull", False)),
                        name="guardian_of_oneself_once",
                    ),
                )
            ],
        ),
    ]
