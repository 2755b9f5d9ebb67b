"""Entries by month, the one function that posts, and the constraints that hold whoever writes (LEDGER.md 1, 13)."""

from django.db import migrations

from qosymsha.kernel.schema import insert_only, partitioned

_TABLES = """
ALTER TABLE ledger_posting ADD COLUMN txid xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE UNIQUE INDEX ledger_posting_reversed_once ON ledger_posting (reverses) WHERE reverses IS NOT NULL;
CREATE TABLE ledger_entry (
    id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, posting_id bigint NOT NULL,
    account_id bigint NOT NULL, line_id bigint NOT NULL, amount_tiyn bigint NOT NULL CHECK (amount_tiyn <> 0),
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX ledger_entry_posting ON ledger_entry (posting_id);
CREATE INDEX ledger_entry_account ON ledger_entry (account_id);
CREATE INDEX ledger_account_subject ON ledger_account (subject_id, kind);
-- Half of each page stays free: a claim moves every account of a page at once, and a new version that finds room on its
-- own page touches no index. That is a quarter of the price.
ALTER TABLE ledger_account SET (fillfactor = 45);
"""

_KINDS = """
CREATE FUNCTION ledger_has_balance(kind text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN kind IN ('free', 'held', 'place', 'payable', 'transit', 'receivable') THEN true
                WHEN kind IN ('approp', 'paid', 'released', 'lapsed', 'refunds', 'suspense') THEN false END
$$;
ALTER TABLE ledger_account
    ADD CONSTRAINT ledger_account_kind_known CHECK (ledger_has_balance(kind) IS NOT NULL),
    ADD CONSTRAINT ledger_account_balance_row CHECK (ledger_has_balance(kind) = (balance_tiyn IS NOT NULL)),
    ADD CONSTRAINT ledger_account_month_first CHECK (extract(day FROM month) = 1);
"""

# A posting is judged at commit, whoever wrote it. An account never changes its name and never goes away, and a posting
# never goes away: so the set-wise check of new entries below is as good as foreign keys, at a tenth of their price.
_GUARDS = """
CREATE FUNCTION ledger_posting_must_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE legs bigint; off bigint;
BEGIN
    SELECT coalesce(sum(n), 0), count(*) FILTER (WHERE total <> 0) INTO legs, off FROM (
        SELECT count(*) AS n, sum(amount_tiyn) AS total FROM ledger_entry
         WHERE posting_id = NEW.id AND at = NEW.at GROUP BY line_id) AS per_line;
    IF legs < 2 OR off > 0 THEN
        RAISE EXCEPTION 'posting % does not sum to zero: % entries, % lines off', NEW.id, legs, off
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ledger_posting_zero_sum';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_posting_zero_sum AFTER INSERT ON ledger_posting
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_posting_must_balance();

-- Without statistics on `added`, or with those of a table that was empty when it was counted, the planner compares all with
-- all. OFFSET 0 keeps each question a look-up of its own; IS TRUE keeps it to the index of ids: those of lines and of
-- transactions would bring the whole call for each entry.
CREATE FUNCTION ledger_entries_must_belong() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE stray bigint;
BEGIN
    SELECT e.posting_id INTO stray FROM (SELECT DISTINCT posting_id, at FROM added) e
     WHERE NOT EXISTS (SELECT FROM ledger_posting p
                        WHERE p.id = e.posting_id AND (p.at = e.at AND p.txid = pg_current_xact_id()) IS TRUE OFFSET 0)
    UNION ALL
    SELECT e.posting_id FROM added e
     WHERE NOT EXISTS (SELECT FROM ledger_account a WHERE a.id = e.account_id AND (a.line_id = e.line_id) IS TRUE OFFSET 0) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry of posting %: not this transaction''s posting and instant, or not an account of its line', stray
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'ledger_entry_belongs';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entry_belongs AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_must_belong();

CREATE TRIGGER ledger_account_stays BEFORE DELETE OR TRUNCATE OR UPDATE OF id, kind, line_id, subject_id, month
    ON ledger_account FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

# One call posts any number of drafts. `nos` says to which posting (1, 2, ...) an entry belongs. Accounts are opened in
# the order of their keys and locked in the order of their ids, so that two posters never wait for each other in a ring.
# A refusal undoes the call alone: the block with EXCEPTION is a savepoint without round trips of its own.
# By index where it may: a call names a few thousand accounts, the table holds a city's year. Hash joins stay allowed: under
# statistics of an empty table the planner would else walk all accounts once for each entry.
_POST = """
CREATE FUNCTION ledger_post(
    at timestamptz, cause_kinds text[], cause_keys text[], reversed bigint[],
    nos int[], kinds text[], lines bigint[], subjects bigint[], months date[], amounts bigint[],
    OUT posting_ids bigint[], OUT refusal text, OUT detail text
) LANGUAGE plpgsql SET enable_seqscan = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE account_ids bigint[]; opened bigint[] := '{}'; broken text;
BEGIN
    posting_ids := ARRAY(SELECT nextval(pg_get_serial_sequence('ledger_posting', 'id'))
                           FROM generate_series(1, cardinality(cause_keys)));
    INSERT INTO ledger_posting (id, at, cause_kind, cause_key, reverses)
        SELECT p.id, ledger_post.at, p.kind, p.key, p.reverses
          FROM unnest(posting_ids, cause_kinds, cause_keys, reversed) AS p (id, kind, key, reverses);

    account_ids := ARRAY(
        SELECT a.id FROM unnest(kinds, lines, subjects, months) WITH ORDINALITY AS e (kind, line_id, subject_id, month, n)
          LEFT JOIN ledger_account a ON a.kind = e.kind AND a.line_id = e.line_id AND a.subject_id = e.subject_id
                                    AND a.month IS NOT DISTINCT FROM e.month ORDER BY e.n);
    IF array_position(account_ids, NULL) IS NOT NULL THEN
        WITH made AS (
            INSERT INTO ledger_account (kind, line_id, subject_id, month, balance_tiyn)
                SELECT e.kind, e.line_id, e.subject_id, e.month, CASE WHEN ledger_has_balance(e.kind) THEN sum(e.amount) END
                  FROM unnest(account_ids, kinds, lines, subjects, months, amounts)
                       AS e (id, kind, line_id, subject_id, month, amount)
                 WHERE e.id IS NULL GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
                ON CONFLICT (kind, line_id, subject_id, month) DO NOTHING RETURNING id)
        SELECT coalesce(array_agg(id), '{}') INTO opened FROM made;
        account_ids := ARRAY(
            SELECT CASE WHEN e.id IS NOT NULL THEN e.id ELSE (
                       SELECT a.id FROM ledger_account a WHERE a.kind = e.kind AND a.line_id = e.line_id
                          AND a.subject_id = e.subject_id AND a.month IS NOT DISTINCT FROM e.month) END
              FROM unnest(account_ids, kinds, lines, subjects, months) WITH ORDINALITY
                   AS e (id, kind, line_id, subject_id, month, n) ORDER BY e.n);
    END IF;
    ASSERT array_position(account_ids, NULL) IS NULL, 'every entry has its account';

    -- Opened just now means with its amount; the others, also those a twin opened meanwhile, are locked and moved.
    PERFORM 1 FROM ledger_account a WHERE a.id = ANY (account_ids) AND a.balance_tiyn IS NOT NULL ORDER BY a.id FOR UPDATE;
    UPDATE ledger_account a SET balance_tiyn = a.balance_tiyn + net.amount
      FROM (SELECT e.id, sum(e.amount)::bigint AS amount FROM unnest(account_ids, amounts) AS e (id, amount)
             WHERE e.id NOT IN (SELECT unnest(opened)) GROUP BY e.id ORDER BY e.id) AS net
     WHERE a.id = net.id AND a.balance_tiyn IS NOT NULL AND net.amount <> 0;

    INSERT INTO ledger_entry (at, posting_id, account_id, line_id, amount_tiyn)
        SELECT ledger_post.at, posting_ids[e.no], e.account_id, e.line_id, e.amount
          FROM unnest(nos, account_ids, lines, amounts) AS e (no, account_id, line_id, amount);
EXCEPTION WHEN check_violation OR unique_violation THEN
    GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME, detail = PG_EXCEPTION_DETAIL;
    posting_ids := NULL;
    refusal := CASE broken WHEN 'ledger_account_not_negative' THEN 'not_covered'
                           WHEN 'ledger_posting_cause_once' THEN 'cause_repeated'
                           WHEN 'ledger_posting_reversed_once' THEN 'already_reversed' END;
    IF refusal IS NULL THEN RAISE; END IF;
END $$;
"""


_NO_TABLES = """
DROP TABLE ledger_entry;
DROP INDEX ledger_posting_reversed_once, ledger_account_subject;
ALTER TABLE ledger_posting DROP COLUMN txid;
ALTER TABLE ledger_account RESET (fillfactor);
"""
_NO_KINDS = """
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_kind_known, DROP CONSTRAINT ledger_account_balance_row,
    DROP CONSTRAINT ledger_account_month_first;
DROP FUNCTION ledger_has_balance;
"""
_NO_GUARDS = """
DROP TRIGGER ledger_account_stays ON ledger_account;
DROP FUNCTION ledger_posting_must_balance, ledger_entries_must_belong CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [
        migrations.RunSQL(_TABLES, _NO_TABLES),
        partitioned("ledger_entry"),
        migrations.RunSQL(_KINDS, _NO_KINDS),
        migrations.RunSQL(_GUARDS, _NO_GUARDS),
        migrations.RunSQL(_POST, "DROP FUNCTION ledger_post"),
        insert_only("ledger_posting"),
        insert_only("ledger_entry"),
    ]
