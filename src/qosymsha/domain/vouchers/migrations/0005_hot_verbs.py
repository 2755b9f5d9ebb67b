"""Taking one place in two questions: its facts with their version, and storing it (docs/decisions/0035-hot-verbs.md)."""

from django.db import migrations

# The rows that a place is decided by, apart from its seats, which are a condition of their own.
_VERSION = """
CREATE FUNCTION place_version(the_voucher bigint, the_group bigint, guardian bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT concat_ws('/', v.xmin,
               (SELECT coalesce(string_agg(p.xmin::text, ',' ORDER BY p.id), '-') FROM guardianship p
                 WHERE p.guardian_id = guardian AND p.child_id = v.child_id),
               (SELECT l.xmin FROM ledger_account l
                 WHERE l.kind = 'held' AND l.line_id = v.line_id AND l.subject_id = v.id AND l.month IS NULL))
              FROM voucher v WHERE v.id = the_voucher)
        || (SELECT concat_ws('/', '', g.xmin, c.xmin, a.xmin, t.is_left_over)
              FROM club_group g JOIN contract c ON c.id = g.contract_id
              LEFT JOIN accreditation a ON a.provider_id = g.provider_id AND a.programme_id = g.programme_id
                                       AND a.state IN ('accredited', 'limited')
              LEFT JOIN seat t ON t.group_id = g.id
             WHERE g.id = the_group);
END $$;
"""

# The columns of a voucher are those of `queries.VoucherFacts`, the columns of a group those of `providers.GroupFacts`.
# By index whatever the planner believes of a young table: plans are kept, and on an opening day tables grow under them.
_FACTS = """
CREATE FUNCTION place_facts(
    a_voucher uuid, a_group uuid, guardian bigint, today date, starts date, who bigint, what text, once uuid
) RETURNS TABLE (
    voucher_id bigint, child_id bigint, territory_id bigint, programme_id bigint, slot text, kind text, line_id bigint,
    rule_set_id bigint, state text, accept_by date, first_month date, last_month date, month_tiyn bigint,
    group_id bigint, group_uuid uuid, group_territory bigint, group_programme bigint, provider_id bigint,
    contract_id bigint, group_line bigint, venue_id bigint, district_id bigint, group_kind text, activity text, code text,
    language text, age_min int, age_max int, capacity int, unit_tariff_tiyn bigint, units_per_month int,
    is_adapted boolean, group_state text, first_day date, last_day date, contract_first date, contract_last date,
    accreditation_state text, accredited_first date, accredited_last date,
    rule_set_hash bytea, is_ward boolean, key_id text, nonce bytea, ciphertext bytea, held_tiyn bigint,
    free int, is_left_over boolean, slots jsonb, days_off date[], is_key_known boolean, version text
) LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    month_first date := date_trunc('month', starts)::date;
    month_last date := (date_trunc('month', starts) + interval '1 month - 1 day')::date;
BEGIN
    RETURN QUERY SELECT
        v.id, v.child_id, v.territory_id, v.programme_id, v.slot, v.kind, v.line_id, v.rule_set_id, v.state, v.accept_by,
        v.first_month, v.last_month, v.month_tiyn,
        g.id, g.uuid, g.territory_id, g.programme_id, g.provider_id, g.contract_id, g.line_id, g.venue_id, n.district_id,
        g.kind, o.activity_id::text, g.code, g.language::text, g.age_min::int, g.age_max::int, g.capacity::int,
        g.unit_tariff_tiyn, g.units_per_month::int, g.is_adapted, g.state, lower(g.valid), upper(g.valid) - 1,
        lower(c.valid), upper(c.valid) - 1, a.state, lower(a.valid), upper(a.valid) - 1,
        u.hash,
        EXISTS (SELECT FROM guardianship p
                 WHERE p.guardian_id = guardian AND p.child_id = v.child_id AND p.valid @> today),
        s.key_id, s.nonce, s.ciphertext,
        coalesce((SELECT l.balance_tiyn FROM ledger_account l
                   WHERE l.kind = 'held' AND l.line_id = v.line_id AND l.subject_id = v.id AND l.month IS NULL), 0),
        coalesce(t.capacity - t.taken, g.capacity), coalesce(t.is_left_over, false),
        (SELECT coalesce(jsonb_agg(jsonb_build_array(w.weekday, lower(w.valid), upper(w.valid) - 1)), '[]')
           FROM timetable_slot w WHERE w.group_id = g.id AND NOT isempty(w.valid)),
        ARRAY(SELECT d.day FROM (
                  SELECT DISTINCT ON (f.day) f.day, f.is_working FROM calendar_day f
                   WHERE (f.territory_id IS NULL OR f.territory_id = v.territory_id)
                     AND f.day BETWEEN month_first AND month_last
                   ORDER BY f.day, f.territory_id NULLS LAST) d WHERE NOT d.is_working ORDER BY d.day),
        EXISTS (SELECT FROM idempotency_key k WHERE k.user_id = who AND k.verb = what AND k.key = once),
        place_version(v.id, g.id, guardian)
      FROM voucher v
      JOIN rule_set u ON u.id = v.rule_set_id
      LEFT JOIN person_secret s ON s.subject_kind = 'child' AND s.subject_id = v.child_id
      LEFT JOIN (club_group g
                 JOIN offering o ON o.id = g.offering_id
                 JOIN venue n ON n.id = g.venue_id
                 JOIN contract c ON c.id = g.contract_id) ON g.uuid = a_group
      LEFT JOIN accreditation a ON a.provider_id = g.provider_id AND a.programme_id = g.programme_id
                               AND a.state IN ('accredited', 'limited')
      LEFT JOIN seat t ON t.group_id = g.id
     WHERE v.uuid = a_voucher;
END $$;
"""

# One statement, so one transaction of its own: key, voucher, place, money, seat, audit, news together or nothing. The seat
# comes last: a full group's row is held for the commit alone. `QS000` undoes what was done up to it; the answer says why.
_TAKE = """
CREATE FUNCTION take_seat(the_group bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    UPDATE seat SET taken = taken + 1 WHERE group_id = the_group AND taken < capacity;
    IF NOT FOUND THEN
        INSERT INTO seat (group_id, capacity, taken) SELECT g.id, g.capacity, 0 FROM club_group g WHERE g.id = the_group
            ON CONFLICT (group_id) DO NOTHING;
        UPDATE seat SET taken = taken + 1 WHERE group_id = the_group AND taken < capacity;
    END IF;
    RETURN FOUND;
END $$;
CREATE FUNCTION take_place(
    who bigint, label text, what text, once uuid, body bytea, moment timestamptz,
    by_voucher bigint, in_group bigint, guardian bigint, seen_version text, starts date, new_uuid uuid, price_tiyn bigint,
    OUT answer text, OUT refusal text, OUT taken_id bigint
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE claimed record; line bigint; broken text;
BEGIN
    SELECT * INTO claimed FROM idempotency_claim(who, what, once, body, moment);
    IF claimed.first_body <> body THEN
        RAISE SQLSTATE 'QS000' USING MESSAGE = 'reused';
    ELSIF claimed.times > 0 THEN
        answer := 'repeated';
        taken_id := (claimed.first_outcome #>> '{ids,0}')::bigint;
        refusal := claimed.first_outcome #>> '{no,0}';
        RETURN;
    ELSIF new_uuid IS NULL THEN
        RAISE SQLSTATE 'QS000' USING MESSAGE = 'stale';
    END IF;
    SELECT v.line_id INTO line FROM voucher v WHERE v.id = by_voucher FOR NO KEY UPDATE;
    IF seen_version IS DISTINCT FROM place_version(by_voucher, in_group, guardian) THEN
        RAISE SQLSTATE 'QS000' USING MESSAGE = 'stale';
    END IF;
    SELECT o.enrolment_id INTO taken_id
      FROM open_enrolments(ARRAY[new_uuid], ARRAY[by_voucher], ARRAY[in_group], ARRAY[starts], what, moment, who) o;
    PERFORM move_vouchers(ARRAY[by_voucher], 'active', '', what, moment, who);
    IF price_tiyn > 0 THEN
        SELECT p.refusal INTO broken FROM ledger_post(
            moment, ARRAY['enrol'], ARRAY[taken_id::text], ARRAY[NULL::bigint], ARRAY[1, 1], ARRAY['held', 'place'],
            ARRAY[line, line], ARRAY[by_voucher, taken_id], ARRAY[NULL, date_trunc('month', starts)::date],
            ARRAY[-price_tiyn, price_tiyn]) p;
        IF broken IS NOT NULL THEN
            RAISE SQLSTATE 'QS000' USING MESSAGE = 'stale';
        END IF;
    END IF;
    PERFORM audit_record(moment, who, label, what, 'enrolment', jsonb_build_array(taken_id), NULL, '{}');
    PERFORM outbox_tell(moment, 'enrolment_opened', 'enrolment', ARRAY[taken_id], '{}');
    PERFORM idempotency_keep(who, what, once, jsonb_build_object('ids', jsonb_build_array(taken_id), 'no', '{}'::jsonb));
    IF NOT take_seat(in_group) THEN
        RAISE SQLSTATE 'QS000' USING MESSAGE = 'full';
    END IF;
    answer := 'stored';
EXCEPTION WHEN SQLSTATE 'QS000' THEN
    answer := SQLERRM;
    taken_id := NULL;
END $$;
"""


class Migration(migrations.Migration):
    """Functions that write only this room's tables and call the other owners' functions."""

    dependencies = [
        ("kernel", "0002_hot_verbs"),
        ("ledger", "0002_postings"),
        ("vouchers", "0004_transfers"),
    ]
    operations = [
        migrations.RunSQL(_VERSION + _FACTS, "DROP FUNCTION place_facts, place_version"),
        migrations.RunSQL(_TAKE, "DROP FUNCTION take_place, take_seat"),
    ]
