"""A mark that comes while the sheet leaves is in it or refused; the control shows what the lock is for."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from qosymsha.domain.attendance import steps
from qosymsha.domain.attendance.models import Mark, SheetRow
from qosymsha.kernel import locks
from tests.factories.attendance import mark, plan, send
from tests.factories.vouchers import add_group, enrolled, make_city

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sheet_on_its_way(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when the sheet has been written but not committed; it then lingers for half a second."""
    written = threading.Event()
    draw = steps.draw_sheets

    def slowly(*args: object) -> object:
        drawn = draw(*args)  # type: ignore[arg-type]
        written.set()
        time.sleep(0.5)
        return drawn

    monkeypatch.setattr(steps, "draw_sheets", slowly)
    return written


def mark_while_the_sheet_leaves(written: threading.Event) -> tuple[str, int, int]:
    """What the late mark hears, how many marks there are, how many the sheet counts."""
    city = make_city()
    ((_, _, place),) = enrolled(city, add_group(city))
    sessions = plan(city)
    mark(city, [(s.id, place, "present") for s in sessions[1:]])

    def late() -> str:
        written.wait(timeout=10)
        try:
            return str(mark(city, [(sessions[0].id, place, "present")])[0])
        finally:
            connections.close_all()

    def leave() -> None:
        send(city)
        connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        leaving, heard = pool.submit(leave), pool.submit(late)
        leaving.result()
        return heard.result(), Mark.objects.count(), SheetRow.objects.get().present


def test_a_mark_that_comes_while_the_sheet_leaves_is_refused(sheet_on_its_way: threading.Event) -> None:
    assert mark_while_the_sheet_leaves(sheet_on_its_way) == ("sheet_sent", 8, 8)


def test_control_without_the_lock_a_mark_is_stored_that_the_sheet_does_not_count(
    sheet_on_its_way: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "exclusive", lambda *names: None)
    assert mark_while_the_sheet_leaves(sheet_on_its_way) == ("None", 9, 8)
