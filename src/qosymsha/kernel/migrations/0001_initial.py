"""The kernel's tables: audit and its chain, outbox, idempotency keys, the demo's clock; month partitions from the first day."""

from django.db import migrations, models

from qosymsha.kernel.schema import insert_only, partitioned

_TOOLS = """
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE FUNCTION make_months(parent text, first_day date, months int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE m date; part text;
BEGIN
    FOR i IN 0 .. months - 1 LOOP
        m := date_trunc('month', first_day)::date + make_interval(months => i);
        part := parent || to_char(m, '_YYYY_MM');
        IF to_regclass(part) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                           part, parent, m, (m + interval '1 month')::date);
        END IF;
    END LOOP;
END $$;
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is insert-only', tg_table_name USING ERRCODE = 'restrict_violation'; END $$;
"""

_TABLES = """
CREATE TABLE audit_event (
    id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, actor_id bigint NOT NULL, actor_label text NOT NULL,
    action text NOT NULL, subject_kind text NOT NULL, subject_ids jsonb NOT NULL, territory_id bigint,
    detail jsonb NOT NULL, txid xid8 NOT NULL DEFAULT pg_current_xact_id(), PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, topic text NOT NULL, subject_kind text NOT NULL,
    subject_id bigint NOT NULL, detail jsonb NOT NULL, txid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
"""

# The hash of an event covers every stored column; a link covers the link before it and the event.
_CHAIN = r"""
CREATE FUNCTION audit_event_hash(e audit_event) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(concat_ws(E'\x1f', e.id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
        e.actor_id, e.actor_label, e.action, e.subject_kind, e.subject_ids::text, coalesce(e.territory_id::text, ''),
        e.detail::text), 'UTF8'))
$$;
CREATE FUNCTION audit_link_next(most int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE last_seq bigint; last_hash bytea; last_event bigint; e audit_event; done int := 0;
BEGIN
    SELECT seq, hash, event_id INTO last_seq, last_hash, last_event FROM audit_link ORDER BY seq DESC LIMIT 1;
    last_seq := coalesce(last_seq, 0); last_hash := coalesce(last_hash, '\x'::bytea);
    -- An event of a slow transaction may have a smaller id than one linked already: so "not linked yet", not "id above".
    FOR e IN SELECT a.* FROM audit_event a
              WHERE a.txid < pg_snapshot_xmin(pg_current_snapshot())
                AND a.id > coalesce((SELECT max(low) FROM audit_low), 0)
                AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.event_id = a.id)
              ORDER BY a.id LIMIT most LOOP
        last_seq := last_seq + 1;
        INSERT INTO audit_link (seq, event_id, event_at, prev_hash, hash)
            VALUES (last_seq, e.id, e.at, last_hash, sha256(last_hash || audit_event_hash(e)))
            RETURNING hash INTO last_hash;
        done := done + 1;
    END LOOP;
    IF done > 0 THEN
        INSERT INTO audit_low SELECT coalesce(
            (SELECT min(a.id) - 1 FROM audit_event a WHERE a.id > coalesce((SELECT max(low) FROM audit_low), 0)
                AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.event_id = a.id)),
            (SELECT max(event_id) FROM audit_link));
        DELETE FROM audit_low WHERE low < (SELECT max(low) FROM audit_low);
    END IF;
    RETURN done;
END $$;
"""


class Migration(migrations.Migration):
    """Tables by Django where it can, by SQL where it can't."""

    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.RunSQL(_TOOLS, migrations.RunSQL.noop),
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
        migrations.RunSQL("CREATE TABLE audit_low (low bigint NOT NULL)", "DROP TABLE audit_low"),
        migrations.CreateModel(
            name="OutboxCursor",
            fields=[
                ("consumer", models.TextField(primary_key=True, serialize=False)),
                ("last_id", models.BigIntegerField(default=0)),
                ("moved_at", models.DateTimeField()),
            ],
            options={"db_table": "outbox_cursor"},
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
        migrations.RunSQL(_CHAIN, migrations.RunSQL.noop),
        insert_only("audit_event"),
        insert_only("audit_link"),
        insert_only("outbox"),
    ]
