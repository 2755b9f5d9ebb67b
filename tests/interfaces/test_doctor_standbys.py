"""`doctor` sees that nobody is answered because the disk that is waited for is away."""

from __future__ import annotations

import pytest
from django.db import connection

from qosymsha.interfaces.cli import doctor


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("names", "states", "is_right"),
    [
        ("", "", True),
        ("qosymsha_backup", "", False),
        ("qosymsha_backup", "('async')", False),
        ("qosymsha_backup", "('sync')", True),
        ("*", "(NULL::text)", True),  # a role that may not see it
    ],
)
def test_each_change_waits_for_somebody_who_is_there(
    names: str, states: str, is_right: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's view in a table's place: a setting of the server would stop every other test."""
    rows = f"(VALUES {states}) r (sync_state)" if states else "(SELECT ''::text AS sync_state WHERE false) r"
    asked = doctor._STANDBYS.replace("current_setting('synchronous_standby_names')", f"'{names}'")
    monkeypatch.setattr(doctor, "_STANDBYS", asked.replace("pg_stat_replication", rows))
    found = doctor.standby_check()
    assert (found.name, found.ok) == ("standbys", is_right), found


@pytest.mark.django_db
def test_this_server_waits_for_nobody() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_standby_names")
        assert cursor.fetchone() == ("",)
    assert doctor.standby_check() == doctor.Check("standbys", True, "no change waits for another disk")
