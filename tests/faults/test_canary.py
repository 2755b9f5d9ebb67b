"""A canary child: its name, number, birth date and phone go through a whole life and stay in the table of secrets.

Looked through as text: every column of every table, every SQL statement on its way, every log line, the database
server's own log, what the command line says, the published folder, the state folder, sessions, caches, addresses and
headers of every page a person can reach from their first one, the pages of those who have no right, the error pages.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.http import HttpResponse

from qosymsha.domain.attendance.models import SheetRow
from qosymsha.domain.people import commands, queries, steps
from qosymsha.domain.people.models import Child, Guardian, Guardianship
from qosymsha.domain.people.rules import person_json
from qosymsha.domain.people.states import Role
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.domain.vouchers.states import Topic as Vouchers
from qosymsha.integrations.registries import fake
from qosymsha.interfaces.family import children as children_page
from qosymsha.interfaces.jobs import duties
from qosymsha.interfaces.jobs import notices as notice_jobs
from qosymsha.interfaces.signin import views as signin_views
from qosymsha.kernel import clock, outbox
from tests.factories import notices, people, rosters
from tests.factories.office import Desk, answer, desk, paid_out, screened
from tests.faults.canary import (
    KID,
    MOTHER,
    Found,
    Visitor,
    in_folder,
    in_server_log,
    in_tables,
    listening,
    visitor,
)
from tests.interfaces import browsing
from tests.interfaces.door import Run, run

__all__ = ["run"]
pytestmark = pytest.mark.django_db(transaction=True)


def roster(folder: Path) -> tuple[Path, Path]:
    """Guardians' and applications' files of a small city; the canary family first, once with a slip."""
    rows = rosters.families(6)
    own = [MOTHER.iin or "", MOTHER.surname, MOTHER.given, MOTHER.phone]
    kid = [KID.iin or "", KID.surname, KID.given, "29.02.2016", "711310000", "orphan"]
    slip = [*own, "160229799999", *kid[1:3], "31.02.2016", *kid[4:]]
    guardians = rosters.write(folder / "g.csv", rosters.GUARDIANS, [[*own, *kid], *rows, slip])
    wishes = rosters.applications([[*own, *kid], *rows])
    return guardians, rosters.write(folder / "a.csv", rosters.APPLICATIONS, [*wishes, wishes[0]])


def through_the_command_line(run: Run, folder: Path, found: Found) -> None:
    """From the roster to the published round."""
    guardians, wishes = roster(folder)

    def said(*argv: object) -> None:
        ran = run(*argv)
        found.look(f"command line {argv[0]} {argv[1] if len(argv) > 1 else ''}", ran.out + ran.err)

    for name in ("providers", "groups"):
        said("import", name, "--template", folder / f"{name}.xlsx")
        said("import", name, folder / f"{name}.xlsx")
    said("round", "open", "--budget-tenge", "10000000")
    said("import", "guardians", guardians)
    said("import", "guardians", guardians, "--json")
    said("import", "applications", wishes)
    said("round", "close", "--early", "a rehearsal")
    said("round", "draw")
    said("round", "allocate")
    said("round", "publish", "--folder", folder / "published")
    said("round", "show", "--json")
    for name in ("vouchers", "applications", "ledger", "claims"):
        said("export", name, folder / f"{name}.csv")
    said("doctor", "--quick")
    in_folder(found, folder / "published")
    in_folder(found, folder / "state")


def renamed(of: Desk) -> int:
    """The desk's first family is the canary's, with the numbers of a second pair; the child's id."""
    row = of.rows[0]
    mother = Guardianship.objects.get(child_id=row.child_id).guardian_id
    with transaction.atomic():
        steps.seal("child", [steps.SecretRow(row.child_id, person_json(KID))])
        steps.seal("guardian", [steps.SecretRow(mother, person_json(MOTHER))])
        other = Guardianship.objects.get(child_id=of.rows[1].child_id).guardian_id
        steps.seal("guardian", [steps.SecretRow(other, person_json(people.guardian(7)))])
    return row.child_id


def at_the_desks(of: Desk, found: Found) -> dict[str, Visitor]:
    """Every official, the provider's people and two families open all they can."""
    provider = of.city.provider_id
    who = {
        "checker": visitor(found, "checker", of.official(Role.CHECKER), is_entitled=True),
        "auditor": visitor(found, "auditor", of.official(Role.AUDITOR), is_entitled=True),
        "approver": visitor(found, "approver", of.official(Role.APPROVER), is_entitled=True),
        "officer": visitor(found, "officer", of.official(Role.PROGRAMME_OFFICER), is_entitled=True),
        "payer": visitor(found, "payer", of.official(Role.PAYER)),
        "operator": visitor(found, "operator", of.official(Role.OPERATOR)),
        "manager": visitor(
            found,
            "manager",
            browsing.official(Role.PROVIDER_MANAGER, provider_id=provider, name="m:1"),
            is_entitled=True,
        ),
        "another club": visitor(
            found, "another club", browsing.official(Role.PROVIDER_MANAGER, provider_id=provider + 999, name="m:2")
        ),
        "anyone": visitor(found, "anyone", None),
    }
    for one in who.values():
        one.walk(["/kk/office/", "/kk/provider/", "/kk/family/", "/kk/"])
    return who


def families_of(of: Desk, found: Found) -> tuple[Visitor, Visitor]:
    """The canary's mother, who sees her child, and a stranger."""
    own, other = (Guardianship.objects.get(child_id=row.child_id).guardian_id for row in of.rows[:2])
    mother = visitor(found, "mother", browsing.guardian_user(own), is_entitled=True)
    stranger = visitor(found, "stranger", browsing.guardian_user(other))
    return mother.walk(["/kk/family/"]), stranger.walk(["/kk/family/"])


def posted(who: Visitor, address: str, fields: dict[str, str], *, shows_typed: bool = False) -> int:
    """A form sent; the page that comes back may hold what was typed only where it is the typer's own form."""
    sent = who.client.post(address, {"key": str(uuid4())} | fields)
    who.judge(address, sent, "" if shows_typed else sent.content.decode())
    return sent.status_code


def through_errors(of: Desk, mother: Visitor, stranger: Visitor, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """404, 403, 405, 422, 409, 429 and 500, by who sees the child and who does not."""
    typed = {"iin": KID.iin or "", "surname": KID.surname, "given": KID.given, "born_on": f"{KID.born_on}"}
    row = SheetRow.objects.get(pk=of.rows[0].pk)
    place = Enrolment.objects.get(pk=row.enrolment_id).uuid
    statuses = [
        posted(stranger, "/kk/family/children/", typed, shows_typed=True),
        posted(stranger, f"/kk/family/months/{row.uuid}/", {}),
        posted(mother, "/kk/family/vouchers/", {}),
        posted(mother, f"/kk/office/sheets/{of.sheet.uuid}/return/", {"reason": KID.surname}),
    ]
    stranger.get(f"/kk/family/months/{row.uuid}/")
    stranger.get(f"/kk/office/sheets/{of.sheet.uuid}/rows/{place}/")
    with monkeypatch.context() as broken:

        def fail(**_: object) -> None:
            raise RuntimeError("planted")

        broken.setattr(children_page.commands, "link_child", fail)
        statuses.append(posted(mother, "/kk/family/children/", typed))
        broken.setattr(children_page.people, "own_wards", fail)
        statuses.append(mother.client.get("/kk/family/children/").status_code)
    return statuses


def the_clock_turns() -> None:
    """The jobs whose work touches people's records."""
    for duty in (duties.remind_guardians, duties.watch_absences, duties.screen_months, duties.refill, duties.link_audit,
                 duties.check_invariants_by_night, duties.forget_visits, duties.explain_money):  # fmt: skip
        duty(clock.read())


def told_of(of: Desk, found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """News of the canary and of all others is told and sent: an SMS and an e-mail say that there is news, no more."""
    notices.at_once_over(monkeypatch)
    notices.at_any_hour(monkeypatch)
    gateway, sender = notices.ways(monkeypatch)
    voucher = Enrolment.objects.get(pk=of.rows[0].enrolment_id).voucher_id
    notices.tell(Vouchers.CLOSED, "voucher", [voucher], clock.read())
    notice_jobs.make_notices(clock.read())
    notice_jobs.send_notices(clock.read())
    assert MOTHER.phone in {sms.phone for sms in gateway.taken}, notices.shown(kind="voucher_closed")
    for sms in gateway.taken:
        found.look("sms", sms.text)
    for mail in sender.taken:
        found.look("mail", f"{mail.subject} {mail.text}")


def test_a_canary_child_leaves_no_trace(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    found, requests = Found(), tmp_path / "requests"
    settings.REQUEST_LOG = str(requests)
    monkeypatch.setattr(signin_views.demo_people, "demo_people", lambda *_: [])  # a trial lists invented guardians
    registry = tmp_path / "registry.json"
    registry.write_text('{"children": {}}', "utf-8")
    with listening(found), caplog.at_level(logging.DEBUG):
        through_the_command_line(run, tmp_path, found)
        assert queries.by_iin("child", [KID.iin or ""])  # it is there, and found by its number
        first = Guardian.objects.get(pk=queries.by_iin("guardian", [MOTHER.iin or ""])[MOTHER.iin or ""])
        filed = visitor(found, "mother who filed", browsing.guardian_user(first.pk), is_entitled=True)
        filed.walk(["/kk/family/", "/kk/family/children/"])
        monkeypatch.setenv(fake.TABLE, str(registry))
        of = desk(families=6)
        renamed(of)
        flags = screened(of)
        who = at_the_desks(of, found)
        told_of(of, found, monkeypatch)
        mother, stranger = families_of(of, found)
        statuses = through_errors(of, mother, stranger, monkeypatch)
        the_clock_turns()
    in_tables(found)
    in_server_log(found)
    in_folder(found, requests)
    found.look("log", caplog.text)
    assert found.places == {}
    # The hunt would have seen: those who may see the child did, and every kind of page was opened.
    assert flags
    assert KID.surname in mother.shown & filed.shown & who["checker"].shown & who["manager"].shown
    assert {404, 200} <= set(stranger.opened.values())
    assert statuses == [422, 404, 405, 403, 500, 500]
    assert sum(len(one.opened) for one in (*who.values(), mother, stranger)) > 60


def test_a_paid_month_carries_no_child_to_the_bank(caplog: pytest.LogCaptureFixture) -> None:
    found = Found()
    with listening(found), caplog.at_level(logging.DEBUG):
        of = desk(families=4, silent=0, device="")
        renamed(of)
        answer(paid_out(of))
    in_tables(found)
    found.look("log", caplog.text)
    assert found.places == {}


# What is planted → the place that must name it.
LEAKS = {
    "outbox": "table outbox", "hex": "table outbox", "audit": "table audit_event", "session": "session", "log": "log",
    "statement": "statement ", "file": "file x.json", "file name": "file name ", "page": "page stranger /kk/",
    "address": "address stranger", "header": "headers stranger /kk/", "cookie": "cookies stranger",
    "error page": "error 500 stranger",
}  # fmt: skip


@pytest.mark.parametrize("place", LEAKS)
def test_a_planted_leak_is_seen(place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The control: each place that is looked through shows a leak put there."""
    found = Found()
    match place:
        case "outbox" | "hex" | "audit" | "session":
            leak_into_tables(place)
            in_tables(found)
        case "log":
            logging.getLogger("planted").warning("no child %s", KID.iin)
            found.look("log", caplog.text)
        case "statement":
            with listening(found):
                queries.user_by_subject(MOTHER.phone)
        case "file" | "file name":
            name = "x.json" if place == "file" else f"{KID.surname}.json"
            (tmp_path / name).write_text(json.dumps({"born": f"{KID.born_on}"}) if place == "file" else "", "utf-8")
            in_folder(found, tmp_path)
        case "address":
            visitor(found, "stranger", None).get(f"/kk/?child={quote(KID.surname)}")
        case _:
            visitor(found, "stranger", None).judge("/kk/", leaking(place), KID.surname if "page" in place else "")
    assert [name for name in found.places if name.startswith(LEAKS[place])], found.places


def leak_into_tables(place: str) -> None:
    """A name in news, plain or as bytes; in the audit; in a session."""
    if place == "session":
        session = SessionStore()
        session["said"] = f"{KID.given}: done"
        session.save()
    elif place == "audit":
        commands.record_refused_sign_in(actor=duties.ACTOR, reason=_Leak(), at=clock.read())
    else:
        child = Child.objects.create(territory_id=people.astana(), created_at=clock.read())
        told = {"name": KID.surname if place == "outbox" else KID.surname.encode().hex()}
        with transaction.atomic():
            outbox.tell(
                topic=queries.Role.TEACHER, subject_kind="child", subject_ids=[child.pk], at=clock.read(), detail=told
            )


def leaking(place: str) -> HttpResponse:
    """An answer that says a number in its header or its cookie, or is a fault."""
    said = HttpResponse(status=500 if place == "error page" else 200)
    if place == "header":
        said.headers["Location"] = f"/kk/{KID.iin}/"
    if place == "cookie":
        said.set_cookie("last", KID.iin or "")
    return said


class _Leak(str):
    """A reason that is a name."""

    value = KID.patronymic
