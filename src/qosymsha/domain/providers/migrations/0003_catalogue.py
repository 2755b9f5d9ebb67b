"""What the public catalogue looks through: a card for each open group, its words, its place on the plane."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0005_childrens_data"),
        ("programmes", "0002_guards"),
        ("providers", "0002_house_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClubCard",
            fields=[
                (
                    "group",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        serialize=False,
                        to="providers.clubgroup",
                    ),
                ),
                ("kind", models.TextField()),
                ("language", models.CharField(max_length=2)),
                ("age_min", models.SmallIntegerField()),
                ("age_max", models.SmallIntegerField()),
                ("weekdays", models.SmallIntegerField()),
                ("starts", models.SmallIntegerField()),
                ("ends", models.SmallIntegerField()),
                ("is_adapted", models.BooleanField()),
                ("first_day", models.DateField()),
                ("last_day", models.DateField(null=True)),
                ("capacity", models.IntegerField()),
                ("east_km", models.FloatField(null=True)),
                ("north_km", models.FloatField(null=True)),
                ("words", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("sort_kk", models.TextField(db_collation="C")),
                ("sort_ru", models.TextField(db_collation="C")),
                ("sort_en", models.TextField(db_collation="C")),
            ],
            options={
                "db_table": "club_card",
            },
        ),
        migrations.CreateModel(
            name="ClubWord",
            fields=[
                ("word", models.TextField(db_collation="C", primary_key=True, serialize=False)),
                ("latin", models.TextField(db_collation="C")),
            ],
            options={
                "db_table": "club_word",
            },
        ),
        migrations.AddField(
            model_name="venue",
            name="latitude",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="venue",
            name="longitude",
            field=models.FloatField(null=True),
        ),
        migrations.AddConstraint(
            model_name="venue",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("latitude__isnull", True), ("longitude__isnull", True)),
                    models.Q(("latitude__range", (-90, 90)), ("longitude__range", (-180, 180))),
                    _connector="OR",
                ),
                name="venue_on_earth",
            ),
        ),
        migrations.AddField(
            model_name="clubcard",
            name="activity",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.activity"
            ),
        ),
        migrations.AddField(
            model_name="clubcard",
            name="contract",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="providers.contract"
            ),
        ),
        migrations.AddField(
            model_name="clubcard",
            name="district",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="people.territory"),
        ),
        migrations.AddField(
            model_name="clubcard",
            name="programme",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.programme"
            ),
        ),
        migrations.AddField(
            model_name="clubcard",
            name="provider",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="providers.provider"),
        ),
        migrations.AddIndex(
            model_name="clubword",
            index=models.Index(fields=["latin"], name="club_word_latin"),
        ),
        migrations.AddIndex(
            model_name="clubword",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["latin"], name="club_word_trigrams", opclasses=["gin_trgm_ops"]
            ),
        ),
        migrations.AddIndex(
            model_name="clubcard",
            index=models.Index(fields=["programme", "sort_kk", "group"], name="club_card_kk"),
        ),
        migrations.AddIndex(
            model_name="clubcard",
            index=models.Index(fields=["programme", "sort_ru", "group"], name="club_card_ru"),
        ),
        migrations.AddIndex(
            model_name="clubcard",
            index=models.Index(fields=["programme", "sort_en", "group"], name="club_card_en"),
        ),
        migrations.AddIndex(
            model_name="clubcard",
            index=models.Index(fields=["programme", "first_day", "group"], name="club_card_soon"),
        ),
        migrations.AddIndex(
            model_name="clubcard",
            index=models.Index(fields=["programme", "activity", "district"], name="club_card_activity"),
        ),
        migrations.AddIndex(
            model_name="clubcard",
            index=django.contrib.postgres.indexes.GinIndex(fields=["words"], name="club_card_words"),
        ),
        # the nearest first, straight from the index
        migrations.RunSQL(
            "CREATE INDEX club_card_place ON club_card USING gist (point(east_km, north_km))",
            "DROP INDEX club_card_place",
        ),
    ]
