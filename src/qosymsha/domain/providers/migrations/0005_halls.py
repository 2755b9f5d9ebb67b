"""A group's hall from a day on: a weekly lesson may name its own venue; the full hall is refused there."""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

# As in 0004, with the slot's own venue before the group's. Two halves, so that each is found by its index.
_ROOM = """
CREATE OR REPLACE FUNCTION timetable_room() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE hall bigint; most int;
BEGIN
    SELECT v.id, v.capacity INTO hall, most FROM club_group g JOIN venue v ON v.id = coalesce(NEW.venue_id, g.venue_id)
     WHERE g.id = NEW.group_id;
    PERFORM pg_advisory_xact_lock(hashtextextended('providers.venue.' || hall, 0));
    IF EXISTS (
        WITH meeting AS MATERIALIZED (
            SELECT s.starts, s.ends, s.valid, g.capacity FROM timetable_slot s JOIN club_group g ON g.id = s.group_id
             WHERE g.venue_id = hall AND s.venue_id IS NULL AND s.weekday = NEW.weekday AND s.starts < NEW.ends
               AND NEW.starts < s.ends AND s.valid && NEW.valid
            UNION ALL
            SELECT s.starts, s.ends, s.valid, g.capacity FROM timetable_slot s JOIN club_group g ON g.id = s.group_id
             WHERE s.venue_id = hall AND s.weekday = NEW.weekday AND s.starts < NEW.ends
               AND NEW.starts < s.ends AND s.valid && NEW.valid)
        SELECT FROM (SELECT DISTINCT greatest(starts, NEW.starts) AS moment FROM meeting) AS i,
                    (SELECT DISTINCT greatest(lower(valid), lower(NEW.valid)) AS day FROM meeting) AS d
         WHERE (SELECT sum(capacity) FROM meeting m
                 WHERE m.starts <= i.moment AND i.moment < m.ends AND m.valid @> d.day) > most) THEN
        RAISE EXCEPTION 'venue % would hold more children than it may', hall
            USING ERRCODE = 'check_violation', CONSTRAINT = 'timetable_room';
    END IF;
    RETURN NULL;
END $$;
"""
_AGAIN = """
DROP TRIGGER timetable_room_again ON timetable_slot;
CREATE TRIGGER timetable_room_again AFTER UPDATE ON timetable_slot FOR EACH ROW
    WHEN (NOT isempty(NEW.valid) AND (NOT NEW.valid <@ OLD.valid OR NEW.venue_id IS DISTINCT FROM OLD.venue_id
          OR (NEW.group_id, NEW.weekday, NEW.starts, NEW.ends) <> (OLD.group_id, OLD.weekday, OLD.starts, OLD.ends)))
    EXECUTE FUNCTION timetable_room();
"""

_DESK = import_module("qosymsha.domain.providers.migrations.0004_desk")


class Migration(migrations.Migration):
    """The column and the trigger that knows it."""

    dependencies = [("providers", "0004_desk")]

    operations = [
        migrations.AddField(
            model_name="timetableslot",
            name="venue",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="providers.venue"),
        ),
        migrations.RunSQL(_ROOM + _AGAIN, _DESK._NO_ROOM + _DESK._ROOM),
    ]
