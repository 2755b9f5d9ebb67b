"""What officers typed for a draw whose beacon no relay gives."""

from django.db import migrations, models
from django.db.models import PROTECT


class Migration(migrations.Migration):
    dependencies = [("programmes", "0003_drafts")]
    operations = [
        migrations.CreateModel(
            "DrawWord",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("round_number", models.TextField()),
                ("user_id", models.BigIntegerField()),
                ("value", models.BinaryField()),
                ("said_at", models.DateTimeField()),
                ("programme", models.ForeignKey("programmes.Programme", PROTECT, db_index=False)),
            ],
            options={"db_table": "draw_word"},
        ),
        migrations.AddConstraint(
            "drawword", models.UniqueConstraint(fields=("round_number", "user_id"), name="draw_word_once")
        ),
    ]
