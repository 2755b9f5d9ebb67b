"""An alarm of its own for an account that helps more families than anybody could."""

from django.db import migrations, models

_KINDS = ["honeytoken_read", "reading_stopped", "guessing_stopped", "passkey_copied", "assistance_stopped"]


class Migration(migrations.Migration):
    dependencies = [("people", "0007_copied_passkeys")]

    operations = [
        migrations.RemoveConstraint(model_name="securityevent", name="security_event_kind"),
        migrations.AddConstraint(
            model_name="securityevent",
            constraint=models.CheckConstraint(condition=models.Q(("kind__in", _KINDS)), name="security_event_kind"),
        ),
    ]
