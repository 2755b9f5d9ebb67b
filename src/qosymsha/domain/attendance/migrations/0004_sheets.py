"""What sheets need besides: check-ins, traces, held days, steps of a sheet."""

from django.db import migrations


class Migration(migrations.Migration):
    """Filled by the room's verbs as they come."""

    dependencies = [("attendance", "0003_lessons")]
    operations: list[migrations.operations.base.Operation] = []
