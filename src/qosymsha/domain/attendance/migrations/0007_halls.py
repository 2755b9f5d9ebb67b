"""A lesson that takes place in another hall than planned says so in its history."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """The kind `rehoused`."""

    dependencies = [("attendance", "0006_by_instant"), ("providers", "0005_halls")]

    operations = [
        migrations.RemoveConstraint(model_name="sessionchange", name="session_change_whole"),
        migrations.AddConstraint(
            model_name="sessionchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("from_teacher__isnull", False), ("kind", "substituted"), ("to_teacher__isnull", False)),
                    models.Q(("kind__in", ["moved", "made_up"]), ("to_session__isnull", False)),
                    ("kind__in", ["cancelled", "reinstated", "rehoused"]),
                    _connector="OR",
                ),
                name="session_change_whole",
            ),
        ),
    ]
