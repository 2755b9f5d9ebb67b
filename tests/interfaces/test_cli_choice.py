"""A choice round at the command line, from its plan to freed places; what is refused; what can always be ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from qosymsha.domain.choice import commands
from qosymsha.domain.choice.rules import ListRow
from qosymsha.domain.people.queries import iin_lookup
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.domain.providers.models import ClubGroup, Provider
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.interfaces.cli import choice_lists
from qosymsha.interfaces.files.rosters import Row
from qosymsha.kernel.errors import BadInput
from qosymsha.kernel.iin import check_digit
from tests.factories import choice
from tests.factories.choice import town
from tests.factories.vouchers import add_group
from tests.interfaces.door import Run, run

__all__ = ["run"]
IIN = "90010170001" + str(check_digit("90010170001"))
VERIFY = Path(__file__).resolve().parents[2] / "verify"


def rounds() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM choice_round ORDER BY id")
        return [state for (state,) in cursor.fetchall()]


def test_a_round_goes_from_plan_to_freed_places_and_its_files_check(run: Run, tmp_path: Path) -> None:
    run("round", "show")
    planned = run("choice", "plan", "--json")
    assert planned.status == 0
    number = planned.json["number"]
    assert run("choice", "plan", "--json").json["number"] == number, "planned once"
    assert run("choice", "open", "--json").json["state"] == "open"
    assert run("choice", "close").status == 4, "the window is open still"
    assert run("choice", "close", "--early", "a rehearsal").status == 0
    seed = run("choice", "draw", "--json").json["seed"]
    assert run("choice", "draw", "--json").json["seed"] == seed != "", "no second draw"
    assert run("choice", "allocate").status == 0
    told = run("choice", "publish", "--folder", tmp_path / "public", "--auditors", tmp_path / "sealed")
    assert told.status == 0
    assert run("verify", tmp_path / "public").status == 0
    sealed = [str(tmp_path / "sealed" / name) for name in ("instance.json", "answer.json")]
    judged = [sys.executable, str(VERIFY / "places.py"), *sealed]
    assert subprocess.run(judged, check=True, capture_output=True, text=True).stdout.startswith("OK")
    assert not list(tmp_path.glob("state/**/instance.json")), "the sealed part is not in the pages' store"
    assert run("choice", "offers", "--json").json["offered"]["offers"] == 0
    assert run("choice", "rerun").status == 4, "the default rule set offers places one by one"
    assert "published" in run("choice", "show").out


def test_a_tampered_folder_is_found_out(run: Run, tmp_path: Path) -> None:
    run("round", "show")
    for step in (("plan",), ("open",), ("close", "--early", "x"), ("draw",), ("allocate",)):
        assert run("choice", *step).status == 0
    assert run("choice", "publish", "--folder", tmp_path / "public").status == 0
    path = tmp_path / "public" / "protocol.json"
    protocol = json.loads(path.read_text())
    protocol["seed"] = "00" * 32
    path.write_text(json.dumps(protocol))
    assert run("verify", tmp_path / "public").status == 1


def test_what_a_killed_process_left_planned_can_be_opened_or_ended(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("round", "show")
    opening = commands.open_choice_round

    def killed(**_: Any) -> Any:
        raise BadInput("test", "the process died here")

    assert run("choice", "plan").status == 0
    monkeypatch.setattr(commands, "open_choice_round", killed)
    assert run("choice", "open").status == 2
    monkeypatch.setattr(commands, "open_choice_round", opening)
    assert rounds() == ["planned"]
    assert run("choice", "cancel").status == 2, "a reason is asked for"
    assert run("choice", "cancel", "--reason", " ").status == 4
    assert "cancelled: planned by mistake" in run("choice", "cancel", "--reason", "planned by mistake").out
    assert run("choice", "plan").status == 0
    assert run("choice", "open").status == 0
    assert rounds() == ["cancelled", "open"]


def test_a_lost_secret_does_not_hold_the_programme_up(run: Run, tmp_path: Path) -> None:
    run("round", "show")
    for step in (("plan",), ("open",), ("close", "--early", "x")):
        assert run("choice", *step).status == 0
    next((tmp_path / "state").rglob("draw-secrets/*.txt")).unlink()
    assert run("choice", "draw").status == 2
    assert run("choice", "cancel", "--reason", "the council lost its secret", "--json").json["state"] == "cancelled"
    assert run("choice", "draw").status != 0
    assert run("choice", "plan").status == 0


def test_verbs_without_a_round_say_what_to_do(run: Run) -> None:
    run("round", "show")
    said = run("choice", "show")
    assert said.status == 2
    assert "qosymsha choice plan" in said.err
    assert run("choice", "show", "--round", "W-0000001").status == 4


def test_a_roster_that_cannot_be_read_says_what_it_needs(run: Run, tmp_path: Path) -> None:
    assert run("choice", "file", tmp_path / "none.csv").status == 2
    (tmp_path / "bad.csv").write_text("voucher,wishes\nV,x\n")
    assert "guardian_iin" in run("choice", "file", tmp_path / "bad.csv").err


@pytest.mark.django_db
def test_a_rosters_rows_become_lists_and_unknown_names_are_told_by_row() -> None:
    city = town()
    group = add_group(city, capacity=1)
    (child,) = choice.holders(city, 1)
    number = Voucher.objects.values_list("number", flat=True).get(pk=child.voucher)
    number_of_provider = "26044000001" + str(check_digit("26044000001"))
    provider_id, code = ClubGroup.objects.values_list("provider_id", "code").get(pk=group)
    Provider.objects.filter(pk=provider_id).update(bin=number_of_provider)
    provider = number_of_provider
    seal("guardian", [SecretRow(child.guardian, b"{}", iin_lookup("guardian", IIN))])
    good = {"voucher": number.lower(), "guardian_iin": IIN, "wishes": f"{provider}/{code}"}
    rows = [
        Row(2, good),
        Row(3, good | {"voucher": "V-0000000"}),
        Row(4, good | {"guardian_iin": ""}),
        Row(5, good | {"wishes": f"{provider}/{code} {provider}/none"}),
    ]
    assert choice_lists._read(rows) == ([ListRow(child.voucher, child.guardian, (group,))], [2], [3, 4, 5])
