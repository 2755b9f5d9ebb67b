"""What sheets need besides: refused check-ins, traces, held days, a sheet's versions."""

import django.db.models.deletion
from django.db import migrations, models

from qosymsha.domain.attendance.states import HOLD_TRANSITIONS
from qosymsha.kernel.schema import belongs, insert_only, only_transitions, partitioned

_TABLES = """
CREATE TABLE check_in_refusal (
    id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, reason text NOT NULL, child_id bigint NOT NULL,
    guardian_id bigint, session_id bigint, PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
CREATE INDEX check_in_refusal_guardian ON check_in_refusal (guardian_id, at);
CREATE TABLE trace (
    id bigint GENERATED ALWAYS AS IDENTITY, month date NOT NULL,
    kind text NOT NULL CONSTRAINT trace_kind CHECK (kind IN ('mark', 'check_in', 'word')),
    subject_id bigint NOT NULL, enrolment_id bigint NOT NULL DEFAULT 0,
    device bytea CONSTRAINT trace_device_is_hashed CHECK (length(device) = 16),
    network bytea CONSTRAINT trace_network_is_hashed CHECK (length(network) = 16),
    at timestamptz NOT NULL, PRIMARY KEY (month, id)
) PARTITION BY RANGE (month);
CREATE INDEX trace_subject ON trace (kind, subject_id, enrolment_id);
"""

# What two parties agree on, row by row, without a word about money. `held` is a day with any hold open or upheld; an
# upheld day is lost, an open one waits. A scan on a silent row's day counts only where the month's rules say so, and
# goes on to count when an officer rejects what the family never spoke of: two parties saw the child that day.
_DUE = """
CREATE VIEW sheet_row_due AS
SELECT r.id AS sheet_row_id, r.sheet_id, due.payable_present,
       CASE r.word WHEN 'rejected' THEN 0 ELSE r.present - h.upheld - due.payable_present END AS waiting_present
  FROM sheet_row r JOIN month_sheet s ON s.id = r.sheet_id
 CROSS JOIN LATERAL (
    SELECT count(*)::int AS held, count(*) FILTER (WHERE is_seen)::int AS held_seen,
           count(*) FILTER (WHERE is_upheld)::int AS upheld
      FROM (SELECT session_id, bool_or(d.is_seen) AS is_seen, bool_or(d.state = 'upheld') AS is_upheld
              FROM day_hold d WHERE d.sheet_row_id = r.id AND d.state <> 'cleared' AND d.is_present GROUP BY 1) days) h
 CROSS JOIN LATERAL (
    SELECT CASE WHEN r.word IN ('confirmed', 'decided') THEN r.present - h.held
                WHEN s.scan_is_word AND (r.word = 'silent' OR r.word = 'rejected' AND r.confirmed_by IS NULL)
                THEN r.seen - h.held_seen ELSE 0 END AS payable_present) due
"""

# A returned sheet is written anew from its marks: what it said before is kept, rows whose counts or days changed are
# silent again, the others keep their word. The caller moves it to the parents.
_REDRAW = """
CREATE FUNCTION redraw_sheet(sheet bigint, from_instant timestamptz, to_instant timestamptz, seed bytea,
                             moment timestamptz, who bigint)
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE s month_sheet; changed bigint[]; touched bigint[];
BEGIN
    SELECT * INTO STRICT s FROM month_sheet WHERE id = sheet AND state = 'returned' FOR NO KEY UPDATE;
    SELECT coalesce(array_agg(DISTINCT c.enrolment_id), '{}') INTO touched
      FROM session l JOIN mark_change c ON c.session_id = l.id AND c.at >= s.sent_at
     WHERE l.group_id = s.group_id AND l.starts_at >= from_instant AND l.starts_at < to_instant;
    INSERT INTO sheet_version (sheet_id, version, hash, sent_at, document, words)
    SELECT s.id, s.version, s.hash, s.sent_at, sheet_document(s.id),
           jsonb_agg(jsonb_build_array(r.id, r.word, r.confirmed_by, r.confirmed_at, r.decided_by) ORDER BY r.id)
      FROM sheet_row r WHERE r.sheet_id = s.id;
    WITH counted AS MATERIALIZED (
        SELECT m.enrolment_id, m.child_id,
               count(*) FILTER (WHERE m.value = 'present') AS present, count(*) FILTER (WHERE m.value = 'ill') AS ill,
               count(*) FILTER (WHERE m.value = 'excused') AS excused, count(*) FILTER (WHERE m.value = 'absent') AS absent,
               count(*) FILTER (WHERE m.value = 'present' AND c.kind = 'code') AS seen
          FROM session l JOIN mark m ON m."on" = l."on" AND m.session_id = l.id
          LEFT JOIN check_in c ON c."on" = m."on" AND c.session_id = m.session_id AND c.enrolment_id = m.enrolment_id
         WHERE l.group_id = s.group_id AND l.starts_at >= from_instant AND l.starts_at < to_instant
           AND m."on" >= s.month AND m."on" < (s.month + interval '1 month')::date
         GROUP BY 1, 2),
    put_right AS (
        UPDATE sheet_row r SET present = c.present, ill = c.ill, excused = c.excused, absent = c.absent, seen = c.seen,
               word = 'silent', reason = '', confirmed_by = NULL, confirmed_at = NULL, proof_way = '', proof_at = NULL,
               evidence = '', decided_by = NULL, decided_at = NULL
          FROM counted c
         WHERE r.sheet_id = s.id AND r.enrolment_id = c.enrolment_id
           AND (r.enrolment_id = ANY (touched)
                OR (r.present, r.ill, r.excused, r.absent, r.seen) <> (c.present, c.ill, c.excused, c.absent, c.seen))
        RETURNING r.id),
    written AS (
        INSERT INTO sheet_row (uuid, territory_id, programme_id, sheet_id, enrolment_id, child_id,
                               present, ill, excused, absent, seen, word, reason, evidence)
        SELECT seeded_uuid(seed, 'row ' || c.enrolment_id), s.territory_id, s.programme_id, s.id, c.enrolment_id, c.child_id,
               c.present, c.ill, c.excused, c.absent, c.seen, 'silent', '', ''
          FROM counted c WHERE NOT EXISTS (SELECT FROM sheet_row r WHERE r.sheet_id = s.id AND r.enrolment_id = c.enrolment_id)
         ORDER BY c.enrolment_id
        RETURNING id)
    SELECT coalesce(array_agg(id ORDER BY id), '{}') INTO changed
      FROM (SELECT id FROM put_right UNION ALL SELECT id FROM written) rows;
    UPDATE day_hold d SET is_present = m.value = 'present',
           state = CASE WHEN d.kind = 'disputed' AND d.state = 'open' AND m.value <> 'present' THEN 'cleared' ELSE d.state END,
           resolved_at = CASE WHEN d.state = 'open' AND d.kind = 'disputed' AND m.value <> 'present' THEN moment ELSE d.resolved_at END,
           resolved_by = CASE WHEN d.state = 'open' AND d.kind = 'disputed' AND m.value <> 'present' THEN who ELSE d.resolved_by END,
           evidence = CASE WHEN d.state = 'open' AND d.kind = 'disputed' AND m.value <> 'present' THEN 'mark corrected' ELSE d.evidence END
      FROM sheet_row r JOIN mark m ON m.enrolment_id = r.enrolment_id
     WHERE r.id = ANY (changed) AND d.sheet_row_id = r.id AND m."on" = d."on" AND m.session_id = d.session_id
       AND m."on" >= s.month AND m."on" < (s.month + interval '1 month')::date;
    UPDATE month_sheet SET version = s.version + 1, sent_at = moment,
           lessons_held = (SELECT count(*) FROM session l WHERE l.group_id = s.group_id AND l.state = 'held'
                             AND l.starts_at >= from_instant AND l.starts_at < to_instant)
     WHERE id = s.id;
    UPDATE month_sheet SET hash = sha256(convert_to(sheet_document(id), 'UTF8')) WHERE id = s.id;
    RETURN changed;
END $$;
"""


class Migration(migrations.Migration):
    """Tables of the second party's side of attendance."""

    dependencies = [
        ("attendance", "0003_lessons"),
        ("people", "0001_initial"),
        ("programmes", "0001_initial"),
        ("vouchers", "0002_functions"),
    ]
    operations = [
        migrations.CreateModel(
            name="CheckIn",
            fields=[
                ("on", models.DateField()),
                ("session_id", models.BigIntegerField()),
                ("enrolment_id", models.BigIntegerField()),
                ("child_id", models.BigIntegerField()),
                ("territory_id", models.BigIntegerField()),
                ("programme_id", models.BigIntegerField()),
                ("kind", models.TextField()),
                ("guardian_id", models.BigIntegerField(null=True)),
                ("step", models.BigIntegerField(null=True)),
                ("at", models.DateTimeField()),
                ("card_at", models.DateTimeField(null=True)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "on",
                        "session_id",
                        "enrolment_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
            ],
            options={
                "db_table": "check_in",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="CheckInRefusal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("reason", models.TextField()),
                ("child_id", models.BigIntegerField()),
                ("guardian_id", models.BigIntegerField(null=True)),
                ("session_id", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "check_in_refusal",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="TraceRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("month", models.DateField()),
                ("kind", models.TextField()),
                ("subject_id", models.BigIntegerField()),
                ("enrolment_id", models.BigIntegerField()),
                ("device", models.BinaryField(null=True)),
                ("network", models.BinaryField(null=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "trace",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="DayHold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("session_id", models.BigIntegerField()),
                ("on", models.DateField()),
                ("kind", models.TextField()),
                ("cause_id", models.BigIntegerField()),
                ("state", models.TextField()),
                ("reason", models.TextField()),
                ("is_present", models.BooleanField()),
                ("is_seen", models.BooleanField()),
                ("opened_at", models.DateTimeField()),
                ("opened_by", models.BigIntegerField()),
                ("resolved_at", models.DateTimeField(null=True)),
                ("resolved_by", models.BigIntegerField(null=True)),
                ("evidence", models.TextField(blank=True, db_default="")),
                (
                    "programme",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="programmes.programme"
                    ),
                ),
                (
                    "sheet_row",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="attendance.sheetrow"
                    ),
                ),
                (
                    "territory",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="people.territory"
                    ),
                ),
            ],
            options={
                "db_table": "day_hold",
            },
        ),
        migrations.CreateModel(
            name="ReturnedRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.IntegerField()),
                ("reason", models.TextField()),
                ("at", models.DateTimeField()),
                ("returned_by", models.BigIntegerField()),
                (
                    "sheet_row",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="attendance.sheetrow"
                    ),
                ),
            ],
            options={
                "db_table": "returned_row",
            },
        ),
        migrations.CreateModel(
            name="SheetVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.IntegerField()),
                ("hash", models.BinaryField()),
                ("sent_at", models.DateTimeField()),
                ("document", models.TextField()),
                ("words", models.JSONField()),
                (
                    "sheet",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="attendance.monthsheet"
                    ),
                ),
            ],
            options={
                "db_table": "sheet_version",
            },
        ),
        migrations.AddIndex(
            model_name="dayhold",
            index=models.Index(fields=["kind", "cause_id"], name="day_hold_cause"),
        ),
        migrations.AddConstraint(
            model_name="dayhold",
            constraint=models.UniqueConstraint(
                fields=("sheet_row", "session_id", "kind", "cause_id"), name="day_hold_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="dayhold",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["disputed", "flagged"])), name="day_hold_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="dayhold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "open"),
                    models.Q(("resolved_at__isnull", False), ("resolved_by__isnull", False)),
                    _connector="OR",
                ),
                name="day_hold_resolved_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="returnedrow",
            constraint=models.UniqueConstraint(fields=("sheet_row", "version"), name="returned_row_once"),
        ),
        migrations.AddConstraint(
            model_name="sheetversion",
            constraint=models.UniqueConstraint(fields=("sheet", "version"), name="sheet_version_once"),
        ),
        migrations.RunSQL(_TABLES, "DROP TABLE trace; DROP TABLE check_in_refusal"),
        partitioned("check_in_refusal"),
        partitioned("trace"),
        migrations.RunSQL(_DUE, "DROP VIEW sheet_row_due"),
        migrations.RunSQL(_REDRAW, "DROP FUNCTION redraw_sheet"),
        belongs(
            "day_hold",
            "sheet_row",
            {"sheet_row_id": "id", "territory_id": "territory_id", "programme_id": "programme_id"},
        ),
        insert_only("sheet_version"),
        insert_only("returned_row"),
        only_transitions("day_hold", "state", HOLD_TRANSITIONS),
    ]
