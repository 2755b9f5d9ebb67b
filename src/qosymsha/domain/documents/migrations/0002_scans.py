"""What a scanner said of each paper; papers of before wait for it as new ones do."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("documents", "0001_initial")]

    operations = [
        migrations.AddField(model_name="document", name="scan", field=models.TextField(default="", db_default="")),
        migrations.AddField(model_name="document", name="scanned_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="document", name="scan_tries", field=models.SmallIntegerField(default=0, db_default=0)
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(
                condition=models.Q(("scan__in", ["", "clean", "sealed"])), name="document_scan"
            ),
        ),
    ]
