"""What lessons and marks need besides: changes of sessions, batches from devices, objections."""

from django.db import migrations


class Migration(migrations.Migration):
    """Filled by the room's verbs as they come."""

    dependencies = [("attendance", "0002_functions")]
    operations: list[migrations.operations.base.Operation] = []
