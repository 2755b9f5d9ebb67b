"""Months of traces are dropped by a function of the tables' owner: the role of pages and jobs drops nothing itself."""

from django.db import migrations

_FORGET = r"""
CREATE FUNCTION trace_forget(parent text, before date) RETURNS int LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE part text; gone int := 0;
BEGIN
    IF parent NOT IN ('trace', 'check_in_refusal') THEN
        RAISE EXCEPTION '% is kept', parent USING ERRCODE = 'restrict_violation';
    END IF;
    FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                 WHERE i.inhparent = parent::regclass AND c.relname ~ '_[0-9]{4}_[0-9]{2}$'
                   AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before ORDER BY 1 LOOP
        EXECUTE format('DROP TABLE %I', part);
        gone := gone + 1;
    END LOOP;
    RETURN gone;
END $$;
REVOKE EXECUTE ON FUNCTION trace_forget(text, date) FROM PUBLIC
"""


class Migration(migrations.Migration):
    dependencies = [("attendance", "0007_halls")]
    operations = [migrations.RunSQL(_FORGET, "DROP FUNCTION trace_forget")]
