"""A month and its money through the command line: sheets, claims, two signatures, the file, the treasury's word."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.attendance import queries as attendance_queries
from qosymsha.domain.attendance.rules import MarkRow
from qosymsha.domain.ledger import queries as ledger
from qosymsha.domain.people.states import Role
from qosymsha.integrations.treasury.fake import FakeTreasury, Manners
from qosymsha.interfaces.cli import installation, month, pay
from qosymsha.interfaces.cli.installation import Installation
from qosymsha.kernel import clock, entropy
from tests.factories import settlement
from tests.interfaces.door import Run, run

__all__ = ["run"]
MONTH = f"{settlement.JANUARY:%Y-%m}"


class Polite(FakeTreasury):
    """Pays everything at once."""

    def __init__(self) -> None:
        super().__init__(manners=Manners(rejected=0, returned=0, repeated=0, late=0, stranger=0, other_amount=0))


class Confused(FakeTreasury):
    """Speaks of payments nobody ordered."""

    def __init__(self) -> None:
        super().__init__(
            manners=Manners(rejected=0, returned=0, repeated=1000, late=1000, stranger=1000, other_amount=0)
        )


def founded(monkeypatch: pytest.MonkeyPatch, **rules: Any) -> settlement.City:
    """A city with a confirmed month, whose officials are those of a trial."""
    with transaction.atomic():
        made = settlement.city(**rules)
        settlement.confirmed_month(made, children=3)
    installation._appoint(made.territory.id, clock.read())
    for door in (month, pay):
        monkeypatch.setattr(door, "installation", lambda _: Installation(made.territory.id, made.programme.id))
    return made


@pytest.fixture
def home(run: Run, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> settlement.City:
    """The city under the default rules, with a treasury that pays everything and remembers between calls."""
    settings.TREASURY_FOLDER = str(tmp_path / "treasury")
    settings.ADAPTERS = {**settings.ADAPTERS, "treasury": f"{__name__}:Polite"}
    return founded(monkeypatch)


def test_a_month_goes_from_sheets_to_paid(run: Run, home: settlement.City, tmp_path: Path) -> None:
    closed = run("month", "close", MONTH, "--json")
    assert closed.status == 0
    assert len(closed.json["claims"]) == 1
    assert run("pay", "release").out.startswith("no claims"), "nothing is released before it is approved"
    assert [c["state"] for c in run("pay", "approve", "--json").json["claims"]] == ["approved"]
    assert run("pay", "file").status == 4, "not released yet"
    assert run("pay", "release", "--json").json["refused"] == 0
    drawn = run("pay", "file", "--copy", tmp_path / "f.xml", "--json").json["files"]
    assert len((tmp_path / "f.xml.sig").read_bytes()) == 64, "the house's signature beside it"
    assert [file["state"] for file in drawn] == ["drawn"]
    sent = run("pay", "send", "--json").json["files"]
    assert [file["state"] for file in sent] == ["sent"]
    assert sent[0]["receipt"] == f"FAKE-{hashlib.sha256((tmp_path / 'f.xml').read_bytes()).hexdigest()[:16]}"
    assert run("pay", "send", "--json").json["files"] == sent, "sent once"
    answered = run("pay", "replies", "--json")
    assert (answered.status, answered.json["payments"]) == (0, {"accepted": 1})
    assert run("pay", "replies", "--json").json["replies"] == 0, "a file that is answered is asked about no more"
    totals = ledger.totals([home.line.id])[home.line.id]
    assert totals["paid"] == drawn[0]["total_tiyn"] > 0
    assert totals.get("transit", 0) == totals.get("payable", 0) == 0
    assert ledger.unbalanced_lines() == []
    assert [c["state"] for c in run("pay", "show", "--json").json["claims"]] == ["paid"]


def test_the_one_who_approved_cannot_release(run: Run, home: settlement.City) -> None:
    run("month", "close", MONTH)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO membership (user_id, role, territory_id, valid)"
            " SELECT user_id, 'payer', territory_id, valid FROM membership m JOIN app_user u ON u.id = m.user_id"
            " WHERE u.subject = 'trial:approver'"
        )
    run("pay", "approve")
    same = run("pay", "release", "--as", "trial:approver")
    assert same.status == 1
    assert "approved" in same.out
    assert run("pay", "release").status == 0


def test_large_claims_want_a_second_approval_by_another(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    founded(monkeypatch, approvals={"bands": [{"up_to_tiyn": 1, "approvals": 1}, {"up_to_tiyn": None, "approvals": 2}]})
    run("month", "close", MONTH)
    assert [c["state"] for c in run("pay", "approve", "--json").json["claims"]] == ["drawn"]
    assert run("pay", "approve").status == 1, "the same person once more is no second approval"
    second = run("pay", "approve", "--as", installation.SECOND_APPROVER, "--json")
    assert [c["state"] for c in second.json["claims"]] == ["approved"]


def test_words_nobody_understands_are_held_and_told(run: Run, home: settlement.City, settings: Any) -> None:
    settings.ADAPTERS = {**settings.ADAPTERS, "treasury": f"{__name__}:Confused"}
    run("month", "close", MONTH)
    for verb in ("approve", "release", "file", "send"):
        assert run("pay", verb).status == 0
    told = run("pay", "replies", "--json")
    assert told.status == 1
    assert len(told.json["held"]) == 1
    assert told.json["payments"] == {"accepted": 1}


def test_a_month_with_silent_sheets_stays_open_until_said_otherwise(run: Run, home: settlement.City) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        _, group = settlement.add_group(home, settlement.add_provider(home.territory))
        enrolled = settlement.enrol(home, 1, group=group)
        settlement.promise(home, enrolled)
        sheet = settlement.sheet(home, group=group, state="with_parents")
        settlement.row(sheet, enrolled[0], word="silent")
        cursor.execute("UPDATE month_sheet SET sent_at = clock_timestamp() WHERE id = %s", [sheet.id])
    told = run("month", "close", MONTH, "--json")
    assert (told.status, told.json["waiting"], told.json["hash"]) == (1, 1, None)
    assert run("month", "close", MONTH, "--partial", "--json").json["hash"]


def test_lessons_without_a_sheet_are_sent_by_the_providers_manager(run: Run, home: settlement.City) -> None:
    with transaction.atomic():
        _, group = settlement.add_group(home, settlement.add_provider(home.territory))
        enrolled = settlement.enrol(home, 1, group=group)
        settlement.promise(home, enrolled)
        settlement._hold_lessons(home, group, settlement.JANUARY)
    manager = settlement.person(Role.PROVIDER_MANAGER, 71, provider_id=group.provider_id)
    lessons = attendance_queries.sessions_of(group.provider_id, settlement.JANUARY)
    marks = [MarkRow(lessons[0].id, enrolled[0].id, "present")]
    attendance.mark_sessions(
        actor=manager, provider_id=group.provider_id, marks=marks, at=clock.read(), key=entropy.uuid4()
    )
    told = run("month", "close", MONTH, "--json").json
    assert told["waiting"] == 1
    assert told["sheets"]["with_parents"] == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT provider_id FROM membership WHERE role = 'provider_manager'")
        assert cursor.fetchall() == [(group.provider_id,)], "a right for this provider only"
