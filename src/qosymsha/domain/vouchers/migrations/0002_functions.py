"""What Django has no words for: composite keys, legal lives, and the functions that write vouchers, places and seats."""

from django.db import migrations

from qosymsha.domain.vouchers.states import ENROLMENT_TRANSITIONS, TRANSITIONS
from qosymsha.kernel.schema import history_of, only_transitions, same_place

_LIVES = """
CREATE SEQUENCE voucher_serial;
CREATE FUNCTION move_vouchers(ids bigint[], target text, why text, because text, moment timestamptz, who bigint)
RETURNS int LANGUAGE sql AS $$
    WITH before AS (SELECT id, state FROM voucher WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE),
    moved AS (
        UPDATE voucher v SET state = target, reason = why FROM before b WHERE v.id = b.id
        RETURNING v.id, b.state AS from_state),
    told AS (
        INSERT INTO voucher_history (voucher_id, seq, from_state, to_state, cause, at, actor_id)
        SELECT m.id, 1 + (SELECT coalesce(max(h.seq), 0) FROM voucher_history h WHERE h.voucher_id = m.id),
               m.from_state, target, because, moment, who FROM moved m ORDER BY m.id
        RETURNING 1)
    SELECT count(*)::int FROM told
$$;
"""

# Two statements, so that the second sees what the first waited for: the seats are locked in the order of their groups,
# then taken as far as there are any. The condition and the CHECK stand behind the lock.
_SEATS = """
CREATE FUNCTION lock_seats(groups bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO seat (group_id, capacity, taken)
        SELECT g.id, g.capacity, 0 FROM club_group g WHERE g.id = ANY (groups) ORDER BY g.id
        ON CONFLICT (group_id) DO NOTHING;
    PERFORM 1 FROM seat WHERE group_id = ANY (groups) ORDER BY group_id FOR NO KEY UPDATE;
END $$;
CREATE FUNCTION take_seats(groups bigint[], wanted int[]) RETURNS TABLE (group_id bigint, granted int)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_seats(groups);
    RETURN QUERY
        WITH fit AS (
            SELECT s.group_id, least(w.n, s.capacity - s.taken) AS n
            FROM unnest(groups, wanted) AS w (id, n) JOIN seat s ON s.group_id = w.id)
        UPDATE seat s SET taken = s.taken + f.n FROM fit f
        WHERE s.group_id = f.group_id AND f.n > 0 AND s.taken + f.n <= s.capacity
        RETURNING s.group_id, f.n;
END $$;
CREATE FUNCTION free_seats(groups bigint[], freed int[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_seats(groups);
    UPDATE seat s SET taken = s.taken - f.n FROM unnest(groups, freed) AS f (id, n) WHERE s.group_id = f.id;
END $$;
"""

_PLACES = """
CREATE FUNCTION open_enrolments(uuids uuid[], vouchers bigint[], groups bigint[], starts date[],
                                because text, moment timestamptz, who bigint)
RETURNS TABLE (enrolment_id bigint, voucher_id bigint) LANGUAGE sql AS $$
    WITH opened AS (
        INSERT INTO enrolment (uuid, territory_id, programme_id, voucher_id, child_id, group_id, provider_id, line_id,
                               state, reason, starts_on, unit_tariff_tiyn, promised_month, created_at)
        SELECT w.uuid, v.territory_id, v.programme_id, v.id, v.child_id, g.id, g.provider_id, g.line_id,
               'active', '', w.start, g.unit_tariff_tiyn, date_trunc('month', w.start)::date, moment
        FROM unnest(uuids, vouchers, groups, starts) WITH ORDINALITY AS w (uuid, voucher, grp, start, no)
        JOIN voucher v ON v.id = w.voucher JOIN club_group g ON g.id = w.grp ORDER BY w.no
        RETURNING id, voucher_id),
    told AS (
        INSERT INTO enrolment_history (enrolment_id, seq, from_state, to_state, cause, at, actor_id)
        SELECT id, 1, '', 'active', because, moment, who FROM opened ORDER BY id)
    SELECT id, voucher_id FROM opened
$$;
CREATE FUNCTION end_enrolments(ids bigint[], lasts date[], why text, because text, moment timestamptz, who bigint)
RETURNS void LANGUAGE sql AS $$
    WITH before AS (
        SELECT e.id, e.state, l.last_day FROM unnest(ids, lasts) AS l (id, last_day) JOIN enrolment e ON e.id = l.id
        ORDER BY e.id FOR NO KEY UPDATE OF e),
    ended AS (
        UPDATE enrolment e SET state = 'ended', ends_on = b.last_day, reason = why FROM before b WHERE e.id = b.id
        RETURNING e.id, b.state AS from_state)
    INSERT INTO enrolment_history (enrolment_id, seq, from_state, to_state, cause, at, actor_id)
    SELECT d.id, 1 + (SELECT coalesce(max(h.seq), 0) FROM enrolment_history h WHERE h.enrolment_id = d.id),
           d.from_state, 'ended', because, moment, who FROM ended d ORDER BY d.id
$$;
"""

_DROP = """
DROP FUNCTION end_enrolments, open_enrolments, free_seats, take_seats, lock_seats, move_vouchers;
DROP SEQUENCE voucher_serial;
"""


class Migration(migrations.Migration):
    """Functions that write only this room's tables."""

    dependencies = [("vouchers", "0001_initial"), ("kernel", "0001_initial")]
    operations = [
        migrations.RunSQL(_LIVES + _SEATS + _PLACES, _DROP),
        same_place("voucher", "line_id", "budget_line"),
        same_place("voucher", "rule_set_id", "rule_set"),
        same_place("enrolment", "voucher_id", "voucher"),
        same_place("enrolment", "group_id", "club_group"),
        only_transitions("voucher", "state", TRANSITIONS),
        only_transitions("enrolment", "state", ENROLMENT_TRANSITIONS),
        *history_of("voucher", TRANSITIONS),
        *history_of("enrolment", ENROLMENT_TRANSITIONS),
    ]
