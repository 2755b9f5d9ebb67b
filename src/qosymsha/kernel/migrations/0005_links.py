"""The sequencer goes on from the last event it linked: its work is that of the events it links, whatever statistics say."""

from importlib import import_module

from django.db import migrations

_CHAIN = r"""
ALTER TABLE audit_low ADD id bigint NOT NULL DEFAULT 0;
UPDATE audit_low w SET id = coalesce((SELECT max(e.id) FROM audit_event e JOIN audit_link l ON l.event_id = e.id
                                       WHERE e.txid = w.txid), 0);
ALTER FUNCTION audit_event_hash(audit_event) PARALLEL SAFE;
CREATE OR REPLACE FUNCTION audit_link_next(most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    -- Every event of a transaction below `low.txid` is linked, and of that transaction those up to `low.id`; every one
    -- below `finished` is finished, so visible. By transaction, not by id: a slow transaction may commit an id smaller
    -- than one linked long ago.
    finished xid8 := pg_snapshot_xmin(pg_current_snapshot());
    low audit_low; last_seq bigint; last_hash bytea; e audit_event; done int := 0;
BEGIN
    SELECT * INTO low FROM audit_low;
    low.txid := coalesce(low.txid, '0'); low.id := coalesce(low.id, 0);
    SELECT seq, hash INTO last_seq, last_hash FROM audit_link ORDER BY seq DESC LIMIT 1;
    last_seq := coalesce(last_seq, 0); last_hash := coalesce(last_hash, '\x'::bytea);
    FOR e IN SELECT a.* FROM audit_event a
              WHERE (a.txid, a.id) > (low.txid, low.id) AND a.txid >= low.txid AND a.txid < finished
              ORDER BY a.txid, a.id LIMIT most LOOP
        last_seq := last_seq + 1;
        INSERT INTO audit_link (seq, event_id, event_at, prev_hash, hash)
            VALUES (last_seq, e.id, e.at, last_hash, sha256(last_hash || audit_event_hash(e)))
            RETURNING hash INTO last_hash;
        low.txid := e.txid; low.id := e.id;
        done := done + 1;
    END LOOP;
    IF done < most AND finished > low.txid THEN
        low.txid := finished; low.id := 0;
    END IF;
    DELETE FROM audit_low;
    INSERT INTO audit_low VALUES (low.txid, low.id);
    RETURN done;
END $$;
"""


_BEFORE = import_module("qosymsha.kernel.migrations.0001_initial")._CHAIN
_BACK = f"""
ALTER TABLE audit_low DROP id;
ALTER FUNCTION audit_event_hash(audit_event) PARALLEL UNSAFE;
DROP FUNCTION audit_link_next(int);
{_BEFORE[_BEFORE.index("CREATE FUNCTION audit_link_next") :]}
"""


class Migration(migrations.Migration):
    """One function, and where it stopped."""

    dependencies = [("kernel", "0004_retention")]
    operations = [migrations.RunSQL(_CHAIN, _BACK)]
