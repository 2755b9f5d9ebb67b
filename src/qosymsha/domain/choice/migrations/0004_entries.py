"""Rounds that are cancelled; each group's list as the run ordered it; offers found by their list."""

import django.db.models.deletion
from django.db import migrations, models

from qosymsha.kernel.schema import insert_only


def _key(to: str) -> models.ForeignKey:
    return models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, to=to)


class Migration(migrations.Migration):
    """After what is written once: the tables it guards stand."""

    dependencies = [("choice", "0003_written_once"), ("providers", "0002_house_rules")]
    operations = [
        migrations.AddConstraint(
            model_name="choiceround",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("cancelled_at__isnull", False),
                        ("state", "cancelled"),
                        models.Q(("cancel_reason", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("state", "cancelled"), _negated=True),
                        ("cancel_reason", ""),
                        ("cancelled_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="choice_round_cancelled",
            ),
        ),
        migrations.CreateModel(
            name="ChoiceEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.IntegerField()),
                ("wish", models.IntegerField()),
                ("choice_list", _key("choice.choicelist")),
                ("group", _key("providers.clubgroup")),
                ("round", _key("choice.choiceround")),
            ],
            options={
                "db_table": "choice_entry",
                "constraints": [
                    models.UniqueConstraint(fields=("round", "group", "place"), name="choice_entry_place_once"),
                    models.UniqueConstraint(
                        fields=("choice_list", "group"), include=("wish",), name="choice_entry_wish_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("place__gte", 1), ("wish__gte", 1)), name="choice_entry_sane"
                    ),
                ],
            },
        ),
        insert_only("choice_entry"),
        migrations.AddIndex(
            model_name="choiceoffer",
            index=models.Index(fields=["choice_list", "group"], name="choice_offer_list"),
        ),
    ]
