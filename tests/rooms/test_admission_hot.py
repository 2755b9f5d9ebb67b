"""Filing as a hot verb: what changes meanwhile, one child twice at once, one key twice; each with its control."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from qosymsha.domain.admission import commands, steps
from qosymsha.domain.admission.commands import ApplicationRow, Filed, filing_one
from qosymsha.domain.admission.models import Application, ApplicationHistory, Round
from qosymsha.domain.admission.rules import TICKET_KIND, AdmissionRefusal
from qosymsha.domain.allocation import draw
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.models import Child, Guardianship, PersonSecret, Territory
from qosymsha.domain.people.states import Role
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, KeyReason, Refused
from qosymsha.kernel.models import AuditEvent, IdempotencyKey, Outbox
from tests.factories.admission import AFTER, CLOSES, INSIDE, City, money_for
from tests.races import at_once
from tests.sql import altered

real = pytest.mark.django_db(transaction=True)
R = AdmissionRefusal
NO_VERSION = ("seen_version IS DISTINCT FROM", "false AND seen_version IS DISTINCT FROM")


def file_one(
    city: City, the_round: Round, family: tuple[int, int], key: UUID | None = None, kind: str = "sport"
) -> Filed:
    row = ApplicationRow(*family, kind=kind)
    return commands.submit_application(
        actor=city.channel, round_id=the_round.id, row=row, at=INSIDE, key=key or uuid4()
    )


def why_not(act: Callable[[], object]) -> object:
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.reason


def before_storing(monkeypatch: pytest.MonkeyPatch, *happens: Callable[[], object]) -> list[int]:
    """Let each of these happen between seeing and storing, one per try; answers a list that grows by the tries."""
    store, waiting, tries = steps.file_one, list(happens), []

    def later(*args: Any) -> steps.Filing:
        tries.append(len(tries) + 1)
        if waiting:
            waiting.pop(0)()
        return store(*args)

    monkeypatch.setattr(filing_one.steps, "file_one", later)
    return tries


@pytest.mark.django_db
def test_what_is_stored_is_what_a_batch_stores() -> None:
    city = City()
    the_round = city.opened()
    one, many = city.families(2)
    filed, (outcome,) = file_one(city, the_round, one), city.file(the_round, [many])
    ours, theirs = Application.objects.get(pk=filed.id), Application.objects.get(pk=outcome.id)
    differ = {"id", "uuid", "number", "child_id", "guardian_id", "line_id"}
    same = [f.attname for f in Application._meta.concrete_fields if f.attname not in differ]
    assert [getattr(ours, name) for name in same] == [getattr(theirs, name) for name in same]
    assert (filed.uuid, filed.number, filed.child_id) == (ours.uuid, ours.number, one[1])
    ticket = people.unseal(TICKET_KIND, [filed.id])[filed.id]
    assert draw.line_id(ticket) == bytes(ours.line_id)
    steps_of = ApplicationHistory.objects.order_by("application_id").values_list(
        "seq", "from_state", "to_state", "cause"
    )
    assert steps_of[0] == steps_of[1] == (1, "", "submitted", "filed")
    events = AuditEvent.objects.filter(action="submit_applications").order_by("id")
    told = Outbox.objects.filter(topic="application_submitted").order_by("id")
    assert [(e.subject_ids, e.territory_id, e.detail) for e in events] == [
        ([i], city.territory.id, {"round": the_round.id, "refused": 0}) for i in (filed.id, outcome.id)
    ]
    assert [(n.subject_kind, n.subject_id, n.detail) for n in told] == [
        ("application", i, {"by": guardian}) for i, (guardian, _) in ((filed.id, one), (outcome.id, many))
    ]


@pytest.mark.django_db
def test_one_and_a_batch_are_refused_for_the_same_reasons() -> None:
    city = City()
    the_round = city.opened()
    fine, holder, mover, unknown, filed, ended = city.families(6)
    (small,) = city.families(1, born_on=date(2023, 6, 1))
    city.hold_voucher(holder[1])
    elsewhere = Territory.objects.create(
        kato="750000000", kind="city", name_kk="Б", name_ru="Б", valid=city.territory.valid
    )
    Child.objects.filter(pk=mover[1]).update(territory=elsewhere)
    PersonSecret.objects.filter(subject_kind="child", subject_id=unknown[1]).delete()
    Guardianship.objects.filter(guardian_id=ended[0]).update(valid=(date(2020, 1, 1), date(2026, 2, 5)))
    city.file(the_round, [filed])
    wishes = [(fine[0], holder[1]), small, holder, mover, unknown, filed, ended, (fine[0], 0)]
    single = [why_not(lambda wish=wish: file_one(city, the_round, wish)) for wish in wishes]
    assert single == [outcome.reason for outcome in city.file(the_round, wishes)]
    assert set(single) == {
        R.NOT_GUARDIAN, R.WRONG_AGE, R.HOLDS_VOUCHER, R.OTHER_TERRITORY, R.AGE_UNKNOWN, R.ALREADY_FILED
    }  # fmt: skip
    assert why_not(lambda: file_one(city, the_round, fine, kind="chess")) is R.UNKNOWN_KIND
    assert IdempotencyKey.objects.filter(verb="submit_applications", outcome__isnull=True).count() == 0


@pytest.mark.django_db
def test_the_pages_names_are_the_same_wish() -> None:
    city = City()
    the_round = city.opened()
    own, other = city.families(2)
    guardian = Actor(99, "user:99", (Grant(Role.GUARDIAN),), guardian_id=own[0])

    def submit(actor: Actor, child_id: int, round_uuid: UUID = the_round.uuid) -> Filed:
        child = Child.objects.filter(pk=child_id).values_list("uuid", flat=True).first() or uuid4()
        return commands.submit_own_application(
            actor=actor, round_uuid=round_uuid, child_uuid=child, kind="sport", at=INSIDE, key=uuid4()
        )

    assert why_not(lambda: submit(guardian, other[1])) is R.NOT_GUARDIAN
    assert why_not(lambda: submit(guardian, 0)) is R.NOT_GUARDIAN
    assert why_not(lambda: submit(guardian, own[1], uuid4())) is R.UNKNOWN_ROUND
    with pytest.raises(Forbidden):
        submit(Actor(98, "user:98"), own[1])
    assert submit(guardian, own[1]).child_id == own[1]


@pytest.mark.django_db
def test_who_waited_elsewhere_moves_to_the_new_list_by_filing() -> None:
    city = City(money={"sport": money_for(1)})
    first = city.opened()
    families = city.families(2)
    city.file(first, families)
    city.run(first)
    waiting = Application.objects.get(state="waiting")
    plan = city.plan(opens_at=AFTER, closes_at=AFTER.replace(month=4), first_month=date(2026, 5, 1))
    second = city.opened(plan, at=AFTER)
    row = ApplicationRow(waiting.guardian_id, waiting.child_id, "sport")
    filed = commands.submit_application(actor=city.channel, round_id=second.id, row=row, at=AFTER, key=uuid4())
    last = ApplicationHistory.objects.filter(application_id=waiting.pk).order_by("-seq")[0]
    assert (last.from_state, last.to_state, last.cause) == ("waiting", "ended", f"filed_again:{second.number}")
    assert Application.objects.get(pk=filed.id).round_id == second.id


@pytest.mark.django_db
def test_a_repeated_key_writes_and_answers_the_first_application() -> None:
    city = City()
    the_round = city.opened()
    family, other = city.families(2)
    key = uuid4()
    first = file_one(city, the_round, family, key)
    city.close(the_round)  # whatever has become of the round
    assert file_one(city, the_round, family, key) == first
    assert IdempotencyKey.objects.get(key=key).replays == 1
    (outcome,) = city.file(the_round, [family], key=key)  # one verb, one or many
    assert outcome.id == first.id
    assert why_not(lambda: file_one(city, the_round, other, key)) is KeyReason.KEY_REUSED
    assert Application.objects.count() == 1


@real
def test_the_verb_does_not_run_inside_another_transaction() -> None:
    city = City()
    the_round = city.opened()
    (family,) = city.families(1)
    with pytest.raises(AssertionError), transaction.atomic():
        file_one(city, the_round, family)
    assert file_one(city, the_round, family)  # the control


@real
def test_what_changed_once_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    city = City()
    the_round = city.opened()
    (family,) = city.families(1)
    mine = Guardianship.objects.filter(guardian_id=family[0])
    tries = before_storing(monkeypatch, lambda: mine.update(evidence="b"))
    assert file_one(city, the_round, family)
    assert tries == [1, 2]


@real
def test_what_changes_each_time_is_refused_honestly_and_nothing_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    city = City()
    the_round = city.opened()
    (family,) = city.families(1)
    mine = Guardianship.objects.filter(guardian_id=family[0])
    tries = before_storing(monkeypatch, lambda: mine.update(evidence="b"), lambda: mine.update(evidence="c"))
    key = uuid4()
    assert why_not(lambda: file_one(city, the_round, family, key)) is R.CHANGED_MEANWHILE
    assert tries == [1, 2]
    assert not Application.objects.exists()
    assert not IdempotencyKey.objects.filter(key=key).exists()
    assert file_one(city, the_round, family, key)  # nothing stands in the way of another try


def custody_ends_before_storing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    city = City()
    the_round = city.opened()
    (family,) = city.families(1)
    before_storing(monkeypatch, Guardianship.objects.filter(guardian_id=family[0]).delete)
    return lambda: file_one(city, the_round, family)


@real
def test_custody_that_ends_meanwhile_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not(custody_ends_before_storing(monkeypatch)) is R.NOT_GUARDIAN
    assert not Application.objects.exists()


@real
def test_control_without_the_version_a_stranger_files(monkeypatch: pytest.MonkeyPatch) -> None:
    with altered("file_application", *NO_VERSION):
        assert custody_ends_before_storing(monkeypatch)()
    assert Application.objects.count() == 1


def round_closes_before_storing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], object]:
    city = City()
    the_round = city.opened()
    (family,) = city.families(1)
    before_storing(monkeypatch, lambda: city.close(the_round, at=CLOSES))
    return lambda: file_one(city, the_round, family)


@real
def test_a_round_that_closes_meanwhile_takes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_not(round_closes_before_storing(monkeypatch)) is R.ROUND_IN_OTHER_STATE
    assert not Application.objects.exists()


@real
def test_control_without_the_rounds_state_an_application_comes_after_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    with altered("file_application", "r.state <> 'open'", "false"):
        round_closes_before_storing(monkeypatch)()
    assert Application.objects.get().state == "submitted"  # it will never be drawn: the list is closed


def race(*, same_key: bool) -> list[Any]:
    """Two tabs send the same wish at once, both having seen that nothing stands against it."""
    city = City()
    the_round = city.opened()
    (family,) = city.families(1)
    store, key, met = steps.file_one, uuid4(), threading.local()

    def together(barrier: threading.Barrier, own_key: UUID) -> object:
        met.barrier = barrier
        try:
            return file_one(city, the_round, family, own_key)
        except Refused as refused:
            return refused.reason

    def later(*args: Any) -> steps.Filing:
        if getattr(met, "barrier", None) is not None:
            met.barrier.wait()
            met.barrier = None
        return store(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filing_one.steps, "file_one", later)
        return at_once(lambda b: together(b, key), lambda b: together(b, key if same_key else uuid4()))


@real
def test_the_same_child_twice_at_once_is_filed_once() -> None:
    heard = race(same_key=False)
    assert sorted(type(one) is Filed for one in heard) == [False, True]
    assert R.ALREADY_FILED in heard
    assert Application.objects.count() == 1


@real
def test_control_without_version_and_index_the_child_stands_twice() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'application_one_live'")
        (index,) = cursor.fetchone()
        cursor.execute("DROP INDEX application_one_live")
        try:
            with altered("file_application", *NO_VERSION):
                race(same_key=False)
            assert Application.objects.count() == 2
        finally:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("DELETE FROM application_history")
            cursor.execute("DELETE FROM application")
            cursor.execute("SET session_replication_role = origin")
            cursor.execute(index)


@real
def test_the_same_key_at_once_answers_the_same_application() -> None:
    first, second = race(same_key=True)
    assert isinstance(first, Filed)
    assert first == second
    assert Application.objects.count() == AuditEvent.objects.filter(action="submit_applications").count() == 1


@real
def test_control_without_the_key_one_tab_is_told_that_somebody_filed() -> None:
    with (
        altered("idempotency_claim", "RETURNING", "WHERE false RETURNING"),
        altered("file_application", "claimed.first_body <> body", "false"),
        altered("file_application", "claimed.times > 0", "false"),
        altered("idempotency_keep", "ASSERT FOUND", "ASSERT true"),
    ):
        heard = race(same_key=True)
    assert sorted(type(one) is Filed for one in heard) == [False, True]  # refused, though it is filed
