"""Each duty delivered twice, at once, or in another order, leaves the same rows; without its key some do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import permutations
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from qosymsha.domain.changes import commands as changes
from qosymsha.domain.providers.models import Venue
from qosymsha.interfaces.jobs import duties, erasing, treasury, upkeep
from qosymsha.kernel import clock, entropy
from qosymsha.kernel.clock import local_day, local_instant
from qosymsha.kernel.models import AuditEvent
from tests import sweep
from tests.factories import admission, choice, controls, settlement
from tests.factories.attendance import OVER, manager, mark
from tests.factories.families import month_sent, own_family
from tests.factories.vouchers import add_group, enrolled, make_city
from tests.interfaces.test_jobs import Bank, sent_file
from tests.races import at_once, patient, slowly

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.fault]
NIGHT = local_instant(date(2026, 3, 20), 0, 10)
# Made at random or by counting, in the order of whoever comes first; the rest of every row is compared.
RANDOM = ("uuid", "number", "id", "txid", "prev_hash", "hash", "nonce", "ciphertext")
Duty = Callable[[datetime], object]


def granted() -> datetime:
    """A round with some granted, who do not answer, and some waiting."""
    city = admission.City(money={"sport": admission.money_for(2)})
    the_round = city.opened()
    city.file(the_round, city.families(4))
    city.run(the_round)
    return NIGHT


def outlived() -> datetime:
    """A round that is over, and so are its keys' days."""
    granted()
    return local_instant(date(2028, 6, 1), 3)


def long_over() -> datetime:
    """Children whose applications came to nothing six years ago, on the house's own clock."""
    granted()
    at = local_instant(date(2032, 6, 1), 3)
    clock.shift_to(at)
    return at


def freed() -> datetime:
    """The same, and money given back since."""
    at = granted()
    with entropy.seeded(1):
        duties.expire_vouchers(at)
    return at


def placed() -> datetime:
    """Children on places whose coming month has no money yet."""
    with transaction.atomic():
        home = settlement.city()
        settlement.confirmed_month(home, 2)
    return settlement.AT


def queued() -> datetime:
    """A freed place, and children who wait for it."""
    city = choice.town()
    group = add_group(city, capacity=1)
    _, (first, *_) = choice.queue(city, group, 3)
    choice.closed_for_good(first)
    return choice.LATER


def over() -> datetime:
    """Children whose group has closed."""
    city = make_city()
    group = add_group(city)
    enrolled(city, group, 2)
    at = local_instant(date(2026, 9, 10), 9)
    changes.close_group(actor=manager(city), group_id=group, last_day=date(2026, 9, 10), reason="x", at=at, key=uuid4())
    return at + timedelta(days=1)


def rehoused() -> datetime:
    """A group that meets in another hall from today on."""
    city = make_city()
    group = add_group(city)
    venue = Venue.objects.create(
        provider_id=city.provider_id, district_id=city.territory_id, address_kk="Зал", address_ru="Зал", capacity=50
    )
    at = local_instant(date(2026, 9, 10), 9)
    moved = {"actor": manager(city), "group_id": group, "venue_id": venue.pk, "first": date(2026, 9, 11), "at": at}
    changes.change_hall(**moved, key=uuid4())
    return at + timedelta(days=1)


def stayed_away() -> datetime:
    """Children who missed lesson after lesson."""
    here = own_family(2)
    for lesson in here.lessons[:4]:
        assert set(mark(here.city, [(lesson.pk, place, "absent") for _, _, place in here.families])) == {None}
    return OVER


def unanswered() -> datetime:
    """A control's finding that its provider leaves without an answer."""
    here = own_family(2)
    (visit,) = controls.visits(controls.drawn(here.city))
    controls.found(here.city, visit)
    visit.refresh_from_db()
    assert visit.answer_until is not None
    return local_instant(visit.answer_until + timedelta(days=1), 9)


def silent() -> datetime:
    """A month that is sent, and nobody has spoken on, on a day on which the rules remind."""
    month_sent(own_family(2))
    return local_instant(date(2026, 10, admission.document()["confirmation"]["reminder_days"][0]), 9)


def handed_over() -> datetime:
    """A file on its way to the treasury."""
    sent_file()
    return settlement.AT


@dataclass(frozen=True)
class Case:
    """A duty, the city in which it has something to do, and whether without its key it does it twice."""

    duty: Duty
    scene: Callable[[], datetime]
    twice_without_key: bool = False


CASES = {
    "link_audit": Case(duties.link_audit, granted),
    "expire_vouchers": Case(duties.expire_vouchers, granted),
    "expire_accreditations": Case(duties.expire_accreditations, granted, twice_without_key=True),
    "end_places": Case(duties.end_places, over, twice_without_key=True),
    "settle_halls": Case(duties.settle_halls, rehoused),
    "promise_month": Case(duties.promise_month, placed),
    "refill": Case(duties.refill, freed),
    "screen_months": Case(duties.screen_months, placed),
    "offer_places": Case(duties.offer_places, queued),
    "watch_absences": Case(duties.watch_absences, stayed_away),
    "escalate_controls": Case(duties.escalate_controls, unanswered),
    "remind_guardians": Case(duties.remind_guardians, silent, twice_without_key=True),
    "explain_money": Case(duties.explain_money, placed),
    "propose_recoveries": Case(duties.propose_recoveries, placed),
    "forget_visits": Case(duties.forget_visits, granted),
    "forget_keys": Case(upkeep.forget_keys, outlived),
    "erase_persons": Case(erasing.erase_persons, long_over),
}


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Whoever comes second waits for the first, however slow the machine."""
    with patient():
        yield


def rows(also: tuple[str, ...] = ()) -> sweep.State:
    with connection.cursor() as cursor:
        return sweep.everything(cursor.cursor, RANDOM + also)


def news() -> list[tuple[str, int]]:
    """What families and officials would be told, how often."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT topic, count(*) FROM outbox GROUP BY 1 ORDER BY 1")
        return [(str(topic), int(times)) for topic, times in cursor.fetchall()]


@pytest.mark.parametrize("name", CASES)
def test_delivered_at_once_and_again_it_leaves_what_one_run_leaves(name: str) -> None:
    case = CASES[name]
    at = case.scene()
    with sweep.observer() as cursor:
        wanted = sweep.undisturbed(partial(case.duty, at), cursor, RANDOM)
    before = rows()
    answers = at_once(*[lambda barrier: (barrier.wait(), case.duty(at))[1]] * 2)
    assert answers == [None, None]
    once = rows()
    if name != "link_audit":  # links what is finished: inside the rolled-back run nothing was
        assert {table: once[table] for table in wanted.tables} == dict(wanted.wanted)
    assert wanted.tables or once == before or name == "link_audit"
    case.duty(at + timedelta(seconds=20))
    assert rows() == once


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.twice_without_key])
def test_control_without_its_key_it_happens_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    at = case.scene()
    monkeypatch.setattr(duties, "key_of", lambda *_: uuid4())
    case.duty(at)
    once, told = rows(("at",)), news()
    case.duty(at)
    doubled = [table for table, found in rows(("at",)).items() if found != once[table]]
    assert set(doubled) - {"idempotency_key"}, (doubled, told, news())


def handed_over_by_two(monkeypatch: pytest.MonkeyPatch) -> int:
    """Two hand one file over, and the bank takes it twice before either keeps its receipt: how often it is kept."""
    at = handed_over()
    bank = Bank()
    slowly(monkeypatch, bank, "send")
    answers = at_once(*[lambda barrier: (barrier.wait(), treasury.deliver(bank, at))[1]] * 2)
    assert answers == [None, None]
    assert (len(bank.files), len(set(bank.files))) == (2, 1), "known again by its hash"
    once = rows()
    treasury.deliver(bank, at)
    assert rows() == once
    return AuditEvent.objects.filter(action="settlement.keep_receipt").count()


def test_a_file_handed_over_by_two_at_once_is_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert handed_over_by_two(monkeypatch) == 1


def test_control_without_the_receipts_key_it_is_kept_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(treasury, "key_of", lambda *_: uuid4())
    assert handed_over_by_two(monkeypatch) == 2


def _standing() -> list[Any]:
    """What families, officials and the ledger have in the end: states and balances, without when and how."""
    found = []
    with connection.cursor() as cursor:
        for query in (
            "SELECT child_id, state, coalesce(reason, '') FROM voucher ORDER BY 1, 2, 3",
            "SELECT child_id, state FROM application ORDER BY 1, 2",
            "SELECT kind, sum(balance_tiyn) FROM ledger_account GROUP BY 1 ORDER BY 1",
        ):
            cursor.execute(query)
            found.append(cursor.fetchall())
    return found


def test_in_whatever_order_the_hours_duties_come_the_next_hour_ends_the_same() -> None:
    """Expired, given on, promised: which comes first is luck; an hour later all have come."""
    hourly: tuple[Duty, ...] = (duties.expire_vouchers, duties.refill, duties.promise_month)
    at = granted()
    ends = []
    for order in permutations(hourly):
        with transaction.atomic():
            vars(connection.atomic_blocks[-1])["_from_testcase"] = True
            for hour in range(2):
                for duty in order:
                    duty(at + timedelta(hours=hour))
            ends.append(_standing())
            transaction.set_rollback(True)
    assert all(end == ends[0] for end in ends)
    assert [state for _, state, _ in ends[0][0]].count("issued") == 2, "the money went to those who waited"
    assert local_day(at) == local_day(at + timedelta(hours=1))
