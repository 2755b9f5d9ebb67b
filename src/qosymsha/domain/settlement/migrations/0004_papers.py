"""Acts, statements, invoices; what files and replies need besides."""

from django.db import migrations


class Migration(migrations.Migration):
    """Filled by the room's verbs as they come."""

    dependencies = [("settlement", "0003_claims")]
    operations: list[migrations.operations.base.Operation] = []
