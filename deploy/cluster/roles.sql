-- Once, as the superuser: psql -f roles.sql. Who comes by certificate (by_certificate in the inventory) needs no password;
-- else: ALTER ROLE … PASSWORD, typed by \password so that it stands in no history.
CREATE ROLE qosymsha LOGIN;               -- owns the tables; used by `qosymsha migrate` alone (QOSYMSHA_OWNER_URL)
CREATE ROLE qosymsha_pages LOGIN;         -- pages and jobs (DATABASE_URL): rows, and only new ones where nothing may change
CREATE DATABASE qosymsha OWNER qosymsha;
REVOKE ALL ON DATABASE qosymsha FROM PUBLIC;
GRANT CONNECT ON DATABASE qosymsha TO qosymsha_pages;
GRANT pg_read_all_stats TO qosymsha_pages; -- figures of standbys and connections for `qosymsha metrics`; no row of a table
-- The machine for copies comes as Patroni's own role: it reads the log, writes a mark before a drill, sees how far it has got.
GRANT CONNECT ON DATABASE qosymsha TO replicator;
GRANT pg_read_all_stats TO replicator;
-- A city that began with one role: it stays the owner; make qosymsha_pages, run `qosymsha migrate`, change DATABASE_URL.
