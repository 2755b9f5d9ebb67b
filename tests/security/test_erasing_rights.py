"""The night erases as a role with rows alone; the way round a table's guard is its owner's, whatever a session sets."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction

from qosymsha.domain.erasure.models import ErasureRun
from qosymsha.interfaces.jobs import erasing
from qosymsha.kernel import clock
from tests.security.test_least_rights import refused, role, run, working

__all__ = ["role", "working"]
pytestmark = pytest.mark.django_db
GUARDED = {
    "mark_change": "reason",
    "returned_row": "reason",
    "category_case_step": "words",
    "audit_event": "action",
    "erasure": "subject_kind",
}


def test_the_nights_work_is_done_with_rows_alone(working: str) -> None:
    erasing.erase_persons(clock.read())
    assert ErasureRun.objects.count() == 1


@pytest.mark.parametrize("table", GUARDED)
def test_the_setting_of_the_functions_that_forget_gives_a_session_nothing(working: str, table: str) -> None:
    run(f"SET LOCAL qosymsha.forgets = '{table}'")
    assert refused(f"UPDATE {table} SET {GUARDED[table]} = 'x'")
    assert refused(f"DELETE FROM {table}")


def test_without_its_functions_even_the_owner_changes_nothing_that_is_kept() -> None:
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        run("UPDATE mark_change SET reason = 'x'")
    run("SET LOCAL qosymsha.forgets = 'returned_row'")
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        run("UPDATE mark_change SET reason = 'x'")
    with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
        run("DELETE FROM returned_row")


def test_a_function_that_forgets_leaves_no_way_open_behind_it() -> None:
    run("SELECT remarks_forget('{1}'::bigint[]), case_words_forget('{1}'::bigint[])")
    for table in ("mark_change", "returned_row", "category_case_step"):
        with pytest.raises(DatabaseError, match="insert-only"), transaction.atomic():
            run(f"UPDATE {table} SET {GUARDED[table]} = 'x'")
