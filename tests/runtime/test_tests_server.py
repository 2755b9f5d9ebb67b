"""The tests run against a server of their own, never against the clone's."""

import os

import pytest
from django.db import connection


@pytest.mark.django_db
@pytest.mark.skipif("QOSYMSHA_TEST_DATABASE_URL" in os.environ, reason="an outside server was asked for")
def test_django_talks_to_this_runs_own_server():
    with connection.cursor() as cursor:
        cursor.execute("select current_database(), current_setting('data_directory'), current_setting('fsync')")
        database, folder, fsync = cursor.fetchone()
    assert database.startswith("test_qosymsha")
    assert folder.startswith(os.environ["QOSYMSHA_TEST_STATE"])
    assert fsync == "off"
