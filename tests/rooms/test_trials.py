"""Trial lessons: booked within the rules, once a group, never more guests than there is room for; with controls."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest

from qosymsha.domain.attendance.models import Mark, Session
from qosymsha.domain.ledger.models import LedgerPosting
from qosymsha.domain.trials import commands, queries
from qosymsha.domain.trials.models import TrialLesson, TrialLessonHistory
from qosymsha.domain.trials.rules import TrialRefusal as No
from qosymsha.domain.vouchers.models import Enrolment
from qosymsha.kernel import locks
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.errors import Forbidden, Refused
from qosymsha.kernel.models import Outbox
from tests.factories.attendance import cancel, manager, plan, teacher
from tests.factories.vouchers import AT, City, accepted, add_children, add_group, enrolled, key, make_city
from tests.races import at_once, slowly
from tests.rooms.test_agreements import guardian, refused

pytestmark = pytest.mark.django_db
BARRIER = threading.Barrier(2)
Ward = tuple[int, int]


def ward(city: City) -> Ward:
    """(child, guardian) of a child of the city without a voucher."""
    (child,) = add_children(city, 1)
    return child, city.guardian(child)


def lessons(city: City, group: int) -> list[Session]:
    if not Session.objects.filter(provider_id=city.provider_id).exists():
        plan(city)
    return list(Session.objects.filter(group_id=group, starts_at__gt=AT).order_by("starts_at"))


def book(of: Ward, session: int, once: Any = None, at: Any = AT) -> int:
    child, guardian_id = of
    return commands.book_trial(
        actor=guardian(guardian_id), child_id=child, session_id=session, at=at, key=once or key()
    )


def why(of: Ward, session: int, at: Any = AT) -> str:
    return refused(lambda: book(of, session, at=at))


def states() -> list[str]:
    return list(TrialLesson.objects.order_by("id").values_list("state", flat=True))


def test_a_trial_is_booked_once_costs_nothing_and_takes_no_place() -> None:
    city = make_city()
    group, own, once = add_group(city), ward(city), key()
    first, second, *_ = lessons(city, group)
    before = (LedgerPosting.objects.count(), Enrolment.objects.count(), Mark.objects.count())
    assert book(own, first.pk, once) == book(own, first.pk, once)
    assert states() == ["booked"]
    assert why(own, second.pk) == No.ONCE
    assert list(Outbox.objects.filter(topic__startswith="trials.").values_list("topic", flat=True)) == ["trials.booked"]
    trial = TrialLesson.objects.get()
    begun = first.starts_at + timedelta(minutes=5)
    commands.mark_guest(actor=manager(city), trial_id=trial.pk, came=True, at=begun, key=key())
    assert (LedgerPosting.objects.count(), Enrolment.objects.count(), Mark.objects.count()) == before
    commands.mark_guest(actor=manager(city), trial_id=trial.pk, came=False, at=begun, key=key())  # put right
    assert states() == ["missed"]
    steps = TrialLessonHistory.objects.order_by("seq").values_list("from_state", "to_state")
    assert list(steps) == [("", "booked"), ("booked", "came"), ("came", "missed")]


def test_the_rules_decide_who_may_come() -> None:
    city = make_city(agreements={"trial": {"most": 2, "ahead_days": 7, "guests": 1}})
    group, old = add_group(city), add_group(city, ages=(0, 3))
    own, other = ward(city), ward(city)
    first, second, _, fourth, *_ = lessons(city, group)
    assert why(own, lessons(city, old)[0].pk) == No.WRONG_AGE
    assert why(own, fourth.pk) == No.TOO_FAR
    book(own, first.pk)
    assert why(other, first.pk) == No.LESSON_FULL
    assert why(other, first.pk, at=first.starts_at) == No.LESSON_GONE
    ((_, guardian_id, place),) = enrolled(city, group, 1)
    assert why((Enrolment.objects.get(pk=place).child_id, guardian_id), second.pk) == No.HAS_PLACE
    book(own, lessons(city, add_group_planned(city))[0].pk)
    assert why(own, lessons(city, add_group_planned(city))[0].pk) == No.TOO_MANY
    full = add_group_planned(city, capacity=1)
    enrolled(city, full, 1)
    assert why(other, lessons(city, full)[0].pk) == No.LESSON_FULL
    assert why(other, 0) == No.LESSON_GONE


def add_group_planned(city: City, **more: Any) -> int:
    """Another group, its month planned."""
    group = add_group(city, **more)
    plan(city)
    return group


def test_without_the_rule_there_is_no_trial() -> None:
    city = make_city(agreements={"trial": {"on": False}})
    group = add_group(city)
    assert why(ward(city), lessons(city, group)[0].pk) == No.NONE_HERE


def test_a_cancelled_booking_makes_room_and_a_lesson_that_is_gone_lets_the_child_choose_another() -> None:
    city = make_city(agreements={"trial": {"guests": 1}})
    group, own, other = add_group(city), ward(city), ward(city)
    first, second, *_ = lessons(city, group)
    trial = book(own, first.pk)
    taken_back: dict[str, Any] = {"actor": guardian(own[1]), "trial_id": trial, "at": AT}
    commands.cancel_trial(**taken_back, key=key())
    assert refused(lambda: commands.cancel_trial(**taken_back, key=key())) == No.OVER
    book(other, first.pk)
    assert why(own, first.pk) == No.LESSON_FULL
    assert cancel(city, first.pk) == [None]
    (shown,) = queries.own_trials(actor=guardian(other[1]), at=AT)
    assert not shown.is_live
    book(other, second.pk)
    assert states() == ["cancelled", "cancelled", "booked"]


def test_only_the_childs_guardian_books_and_only_its_teacher_marks() -> None:
    city, elsewhere = make_city(who_marks="own"), make_city()
    group, own, stranger = add_group(city), ward(city), ward(city)
    first = lessons(city, group)[0]
    with pytest.raises(Forbidden):
        book((own[0], stranger[1]), first.pk)
    trial = book(own, first.pk)
    with pytest.raises(Forbidden):
        commands.cancel_trial(actor=guardian(stranger[1]), trial_id=trial, at=AT, key=key())
    begun = first.starts_at + timedelta(minutes=5)

    def mark(actor: Actor, at: Any = begun) -> None:
        commands.mark_guest(actor=actor, trial_id=trial, came=True, at=at, key=key())

    with pytest.raises(Forbidden):
        mark(manager(elsewhere))
    assert refused(lambda: mark(teacher(city))) == "not_your_lesson"
    assert queries.guests(actor=teacher(city), provider_id=city.provider_id, at=AT) == []
    assert refused(lambda: mark(manager(city), AT)) == No.NOT_BEGUN
    mark(manager(city))  # the control
    assert states() == ["came"]
    with pytest.raises(Forbidden):
        queries.guests(actor=manager(elsewhere), provider_id=city.provider_id, at=AT)


def race_for_the_last_guest() -> tuple[int, int]:
    """Two children want the one guest's room at once: (booked, refused)."""
    city = make_city(agreements={"trial": {"guests": 1}})
    group, wards = add_group(city), [ward(city), ward(city)]
    first = lessons(city, group)[0].pk

    def go(of: Ward) -> str:
        try:
            book(of, first)
        except Refused as refusal:
            return refusal.reason.value
        return "booked"

    heard = at_once(*(lambda _, of=of: go(of) for of in wards))
    return heard.count("booked"), heard.count(No.LESSON_FULL.value)


@pytest.mark.django_db(transaction=True)
def test_the_last_guests_room_is_booked_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = queries.facts_of
    with monkeypatch.context() as patch:
        slowly(patch, queries, "facts_of")
        assert race_for_the_last_guest() == (1, 1)

    def both_looked(*args: Any) -> Any:
        found = judged(*args)
        BARRIER.wait(timeout=30)
        return found

    BARRIER.reset()
    monkeypatch.setattr(locks, "exclusive", lambda *names: None)  # the control: nobody waits for the other
    monkeypatch.setattr(queries, "facts_of", both_looked)
    assert race_for_the_last_guest() == (2, 0)


def test_guests_are_read_with_an_audit_and_a_booked_lesson_is_offered_no_more() -> None:
    city = make_city(agreements={"trial": {"guests": 1}})
    group, own = add_group(city), ward(city)
    first = lessons(city, group)[0]
    facts = queries.group_of_session(first.pk)
    assert facts is not None
    assert not queries.lessons_open(facts, AT)[0].is_full
    book(own, first.pk)
    assert queries.lessons_open(facts, AT)[0].is_full
    (guest,) = queries.guests(actor=manager(city), provider_id=city.provider_id, at=AT)
    assert (guest.child_id, guest.session_id) == (own[0], first.pk)
    assert queries.guests_on(city.provider_id, first.on) == 1
    assert queries.guests_on(city.provider_id, date(2026, 12, 31)) == 0
    assert accepted(city, 1)  # a voucher neither helps nor hinders
