"""Persons whose time is over are erased whole; who is in time, held or owed something is left byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import override_settings

from qosymsha.domain.erasure import commands, queries
from qosymsha.domain.erasure.models import Erasure, ErasureRun
from qosymsha.domain.erasure.rules import ErasureRefusal, Kind
from qosymsha.domain.insights.queries import CHECKS, check_invariant
from qosymsha.domain.people.models import Child, Guardian, Guardianship, User
from qosymsha.domain.people.queries import iin_lookup
from qosymsha.domain.people.rules import PersonDetails, person_json
from qosymsha.domain.people.steps import SecretRow, seal
from qosymsha.domain.vouchers import commands as vouchers
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.domain.vouchers.states import CloseReason
from qosymsha.interfaces.jobs import erasing
from qosymsha.kernel import clock
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden, NotConfigured, Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories import people, remains
from tests.factories.insights import World, past_the_guards, sql, world_of_commands
from tests.factories.settlement import AT, SYSTEM

pytestmark = pytest.mark.django_db
CLOSED = AT + timedelta(days=30)
LATER = datetime(2032, 6, 1, tzinfo=AT.tzinfo)
EARLY = datetime(2030, 6, 1, tzinfo=AT.tzinfo)
SURNAME, GIVEN, PHONE, BORN = "Ұмытбаева", "Еркеназ", "+77759876501", date(2014, 7, 23)
MAIL, SUBJECT = "umyt@example.kz", "idp:umyt-7719"
WORD = "айтылған сөз 7719"


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One clean state for all tests of this module, in one transaction that is rolled back."""
    with world_of_commands(django_db_blocker, tmp_path_factory.mktemp("outside")) as made:
        _told()
        yield made


@pytest.fixture
def clean(world: World, db: None) -> World:
    """The clean state; what a test does is taken back with the test's own savepoint."""
    return world


def _paid() -> list[int]:
    """Children whose month was paid: nothing about them is under way once their vouchers are closed."""
    return [
        i
        for (i,) in sql(
            "SELECT DISTINCT r.child_id FROM sheet_row r JOIN claim_row k ON k.sheet_row_id = r.id"
            " JOIN claim m ON m.id = k.claim_id WHERE m.state = 'paid' ORDER BY 1"
        )
    ]


def _told() -> None:
    """Names, numbers, addresses and an account for the children who will go and their guardians; vouchers closed."""
    with transaction.atomic():
        for n, child in enumerate(_paid()):
            guardian = Guardianship.objects.filter(child_id=child).values_list("guardian_id", flat=True)[0]
            user = User.objects.create(subject=f"{SUBJECT}-{n}")
            Guardian.objects.filter(pk=guardian).update(user=user)
            for kind, subject, serial in (("child", child, 700 + n), ("guardian", guardian, 800 + n)):
                person = PersonDetails(people.number(serial), SURNAME, GIVEN, "", BORN, PHONE)
                number = iin_lookup(kind, people.number(serial))
                seal(kind, [SecretRow(subject, person_json(person), number)])
            seal("notice_email", [SecretRow(user.pk, MAIL.encode())])
            sql("UPDATE sheet_row SET reason = %s WHERE child_id = %s", WORD, child)
            sql("UPDATE guardianship SET evidence = %s WHERE child_id = %s", WORD, child)
    closing = list(Voucher.objects.filter(child_id__in=_paid()).values_list("id", flat=True))
    outcomes = vouchers.close_vouchers(
        actor=SYSTEM, voucher_ids=closing, reason=CloseReason.MOVED, at=CLOSED, key=uuid4()
    )
    assert {one.reason for one in outcomes} == {None}


def needles() -> list[str]:
    """Everything by which the erased could be known."""
    numbers = [people.number(serial + n) for serial in (700, 800) for n in range(len(_paid()))]
    return [SURNAME, GIVEN, PHONE, BORN.isoformat(), MAIL, SUBJECT, WORD, *numbers]


def sealed_of(children: list[int]) -> list[str]:
    """The encrypted rows of these children, as PostgreSQL writes bytes."""
    return [
        text for (text,) in sql("SELECT ciphertext::text FROM person_secret WHERE subject_kind = 'child'"
                                " AND subject_id = ANY (%s)", children)
    ]  # fmt: skip


def night(at: datetime = LATER) -> None:
    """The whole night's work, as the schedule calls it, on the house's own clock."""
    clock.shift_to(at)
    erasing.erase_persons(at)


@contextmanager
def without_erasing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The night runs, and its erasing is switched off."""
    with monkeypatch.context() as patched:
        patched.setattr(commands, "_ERASE", {kind: lambda ids, at: {} for kind in Kind})
        yield


def test_nothing_by_which_an_erased_family_could_be_known_is_left_in_any_table_or_secret(clean: World) -> None:
    gone = _paid()
    words, before = needles() + sealed_of(gone), remains.rows()
    assert set(remains.found(words, before)) == set(words), "before the night each of them stands somewhere"
    night()
    assert remains.found(words) == {}
    assert {one.subject_id for one in Erasure.objects.filter(subject_kind="child")} >= set(gone)
    kinds = set(Erasure.objects.values_list("subject_kind", flat=True))
    assert kinds >= {"child", "guardian", "user"}
    assert not User.objects.filter(subject__startswith=SUBJECT).exists()


def test_control_a_night_that_erases_nothing_leaves_all_of_it_to_be_found(
    clean: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with without_erasing(monkeypatch):
        commands.erase(actor=SYSTEM, kind=Kind.CHILD, at=LATER)
    assert set(remains.found(needles())) == set(needles())


def in_time() -> list[int]:
    """The children who are not due."""
    due = set(queries.due(Kind.CHILD, LATER, 10_000))
    return [i for (i,) in sql("SELECT id FROM child") if i not in due]


def kept_rows(kept: list[int]) -> dict[str, list[str]]:
    """Every row about these children and their guardians: by the column that says whose it is."""
    families = Guardianship.objects.filter(child_id__in=kept).values_list("guardian_id", flat=True)
    owners = {"child_id": kept, "guardian_id": sorted(set(families))}
    found: dict[str, list[str]] = {}
    for column, ids in owners.items():
        tables = sql(
            "SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attname = %s"
            " AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT IN ('mark', 'check_in')", column
        )  # fmt: skip
        for (table,) in tables:
            lines = sql(f"SELECT t::text FROM {table} t WHERE {column} = ANY (%s) ORDER BY 1", ids)
            found[f"{table}.{column}"] = [line for (line,) in lines]
    for kind, ids in (("child", kept), ("guardian", owners["guardian_id"])):
        lines = sql("SELECT t::text FROM person_secret t WHERE subject_kind = %s AND subject_id = ANY (%s) ORDER BY 1",
                    kind, ids)  # fmt: skip
        found[kind] = [line for (line,) in lines]
    return found


def test_who_is_still_in_time_is_left_byte_for_byte(clean: World) -> None:
    kept = in_time()
    before = kept_rows(kept)
    assert len(before["child"]) > 3
    night()
    after = kept_rows(kept)
    assert {place: after[place] for place in before if after[place] != before[place]} == {}


def test_every_promise_stays_green_after_the_night(clean: World) -> None:
    red = {i: check_invariant(i, LATER).examples for i in CHECKS if not check_invariant(i, LATER).ok}
    assert set(red) <= {"INV-21", "INV-9", "INV-22"}, "before: only what is past its time, and this world's own clock"
    assert "INV-21" in red
    night()
    after = {i: check_invariant(i, LATER).examples for i in CHECKS if not check_invariant(i, LATER).ok}
    assert set(after) == set(red) - {"INV-21"}


def test_nobody_is_erased_before_the_time_is_over(clean: World) -> None:
    before = remains.rows()["person_secret"]
    night(EARLY)
    assert remains.rows()["person_secret"] == before
    assert set(ErasureRun.objects.get().gone) <= {"months_of_outside_marks"}


def test_a_night_that_has_ended_is_not_begun_again_and_the_next_finds_nothing_more(clean: World) -> None:
    due = len(queries.due(Kind.CHILD, LATER, 100))
    night()
    first, events = remains.rows()["erasure"], AuditEvent.objects.filter(action="erase_persons").count()
    night(LATER + timedelta(hours=1))
    night(LATER + timedelta(days=1))
    assert remains.rows()["erasure"] == first
    assert AuditEvent.objects.filter(action="erase_persons").count() == events
    assert [run.gone.get("child", 0) for run in ErasureRun.objects.order_by("on")] == [due, 0]


@pytest.mark.parametrize("killed_at", [0, 1, 2, 3])
def test_killed_at_any_person_and_run_again_each_is_gone_once_and_none_is_missing(
    clean: World, killed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls, due = commands._ERASE, iter(range(100)), queries.due(Kind.CHILD, LATER, 100)

    def dying(ids: Any, at: datetime, kind: Kind) -> dict[str, int]:
        told = whole[kind](ids, at)
        if next(calls) == killed_at:
            raise KeyboardInterrupt
        return told

    with monkeypatch.context() as patched:
        patched.setattr(commands, "PORTION", 1)
        patched.setattr(commands.erase, "__kwdefaults__", {"most": 1}, raising=False)
        patched.setattr(commands, "_ERASE", {k: (lambda ids, at, k=k: dying(ids, at, k)) for k in Kind})
        with pytest.raises(KeyboardInterrupt):
            night()
    assert not ErasureRun.objects.exists()
    halfway = Erasure.objects.count()
    assert halfway == killed_at
    night()
    assert remains.found(needles()) == {}
    told = [i for event in AuditEvent.objects.filter(action="erase_persons", subject_kind="child")
            for i in event.subject_ids]  # fmt: skip
    assert sorted(told) == due


def holding(hold: str, child: int) -> None:
    """What keeps a child, planted."""
    if hold == "legal hold":
        commands.hold(actor=SYSTEM, child_uuid=_uuid(child), reason="inquiry 12", at=CLOSED)
    elif hold == "account in use":
        guardian = Guardianship.objects.filter(child_id=child).values_list("guardian_id", flat=True)[0]
        User.objects.filter(guardian=guardian).update(last_login=LATER - timedelta(days=200))
    elif hold == "money not paid":
        past_the_guards(
            "UPDATE claim SET state = 'held' WHERE id IN (SELECT k.claim_id FROM claim_row k JOIN sheet_row r"
            " ON r.id = k.sheet_row_id WHERE r.child_id = %s)", child
        )  # fmt: skip
    elif hold == "disputed row":
        past_the_guards("UPDATE sheet_row SET word = 'disputed' WHERE child_id = %s", child)
    else:
        past_the_guards(
            "INSERT INTO red_flag (uuid, territory_id, programme_id, month, provider, group_code, child_id, child_key,"
            " child_ref, state, score_permille, days, opened_at, reason, evidence) SELECT gen_random_uuid(),"
            " territory_id, programme_id, '2026-01-01', 'p', 'g', child_id, '\\x00', '', 'open', 1, '{}', %s, '', ''"
            " FROM enrolment WHERE child_id = %s LIMIT 1", CLOSED, child
        )  # fmt: skip


def _uuid(child: int) -> UUID:
    return Child.objects.get(pk=child).uuid


@pytest.mark.parametrize("hold", ["legal hold", "account in use", "money not paid", "disputed row", "red flag"])
def test_a_child_about_whom_something_is_open_is_held_and_the_operator_is_told_by_what(clean: World, hold: str) -> None:
    child = _paid()[0]
    assert child in queries.due(Kind.CHILD, LATER, 100)
    holding(hold, child)
    assert child not in queries.due(Kind.CHILD, LATER, 100)
    assert queries.stand(actor=SYSTEM, at=LATER).held[hold] >= 1
    night()
    assert sql("SELECT count(*) FROM person_secret WHERE subject_kind = 'child' AND subject_id = %s", child) == [(1,)]
    assert not Erasure.objects.filter(subject_kind="child", subject_id=child).exists()


@pytest.mark.parametrize("is_asked_again", [True, False])
def test_what_comes_between_the_list_and_the_lock_is_seen_and_the_control_erases_all_the_same(
    clean: World, is_asked_again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    child, right = _paid()[0], commands.people.held_secrets

    def meanwhile(kind: str, ids: Any) -> list[int]:
        holding("account in use", child)
        return right(kind, ids)

    monkeypatch.setattr(commands.people, "held_secrets", meanwhile)
    if not is_asked_again:
        monkeypatch.setattr(queries, "still_due", lambda kind, at, ids: list(ids))
    commands.erase(actor=SYSTEM, kind=Kind.CHILD, at=LATER)
    assert Erasure.objects.filter(subject_kind="child", subject_id=child).exists() != is_asked_again


def test_every_hold_is_asked_in_words_that_the_database_understands(clean: World) -> None:
    assert queries.stand(actor=SYSTEM, at=LATER).due["child"] >= len(_paid())
    assert len(queries.HOLDS) >= 18


def test_a_hold_ends_by_its_own_verb_and_is_refused_in_words(clean: World) -> None:
    child = _paid()[0]
    held = commands.hold(actor=SYSTEM, child_uuid=_uuid(child), reason=" inquiry 12 ", at=CLOSED)
    assert [(i, c, why) for i, c, why, _ in queries.holds(actor=SYSTEM)] == [(held, _uuid(child), "inquiry 12")]
    for wrong, uuid, reason in (
        (ErasureRefusal.HOLD_STANDS, _uuid(child), "x"),
        (ErasureRefusal.HOLD_WITHOUT_REASON, _uuid(child), " "),
        (ErasureRefusal.CHILD_TO_HOLD_UNKNOWN, uuid4(), "x"),
    ):
        with pytest.raises(Refused) as refused:
            commands.hold(actor=SYSTEM, child_uuid=uuid, reason=reason, at=CLOSED)
        assert refused.value.reason is wrong
    commands.lift(actor=SYSTEM, hold_uuid=held, at=CLOSED)
    with pytest.raises(Refused):
        commands.lift(actor=SYSTEM, hold_uuid=held, at=CLOSED)
    night()
    with pytest.raises(Refused) as refused:
        commands.hold(actor=SYSTEM, child_uuid=_uuid(child), reason="too late", at=LATER)
    assert refused.value.reason is ErasureRefusal.ALREADY_ERASED


def test_a_longer_period_of_the_installation_holds_and_a_broken_file_erases_nobody(
    clean: World, tmp_path: Path
) -> None:
    file = tmp_path / "ours.json"
    with override_settings(RETENTION=str(file)):
        file.write_text('{"schema": "retention-1", "terms": {"person": {"years": 7}}}')
        assert queries.due(Kind.CHILD, LATER, 100) == []
        file.write_text('{"schema": "retention-1", "terms": {"person": {"years": 1}}}')
        with pytest.raises(NotConfigured, match="person: one year is less than the five years"):
            queries.due(Kind.CHILD, LATER, 100)
        night()
    assert not Erasure.objects.exists()
    assert not ErasureRun.objects.exists()


def test_only_the_clock_erases_and_what_was_erased_is_written_once(clean: World) -> None:
    official = Actor(user_id=1, label="user:1", grants=())
    for deed in (
        lambda: commands.erase(actor=official, kind=Kind.CHILD, at=LATER),
        lambda: commands.forget_over(actor=official, at=LATER),
        lambda: commands.forget_audit(actor=official, at=LATER),
        lambda: commands.hold(actor=official, child_uuid=uuid4(), reason="x", at=LATER),
        lambda: queries.stand(actor=official, at=LATER),
    ):
        with pytest.raises(Forbidden):
            deed()
    night()
    with pytest.raises(DatabaseError), transaction.atomic():
        sql("DELETE FROM erasure")


def test_an_erased_child_is_found_by_nothing_and_its_day_is_known(clean: World) -> None:
    child = _paid()[0]
    night()
    assert queries.erased_on(Kind.CHILD, [child]) == {child: LATER.date()}
    number = iin_lookup("child", people.number(700))
    assert sql("SELECT count(*) FROM person_secret WHERE lookup = %s", number) == [(0,)]


def test_marks_leave_by_whole_months_and_younger_ones_cannot_be_asked_away(clean: World) -> None:
    assert sql("SELECT count(*) > 0 FROM mark WHERE \"on\" < '2027-01-01'") == [(True,)]
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="is kept for 5 years"), transaction.atomic():
        cursor.execute("SELECT presence_forget('mark', (now() - interval '4 years')::date)")
    with pytest.raises(DatabaseError), transaction.atomic():
        sql("SELECT presence_forget('voucher', '2020-01-01')")
