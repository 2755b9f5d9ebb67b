"""Pages and jobs work as a role with rows alone: it makes no table, switches no guard off, changes nothing kept.

ASVS 13.2.2; deploy/README.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.conf import LazySettings
from django.db import DatabaseError, connection, transaction
from psycopg import errors, sql

from qosymsha.domain.admission.models import Application
from qosymsha.domain.attendance import commands as attendance
from qosymsha.domain.insights.access import Action
from qosymsha.domain.settlement.models import PaymentLine
from qosymsha.domain.vouchers.models import Enrolment, Voucher
from qosymsha.interfaces.cli import doctor, migrating, rights
from qosymsha.interfaces.jobs import duties, upkeep
from qosymsha.kernel import audit
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.models import AuditEvent
from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.postgres import running
from tests.architecture.house import SOURCE
from tests.factories import admission, payments, settlement, uploads, vouchers
from tests.rooms.test_documents import keep

pytestmark = pytest.mark.django_db
AT = local_instant(date(2026, 2, 1))


_EVENT = """
INSERT INTO audit_event (at, actor_id, actor_label, action, subject_kind, subject_ids, detail)
VALUES ('2031-01-05', 1, 'x', 'x', 'x', '[]', '{}')"""


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def work_as(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))


def months(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        return {name for (name,) in cursor.fetchall()}


@pytest.fixture
def role() -> Iterator[str]:
    """A role with what `qosymsha migrate` grants; all of it is rolled back with the test."""
    name = f"pages_{uuid4().hex[:12]}"
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
    assert rights.grant(name) > 100
    yield name
    run("RESET ROLE")


@pytest.fixture
def working(role: str) -> str:
    """The connection works as that role from now on."""
    work_as(role)
    return role


def refused(statement: str) -> bool:
    """Whether the server refuses a statement for want of rights."""
    try:
        with transaction.atomic():
            run(statement)
    except DatabaseError as error:
        return isinstance(error.__cause__, errors.InsufficientPrivilege)
    return False


GUARDED = ("audit_event", "audit_link", "ledger_posting", "ledger_entry", "outcome", "bank_reply", "security_event")
DEEDS = [
    *(f"DELETE FROM {table}" for table in GUARDED),
    *(f"TRUNCATE {table}" for table in (*GUARDED, "voucher", "child")),
    *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in (*GUARDED, "voucher", "rule_set")),
    "DROP TRIGGER audit_event_insert_only ON audit_event",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "SET session_replication_role = replica",
    "INSERT INTO audit_event_rest (at, actor_label) VALUES (now(), 'x')",
    "UPDATE audit_event_rest SET action = action",
    "CREATE TABLE own (id int)",
    "CREATE TEMPORARY TABLE own (id int)",
    "DROP TABLE mark",
    "CREATE FUNCTION own() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DELETE FROM rule_set",
    "INSERT INTO django_migrations (app, name, applied) VALUES ('x', 'y', now())",
    "INSERT INTO clock_shift VALUES (1, '1 day')",
    "SELECT copy_guards('audit_event')",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "COPY (SELECT 1) TO PROGRAM 'true'",
]


def columns(tables: Iterable[str]) -> list[tuple[str, str]]:
    """A column of each that a statement may name (an identity's is refused to everybody, for another reason)."""
    statement = """
    SELECT DISTINCT ON (attrelid) attrelid::regclass::text, attname FROM pg_attribute
     WHERE attrelid = ANY (%s::regclass[]) AND attnum > 0 AND attidentity = '' AND NOT attisdropped"""
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(tables)])
        return list(cursor.fetchall())


def test_no_guard_can_be_passed_or_switched_off(working: str) -> None:
    updates = [f"UPDATE {table} SET {column} = {column}" for table, column in columns(GUARDED)]
    assert len(updates) == len(GUARDED)
    assert [deed for deed in [*updates, *DEEDS] if not refused(deed)] == []


def test_control_the_owner_could_switch_the_guard_off_and_change_what_was_written(role: str) -> None:
    with transaction.atomic():
        audit.record(actor=duties.ACTOR, at=AT, action=Action.RUN_INVARIANTS, subject_kind="x", subject_ids=[])
        for table in ("audit_event", *sorted(months("audit_event"))):
            run(f"ALTER TABLE {table} DISABLE TRIGGER audit_event_insert_only")
        run("UPDATE audit_event SET actor_label = 'nobody'")
        assert set(AuditEvent.objects.values_list("actor_label", flat=True)) == {"nobody"}
        transaction.set_rollback(True)


def test_every_table_that_refuses_change_is_granted_no_change(role: str) -> None:
    kept = [
        table for table, is_month, refused_, _ in rights._rows(rights._TABLES, role) if refused_ & 16 and not is_month
    ]
    assert set(GUARDED) <= set(kept)
    assert len(kept) > 40
    with connection.cursor() as cursor:
        for table in kept:
            cursor.execute("SELECT has_table_privilege(%s, %s, 'UPDATE, DELETE, TRUNCATE, TRIGGER')", [role, table])
            assert cursor.fetchone() == (False,), table
    assert rights.gaps(role) == []
    assert rights.grant(role) == 0, "given once"


def test_a_right_too_many_is_seen_and_taken_away(role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("GRANT UPDATE, TRUNCATE ON audit_event TO {}").format(sql.Identifier(role)))
        cursor.execute(sql.SQL("REVOKE SELECT ON child FROM {}").format(sql.Identifier(role)))
    assert rights.faults(role) == ["audit_event: has TRUNCATE, UPDATE", "child: lacks SELECT"]
    assert rights.grant(role) == 2
    assert rights.faults(role) == []


def test_families_file_and_get_vouchers(role: str) -> None:
    city = admission.City(money={"sport": admission.money_for(3)})
    families = city.families(2)
    work_as(role)
    the_round = city.opened()
    assert [one.reason for one in city.file(the_round, families)] == [None, None]
    city.run(the_round)
    assert Application.objects.count() == Voucher.objects.count() == 2


def test_children_take_places(role: str) -> None:
    city = vouchers.make_city()
    group = vouchers.add_group(city)
    work_as(role)
    found = vouchers.enrolled(city, group, 1)
    assert Enrolment.objects.filter(pk=found[0][2]).exists()


def test_a_month_is_claimed_signed_sent_and_paid(role: str) -> None:
    home = settlement.city()
    claim = payments.claim_of(home)
    work_as(role)
    payments.sign(home, claim)
    payments.release(home, claim)
    payments.send(home, payments.draw_file(home).file_id)
    line = PaymentLine.objects.get(claim=claim)
    assert [one.reason for one in payments.hear(payments.say(line, "accepted"))] == [None]
    claim.refresh_from_db()
    assert claim.state == "paid"


def test_the_clocks_duties_work_months_are_made_and_dropped_by_the_owners_functions(working: str) -> None:
    at = local_instant(date(2031, 1, 1))
    duties.make_months(at)
    assert months("audit_event") & {"audit_event_2031_01", "audit_event_2031_04"}
    keep(uploads.pdf())
    far = at + timedelta(days=400)
    assert "trace_2031_01" in months("trace")
    assert attendance.forget_traces(actor=duties.ACTOR, on=far.date(), at=far) >= 2
    assert "trace_2031_01" not in months("trace")
    upkeep.forget_news(far)
    upkeep.forget_keys(far)
    for duty in quick():
        duty(at)
    run(_EVENT)
    assert refused("UPDATE audit_event_2031_01 SET action = action"), "a month made later is guarded too"
    with pytest.raises(DatabaseError, match="audit_event is kept"), transaction.atomic():
        run("SELECT trace_forget('audit_event', '2040-01-01')")
    assert "audit_event_2031_01" in months("audit_event"), "it drops traces alone"


def quick() -> list[Callable[[datetime], None]]:
    """Duties that write without asking anybody outside."""
    return [
        duties.link_audit,
        duties.expire_vouchers,
        duties.expire_accreditations,
        duties.end_places,
        duties.forget_visits,
    ]


def test_tables_that_are_not_up_to_date_are_told_not_tried(working: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrating, "missing", lambda: [("vouchers", "9999_later")])
    with pytest.raises(EnvironmentFault, match="QOSYMSHA_OWNER_URL"):
        migrating.bring_up_to_date()
    monkeypatch.setattr(migrating, "missing", list)
    assert migrating.bring_up_to_date() == []


def test_doctor_tells_a_production_that_works_as_the_owner(settings: LazySettings) -> None:
    settings.PRODUCTION = True
    (check,) = [one for one in doctor.link_checks() if one.name == "database role"]
    assert not check.ok
    assert "owns the tables" in check.found
    assert "QOSYMSHA_OWNER_URL" in check.advice


def test_doctor_may_look_at_all_it_speaks_of(working: str) -> None:
    checks = [*doctor.link_checks(), *doctor.server_checks(), *doctor.jobs_checks(), *doctor.notice_checks()]
    rests = [one.name for one in [*checks, *doctor._partitions()] if one.name.startswith("partition ")]
    assert "partition audit_event_rest" in rests


def test_control_a_role_without_a_look_at_the_rests_stops_doctor(role: str) -> None:
    run(f'REVOKE SELECT ON audit_event_rest FROM "{role}"')
    work_as(role)
    assert refused("SELECT EXISTS (SELECT 1 FROM ONLY audit_event_rest)")


def test_the_owner_and_an_unknown_role_are_not_granted_to() -> None:
    me = connection.cursor().connection.info.user
    with pytest.raises(EnvironmentFault, match="owns the tables"):
        rights.grant(me)
    with pytest.raises(EnvironmentFault, match="CREATE ROLE"):
        rights.grant("nobody_at_all")


_YEAR = """
import sys
import django
django.setup()
from pathlib import Path
from django.db import connection
from rich.console import Console
from qosymsha.interfaces.cli import demo, rights
from qosymsha.interfaces.cli.session import database

with database(fresh=True):
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE pages LOGIN")
        rights.grant("pages")
        cursor.execute("GRANT INSERT, UPDATE, DELETE ON clock_shift TO pages")  # the demo plays the clock
        cursor.execute("ALTER ROLE CURRENT_USER IN DATABASE qosymsha_demo SET role = 'pages'")  # every line from now on
        cursor.execute("SET ROLE pages")
    collected, _ = demo._published(int(sys.argv[2]), 1, Path(sys.argv[1]), Console(stderr=True))
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ("pages",)
    wrong = [one for one in collected["invariants"] if not one["ok"]]
    assert not wrong, wrong
print("played")
"""


by_night = pytest.mark.skipif(os.environ.get("LOOKS") != "whole", reason="by night: every migration, a whole year")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the server's own user may reach."""
    with tempfile.TemporaryDirectory(prefix="qosymsha-rights-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@by_night
def test_an_owner_without_rights_over_the_server_migrates_and_the_pages_role_works(place: Path) -> None:
    """As deploy/cluster/roles.sql and deploy/README.md say it, on a server of its own."""
    with running(place / "state", durable=False) as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as line:
            for name in ("town", "qosymsha_pages"):
                line.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
            line.execute("CREATE DATABASE qosymsha OWNER town")
        where = f"@/qosymsha?host={server.socket_dir}&port={server.port}"
        owner, pages = (f"postgresql://{name}{where}" for name in ("town", "qosymsha_pages"))

        def verb(*words: str, **env: str) -> str:
            argv, known = [sys.executable, "-m", "qosymsha", *words], {"PYTHONPATH": str(SOURCE.parent)}
            told = os.environ | known | {"DATABASE_URL": pages, "QOSYMSHA_MODE": "trial"} | env
            done = subprocess.run(argv, env=told, capture_output=True, text=True, check=False)
            return done.stdout + done.stderr

        assert "not applied" in verb("doctor", "--quick")
        assert "QOSYMSHA_OWNER_URL" in verb("migrate"), "pages cannot make tables"
        assert "granted  qosymsha_pages" in verb("migrate", QOSYMSHA_OWNER_URL=owner)
        assert "nothing is missing" in verb("migrate", "--check")
        said = verb("doctor", "--quick", QOSYMSHA_MODE="production")
        assert "ok    database role: qosymsha_pages works with rows alone" in said, said
        said = verb("doctor", "--quick", QOSYMSHA_MODE="production", DATABASE_URL=owner)
        assert "WRONG database role: town owns the tables" in said, said


@by_night
def test_a_whole_year_is_played_under_that_role(place: Path) -> None:
    """From the first rule to the last payment, and every check, with rows alone."""
    env = {"QOSYMSHA_MODE": "demo", "QOSYMSHA_STATE": str(place / "state"), "PYTHONPATH": str(SOURCE.parent)}
    env["DJANGO_SETTINGS_MODULE"] = "qosymsha.config.settings"
    argv = [sys.executable, "-c", _YEAR, str(place / "round"), "1000"]
    done = subprocess.run(argv, env=os.environ | env, capture_output=True, text=True, check=False)
    assert done.stdout.strip().endswith("played"), done.stderr[-4000:]
