"""An alarm of its own for a passkey of which somebody has a copy."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0006_notice_preferences")]

    operations = [
        migrations.RemoveConstraint(model_name="securityevent", name="security_event_kind"),
        migrations.AddConstraint(
            model_name="securityevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["honeytoken_read", "reading_stopped", "guessing_stopped", "passkey_copied"])
                ),
                name="security_event_kind",
            ),
        ),
    ]
