"""A child for whom somebody files at this very moment is not erased; control: the same without the lock on its row."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from qosymsha.domain.people import erasing
from tests.factories.vouchers import add_children, make_city
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def locked_while_filed() -> list[int]:
    """Whom the night locks while a row that names the child is stored and not yet committed."""
    (child,) = add_children(make_city(), 1)

    def files(barrier: threading.Barrier) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            # What the check of a foreign key does when such a row is inserted.
            cursor.execute("SELECT 1 FROM child WHERE id = %s FOR KEY SHARE", [child])
            barrier.wait()
            barrier.wait()

    def erases(barrier: threading.Barrier) -> Any:
        barrier.wait()
        with transaction.atomic():
            found = erasing.held_secrets("child", [child])
        barrier.wait()
        return found

    _, found = at_once(files, erases)
    with transaction.atomic():
        assert erasing.held_secrets("child", [child]) == [child], "afterwards"
    return list(found)


def test_who_is_filed_for_this_moment_is_left_for_the_next_night() -> None:
    assert locked_while_filed() == []


def test_control_without_the_lock_on_its_row_it_would_be_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "_LOCK_ROWS", {})
    assert len(locked_while_filed()) == 1
