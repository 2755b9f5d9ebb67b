"""What the checker asks again (INV-6, INV-15), where one row is enough to tell: by the database itself."""

from django.db import migrations

_CHECKS = {
    "payment_file_hash_of_content": ("payment_file", "content_hash = sha256(content)"),
    "service_act_hash_of_content": ("service_act", "hash = sha256(content)"),
    "claim_row_due_less_claimed": ("claim_row", "NOT live OR amount_tiyn = greatest(0, due_tiyn - claimed_tiyn)"),
}


class Migration(migrations.Migration):
    dependencies = [("settlement", "0004_papers")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({promise})",
            f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        )
        for name, (table, promise) in _CHECKS.items()
    ]
