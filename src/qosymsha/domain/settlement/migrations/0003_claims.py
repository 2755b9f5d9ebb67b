"""What claims need besides: parts, corrections, claw-back."""

from django.db import migrations


class Migration(migrations.Migration):
    """Filled by the room's verbs as they come."""

    dependencies = [("settlement", "0002_guards")]
    operations: list[migrations.operations.base.Operation] = []
