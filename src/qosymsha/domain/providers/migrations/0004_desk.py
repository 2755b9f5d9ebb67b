"""The manager's desk: answers to a review, who is engaged, what a venue and a group are besides, full halls refused."""

import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.db import migrations, models

from qosymsha.kernel.schema import insert_only

# A hall's children in the weekly timetable: the load rises only when a lesson begins, and on a first day.
_ROOM = """
CREATE FUNCTION timetable_room() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE hall bigint; most int;
BEGIN
    SELECT v.id, v.capacity INTO hall, most FROM club_group g JOIN venue v ON v.id = g.venue_id WHERE g.id = NEW.group_id;
    PERFORM pg_advisory_xact_lock(hashtextextended('providers.venue.' || hall, 0));
    IF EXISTS (
        WITH meeting AS MATERIALIZED (
            SELECT s.starts, s.ends, s.valid, g.capacity FROM timetable_slot s JOIN club_group g ON g.id = s.group_id
             WHERE g.venue_id = hall AND s.weekday = NEW.weekday AND s.starts < NEW.ends AND NEW.starts < s.ends
               AND s.valid && NEW.valid)
        SELECT FROM (SELECT DISTINCT greatest(starts, NEW.starts) AS moment FROM meeting) AS i,
                    (SELECT DISTINCT greatest(lower(valid), lower(NEW.valid)) AS day FROM meeting) AS d
         WHERE (SELECT sum(capacity) FROM meeting m
                 WHERE m.starts <= i.moment AND i.moment < m.ends AND m.valid @> d.day) > most) THEN
        RAISE EXCEPTION 'venue % would hold more children than it may', hall
            USING ERRCODE = 'check_violation', CONSTRAINT = 'timetable_room';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER timetable_room AFTER INSERT ON timetable_slot FOR EACH ROW
    WHEN (NOT isempty(NEW.valid)) EXECUTE FUNCTION timetable_room();
CREATE TRIGGER timetable_room_again AFTER UPDATE ON timetable_slot FOR EACH ROW
    WHEN (NOT isempty(NEW.valid) AND (NOT NEW.valid <@ OLD.valid
          OR (NEW.group_id, NEW.weekday, NEW.starts, NEW.ends) <> (OLD.group_id, OLD.weekday, OLD.starts, OLD.ends)))
    EXECUTE FUNCTION timetable_room();
"""
_NO_ROOM = """
DROP TRIGGER timetable_room ON timetable_slot; DROP TRIGGER timetable_room_again ON timetable_slot;
DROP FUNCTION timetable_room;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("providers", "0003_catalogue"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccreditationAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("words", models.TextField()),
                ("at", models.DateTimeField()),
                ("actor_id", models.BigIntegerField()),
            ],
            options={
                "db_table": "accreditation_answer",
            },
        ),
        migrations.CreateModel(
            name="Engagement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("valid", django.contrib.postgres.fields.ranges.DateRangeField()),
                ("told_at", models.DateTimeField()),
                ("told_by", models.BigIntegerField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.BigIntegerField(null=True)),
                ("reason", models.TextField(blank=True)),
            ],
            options={
                "db_table": "engagement",
            },
        ),
        migrations.AddField(
            model_name="accreditation",
            name="grounds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="accreditation",
            name="kinds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="accreditationhistory",
            name="grounds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="clubgroup",
            name="adds_tiyn",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="clubgroup",
            name="mode",
            field=models.TextField(db_default="on_site", default="on_site"),
        ),
        migrations.AddField(
            model_name="evidence",
            name="document_uuid",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="evidence",
            name="filed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="venue",
            name="adaptations",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), db_default=[], default=list, size=None
            ),
        ),
        migrations.AddConstraint(
            model_name="clubgroup",
            constraint=models.CheckConstraint(
                condition=models.Q(("adds_tiyn__gte", 0), ("mode__in", ["on_site", "blended", "online"])),
                name="club_group_terms",
            ),
        ),
        migrations.AddField(
            model_name="accreditationanswer",
            name="accreditation",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="providers.accreditation"),
        ),
        migrations.AddField(
            model_name="engagement",
            name="provider",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="providers.provider"),
        ),
        migrations.AddField(
            model_name="engagement",
            name="teacher",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="providers.teacher"),
        ),
        migrations.AddConstraint(
            model_name="accreditationanswer",
            constraint=models.CheckConstraint(
                condition=models.Q(("words", ""), _negated=True), name="accreditation_answer_says"
            ),
        ),
        migrations.AddConstraint(
            model_name="engagement",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("provider", "teacher"),
                name="engagement_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="engagement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at__isnull", True),
                    models.Q(("ended_by__isnull", False), models.Q(("reason", ""), _negated=True)),
                    _connector="OR",
                ),
                name="engagement_ended_by_somebody",
            ),
        ),
        migrations.RunSQL(_ROOM, _NO_ROOM),
        insert_only("accreditation_answer"),
    ]
