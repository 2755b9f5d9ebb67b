"""Postings by their transaction: what was posted since a moment is found without reading the ledger (docs/rules/invariants.md)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_postings")]
    operations = [
        migrations.RunSQL(
            "CREATE INDEX ledger_posting_txid ON ledger_posting (txid)", "DROP INDEX ledger_posting_txid"
        ),
    ]
