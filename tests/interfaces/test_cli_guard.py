"""`qosymsha guard`: honeytokens laid out, told to the operator alone; alarms in words, and in `doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from qosymsha.domain.people import steps
from qosymsha.domain.people.models import Child
from qosymsha.domain.people.states import Role
from qosymsha.domain.witness import store
from qosymsha.domain.witness.rules import Checkpoint
from qosymsha.interfaces.cli import doctor
from qosymsha.kernel import clock
from tests.factories import people
from tests.interfaces import browsing
from tests.interfaces.door import Run, run

__all__ = ["run"]
pytestmark = pytest.mark.django_db(transaction=True)
INVENTED = ("--surname", "Сапаров", "--given", "Тұрар", "--born", "2016-04-09")


def test_a_honeytoken_is_laid_out_listed_read_and_told(run: Run) -> None:
    people.astana()
    laid = run("guard", "lay", *INVENTED, "--json").json["child"]
    assert run("guard", "list", "--json").json == {"honeytokens": [laid]}
    assert run("guard", "lay", "--child", laid).status == 4
    assert run("guard", "lay", "--given", "Тұрар").status == 2
    assert [check.ok for check in doctor._alarms()] == [True]  # the control: laying out alone raises nothing
    reader = browsing.actor(browsing.official(Role.CHECKER, name="checker-7"))
    with transaction.atomic():
        steps.spend_reading(actor=reader, child_ids=[Child.objects.get(uuid=laid).pk], at=clock.read())
    (alarm,) = run("guard", "alarms", "--json").json["alarms"]
    assert (alarm["what"], alarm["account"]) == ("honeytoken_read", "checker-7")
    (check,) = doctor._alarms()
    assert (check.ok, check.found) == (False, "honeytoken_read ×1")


def test_doctor_misses_a_folder_of_checkpoints_and_names_one_that_another_key_signed(
    settings: Any, tmp_path: Path
) -> None:
    settings.CHECKPOINTS, settings.CHECKPOINTS_OF_ONE_CHAIN = str(tmp_path), True
    store.add(tmp_path, Checkpoint("city/audit", 7, b"\1" * 32, clock.read()))
    (check,) = doctor._checkpoints()
    assert check.ok
    settings.CHECKPOINT_KEY = b"\2" * 32
    (check,) = doctor._checkpoints()
    assert not check.ok
    assert "000000000007.txt" in check.found
    settings.CHECKPOINT_KEY = b""
    assert [check.ok for check in doctor._checkpoints()] == [False]
    settings.CHECKPOINTS, settings.PRODUCTION = "", True
    assert [check.ok for check in doctor._checkpoints()] == [False]


def test_doctor_names_the_exceptions_that_an_installation_made(settings: Any) -> None:
    """What docs/security/known-limits.md asks to be signed; and the key that the treasury needs."""
    settings.TWO_FACTORS, settings.APP_CODE_BEFORE, settings.RSA_BITS = "everybody", False, 3072
    key, exceptions = doctor._strength()
    assert (key.ok, exceptions.found) == (True, "none")
    assert len(key.found.rpartition(" ")[2]) == 64
    settings.TWO_FACTORS, settings.APP_CODE_BEFORE, settings.RSA_BITS, settings.PAYMENT_KEY = "staff", True, 2048, b""
    key, exceptions = doctor._strength()
    assert not key.ok
    assert [word in exceptions.found for word in ("families", "60 s", "2048")] == [True] * 3
