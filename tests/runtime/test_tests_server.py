"""The tests run against a server of their own, never against the clone's, and leave no row to the next one."""

import os

import pytest
from django.db import connection

from tests import flush
from tests.factories.admission import City


@pytest.mark.django_db
@pytest.mark.skipif("QOSYMSHA_TEST_DATABASE_URL" in os.environ, reason="an outside server was asked for")
def test_django_talks_to_this_runs_own_server():
    with connection.cursor() as cursor:
        cursor.execute("select current_database(), current_setting('data_directory'), current_setting('fsync')")
        database, folder, fsync = cursor.fetchone()
    assert database.startswith("test_qosymsha")
    assert folder.startswith(os.environ["QOSYMSHA_TEST_STATE"])
    assert fsync == "off"


def full() -> set[str]:
    """The tables in which something stands; a partition is a table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        names = [name for (name,) in cursor.fetchall()]
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}', EXISTS (SELECT FROM {name})" for name in names))
        return {name for name, is_full in cursor.fetchall() if is_full}


@pytest.mark.django_db(transaction=True)
def test_after_real_commits_every_table_is_emptied_insert_only_and_large_ones_too():
    City(money={"sport": 10**9})
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_session SELECT n, repeat('x', 1000), now() FROM generate_series(1, 1000) AS n"
        )
    written = full()
    assert {"territory", "ledger_posting", "django_session"} <= written
    assert any(name.startswith("ledger_entry") for name in written)
    flush.empty()
    assert full() <= {"django_migrations", "django_content_type", "auth_permission"}
