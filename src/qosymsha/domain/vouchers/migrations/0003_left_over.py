"""Which groups may be entered directly where the rule set gives choice rounds the first word."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A mark on the seats' row; choice rounds set it through `steps.mark_left_over`."""

    dependencies = [("vouchers", "0002_functions")]
    operations = [
        migrations.AddField(
            model_name="seat",
            name="is_left_over",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
