"""Filing one application in two questions: its facts with their version, and storing it (docs/decisions/0035-hot-verbs.md)."""

from django.db import migrations

# The rows are picked by their ids alone and judged afterwards: a planner with old statistics would believe that no row
# is in the state asked for, and compare every row of the round with every id.
_MOVE = """
CREATE FUNCTION move_applications(
    ids bigint[], from_states text[], target text, why text, because text, moment timestamptz, who bigint
) RETURNS SETOF bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
        WITH picked AS MATERIALIZED (
            SELECT a.id, a.state FROM unnest(ids) AS t (id) JOIN application a ON a.id = t.id ORDER BY a.id FOR UPDATE OF a),
        moved AS (
            UPDATE application a SET state = target, reason = why FROM picked p
             WHERE a.id = p.id AND p.state = ANY (from_states) RETURNING a.id, p.state AS was)
        INSERT INTO application_history (application_id, seq, from_state, to_state, cause, at, actor_id)
        SELECT id, 1 + (SELECT count(*) FROM application_history h WHERE h.application_id = moved.id), was, target, because,
               moment, who
          FROM moved RETURNING application_id;
END $$;
"""

# The rows that filing is decided by, apart from the round itself (locked) and what never changes.
_VERSION = """
CREATE FUNCTION filing_version(guardian bigint, the_child bigint, programme bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN concat_ws('/',
        (SELECT coalesce(string_agg(g.xmin::text, ',' ORDER BY g.id), '-') FROM guardianship g
          WHERE g.guardian_id = guardian AND g.child_id = the_child),
        (SELECT c.xmin FROM child c WHERE c.id = the_child),
        (SELECT coalesce(string_agg(a.id || ':' || a.xmin, ',' ORDER BY a.id), '-') FROM application a
          WHERE a.child_id = the_child AND a.programme_id = programme AND a.is_live),
        (SELECT coalesce(string_agg(v.id || ':' || v.xmin, ',' ORDER BY v.id), '-') FROM voucher v
          WHERE v.child_id = the_child AND v.programme_id = programme AND v.state <> 'closed'));
END $$;
"""

# By index whatever the planner believes of a young table: plans are kept, and on an opening day tables grow under them.
_FACTS = """
CREATE FUNCTION filing_facts(
    a_round bigint, a_round_uuid uuid, a_child bigint, a_child_uuid uuid, guardian bigint, on_day date,
    who bigint, what text, once uuid
) RETURNS TABLE (
    round_id bigint, round_number text, territory_id bigint, programme_id bigint, rule_set_id bigint, rule_set_hash bytea,
    round_state text, opens_at timestamptz, closes_at timestamptz, first_month date,
    child_id bigint, is_ward boolean, is_local boolean, key_id text, nonce bytea, ciphertext bytea,
    live_ids bigint[], live_slots text[], live_states text[], live_rounds bigint[], held_slots text[],
    is_key_known boolean, version text, next_id bigint, next_serial bigint
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE live record;
BEGIN
    a_round := coalesce(a_round, (SELECT r.id FROM admission_round r WHERE r.uuid = a_round_uuid));
    a_child := coalesce(a_child, (SELECT c.id FROM child c WHERE c.uuid = a_child_uuid));
    SELECT array_agg(a.id) AS ids, array_agg(a.slot) AS slots, array_agg(a.state) AS states, array_agg(a.round_id) AS rounds
      INTO live FROM application a JOIN admission_round r ON r.id = a_round
     WHERE a.child_id = a_child AND a.programme_id = r.programme_id AND a.is_live;
    RETURN QUERY SELECT r.id, r.number, r.territory_id, r.programme_id, r.rule_set_id, u.hash, r.state, r.opens_at,
           r.closes_at, r.first_month, a_child,
           EXISTS (SELECT FROM guardianship g WHERE g.guardian_id = guardian AND g.child_id = a_child AND g.valid @> on_day),
           coalesce(c.territory_id = r.territory_id, false), s.key_id, s.nonce, s.ciphertext,
           live.ids, live.slots, live.states, live.rounds,
           ARRAY(SELECT v.slot FROM voucher v
                  WHERE v.child_id = a_child AND v.programme_id = r.programme_id AND v.state <> 'closed'),
           EXISTS (SELECT FROM idempotency_key k WHERE k.user_id = who AND k.verb = what AND k.key = once),
           filing_version(guardian, a_child, r.programme_id),
           nextval(pg_get_serial_sequence('application', 'id')), nextval('application_number')
      FROM admission_round r JOIN rule_set u ON u.id = r.rule_set_id
      LEFT JOIN child c ON c.id = a_child
      LEFT JOIN person_secret s ON s.subject_kind = 'child' AND s.subject_id = c.id
     WHERE r.id = a_round;
END $$;
"""

# One statement, so one transaction of its own: key, round, application, history, sealed ticket, audit, news together or
# nothing. `QS000` undoes what was done up to it; the answer says why. Nothing is decided here: what was seen still stands,
# or the answer is `stale`.
_FILE = """
CREATE FUNCTION file_application(
    who bigint, label text, what text, once uuid, body bytea, moment timestamptz,
    in_round bigint, for_child bigint, by_guardian bigint, seen_version text, past bigint[],
    new_id bigint, new_uuid uuid, new_number text, in_slot text, of_kind text, of_age int, new_line bytea,
    under text, nonce bytea, sealed bytea,
    OUT answer text, OUT refusal text, OUT filed_id bigint, OUT filed_uuid uuid, OUT filed_number text
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE r admission_round; claimed record;
BEGIN
    SELECT * INTO r FROM admission_round WHERE id = in_round FOR SHARE;
    SELECT * INTO claimed FROM idempotency_claim(who, what, once, body, moment);
    IF claimed.first_body <> body THEN
        RAISE SQLSTATE 'QS000' USING MESSAGE = 'reused';
    ELSIF claimed.times > 0 THEN
        answer := 'repeated';
        filed_id := (claimed.first_outcome #>> '{0,1}')::bigint;
        refusal := claimed.first_outcome #>> '{0,2}';
        SELECT a.uuid, a.number INTO filed_uuid, filed_number FROM application a WHERE a.id = filed_id;
        RETURN;
    ELSIF new_line IS NULL OR r.state <> 'open'
          OR seen_version IS DISTINCT FROM filing_version(by_guardian, for_child, r.programme_id) THEN
        RAISE SQLSTATE 'QS000' USING MESSAGE = 'stale';
    END IF;
    IF cardinality(past) > 0 THEN
        PERFORM move_applications(past, '{waiting,granted}', 'ended', '', 'filed_again:' || r.number, moment, who);
    END IF;
    INSERT INTO application (id, uuid, number, territory_id, programme_id, round_id, child_id, guardian_id, slot, kind,
                             segment, age, claims, category, line_id, state, reason, submitted_at)
        VALUES (new_id, new_uuid, new_number, r.territory_id, r.programme_id, r.id, for_child, by_guardian, in_slot, of_kind,
                of_kind, of_age, '[]', '', new_line, 'submitted', '', moment)
        ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RAISE SQLSTATE 'QS000' USING MESSAGE = 'stale';
    END IF;
    INSERT INTO application_history (application_id, seq, from_state, to_state, cause, at, actor_id)
        VALUES (new_id, 1, '', 'submitted', 'filed', moment, who);
    PERFORM seal_secret('application', new_id, under, nonce, sealed);
    PERFORM audit_record(moment, who, label, 'submit_applications', 'application', jsonb_build_array(new_id), r.territory_id,
                         jsonb_build_object('round', r.id, 'refused', 0));
    PERFORM outbox_tell(moment, 'application_submitted', 'application', ARRAY[new_id], '{}');
    PERFORM idempotency_keep(who, what, once, jsonb_build_array(jsonb_build_array(0, new_id, NULL, '')));
    answer := 'stored'; filed_id := new_id; filed_uuid := new_uuid; filed_number := new_number;
EXCEPTION WHEN SQLSTATE 'QS000' THEN
    answer := SQLERRM;
END $$;
"""


class Migration(migrations.Migration):
    """Functions that write only this room's tables and call the other owners' functions."""

    dependencies = [
        ("admission", "0002_written_once"),
        ("kernel", "0002_hot_verbs"),
        ("people", "0004_hot_verbs"),
        ("vouchers", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(_MOVE, "DROP FUNCTION move_applications"),
        migrations.RunSQL(_VERSION + _FACTS, "DROP FUNCTION filing_facts, filing_version"),
        migrations.RunSQL(_FILE, "DROP FUNCTION file_application"),
    ]
