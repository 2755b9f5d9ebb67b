"""Two acts more that a clerk does by the guardian's word: a voucher accepted, a place taken."""

from django.db import migrations, models

_ACTS = ["file_application", "confirm_month", "accept_voucher", "take_place"]


class Migration(migrations.Migration):
    dependencies = [("assistance", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="assistedact", name="assisted_act_kind"),
        migrations.AddConstraint(
            model_name="assistedact",
            constraint=models.CheckConstraint(condition=models.Q(("act__in", _ACTS)), name="assisted_act_kind"),
        ),
    ]
