"""Old rows leave: idempotency keys in portions, months of the outbox whole, once every consumer has read past them."""

from django.db import migrations

_KEYS = """
CREATE FUNCTION idempotency_forget(before timestamptz, today date, most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE gone int;
BEGIN
    DELETE FROM idempotency_key WHERE id IN (
        SELECT id FROM idempotency_key WHERE at < before AND coalesce(kept_until, '-infinity') < today LIMIT most);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
"""

# A month goes when it ended before `before` and each consumer's window begins above its newest row: nothing unread is lost.
_NEWS = r"""
CREATE FUNCTION outbox_forget(before date) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    part text; newest xid8; gone int := 0;
    read_below xid8 := (SELECT min(from_txid) FROM outbox_cursor);
BEGIN
    FOR part IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                 WHERE i.inhparent = 'outbox'::regclass AND c.relname ~ '^outbox_[0-9]{4}_[0-9]{2}$'
                   AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= before ORDER BY 1 LOOP
        EXECUTE format('SELECT max(txid) FROM %I', part) INTO newest;
        IF newest IS NULL OR read_below IS NULL OR newest < read_below THEN
            EXECUTE format('DROP TABLE %I', part);
            gone := gone + 1;
        END IF;
    END LOOP;
    RETURN gone;
END $$;
"""


class Migration(migrations.Migration):
    """Functions over the kernel's own tables."""

    dependencies = [("kernel", "0003_reads")]
    operations = [
        migrations.RunSQL(_KEYS, "DROP FUNCTION idempotency_forget"),
        migrations.RunSQL(_NEWS, "DROP FUNCTION outbox_forget"),
    ]
