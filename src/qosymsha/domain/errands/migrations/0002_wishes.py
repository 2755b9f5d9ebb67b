"""What tells one wish of a verb from another about the same thing; a program of before writes none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("errands", "0001_initial")]

    operations = [migrations.AddField("errand", "wish", models.TextField(db_default="", default=""))]
