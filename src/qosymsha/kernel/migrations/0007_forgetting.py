"""What is kept for ever but for its end: months of the audit older than their time, words that are blanked in place.

`drop_months` and the way round a table's guard are for functions of the tables' owner alone. A function that forgets says so
while it runs (`qosymsha.forgets`, a setting of the transaction, taken back at its end); the guard lets pass only whom the table
belongs to, so that the role of pages and jobs gains nothing by the setting. Links of the chain stay for ever: an event that left by
its time is known by its hash, which the link holds, and every checkpoint still fits.
"""

from django.db import migrations

_GUARD = r"""
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_level = 'STATEMENT' AND tg_op = 'UPDATE'
       AND tg_table_name = ANY (string_to_array(current_setting('qosymsha.forgets', true), ','))
       AND (SELECT relowner FROM pg_class WHERE oid = tg_relid) = (SELECT oid FROM pg_roles WHERE rolname = current_user) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is insert-only', tg_table_name USING ERRCODE = 'restrict_violation';
END $$
"""
_GUARD_BACK = r"""
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is insert-only', tg_table_name USING ERRCODE = 'restrict_violation'; END $$
"""

# The floor stands here too: who works with rows alone cannot ask for younger months, whatever the installation's file says.
_MONTHS = r"""
CREATE FUNCTION drop_months(parent text, before date, years int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    part text; gone int := 0;
    today date := ((clock_timestamp() + coalesce((SELECT by_interval FROM clock_shift), interval '0')) AT TIME ZONE 'Asia/Almaty')::date;
BEGIN
    IF before > today - make_interval(years => years) THEN
        RAISE EXCEPTION '% is kept for % years at least', parent, years USING ERRCODE = 'restrict_violation';
    END IF;
    FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                 WHERE i.inhparent = parent::regclass AND c.relname ~ '_[0-9]{4}_[0-9]{2}$'
                   AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before ORDER BY 1 LOOP
        EXECUTE format('DROP TABLE %I', part);
        gone := gone + 1;
    END LOOP;
    RETURN gone;
END $$;
CREATE FUNCTION audit_forget(before date) RETURNS int LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE waits date;
BEGIN
    -- An event without its link must not go: the chain would never have held it. From its month on everything stays.
    SELECT date_trunc('month', min(e.at))::date INTO waits FROM audit_event e
     WHERE e.at < before AND NOT EXISTS (SELECT FROM audit_link l WHERE l.event_id = e.id);
    RETURN drop_months('audit_event', least(before, waits), 5);
END $$;
REVOKE EXECUTE ON FUNCTION drop_months(text, date, int), audit_forget(date) FROM PUBLIC
"""


class Migration(migrations.Migration):
    """One function anew, two more; no table is touched."""

    dependencies = [("kernel", "0006_least_rights")]
    operations = [
        migrations.RunSQL(_GUARD, _GUARD_BACK),
        migrations.RunSQL(_MONTHS, "DROP FUNCTION audit_forget(date), drop_months(text, date, int)"),
    ]
