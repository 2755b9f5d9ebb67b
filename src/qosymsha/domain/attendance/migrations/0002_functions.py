"""Marks by month, composite keys, legal lives, and the functions that write sheets from marks."""

from django.db import migrations

from qosymsha.domain.attendance.states import SESSION_TRANSITIONS, SHEET_TRANSITIONS, WORD_TRANSITIONS
from qosymsha.kernel.schema import belongs, history_of, only_transitions, partitioned, same_place

_MARK = """
CREATE TABLE mark (
    "on" date NOT NULL, session_id bigint NOT NULL, enrolment_id bigint NOT NULL, child_id bigint NOT NULL,
    territory_id bigint NOT NULL, programme_id bigint NOT NULL,
    value text NOT NULL CONSTRAINT mark_value CHECK (value IN ('present', 'ill', 'excused', 'absent')),
    source text NOT NULL, marked_at timestamptz NOT NULL, marked_by bigint NOT NULL,
    batch_id bigint, counter bigint, recorded_at timestamptz, CONSTRAINT mark_of_a_phone CHECK ((batch_id IS NULL) = (counter IS NULL)),
    PRIMARY KEY ("on", session_id, enrolment_id)
) PARTITION BY RANGE ("on");
"""

_CHECK_IN = """
CREATE TABLE check_in (
    "on" date NOT NULL, session_id bigint NOT NULL, enrolment_id bigint NOT NULL, child_id bigint NOT NULL,
    territory_id bigint NOT NULL, programme_id bigint NOT NULL,
    kind text NOT NULL CONSTRAINT check_in_kind CHECK (kind IN ('code', 'late', 'card')),
    guardian_id bigint, step bigint, at timestamptz NOT NULL, card_at timestamptz,
    PRIMARY KEY ("on", session_id, enrolment_id),
    CONSTRAINT check_in_by_somebody CHECK (kind = 'card' OR guardian_id IS NOT NULL AND step IS NOT NULL)
) PARTITION BY RANGE ("on");
"""

_SHEETS = """
CREATE FUNCTION move_sheets(ids bigint[], target text, because text, moment timestamptz, who bigint)
RETURNS int LANGUAGE sql SET enable_seqscan = off SET enable_mergejoin = off AS $$
    WITH before AS (SELECT id, state FROM month_sheet WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE),
    moved AS (
        UPDATE month_sheet s SET state = target FROM before b
         WHERE s.id = b.id AND s.id = ANY (ids) RETURNING s.id, b.state AS from_state),
    told AS (
        INSERT INTO month_sheet_history (month_sheet_id, seq, from_state, to_state, cause, at, actor_id)
        SELECT m.id, 1 + (SELECT coalesce(max(h.seq), 0) FROM month_sheet_history h WHERE h.month_sheet_id = m.id),
               m.from_state, target, because, moment, who FROM moved m ORDER BY m.id
        RETURNING 1)
    SELECT count(*)::int FROM told
$$;
-- An outside id that nobody can guess (the seed is random) and that the same seed makes again: a version 4 of 120 bits.
-- One expression, so that the planner puts it into the statement that asks for a month's rows.
CREATE FUNCTION seeded_uuid(seed bytea, word text) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT overlay(overlay(encode(substr(sha256(seed || convert_to(word, 'UTF8')), 1, 16), 'hex')
                           PLACING '4' FROM 13) PLACING '8' FROM 17)::uuid
$$;
-- A sheet's canonical JSON (RFC 8785) has only whole numbers, uuids and a date, so that it can be written here.
-- By index, whatever the statistics say: a plan made while the tables were small reads the whole of them for each sheet.
CREATE FUNCTION sheet_documents(sheets bigint[]) RETURNS TABLE (sheet_id bigint, document text) LANGUAGE sql STABLE
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    SELECT s.id, '{"group":"' || g.uuid || '","lessons_held":' || s.lessons_held || ',"month":"' || s.month || '","rows":['
        || r.rows || ']}'
    FROM unnest(sheets) AS asked (id) JOIN month_sheet s ON s.id = asked.id JOIN club_group g ON g.id = s.group_id
    CROSS JOIN LATERAL (
        SELECT string_agg('["' || e.uuid || '",' || r.present || ',' || r.ill || ',' || r.excused || ',' || r.absent || ',' || r.seen || ']',
                          ',' ORDER BY e.uuid) AS rows
        FROM sheet_row r JOIN enrolment e ON e.id = r.enrolment_id WHERE r.sheet_id = s.id) r WHERE r.rows IS NOT NULL
$$;
CREATE FUNCTION sheet_document(sheet bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT document FROM sheet_documents(ARRAY[sheet])
$$;
CREATE FUNCTION draw_sheets(provider bigint, groups bigint[], first_day date, from_instant timestamptz,
                            to_instant timestamptz, seed bytea, moment timestamptz)
RETURNS TABLE (sheet_id bigint, group_id bigint) LANGUAGE sql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    WITH lessons AS MATERIALIZED (
        SELECT s.id, s.group_id, s."on", s.state FROM session s
        WHERE s.group_id = ANY (groups) AND s.provider_id = provider
          AND s.starts_at >= from_instant AND s.starts_at < to_instant),
    scanned AS MATERIALIZED (
        SELECT l.group_id, c."on", c.session_id, c.enrolment_id FROM lessons l
        CROSS JOIN LATERAL (
            SELECT c."on", c.session_id, c.enrolment_id FROM check_in c
            WHERE c."on" = l."on" AND c.session_id = l.id AND c.kind = 'code'
              AND c."on" >= first_day AND c."on" < (first_day + interval '1 month')::date OFFSET 0) c),
    marked AS (
        -- Lesson by lesson whatever the statistics say (OFFSET 0); the days let it look into one partition.
        SELECT l.group_id, m.enrolment_id, m.child_id, m.value FROM lessons l
        CROSS JOIN LATERAL (
            SELECT m.enrolment_id, m.child_id, m.value FROM mark m WHERE m."on" = l."on" AND m.session_id = l.id
              AND m."on" >= first_day AND m."on" < (first_day + interval '1 month')::date OFFSET 0) m
        UNION ALL
        SELECT c.group_id, m.enrolment_id, m.child_id, 'seen' FROM scanned c
        CROSS JOIN LATERAL (
            SELECT m.enrolment_id, m.child_id FROM mark m
            WHERE m."on" = c."on" AND m.session_id = c.session_id AND m.enrolment_id = c.enrolment_id
              AND m.value = 'present' AND m."on" >= first_day AND m."on" < (first_day + interval '1 month')::date
            OFFSET 0) m),
    counted AS MATERIALIZED (
        SELECT m.group_id, m.enrolment_id, m.child_id,
               count(*) FILTER (WHERE m.value = 'present') AS present, count(*) FILTER (WHERE m.value = 'ill') AS ill,
               count(*) FILTER (WHERE m.value = 'excused') AS excused, count(*) FILTER (WHERE m.value = 'absent') AS absent,
               count(*) FILTER (WHERE m.value = 'seen') AS seen
        FROM marked m GROUP BY 1, 2, 3),
    drawn AS (
        INSERT INTO month_sheet (uuid, territory_id, programme_id, provider_id, group_id, month, state, lessons_held, sent_at)
        SELECT seeded_uuid(seed, 'sheet ' || g.id), g.territory_id, g.programme_id, provider, g.id, first_day, 'open',
               (SELECT count(*) FROM lessons l WHERE l.group_id = g.id AND l.state = 'held'), moment
        FROM club_group g WHERE g.id IN (SELECT c.group_id FROM counted c) ORDER BY g.id
        RETURNING id, month_sheet.group_id, territory_id, programme_id),
    written AS (
        INSERT INTO sheet_row (uuid, territory_id, programme_id, sheet_id, enrolment_id, child_id,
                               present, ill, excused, absent, seen, word, reason, evidence)
        SELECT seeded_uuid(seed, 'row ' || c.enrolment_id), d.territory_id, d.programme_id, d.id, c.enrolment_id, c.child_id,
               c.present, c.ill, c.excused, c.absent, c.seen, 'silent', '', ''
        FROM counted c JOIN drawn d ON d.group_id = c.group_id ORDER BY d.id, c.enrolment_id),
    told AS (
        INSERT INTO month_sheet_history (month_sheet_id, seq, from_state, to_state, cause, at, actor_id)
        SELECT d.id, 1, '', 'open', 'draw_sheets', moment, 0 FROM drawn d ORDER BY d.id)
    SELECT d.id, d.group_id FROM drawn d ORDER BY d.id
$$;
"""

_FROZEN = """
CREATE FUNCTION refuse_unless_returned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM month_sheet WHERE id = NEW.sheet_id AND state = 'returned') THEN
        RAISE EXCEPTION 'a sheet that was sent is locked' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sheet_row_counts_frozen BEFORE UPDATE OF present, ill, excused, absent, seen ON sheet_row FOR EACH ROW
    WHEN ((OLD.present, OLD.ill, OLD.excused, OLD.absent, OLD.seen)
          <> (NEW.present, NEW.ill, NEW.excused, NEW.absent, NEW.seen))
    EXECUTE FUNCTION refuse_unless_returned();
CREATE TRIGGER sheet_row_silenced BEFORE UPDATE OF word ON sheet_row FOR EACH ROW
    WHEN (OLD.word <> 'silent' AND NEW.word = 'silent') EXECUTE FUNCTION refuse_unless_returned();
CREATE TRIGGER month_sheet_hash_frozen BEFORE UPDATE OF hash ON month_sheet FOR EACH ROW
    WHEN ((OLD.hash <> NEW.hash OR OLD.hash IS NOT NULL AND NEW.hash IS NULL) AND OLD.state <> 'returned')
    EXECUTE FUNCTION refuse_change();
"""

_PLACE = {"territory_id": "territory_id", "programme_id": "programme_id"}
_DROP = "DROP FUNCTION draw_sheets, sheet_document, sheet_documents, seeded_uuid, move_sheets, refuse_unless_returned CASCADE"


class Migration(migrations.Migration):
    """Functions that write only this room's tables."""

    dependencies = [("attendance", "0001_initial"), ("vouchers", "0002_functions"), ("kernel", "0001_initial")]
    operations = [
        migrations.RunSQL(_MARK, "DROP TABLE mark"),
        partitioned("mark"),
        migrations.RunSQL(_CHECK_IN, "DROP TABLE check_in"),
        partitioned("check_in"),
        migrations.RunSQL(_SHEETS, _DROP),
        migrations.RunSQL(_FROZEN, migrations.RunSQL.noop),
        same_place("session", "group_id", "club_group"),
        same_place("mark", "session_id", "session"),
        same_place("check_in", "session_id", "session"),
        same_place("month_sheet", "group_id", "club_group"),
        belongs("sheet_row", "month_sheet", _PLACE | {"sheet_id": "id"}),
        belongs("sheet_row", "enrolment", _PLACE | {"enrolment_id": "id", "child_id": "child_id"}),
        only_transitions("session", "state", SESSION_TRANSITIONS),
        only_transitions("month_sheet", "state", SHEET_TRANSITIONS),
        only_transitions("sheet_row", "word", WORD_TRANSITIONS),
        *history_of("month_sheet", SHEET_TRANSITIONS),
    ]
