-- Run once, by the database's superuser, after pg_restore into another cluster and before anything is started on it:
--   psql -v ON_ERROR_STOP=1 -f after-restore.sql ADDRESS
-- The audit's mark, the outbox's cursors and the postings' instants of writing are numbers of the old cluster's transactions; the new one counts from the beginning.
BEGIN;
SET LOCAL session_replication_role = replica;  -- the tables refuse changes; only `txid` changes here, which no hash covers
-- Each consumer of the outbox stands before the first row it has not read. Some rows may come twice; none is lost.
UPDATE outbox_cursor c SET from_txid = '0', upto_txid = '2', last_id = coalesce(
    (SELECT min(o.id) - 1 FROM outbox o
      WHERE NOT (o.txid < c.from_txid OR (o.txid < c.upto_txid AND o.id <= c.last_id))),
    (SELECT max(o.id) FROM outbox o), 0);
UPDATE outbox SET txid = '1';
-- The sequencer goes on behind its mark, by transaction: what has its link stands before the mark, what has none behind it.
UPDATE audit_event e SET txid = CASE WHEN EXISTS (SELECT 1 FROM audit_link l WHERE l.event_id = e.id)
                                     THEN '1'::xid8 ELSE '2'::xid8 END;
DELETE FROM audit_low;
INSERT INTO audit_low (txid, id) VALUES ('2', 0);
-- Postings of the old cluster are not new: the minute's checks would read all of them again and again.
UPDATE ledger_posting SET txid = '1' WHERE txid <> '1';
COMMIT;
