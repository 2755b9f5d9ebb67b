"""Recovery codes of 49 bits are over: their owners make new ones, of 115 bits (ASVS 6.5.2, decision 0058)."""

from django.db import migrations

_OVER = "UPDATE recovery_code SET ended_at = statement_timestamp() WHERE used_at IS NULL AND ended_at IS NULL"


class Migration(migrations.Migration):
    """Used codes and ended sets stay as they are."""

    dependencies = [("factors", "0001_initial")]
    operations = [migrations.RunSQL(_OVER, migrations.RunSQL.noop)]
