"""What an erasure does with this room's rows, inside the verb that decides it: secrets go, ids stay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from qosymsha.domain.people import steps
from qosymsha.domain.people.preferences import EMAIL

ERASED = "erased:"  # what an erased account's subject begins with; no identity provider calls anybody so
_LOCK = """
SELECT subject_id FROM person_secret WHERE subject_kind = %s AND subject_id = ANY (%s)
 ORDER BY subject_id FOR UPDATE SKIP LOCKED"""
# A row that names a person locks the person's own row weakly: who is filed for now is left out, and waits meanwhile.
_LOCK_ROWS = {
    "child": "SELECT id FROM child WHERE id = ANY (%s) ORDER BY id FOR UPDATE SKIP LOCKED",
    "guardian": "SELECT id FROM guardian WHERE id = ANY (%s) ORDER BY id FOR UPDATE SKIP LOCKED",
}
_LOCK_USERS = "SELECT id FROM app_user WHERE id = ANY (%s) ORDER BY id FOR UPDATE SKIP LOCKED"


def held_secrets(kind: str, subject_ids: Sequence[int]) -> list[int]:
    """Those of these persons whose secrets are there and now locked by us; one that somebody works with is left out."""
    assert transaction.get_connection().in_atomic_block, "a lock lasts as long as its transaction"
    ids = list(subject_ids)
    with connection.cursor() as cursor:
        if kind in _LOCK_ROWS:
            cursor.execute(_LOCK_ROWS[kind], [ids])
            ids = [row for (row,) in cursor.fetchall()]
        cursor.execute(_LOCK, [kind, ids])
        return [row for (row,) in cursor.fetchall()]


def held_users(user_ids: Sequence[int]) -> list[int]:
    """Those of these accounts that are now locked by us."""
    assert transaction.get_connection().in_atomic_block, "a lock lasts as long as its transaction"
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_USERS, [list(user_ids)])
        return [row for (row,) in cursor.fetchall()]


def erase_children(child_ids: Sequence[int]) -> None:
    """Destroy these children's secrets, certified categories, consents; blank what registers called their papers."""
    steps.erase("child", child_ids)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM child_status WHERE child_id = ANY (%s)", [list(child_ids)])
        cursor.execute("DELETE FROM consent WHERE child_id = ANY (%s)", [list(child_ids)])
        cursor.execute("UPDATE guardianship SET evidence = '' WHERE child_id = ANY (%s)", [list(child_ids)])


def erase_guardians(guardian_ids: Sequence[int]) -> None:
    """Destroy these guardians' secrets and consents."""
    steps.erase("guardian", guardian_ids)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM consent WHERE guardian_id = ANY (%s)", [list(guardian_ids)])


def erase_users(user_ids: Sequence[int], at: datetime) -> None:
    """Make accounts unusable: no identity provider's name, number, address, app is left; the id stays in the audit."""
    steps.erase("user", user_ids)
    steps.erase(EMAIL, user_ids)
    ids = list(user_ids)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM second_factor WHERE user_id = ANY (%s)", [ids])
        steps.erase(steps.FACTOR, [row for (row,) in cursor.fetchall()])
        end = "UPDATE second_factor SET ended_at = %s WHERE user_id = ANY (%s) AND ended_at IS NULL"
        cursor.execute(end, [at, ids])
        cursor.execute("DELETE FROM notice_preference WHERE user_id = ANY (%s)", [ids])
        cursor.execute(
            "UPDATE app_user SET subject = %s || uuid, is_active = false, password = '', last_login = NULL,"
            " language = 'kk' WHERE id = ANY (%s)",
            [ERASED, ids],
        )


def forget_consents(before: datetime) -> int:
    """Delete consents withdrawn before an instant; how many. A guardian's last word stays: a no is not forgotten."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM consent c WHERE c.withdrawn_at < %s AND EXISTS (SELECT FROM consent later"
            " WHERE later.guardian_id = c.guardian_id AND later.child_id IS NOT DISTINCT FROM c.child_id"
            " AND later.purpose = c.purpose AND later.id > c.id)",
            [before],
        )
        return int(cursor.rowcount)
