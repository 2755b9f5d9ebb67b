-- Moves rows out of a default partition into month tables of their own. See doctor-is-red.md. Run by the database's superuser:
--   psql -v ON_ERROR_STOP=1 -v table=outbox -v key=at -f move-months.sql ADDRESS
-- key: `on` for mark, `at` for audit_event, ledger_entry and outbox. Everything or nothing is done.
\set rest :table _rest
BEGIN;
SET LOCAL session_replication_role = replica;  -- the tables refuse changes; the rows stay the same, only their place changes
ALTER TABLE :"table" DETACH PARTITION :"rest";
ALTER TABLE :"rest" RENAME TO rows_to_move;
CREATE TABLE :"rest" PARTITION OF :"table" DEFAULT;
SELECT make_months(:'table', min(:"key")::date,
                   ((extract(year FROM age(max(:"key"), min(:"key"))) * 12)
                    + extract(month FROM age(max(:"key"), min(:"key"))))::int + 2)
  FROM rows_to_move;
INSERT INTO :"table" OVERRIDING SYSTEM VALUE SELECT * FROM rows_to_move;
DROP TABLE rows_to_move;
COMMIT;
