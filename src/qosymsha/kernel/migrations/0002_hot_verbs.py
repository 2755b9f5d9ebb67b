"""The kernel's rows as SQL functions of rooms write them: key, audit event, news (docs/decisions/0035-hot-verbs.md)."""

from django.db import migrations

# DO UPDATE, not DO NOTHING: it waits for a twin still running, and makes a replay a write, so that under synchronous
# replication it can't acknowledge what no standby has (RELIABILITY.md 2, row 8).
_KEYS = """
CREATE FUNCTION idempotency_claim(
    who bigint, what text, once uuid, body bytea, moment timestamptz,
    OUT first_body bytea, OUT first_outcome jsonb, OUT times int
) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO idempotency_key AS k (user_id, verb, key, body_hash, at, replays) VALUES (who, what, once, body, moment, 0)
        ON CONFLICT (user_id, verb, key) DO UPDATE SET replays = k.replays + 1
        RETURNING k.body_hash, k.outcome, k.replays INTO first_body, first_outcome, times;
END $$;
CREATE FUNCTION idempotency_keep(who bigint, what text, once uuid, answered jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    ASSERT answered IS NOT NULL, 'null would be done again on a replay';
    UPDATE idempotency_key SET outcome = answered WHERE user_id = who AND verb = what AND key = once;
    ASSERT FOUND, 'the key was claimed in this transaction';
END $$;
"""
_NEWS = """
CREATE FUNCTION audit_record(
    moment timestamptz, who bigint, label text, deed text, kind text, subjects jsonb, territory bigint, more jsonb
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_event (at, actor_id, actor_label, action, subject_kind, subject_ids, territory_id, detail)
        VALUES (moment, who, label, deed, kind, subjects, territory, more);
END $$;
CREATE FUNCTION outbox_tell(moment timestamptz, topic text, kind text, subjects bigint[], more jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (at, topic, subject_kind, subject_id, detail)
        SELECT moment, outbox_tell.topic, kind, unnest(subjects), more;
END $$;
"""


class Migration(migrations.Migration):
    """Functions that write only the kernel's tables."""

    dependencies = [("kernel", "0001_initial")]
    operations = [
        migrations.RunSQL(_KEYS, "DROP FUNCTION idempotency_claim, idempotency_keep"),
        migrations.RunSQL(_NEWS, "DROP FUNCTION audit_record, outbox_tell"),
    ]
