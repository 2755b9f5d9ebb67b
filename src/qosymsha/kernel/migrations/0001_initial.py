"""The kernel's tables: audit and its chain, outbox, idempotency keys, the demo's clock; month partitions from the first day."""

from django.db import migrations, models

from qosymsha.kernel.schema import insert_only, partitioned

_TOOLS = r"""
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE FUNCTION copy_guards(parent text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE guard record;
BEGIN
    -- Statement triggers do not pass to partitions: without a copy a month could be changed under its own name.
    FOR guard IN SELECT pg_get_triggerdef(t.oid) AS definition, p.relid::regclass AS part
                   FROM pg_trigger t, pg_partition_tree(parent::regclass) p
                  WHERE t.tgrelid = parent::regclass AND NOT t.tgisinternal AND t.tgtype & 1 = 0 AND p.level > 0
                    AND NOT EXISTS (SELECT 1 FROM pg_trigger o WHERE o.tgrelid = p.relid AND o.tgname = t.tgname) LOOP
        EXECUTE regexp_replace(guard.definition, ' ON \S+ ', format(' ON %s ', guard.part));
    END LOOP;
END $$;
CREATE FUNCTION make_months(parent text, first_day date, months int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE m date; part text;
BEGIN
    FOR i IN 0 .. months - 1 LOOP
        m := date_trunc('month', first_day)::date + make_interval(months => i);
        part := parent || to_char(m, '_YYYY_MM');
        IF to_regclass(part) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                               part, parent, m, (m + interval '1 month')::date);
            EXCEPTION WHEN check_violation THEN
                NULL;  -- the default partition holds rows of this month already: they stay there
            END;
        END IF;
    END LOOP;
    PERFORM copy_guards(parent);
END $$;
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is insert-only', tg_table_name USING ERRCODE = 'restrict_violation'; END $$;
CREATE FUNCTION refuse_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '%: no such transition of %', tg_table_name, tg_argv[0] USING ERRCODE = 'restrict_violation'; END $$;
"""

_TABLES = """
CREATE TABLE audit_event (
    id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, actor_id bigint NOT NULL, actor_label text NOT NULL,
    action text NOT NULL, subject_kind text NOT NULL, subject_ids jsonb NOT NULL, territory_id bigint,
    detail jsonb NOT NULL, txid xid8 NOT NULL DEFAULT pg_current_xact_id(), PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX audit_event_txid ON audit_event (txid, id);
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, topic text NOT NULL, subject_kind text NOT NULL,
    subject_id bigint NOT NULL, detail jsonb NOT NULL, txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE INDEX outbox_txid ON outbox (txid);
"""

# The hash of an event covers every stored column; a link covers the link before it and the event.
_CHAIN = r"""
CREATE FUNCTION audit_event_hash(e audit_event) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(concat_ws(E'\x1f', e.id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
        e.actor_id, e.actor_label, e.action, e.subject_kind, e.subject_ids::text, coalesce(e.territory_id::text, ''),
        e.detail::text), 'UTF8'))
$$;
CREATE FUNCTION audit_link_next(most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    -- Every event of a transaction below `done_below` is linked; every one below `finished` is finished, so visible.
    -- By transaction, not by id: a slow transaction may commit an id smaller than one linked long ago.
    finished xid8 := pg_snapshot_xmin(pg_current_snapshot());
    done_below xid8 := coalesce((SELECT max(txid) FROM audit_low), '0');
    last_seq bigint; last_hash bytea; last_txid xid8; e audit_event; done int := 0;
BEGIN
    SELECT seq, hash INTO last_seq, last_hash FROM audit_link ORDER BY seq DESC LIMIT 1;
    last_seq := coalesce(last_seq, 0); last_hash := coalesce(last_hash, '\x'::bytea);
    FOR e IN SELECT a.* FROM audit_event a WHERE a.txid >= done_below AND a.txid < finished
                AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.event_id = a.id)
              ORDER BY a.txid, a.id LIMIT most LOOP
        last_seq := last_seq + 1;
        INSERT INTO audit_link (seq, event_id, event_at, prev_hash, hash)
            VALUES (last_seq, e.id, e.at, last_hash, sha256(last_hash || audit_event_hash(e)))
            RETURNING hash INTO last_hash;
        last_txid := e.txid;
        done := done + 1;
    END LOOP;
    DELETE FROM audit_low;
    INSERT INTO audit_low VALUES (CASE WHEN done < most THEN greatest(finished, done_below) ELSE last_txid END);
    RETURN done;
END $$;
"""

# A consumer reads window by window: all news of transactions from `from_txid` to below `upto_txid`, every one of them finished, in the
# order of their ids. So no row is jumped over, and two rows about one subject come in the order its lock gave them.
_READ = """
CREATE FUNCTION outbox_unread(reader text, most int) RETURNS SETOF outbox LANGUAGE plpgsql AS $$
DECLARE c outbox_cursor;
BEGIN
    INSERT INTO outbox_cursor (consumer, moved_at) VALUES (reader, clock_timestamp()) ON CONFLICT (consumer) DO NOTHING;
    SELECT * INTO c FROM outbox_cursor WHERE consumer = reader FOR UPDATE;
    IF NOT EXISTS (SELECT 1 FROM outbox o WHERE o.txid >= c.from_txid AND o.txid < c.upto_txid AND o.id > c.last_id) THEN
        UPDATE outbox_cursor SET from_txid = upto_txid, upto_txid = pg_snapshot_xmin(pg_current_snapshot())
         WHERE consumer = reader RETURNING * INTO c;
        UPDATE outbox_cursor SET last_id = coalesce(
                (SELECT min(o.id) - 1 FROM outbox o WHERE o.txid >= c.from_txid AND o.txid < c.upto_txid), last_id)
         WHERE consumer = reader RETURNING * INTO c;
    END IF;
    RETURN QUERY SELECT * FROM outbox o WHERE o.id > c.last_id AND o.txid >= c.from_txid AND o.txid < c.upto_txid
                  ORDER BY o.id LIMIT most;
END $$;
"""


class Migration(migrations.Migration):
    """Tables by Django where it can, by SQL where it can't."""

    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.RunSQL(_TOOLS, "DROP FUNCTION copy_guards, make_months, refuse_change, refuse_transition"),
        migrations.RunSQL(_TABLES, "DROP TABLE audit_event, outbox"),
        partitioned("audit_event"),
        partitioned("outbox"),
        migrations.CreateModel(
            name="AuditLink",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("event_id", models.BigIntegerField(unique=True)),
                ("event_at", models.DateTimeField()),
                ("prev_hash", models.BinaryField()),
                ("hash", models.BinaryField()),
            ],
            options={"db_table": "audit_link"},
        ),
        migrations.RunSQL("CREATE TABLE audit_low (txid xid8 NOT NULL)", "DROP TABLE audit_low"),
        migrations.CreateModel(
            name="OutboxCursor",
            fields=[
                ("consumer", models.TextField(primary_key=True, serialize=False)),
                ("last_id", models.BigIntegerField(default=0)),
                ("moved_at", models.DateTimeField()),
            ],
            options={"db_table": "outbox_cursor"},
        ),
        migrations.RunSQL(
            "ALTER TABLE outbox_cursor ALTER last_id SET DEFAULT 0,"
            " ADD from_txid xid8 NOT NULL DEFAULT '0', ADD upto_txid xid8 NOT NULL DEFAULT '0'",
            "ALTER TABLE outbox_cursor DROP from_txid, DROP upto_txid",
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("user_id", models.BigIntegerField()),
                ("verb", models.TextField()),
                ("key", models.UUIDField()),
                ("body_hash", models.BinaryField()),
                ("outcome", models.JSONField(null=True)),
                ("at", models.DateTimeField()),
                ("kept_until", models.DateField(null=True)),
                ("replays", models.IntegerField(default=0)),
            ],
            options={
                "db_table": "idempotency_key",
                "constraints": [
                    models.UniqueConstraint(fields=("user_id", "verb", "key"), name="idempotency_key_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ClockShift",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("by_interval", models.DurationField()),
            ],
            options={
                "db_table": "clock_shift",
                "constraints": [models.CheckConstraint(condition=models.Q(id=1), name="clock_shift_one_row")],
            },
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[("id", models.BigAutoField(primary_key=True, serialize=False))],
            options={"db_table": "audit_event", "managed": False},
        ),
        migrations.CreateModel(
            name="Outbox",
            fields=[("id", models.BigAutoField(primary_key=True, serialize=False))],
            options={"db_table": "outbox", "managed": False},
        ),
        migrations.RunSQL(_CHAIN, "DROP FUNCTION audit_link_next, audit_event_hash"),
        migrations.RunSQL(_READ, "DROP FUNCTION outbox_unread"),
        insert_only("audit_event"),
        insert_only("audit_link"),
        insert_only("outbox"),
    ]
