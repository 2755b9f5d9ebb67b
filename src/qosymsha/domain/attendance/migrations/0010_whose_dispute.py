"""Of two guardians each takes back the own dispute of a day alone: the hold says whose it is (docs/decisions/0063)."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """A column without a value for the rows that are there: theirs is the guardian who spoke for the row."""

    dependencies = [("attendance", "0009_forgetting")]
    operations = [
        migrations.AddField(model_name="dayhold", name="guardian_id", field=models.BigIntegerField(null=True)),
    ]
