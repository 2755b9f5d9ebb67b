"""Carrying notices out: an outage of a day drains without a double, a dead worker's message goes once, receipts lie."""

from __future__ import annotations

import threading
import time
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from qosymsha.domain.messages import commands, standing
from qosymsha.domain.messages.commands import sending
from qosymsha.domain.messages.commands.sending import Outcome
from qosymsha.domain.messages.models import Notice, NoticeDelivery, NoticeWay
from qosymsha.domain.messages.ports import Receipt
from qosymsha.domain.messages.states import Hitch
from qosymsha.domain.people.models import Guardianship, PersonSecret
from qosymsha.domain.people.preferences import EMAIL
from qosymsha.domain.people.states import Topic as People
from qosymsha.integrations.messages.fake import FakeSms, Mode
from qosymsha.interfaces.jobs import notices as duty
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.models import AuditEvent
from tests.factories import notices
from tests.factories.notices import CLOCK, make, send, states, tell
from tests.factories.vouchers import AT, add_children, make_city
from tests.races import at_once, patient

pytestmark = pytest.mark.django_db(transaction=True)
NOON = local_instant(date(2026, 9, 1), 12)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> FakeSms:
    """A gateway behind the duty; all news counts as finished."""
    notices.at_once_over(monkeypatch)
    clock.shift_to(AT)
    return notices.ways(monkeypatch)[0]


def waiting(how_many: int, at: datetime = NOON) -> list[int]:
    """So many guardians with a phone, each with an SMS to go that has no last day; their ids."""
    city = make_city()
    children = add_children(city, how_many)
    guardians = [city.guardian(child) for child in children]
    with_phones(guardians)
    for guardian, child in zip(guardians, children, strict=True):
        tell(People.GUARDIANSHIP_ENDED, "child", [child], at, guardian_id=guardian)
    make(at, ways=frozenset({"sms"}))
    return guardians


def with_phones(guardians: list[int]) -> None:
    from tests.factories.families import named  # noqa: PLC0415 - used here alone

    named(*[("guardian", one, "Әлиева", "Сәуле") for one in guardians])


# It goes


def test_an_sms_goes_once_and_says_no_name(gateway: FakeSms) -> None:
    waiting(2)
    for minute in range(3):
        send(NOON + timedelta(minutes=minute))
    assert states() == {"sent": 2}
    assert [one.phone for one in gateway.taken] == ["+77770000001"] * 2
    assert all(one.text.startswith("Qosymsha: ") and "Әлиева" not in one.text for one in gateway.taken)
    one = NoticeDelivery.objects.first()
    assert one is not None
    assert (one.reference, one.parts > 0, one.attempts) == ("sms-1", True, 1)
    with connection.cursor() as cursor:  # the audit tells that, never to which number
        cursor.execute("SELECT string_agg(detail::text, '') FROM audit_event WHERE action = 'send_notices'")
        assert cursor.fetchone() == ('{"state": "sent"}' * 2,)


def test_who_has_no_phone_is_told_in_the_app_alone(gateway: FakeSms) -> None:
    waiting(1)
    PersonSecret.objects.filter(subject_kind="guardian").delete()
    send(NOON)
    assert (states(), NoticeDelivery.objects.get().hitch) == ({"failed": 1}, "no_address")
    assert standing.standing(actor=CLOCK, at=NOON).ways == (), "no fault of the way"


def test_an_e_mail_goes_to_the_address_told(monkeypatch: pytest.MonkeyPatch, gateway: FakeSms) -> None:
    from qosymsha.domain.people.commands import set_preferences  # noqa: PLC0415 - used here alone
    from qosymsha.domain.people.rules import Preferences  # noqa: PLC0415
    from tests.factories.vouchers import key  # noqa: PLC0415
    from tests.interfaces import browsing  # noqa: PLC0415

    _, sender = notices.ways(monkeypatch)
    city = make_city()
    (child,) = add_children(city, 1)
    guardian = city.guardian(child)
    mother = browsing.actor(browsing.guardian_user(guardian))
    wish = Preferences("ru", frozenset({"email"}), "saule@example.kz")
    set_preferences(actor=mother, wish=wish, at=AT, key=key())
    tell(People.GUARDIANSHIP_ENDED, "child", [child], NOON, guardian_id=guardian)
    make(NOON)
    send(NOON)
    (mail,) = sender.taken
    assert (mail.address, mail.language) == ("saule@example.kz", "ru")
    assert "Вы больше не можете" in mail.text
    assert PersonSecret.objects.filter(subject_kind=EMAIL).exists()
    assert states("email") == {"sent": 1}


# It does not go


@pytest.mark.fault
def test_a_day_without_the_gateway_drains_without_a_double(gateway: FakeSms) -> None:
    """It takes each message, and breaks off before it says so; on the next day it answers again."""
    guardians = waiting(30)
    at = NOON
    gateway.mode = Mode.TAKES_AND_FAILS
    while at < NOON + timedelta(hours=24):
        send(at)
        at += timedelta(minutes=20)
    stands = standing.standing(actor=CLOCK, at=at)
    assert stands.ways[0].failures > 3
    assert stands.ways[0].waiting == 30
    assert 3 < gateway.tries < 200, "left alone between tries"
    gateway.mode = Mode.ANSWERS
    drained = at
    while states() != {"sent": 30}:
        at += timedelta(minutes=1)
        assert at < drained + timedelta(minutes=30), states()
        send(at)
    assert len(gateway.taken) == len({one.key for one in gateway.taken}) == len(guardians)
    assert standing.standing(actor=CLOCK, at=at).ways[0].failures == 0


@pytest.mark.fault
def test_control_a_gateway_that_keeps_no_keys_sends_twice(gateway: FakeSms) -> None:
    gateway.keeps_keys = False
    gateway.mode = Mode.TAKES_AND_FAILS
    waiting(1)
    send(NOON)
    gateway.mode = Mode.ANSWERS
    send(NOON + timedelta(minutes=10))
    assert len(gateway.taken) == 2, "red: only the gateway's memory of keys keeps it from a second"


@pytest.mark.parametrize("mode", [Mode.SLOW, Mode.GARBAGE, Mode.CUT, Mode.BUSY, Mode.SAYS_NO])
def test_after_three_failures_the_way_is_left_alone(gateway: FakeSms, mode: Mode) -> None:
    waiting(6)
    gateway.mode = mode
    send(NOON)
    assert states() == {"waiting": 6}
    way = NoticeWay.objects.get(channel="sms")
    assert (way.failures, way.rests_until) == (3, NOON.replace(minute=5) + (way.bad_at - NOON))
    send(NOON + timedelta(minutes=4))
    assert NoticeWay.objects.get(channel="sms").failures == 3, "nobody asked"
    send(NOON + timedelta(minutes=6))
    assert NoticeWay.objects.get(channel="sms").failures == 4, "one tries for the others"


def test_a_number_that_is_refused_for_good_is_tried_no_more_and_stops_nobody_else(gateway: FakeSms) -> None:
    waiting(5)
    gateway.mode = Mode.REFUSES
    send(NOON)
    assert states() == {"failed": 5}
    assert standing.standing(actor=CLOCK, at=NOON + timedelta(hours=1)).ways[0].failed == {"refused": 5}


def test_what_its_day_overtakes_while_it_waits_is_marked_and_not_sent(gateway: FakeSms) -> None:
    waiting(1)
    Notice.objects.update(due_at=NOON + timedelta(hours=2))
    gateway.mode = Mode.SAYS_NO
    send(NOON)
    gateway.mode = Mode.ANSWERS
    send(NOON + timedelta(hours=3))
    assert (states(), gateway.taken) == ({"stale": 1}, [])


def test_trying_ends_after_the_rules_hours(gateway: FakeSms) -> None:
    waiting(1)
    gateway.mode = Mode.SAYS_NO
    for hours in range(0, 80, 4):
        send(NOON + timedelta(hours=hours))
    assert states() == {"given_up": 1}


def test_with_the_guardianship_the_right_to_be_told_ends(gateway: FakeSms) -> None:
    guardians = waiting(1)
    child = Guardianship.objects.get(guardian_id=guardians[0]).child_id
    Notice.objects.update(child_ids=[child])
    Guardianship.objects.update(valid="[2020-01-01,2026-09-01)")
    send(NOON)
    assert (states(), NoticeDelivery.objects.get().hitch) == ({"failed": 1}, "right_ended")
    assert gateway.taken == []


def test_a_retry_that_falls_into_the_night_waits_for_the_morning(gateway: FakeSms) -> None:
    evening = local_instant(date(2026, 9, 1), 20, 58)
    waiting(1, evening)
    gateway.mode = Mode.SAYS_NO
    send(evening)
    gateway.mode = Mode.ANSWERS
    send(evening + timedelta(minutes=5))
    assert NoticeDelivery.objects.get().next_try_at == local_instant(date(2026, 9, 2), 8)
    Notice.objects.update(due_at=local_instant(date(2026, 9, 2), 9))
    NoticeDelivery.objects.update(is_urgent=True, next_try_at=evening)
    send(evening + timedelta(minutes=5))
    assert states() == {"sent": 1}, "what runs out before the morning is over does not wait"


# Killed, twice at once


@pytest.mark.fault
def test_killed_between_sending_and_keeping_it_goes_once(gateway: FakeSms, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(3)
    settle = commands.settle
    monkeypatch.setattr(duty.commands, "settle", _dies)
    with pytest.raises(_Killed):
        send(NOON)
    assert (states(), len(gateway.taken)) == ({"waiting": 3}, 1)
    monkeypatch.setattr(duty.commands, "settle", settle)
    send(NOON + timedelta(minutes=1))
    assert states() == {"waiting": 3}, "taken up: nobody else sends them meanwhile"
    send(NOON + timedelta(minutes=4))
    assert (states(), len(gateway.taken)) == ({"sent": 3}, 3)


class _Killed(BaseException):
    """The worker is gone."""


def _dies(**_: object) -> bool:
    raise _Killed


def taken_up_by_two() -> list[int]:
    """Twenty-five wait and two take up a portion each, neither done before the other begins: the ids of both."""
    waiting(25)

    def lingering(execute: Any, sql: str, *rest: Any) -> Any:
        found = execute(sql, *rest)
        if sql == sending._CLAIM:
            time.sleep(0.4)
        return found

    def take(barrier: threading.Barrier) -> list[int]:
        with connection.execute_wrapper(lingering):
            barrier.wait()
            return [one.id for one in commands.claim(actor=CLOCK, channel="sms", at=NOON)]

    with patient():
        return [one for taken in at_once(take, take) for one in taken]


@pytest.mark.fault
def test_two_at_once_take_up_different_messages(gateway: FakeSms) -> None:
    ids = taken_up_by_two()
    assert len(ids) == len(set(ids)) == 25


@pytest.mark.fault
def test_control_without_the_rows_lock_both_take_up_the_same(gateway: FakeSms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_CLAIM", sending._CLAIM.replace(" FOR UPDATE SKIP LOCKED", ""))
    ids = taken_up_by_two()
    assert len(ids) == 2 * sending.PORTION
    assert len(set(ids)) == sending.PORTION


def test_a_late_twin_changes_nothing_that_was_decided_since(gateway: FakeSms) -> None:
    waiting(1)
    (old,) = commands.claim(actor=CLOCK, channel="sms", at=NOON)
    (new,) = commands.claim(actor=CLOCK, channel="sms", at=NOON + timedelta(minutes=4))
    at = NOON + timedelta(minutes=5)
    commands.settle(actor=CLOCK, one=old, outcome=Outcome(hitch=Hitch.REFUSED), at=at)
    assert states() == {"waiting": 1}, "an older try's failure is no longer its own to tell"
    commands.settle(actor=CLOCK, one=old, outcome=Outcome("r-1", 1), at=at)
    commands.settle(actor=CLOCK, one=new, outcome=Outcome(hitch=Hitch.TIMED_OUT), at=at)
    assert states() == {"sent": 1}, "what was taken was taken"


# Receipts


def words(*pairs: tuple[str, bool]) -> list[Receipt]:
    return [Receipt(f"w{n}", key, good) for n, (key, good) in enumerate(pairs)]


@pytest.mark.fault
def test_receipts_twice_late_contradicting_and_of_others_leave_the_truth(gateway: FakeSms) -> None:
    waiting(3)
    send(NOON)
    a, b, c = (str(key) for key in NoticeDelivery.objects.order_by("id").values_list("key", flat=True))
    gateway.words = words((a, True), (a, True), (b, False), ("nobody", True), (a, False), (c, False), (c, True))
    send(NOON + timedelta(minutes=1))
    assert gateway.words == [], "acknowledged once they are kept"
    assert states() == {"delivered": 2, "failed": 1}
    before = AuditEvent.objects.filter(action="hear_receipts").count()
    assert commands.hear(actor=CLOCK, receipts=words((a, True), (b, False)), at=NOON) == 0
    assert AuditEvent.objects.filter(action="hear_receipts").count() == before
    assert commands.hear(actor=CLOCK, receipts=words((b, True)), at=NOON) == 1, "late: it arrived after all"
    assert states() == {"delivered": 3}


def test_a_receipt_ends_the_tries_of_a_message_nobody_knew_was_taken(gateway: FakeSms) -> None:
    waiting(1)
    gateway.mode = Mode.TAKES_AND_FAILS
    send(NOON)
    gateway.mode = Mode.ANSWERS
    gateway.words = words((str(NoticeDelivery.objects.get().key), True))
    send(NOON + timedelta(minutes=30))
    assert (states(), gateway.tries) == ({"delivered": 1}, 1)


def test_how_it_stands_is_told_in_figures(gateway: FakeSms) -> None:
    waiting(2)
    gateway.mode = Mode.SAYS_NO
    send(NOON)
    stands = standing.standing(actor=CLOCK, at=NOON + timedelta(minutes=1))
    (way,) = stands.ways
    assert (way.channel, way.waiting, way.hitch, way.failures) == ("sms", 2, "says_no", 2)
    assert way.oldest == NOON
