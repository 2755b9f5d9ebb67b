"""A user's rights in one question, a secret stored from another room's function (docs/decisions/0035-hot-verbs.md)."""

from django.db import migrations

# By index whatever the planner believes of a young table: plans are kept, and on an opening day tables grow under them.
_RIGHTS = """
CREATE FUNCTION rights_of(who bigint, on_day date)
RETURNS TABLE (guardian_id bigint, role text, territory_id bigint, department_id bigint, provider_id bigint, below bigint[])
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    RETURN QUERY
        SELECT (SELECT g.id FROM guardian g WHERE g.user_id = u.id), m.role, m.territory_id, m.department_id, m.provider_id,
               CASE WHEN m.territory_id IS NOT NULL THEN ARRAY(
                   WITH RECURSIVE lower_one (id) AS (
                       SELECT m.territory_id
                       UNION SELECT t.id FROM lower_one l JOIN territory t ON t.parent_id = l.id)
                   SELECT l.id FROM lower_one l) END
          FROM app_user u LEFT JOIN membership m ON m.user_id = u.id AND m.valid @> on_day
         WHERE u.id = who AND u.is_active ORDER BY m.id;
END $$;
"""
_SEAL = """
CREATE FUNCTION seal_secret(kind text, subject bigint, under text, once bytea, sealed bytea) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO person_secret AS s (subject_kind, subject_id, key_id, nonce, ciphertext, name_tokens)
        VALUES (kind, subject, under, once, sealed, '{}')
        ON CONFLICT (subject_kind, subject_id) DO UPDATE
           SET key_id = excluded.key_id, nonce = excluded.nonce, ciphertext = excluded.ciphertext;
END $$;
"""


class Migration(migrations.Migration):
    """Functions over this room's tables."""

    dependencies = [("people", "0003_sign_in")]
    operations = [
        migrations.RunSQL(_RIGHTS, "DROP FUNCTION rights_of"),
        migrations.RunSQL(_SEAL, "DROP FUNCTION seal_secret"),
    ]
