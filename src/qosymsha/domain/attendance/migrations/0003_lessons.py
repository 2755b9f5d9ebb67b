"""What lessons and marks need besides: changes of sessions, full rooms, batches from phones, objections."""

import django.contrib.postgres.constraints
import django.db.models.deletion
from django.db import migrations, models

import qosymsha.domain.attendance.models.lessons
import qosymsha.kernel.entropy
from qosymsha.domain.attendance.states import OBJECTION_TRANSITIONS
from qosymsha.kernel.schema import insert_only, only_transitions

# A room's load is swept day by day: lessons stay within their local day, so days can be looked at one by one. The lock
# makes two transactions that fill the same room wait for each other; the second then sees what the first stored.
_ROOMS = """
ALTER TABLE session ADD CONSTRAINT session_within_its_day CHECK (
    starts_at < ends_at AND (starts_at AT TIME ZONE 'Asia/Almaty')::date = "on"
    AND ((ends_at - interval '1 second') AT TIME ZONE 'Asia/Almaty')::date = "on");
CREATE FUNCTION lock_rooms(venues bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE venue bigint;
BEGIN
    FOR venue IN SELECT DISTINCT v FROM unnest(venues) AS v ORDER BY 1 LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('attendance.venue.' || venue, 0));
    END LOOP;
END $$;
CREATE FUNCTION refuse_full_rooms(venues bigint[], days date[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE crowded bigint;
BEGIN
    WITH looked_at AS (SELECT DISTINCT venue_id, day FROM unnest(venues, days) AS l (venue_id, day)),
    there AS (
        SELECT s.venue_id, s.starts_at, s.ends_at, g.capacity FROM looked_at l
        JOIN session s ON s.venue_id = l.venue_id AND s."on" = l.day AND s.is_live JOIN club_group g ON g.id = s.group_id),
    steps AS (
        SELECT venue_id, starts_at AS moment, capacity AS children FROM there
        UNION ALL SELECT venue_id, ends_at, -capacity FROM there),
    load AS (
        SELECT venue_id, sum(children) OVER (
            PARTITION BY venue_id ORDER BY moment, children ROWS UNBOUNDED PRECEDING) AS children FROM steps)
    SELECT v.id INTO crowded FROM load JOIN venue v ON v.id = load.venue_id WHERE load.children > v.capacity LIMIT 1;
    IF crowded IS NOT NULL THEN
        RAISE EXCEPTION 'venue % would hold more children than it may', crowded
            USING ERRCODE = 'check_violation', CONSTRAINT = 'session_room';
    END IF;
END $$;
CREATE FUNCTION session_rooms_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_rooms((SELECT array_agg(DISTINCT venue_id) FROM fresh WHERE is_live));
    PERFORM refuse_full_rooms(array_agg(venue_id), array_agg("on")) FROM (
        SELECT DISTINCT venue_id, "on" FROM fresh WHERE is_live) AS f;
    RETURN NULL;
END $$;
CREATE FUNCTION session_rooms_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_rooms(ARRAY[NEW.venue_id]);
    PERFORM refuse_full_rooms(ARRAY[NEW.venue_id], ARRAY[NEW."on"]);
    RETURN NULL;
END $$;
CREATE TRIGGER session_room AFTER INSERT ON session REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION session_rooms_inserted();
CREATE TRIGGER session_room_again AFTER UPDATE OF state, venue_id, starts_at, ends_at ON session FOR EACH ROW
    WHEN (NEW.is_live AND (NOT OLD.is_live
          OR (OLD.venue_id, OLD.starts_at, OLD.ends_at) <> (NEW.venue_id, NEW.starts_at, NEW.ends_at)))
    EXECUTE FUNCTION session_rooms_changed();
"""
_NO_ROOMS = """
DROP TRIGGER session_room ON session; DROP TRIGGER session_room_again ON session;
DROP FUNCTION session_rooms_inserted, session_rooms_changed, refuse_full_rooms, lock_rooms;
ALTER TABLE session DROP CONSTRAINT session_within_its_day;
"""

_SEEN = "ALTER TABLE mark_device ADD seen int8multirange NOT NULL DEFAULT '{}'"


class Migration(migrations.Migration):
    """Tables by Django where it can, what it has no words for by SQL."""

    dependencies = [("attendance", "0002_functions")]
    operations = [
        migrations.CreateModel(
            name="MarkBatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=qosymsha.kernel.entropy.uuid4, unique=True)),
                ("user_id", models.BigIntegerField()),
                ("device", models.UUIDField()),
                ("counter_from", models.BigIntegerField()),
                ("counter_to", models.BigIntegerField()),
                ("received_at", models.DateTimeField()),
            ],
            options={
                "db_table": "mark_batch",
            },
        ),
        migrations.CreateModel(
            name="MarkChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("enrolment_id", models.BigIntegerField()),
                ("from_value", models.TextField(blank=True)),
                ("to_value", models.TextField()),
                ("said_by", models.BigIntegerField(null=True)),
                ("said_at", models.DateTimeField(null=True)),
                ("reason", models.TextField()),
                ("at", models.DateTimeField()),
                ("changed_by", models.BigIntegerField()),
            ],
            options={
                "db_table": "mark_change",
            },
        ),
        migrations.CreateModel(
            name="MarkDevice",
            fields=[
                ("device", models.UUIDField(primary_key=True, serialize=False)),
                ("last_at", models.DateTimeField()),
            ],
            options={
                "db_table": "mark_device",
            },
        ),
        migrations.CreateModel(
            name="MarkObjection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("on", models.DateField()),
                ("enrolment_id", models.BigIntegerField()),
                ("value", models.TextField()),
                ("device", models.UUIDField()),
                ("counter", models.BigIntegerField()),
                ("said_by", models.BigIntegerField()),
                ("recorded_at", models.DateTimeField(null=True)),
                ("received_at", models.DateTimeField()),
                ("state", models.TextField()),
                ("reason", models.TextField(blank=True)),
                ("resolution", models.TextField(blank=True)),
                ("resolved_by", models.BigIntegerField(null=True)),
                ("resolved_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "mark_objection",
            },
        ),
        migrations.CreateModel(
            name="SessionChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.TextField()),
                ("reason", models.TextField()),
                ("from_teacher", models.BigIntegerField(null=True)),
                ("to_teacher", models.BigIntegerField(null=True)),
                ("to_session", models.BigIntegerField(null=True)),
                ("at", models.DateTimeField()),
                ("actor_id", models.BigIntegerField()),
            ],
            options={
                "db_table": "session_change",
            },
        ),
        migrations.RemoveConstraint(
            model_name="session",
            name="session_once",
        ),
        migrations.AddField(
            model_name="session",
            name="moved_to",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="attendance.session"
            ),
        ),
        migrations.AddField(
            model_name="session",
            name="is_live",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Q(("state__in", ["planned", "held"])),
                output_field=models.BooleanField(),
            ),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["group", "starts_at"], name="session_group_time"),
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["venue", "on"], name="session_venue_day"),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_live", True)), fields=("group", "starts_at"), name="session_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.UniqueConstraint(
                condition=models.Q(("moved_to__isnull", False)), fields=("moved_to",), name="session_moved_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("is_live", True)),
                expressions=[
                    ("teacher", "="),
                    (qosymsha.domain.attendance.models.lessons.InstantRange("starts_at", "ends_at"), "&&"),
                ],
                name="session_teacher_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="session",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("moved_to__isnull", True), ("state__in", ["planned", "held", "cancelled"])),
                    models.Q(("moved_to__isnull", False), ("state__in", ["moved", "cancelled"])),
                    _connector="OR",
                ),
                name="session_moved_somewhere",
            ),
        ),
        migrations.AddField(
            model_name="markbatch",
            name="provider",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="providers.provider"),
        ),
        migrations.AddField(
            model_name="markchange",
            name="session",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="attendance.session"),
        ),
        migrations.AddField(
            model_name="markobjection",
            name="batch",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="attendance.markbatch"
            ),
        ),
        migrations.AddField(
            model_name="markobjection",
            name="provider",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="providers.provider"
            ),
        ),
        migrations.AddField(
            model_name="markobjection",
            name="session",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="attendance.session"
            ),
        ),
        migrations.AddField(
            model_name="markchange",
            name="objection",
            field=models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="attendance.markobjection"
            ),
        ),
        migrations.AddField(
            model_name="sessionchange",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="attendance.session"
            ),
        ),
        migrations.AddConstraint(
            model_name="markbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("counter_from__gt", 0), ("counter_to__gte", models.F("counter_from"))),
                name="mark_batch_sane",
            ),
        ),
        migrations.AddIndex(
            model_name="markobjection",
            index=models.Index(fields=["session", "enrolment_id"], name="mark_objection_place"),
        ),
        migrations.AddIndex(
            model_name="markobjection",
            index=models.Index(
                condition=models.Q(("state", "open")), fields=["provider", "on"], name="mark_objection_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="markobjection",
            constraint=models.UniqueConstraint(
                fields=("device", "counter", "session", "enrolment_id", "value", "said_by"), name="mark_objection_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="markobjection",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), ("state", "open"), _negated=True), name="mark_objection_has_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="markobjection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ["upheld", "dismissed"]), _negated=True),
                    models.Q(
                        ("resolved_at__isnull", False),
                        ("resolved_by__isnull", False),
                        models.Q(("resolution", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="mark_objection_resolved_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="markchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="mark_change_has_reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="sessionchange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("from_teacher__isnull", False), ("kind", "substituted"), ("to_teacher__isnull", False)),
                    models.Q(("kind__in", ["moved", "made_up"]), ("to_session__isnull", False)),
                    ("kind__in", ["cancelled", "reinstated"]),
                    _connector="OR",
                ),
                name="session_change_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="sessionchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="session_change_has_reason"
            ),
        ),
        migrations.RunSQL(_ROOMS, _NO_ROOMS),
        migrations.RunSQL(_SEEN, "ALTER TABLE mark_device DROP seen"),
        insert_only("session_change"),
        insert_only("mark_batch"),
        insert_only("mark_change"),
        only_transitions("mark_objection", "state", OBJECTION_TRANSITIONS),
    ]
