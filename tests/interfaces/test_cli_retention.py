"""`qosymsha retention`: what an operator is told and may do; `doctor` is red where the nights do not erase."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from qosymsha.domain.erasure.models import Erasure, ErasureRun
from qosymsha.domain.keeping.tables import TABLES
from qosymsha.domain.people import commands
from qosymsha.domain.people.models import Child
from qosymsha.interfaces.cli import doctor, metrics
from qosymsha.interfaces.jobs import erasing
from qosymsha.kernel import clock
from tests.factories import people
from tests.factories.insights import sql
from tests.interfaces.door import Run, run

__all__ = ["run"]
pytestmark = pytest.mark.django_db(transaction=True)
Said = Callable[..., Any]
NOBODY = {"child": 0, "guardian": 0, "teacher": 0, "provider": 0, "user": 0}


@pytest.fixture
def said(run: Run) -> Said:
    """What `retention` prints as JSON."""
    return lambda *words: run("retention", *words, "--json").json


@pytest.fixture
def long_gone() -> None:
    """A child registered seven years ago, with its guardian, of whom nothing was heard since."""
    rows = [people.family(1)]
    commands.register_families(
        actor=people.SYSTEM, territory_id=people.astana(), families=rows, proofs=people.proofs_for(rows), at=people.AT,
        key=uuid4(),
    )  # fmt: skip
    for table in ("child", "guardian"):
        sql(f"UPDATE {table} SET created_at = now() - interval '7 years'")


def checks() -> dict[str, bool]:
    return {one.name: one.ok for one in doctor.erasing_checks()}


def test_a_dry_run_tells_and_changes_nothing_and_the_deed_says_what_it_did(long_gone: None, said: Said) -> None:
    assert said("show")["due"] == {"child": 1, "guardian": 0, "teacher": 0, "provider": 0, "user": 0}
    assert said("erase") == {
        "erased": False,
        "persons": {"child": 1, "guardian": 0, "teacher": 0, "provider": 0, "user": 0},
    }
    assert not Erasure.objects.exists()
    done = said("erase", "--now")["persons"]
    assert (done["child"], done["guardian"]) == (1, 1)
    assert said("show")["erased"]["child"] == 1
    assert said("erase", "--now")["persons"]["child"] == 0


def test_a_held_child_is_told_by_its_hold_and_stays(long_gone: None, said: Said) -> None:
    uuid = str(Child.objects.get().uuid)
    held = said("hold", uuid, "--reason", "inquiry 7")["hold"]
    assert said("show")["held"] == {"legal hold": 1}
    assert [one["child"] for one in said("holds")["holds"]] == [uuid]
    assert said("erase", "--now")["persons"]["child"] == 0
    said("lift", held)
    assert said("erase", "--now")["persons"]["child"] == 1


def test_periods_and_tables_are_told_whole(run: Run, said: Said) -> None:
    assert {one["period"] for one in said("periods")["periods"]} >= {"person", "audit", "mark"}
    assert {one["table"] for one in said("tables")["tables"]} == set(TABLES)
    for verb in ("show", "periods", "tables", "erase", "holds"):
        assert run("retention", verb).status == 0


def test_doctor_is_red_on_persons_past_their_time_on_nights_missed_and_on_a_broken_file(
    long_gone: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEMO = False
    monkeypatch.setattr(doctor, "_made_at", clock.read)
    assert checks() == {"erasing": True, "persons past their time": False}
    monkeypatch.setattr(doctor, "_made_at", lambda: clock.read() - timedelta(days=4))
    assert checks() == {"erasing": False, "persons past their time": False}
    erasing.erase_persons(clock.read())
    assert checks() == {"erasing": True, "persons past their time": True}
    ErasureRun.objects.update(at=clock.read() - timedelta(days=4))
    assert checks() == {"erasing": False, "persons past their time": True}
    settings.RETENTION = "/nowhere.json"
    assert checks() == {"retention": False}


def test_metrics_tell_when_a_night_last_ended(long_gone: None) -> None:
    assert "qosymsha_erasing_age_days -1" in metrics.metrics()
    erasing.erase_persons(clock.read())
    assert "qosymsha_erasing_age_days 0" in metrics.metrics()
