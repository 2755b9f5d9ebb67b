"""The scanner's queue, built while everybody goes on; one that was left half-built is built anew."""

from django.db import migrations, models

_BUILD = [
    "DROP INDEX CONCURRENTLY IF EXISTS document_to_scan",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS document_to_scan ON document (scan_tries, id)"
    " WHERE erased_at IS NULL AND scan = ''",
]


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("documents", "0002_scans")]

    operations = [
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(_BUILD, "DROP INDEX CONCURRENTLY IF EXISTS document_to_scan")],
            [
                migrations.AddIndex(
                    model_name="document",
                    index=models.Index(
                        condition=models.Q(("erased_at", None), ("scan", "")),
                        fields=["scan_tries", "id"],
                        name="document_to_scan",
                    ),
                ),
            ],
        ),
    ]
