"""Filing: who may, what is refused and why, once per child, sealed tickets, nothing lost between filing and close."""

from __future__ import annotations

import logging
import threading
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.admission import commands, queries, steps
from qosymsha.domain.admission.commands import ApplicationRow, Filed, filing, filing_one
from qosymsha.domain.admission.models import Application, ApplicationHistory, FrozenLine
from qosymsha.domain.admission.rules import TICKET_KIND, AdmissionRefusal
from qosymsha.domain.allocation import draw
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.models import Child, Guardianship, PersonSecret, Territory
from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import BadInput, Forbidden, KeyReason, Refused, RowOutcome
from tests.factories.admission import AFTER, CLOSES, INSIDE, OPENS, City, money_for

pytestmark = pytest.mark.django_db
R = AdmissionRefusal


def reasons(outcomes: list[RowOutcome]) -> list[Any]:
    return [outcome.reason for outcome in outcomes]


def test_each_row_of_a_batch_is_filed_or_says_why() -> None:
    city = City()
    the_round = city.opened()
    fine, holder, mover, unknown, filed = city.families(5)
    (small,) = city.families(1, born_on=date(2023, 6, 1))
    (grown,) = city.families(1, born_on=date(2008, 1, 1))
    city.hold_voucher(holder[1])
    elsewhere = Territory.objects.create(
        kato="750000000", kind="city", name_kk="Б", name_ru="Б", valid=city.territory.valid
    )
    Child.objects.filter(pk=mover[1]).update(territory=elsewhere)
    PersonSecret.objects.filter(subject_kind="child", subject_id=unknown[1]).delete()
    assert reasons(city.file(the_round, [filed])) == [None]
    batch = [(fine[0], holder[1]), small, grown, holder, mover, unknown, filed, fine]
    outcomes = city.file(the_round, batch)
    assert reasons(outcomes) == [
        R.NOT_GUARDIAN,
        R.WRONG_AGE,
        R.WRONG_AGE,
        R.HOLDS_VOUCHER,
        R.OTHER_TERRITORY,
        R.AGE_UNKNOWN,
        R.ALREADY_FILED,
        None,
    ]
    assert reasons(city.file(the_round, city.families(1), kind="chess")) == [R.UNKNOWN_KIND]
    assert set(Application.objects.values_list("child_id", flat=True)) == {fine[1], filed[1]}
    assert outcomes[7].id == Application.objects.get(child_id=fine[1]).id


def test_a_guardianship_that_ended_gives_no_right_to_file() -> None:
    city = City()
    the_round = city.opened()
    families = city.families(1)
    Guardianship.objects.update(valid=(date(2020, 1, 1), date(2026, 2, 5)))
    assert reasons(city.file(the_round, families)) == [R.NOT_GUARDIAN]
    assert reasons(city.file(the_round, families, at=INSIDE - timedelta(days=1))) == [None]


def test_a_child_files_once_per_slot_whatever_the_kind_and_the_batch() -> None:
    city = City()
    the_round = city.opened()
    families = city.families(2)
    assert reasons(city.file(the_round, [families[0], families[0]])) == [None, R.ALREADY_FILED]
    assert reasons(city.file(the_round, families, kind="creative")) == [R.ALREADY_FILED, None]


def test_a_filed_application_has_number_history_and_its_own_ticket() -> None:
    city = City()
    the_round = city.opened()
    ids = [outcome.id for outcome in city.file(the_round, city.families(3))]
    tickets = people.unseal(TICKET_KIND, [i for i in ids if i])
    rows = Application.objects.in_bulk(ids)
    assert len(set(tickets.values())) == 3
    assert all(bytes(rows[i].line_id) == draw.line_id(ticket) for i, ticket in tickets.items())
    assert all(row.number.startswith("A-") and row.state == "submitted" and row.age == 9 for row in rows.values())
    steps_of = ApplicationHistory.objects.values_list("application_id", "seq", "from_state", "to_state")
    assert set(steps_of) == {(i, 1, "", "submitted") for i in ids}


@pytest.mark.parametrize("at", [OPENS - timedelta(seconds=1), CLOSES, AFTER])
def test_outside_the_window_nothing_is_filed(at: Any) -> None:
    city = City()
    the_round = city.opened()
    with pytest.raises(Refused) as refused:
        city.file(the_round, city.families(1), at=at)
    assert refused.value.reason is R.WINDOW_NOT_OPEN
    assert not Application.objects.exists()


def test_before_opening_and_after_the_close_nothing_is_filed() -> None:
    city = City()
    planned, families = city.planned(), city.families(1)
    with pytest.raises(Refused) as refused:
        city.file(planned, families)
    assert refused.value.reason is R.ROUND_IN_OTHER_STATE
    commands.open_round(actor=city.officer, round_id=planned.id, at=OPENS, key=uuid4())
    city.close(planned)
    with pytest.raises(Refused) as refused:
        city.file(planned, families)
    assert refused.value.reason is R.ROUND_IN_OTHER_STATE


def test_a_round_that_does_not_exist_is_refused() -> None:
    city = City()
    with pytest.raises(Refused) as refused:
        commands.submit_applications(actor=city.channel, round_id=0, rows=[], at=INSIDE, key=uuid4())
    assert refused.value.reason is R.UNKNOWN_ROUND


def test_a_repeated_key_files_nothing_twice_and_answers_the_same() -> None:
    city = City()
    the_round = city.opened()
    families, key = city.families(3), uuid4()
    rows = [*families, (families[0][0], families[1][1])]
    first = city.file(the_round, rows, key=key)
    assert city.file(the_round, rows, key=key) == first
    assert Application.objects.count() == ApplicationHistory.objects.count() == 3
    with pytest.raises(Refused) as refused:
        city.file(the_round, families, key=key)
    assert refused.value.reason is KeyReason.KEY_REUSED


def test_ten_rows_and_two_hundred_take_the_same_number_of_queries() -> None:
    city = City()
    the_round = city.opened()
    counts = []
    for size in (10, 200):
        families = city.families(size)
        with CaptureQueriesContext(connection) as seen:
            assert reasons(city.file(the_round, families)) == [None] * size
        counts.append(len(seen))
    assert counts[0] == counts[1] < 30


def test_too_many_rows_at_once_are_bad_input() -> None:
    city = City()
    the_round = city.opened()
    with pytest.raises(BadInput):
        city.file(the_round, [(1, 1)] * (filing.MAX_ROWS + 1))


def guardian(guardian_id: int) -> Actor:
    return Actor(99, "user:99", (Grant(Role.GUARDIAN),), guardian_id=guardian_id)


def submit(actor: Actor, city: City, round_id: int, family: tuple[int, int]) -> Filed:
    row = ApplicationRow(*family, kind="sport")
    return commands.submit_application(actor=actor, round_id=round_id, row=row, at=INSIDE, key=uuid4())


def test_a_guardian_files_for_an_own_child_and_never_in_anothers_name(monkeypatch: pytest.MonkeyPatch) -> None:
    city = City()
    the_round = city.opened()
    own, other = city.families(2)
    assert submit(guardian(own[0]), city, the_round.id, own).child_id == own[1]
    with pytest.raises(Forbidden):
        submit(guardian(own[0]), city, the_round.id, other)
    with pytest.raises(Refused) as refused:
        submit(guardian(own[0]), city, the_round.id, (own[0], other[1]))
    assert refused.value.reason is R.NOT_GUARDIAN
    # Control: with the check switched off the stranger would file.
    monkeypatch.setattr(filing_one, "require_speaker", lambda *_: None)
    assert submit(guardian(own[0]), city, the_round.id, other).child_id == other[1]


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.GUARDIAN, Role.CLERK, Role.CHANNEL)])
def test_no_other_role_files(role: Role) -> None:
    city = City()
    the_round = city.opened()
    (family,) = city.families(1)
    with pytest.raises(Forbidden):
        submit(city.actor(role), city, the_round.id, family)


@pytest.mark.parametrize("role", [Role.CLERK, Role.CHANNEL])
def test_a_clerk_or_channel_of_another_city_does_not_file_here(role: Role) -> None:
    city = City()
    the_round = city.opened()
    (family,) = city.families(1)
    with pytest.raises(Forbidden):
        submit(Actor(5, "user:5", (Grant(role, frozenset({0})),)), city, the_round.id, family)
    assert submit(city.actor(role), city, the_round.id, family)


def test_a_refused_single_application_stores_nothing() -> None:
    city = City()
    the_round = city.opened()
    (family,) = city.families(1, born_on=date(2008, 1, 1))
    with pytest.raises(Refused) as refused:
        submit(city.channel, city, the_round.id, family)
    assert refused.value.reason is R.WRONG_AGE
    assert not Application.objects.exists()


def test_tickets_stand_sealed_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    city = City(money={"sport": money_for(2)})
    the_round = city.opened()
    ids = [outcome.id for outcome in city.file(the_round, city.families(4)) if outcome.id]
    tickets = list(people.unseal(TICKET_KIND, ids).values())
    caplog.clear()
    with CaptureQueriesContext(connection):  # so that every statement would be logged if somebody logs them
        city.run(the_round)
        queries.receipt(actor=city.channel, application_id=ids[0], at=AFTER)
    told = caplog.text
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" t')
            told += cursor.fetchone()[0] or ""
    for ticket in tickets:
        assert ticket.hex() not in told
        assert draw.ticket_text(ticket) not in told
    assert draw.line_id(tickets[0]).hex() in told  # control: what is looked for in this way is found


def test_a_receipt_opens_the_leaf_that_stands_in_the_closed_list() -> None:
    city = City()
    the_round = city.opened()
    (family,) = city.families(1)
    application = submit(guardian(family[0]), city, the_round.id, family)
    before = queries.receipt(actor=guardian(family[0]), application_id=application.id, at=INSIDE)
    assert (before.line, before.leaf) == ("", "")
    city.close(the_round)
    after = queries.receipt(actor=guardian(family[0]), application_id=application.id, at=AFTER)
    ticket = draw.parse_ticket(after.ticket)
    assert draw.line_id(ticket).hex() == after.line_id == after.line.split("\t")[0]
    frozen = FrozenLine.objects.get(application_id=application.id)
    assert bytes(frozen.leaf).hex() == after.leaf


def withdraw(city: City, application_id: int, guardian_id: int, actor: Actor | None = None) -> Application:
    return commands.withdraw_application(
        actor=actor or city.channel, application_id=application_id, guardian_id=guardian_id, at=INSIDE, key=uuid4()
    )


def test_a_withdrawn_child_may_file_again() -> None:
    city = City()
    the_round = city.opened()
    (family,) = city.families(1)
    first = submit(city.channel, city, the_round.id, family)
    assert withdraw(city, first.id, family[0]).state == "withdrawn"
    assert submit(city.channel, city, the_round.id, family).id != first.id


def test_only_the_childs_guardian_withdraws_and_only_once() -> None:
    city = City()
    the_round = city.opened()
    family, other = city.families(2)
    application = submit(city.channel, city, the_round.id, family)
    for application_id, guardian_id in ((application.id, other[0]), (0, family[0])):
        with pytest.raises(Refused) as refused:
            withdraw(city, application_id, guardian_id)
        assert refused.value.reason is R.UNKNOWN_APPLICATION
    with pytest.raises(Forbidden):
        withdraw(city, application.id, family[0], guardian(other[0]))
    withdraw(city, application.id, family[0], guardian(family[0]))
    with pytest.raises(Refused) as refused:
        withdraw(city, application.id, family[0])
    assert refused.value.reason is R.APPLICATION_IN_OTHER_STATE


def test_a_repeated_withdrawal_is_one() -> None:
    city = City()
    the_round = city.opened()
    (family,) = city.families(1)
    application, key = submit(city.channel, city, the_round.id, family), uuid4()
    for _ in range(2):
        found = commands.withdraw_application(
            actor=city.channel, application_id=application.id, guardian_id=family[0], at=INSIDE, key=key
        )
        assert found.state == "withdrawn"
    assert ApplicationHistory.objects.filter(application_id=application.id).count() == 2


def in_thread(work: Any, failures: list[BaseException]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except BaseException as fault:  # noqa: BLE001 - handed to the test
            failures.append(fault)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def file_at_once(monkeypatch: pytest.MonkeyPatch) -> list[list[RowOutcome]]:
    """Two doors file the same child; both have looked before either stores."""
    city = City()
    the_round, families = city.opened(), city.families(1)
    both_looked, outcomes, failures = threading.Barrier(2, timeout=10), [], []
    store = steps.file

    def file(*args: Any, **kwargs: Any) -> dict[bytes, int]:
        both_looked.wait()
        return store(*args, **kwargs)

    monkeypatch.setattr(steps, "file", file)
    threads = [in_thread(lambda: outcomes.append(city.file(the_round, families)), failures) for _ in range(2)]
    for thread in threads:
        thread.join()
    assert not failures
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_two_doors_at_once_file_a_child_once(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = file_at_once(monkeypatch)
    assert sorted(str(outcome.reason) for (outcome,) in outcomes) == ["None", "already_filed"]
    assert Application.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_constraint_two_doors_would_file_a_child_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    constraint = next(c for c in Application._meta.constraints if c.name == "application_one_live")
    with connection.schema_editor() as editor:
        editor.remove_constraint(Application, constraint)
    try:
        file_at_once(monkeypatch)
        assert Application.objects.count() == 2
    finally:
        Application.objects.filter(pk=Application.objects.order_by("-id").values_list("pk", flat=True)[0]).update(
            state="withdrawn"
        )
        with connection.schema_editor() as editor:
            editor.add_constraint(Application, constraint)


def close_while_filing(monkeypatch: pytest.MonkeyPatch) -> int:
    """A filing is under way when the round is closed; answers how many acknowledged applications the list lacks."""
    city = City()
    the_round, families = city.opened(), city.families(1)
    looked, store, failures = threading.Event(), steps.file, []

    def slowly(*args: Any, **kwargs: Any) -> dict[bytes, int]:
        stored = store(*args, **kwargs)
        looked.set()
        threading.Event().wait(0.5)
        return stored

    monkeypatch.setattr(steps, "file", slowly)
    filing_thread = in_thread(lambda: city.file(the_round, families), failures)
    assert looked.wait(10)
    city.close(the_round)
    filing_thread.join()
    assert not failures
    return Application.objects.count() - FrozenLine.objects.count()


@pytest.mark.django_db(transaction=True)
def test_a_close_waits_for_those_who_are_filing() -> None:
    with pytest.MonkeyPatch.context() as patch:
        assert close_while_filing(patch) == 0


@pytest.mark.django_db(transaction=True)
def test_without_the_shared_lock_a_close_would_lose_an_acknowledged_application() -> None:
    def unlocked(*args: Any, **kwargs: Any) -> Any:
        return queries.round_of(args[0])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "share_round", unlocked)
        patch.setattr(steps, "lock_round", unlocked)
        assert close_while_filing(patch) == 1
