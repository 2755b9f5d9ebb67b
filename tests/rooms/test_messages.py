"""Each piece of news is one notice for each person it concerns: twice, at once, in other orders, killed anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.attendance.states import Topic as Attendance
from qosymsha.domain.messages import commands, queries
from qosymsha.domain.messages.commands import making
from qosymsha.domain.messages.models import Notice, NoticeDelivery
from qosymsha.domain.messages.states import Door
from qosymsha.domain.people.models import Guardian, Guardianship, NoticePreference
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.states import Topic as People
from qosymsha.domain.providers.models import Accreditation
from qosymsha.domain.providers.states import Topic as Providers
from qosymsha.domain.settlement.access import Topic as Settlement
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.domain.vouchers.states import Topic as Vouchers
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Forbidden
from qosymsha.kernel.models import AuditEvent
from tests import sweep
from tests.factories import notices
from tests.factories.attendance import OFFICER_DAY, OVER
from tests.factories.families import month_sent, named, own_family
from tests.factories.notices import CLOCK, make, shown, tell
from tests.factories.vouchers import AT, City, add_children, issue, make_city
from tests.interfaces import browsing
from tests.races import at_once, patient

COMMIT = pytest.mark.django_db(transaction=True)


@pytest.fixture
def over(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """All news counts as finished: tests beside this one hold nothing back. It is the first of September."""
    clock.shift_to(AT)
    notices.at_once_over(monkeypatch)


def issued(how_many: int = 2) -> tuple[City, list[int], list[int]]:
    """(city, children, vouchers): each child's guardian is told of a voucher to accept by 3 September."""
    city = make_city()
    children = add_children(city, how_many)
    return city, children, issue(city, children)


# Whom


@pytest.mark.django_db
def test_a_voucher_issued_is_told_to_everybody_who_speaks_for_the_child(over: None) -> None:
    city, (child, other), (voucher, _) = issued()
    second = Guardian.objects.create(territory_id=city.territory_id, created_at=AT)
    Guardianship.objects.create(
        guardian=second, child_id=child, kind="parent", evidence="e", valid=DateRange(date(2020, 1, 1))
    )
    make(AT)
    mine = [(kind, guardian) for kind, guardian, _, matters in shown() if matters == [voucher]]
    assert mine == [("voucher_issued", g) for g in sorted((city.guardian(child), second.pk))]
    assert len(shown()) == 3
    due = Notice.objects.filter(guardian_id=city.guardian(other)).get().due_at
    assert due == local_instant(date(2026, 9, 4)), "the end of the last day"


@pytest.mark.django_db
def test_nobody_is_asked_for_what_was_done_meanwhile(over: None) -> None:
    city, children, vouchers = issued(2)
    Voucher.objects.filter(pk=vouchers[0]).update(state="accepted")
    make(AT)
    assert [guardian for _, guardian, *_ in shown(kind="voucher_issued")] == [city.guardian(children[1])]


@pytest.mark.django_db
def test_whoever_speaks_for_the_child_no_more_is_told_nothing(over: None) -> None:
    city, (child,), _ = issued(1)
    Guardianship.objects.filter(child_id=child).update(valid=DateRange(date(2020, 1, 1), date(2026, 8, 31)))
    make(AT)
    assert shown() == []
    Guardianship.objects.filter(child_id=child).update(valid=DateRange(date(2020, 1, 1), None))  # the control
    tell(Vouchers.ISSUED, "voucher", [Voucher.objects.get(child_id=child).pk], AT)
    make(AT)
    assert [kind for kind, *_ in shown()] == ["voucher_issued"]


@pytest.mark.django_db
def test_an_ended_guardianship_is_told_without_the_child(over: None) -> None:
    city, (child,), _ = issued(1)
    guardian = city.guardian(child)
    tell(People.GUARDIANSHIP_ENDED, "child", [child], AT, guardian_id=guardian)
    make(AT)
    one = Notice.objects.get(kind="guardianship_ended")
    assert (one.guardian_id, one.child_ids) == (guardian, [])


@pytest.mark.django_db
def test_a_clubs_managers_are_told_of_a_deed_once_with_its_number(over: None) -> None:
    city = make_city()
    manager = browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id, name="m:1")
    browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id + 999, name="m:2")
    browsing.official(Role.TEACHER, provider_id=city.provider_id, name="t:1")
    here = own_family(3)
    ours = browsing.official(Role.PROVIDER_MANAGER, provider_id=here.city.provider_id, name="m:3")
    places = [place for *_, place in here.families]
    tell(Vouchers.TRANSFERRED, "enrolment", places, AT)
    make(AT, limit=2)  # the deed's rows come in several portions
    found = [one for one in shown() if one[0] == "child_came" and one[3] == sorted(places)]
    assert [(user, len(matters)) for _, _, user, matters in found] == [(ours, len(places))]
    assert manager not in {user for _, _, user, _ in shown()}


@pytest.mark.django_db
def test_the_office_is_told_over_the_place_by_role(over: None) -> None:
    city = make_city()
    checker = browsing.official(Role.CHECKER, territory_id=city.territory_id, name="c:1")
    everywhere = browsing.official(Role.CHECKER, name="c:2")
    browsing.official(Role.CHECKER, territory_id=make_city().territory_id, name="c:3")
    browsing.official(Role.PAYER, territory_id=city.territory_id, name="p:1")
    file = Accreditation.objects.get(provider_id=city.provider_id)
    tell(Providers.ACCREDITATION_FILED, "accreditation", [file.pk], AT)
    make(AT)
    assert [(kind, user) for kind, _, user, _ in shown()] == [
        ("accreditations_filed", one) for one in sorted((checker, everywhere))
    ]


@pytest.mark.django_db
def test_every_source_of_people_is_sound_sql() -> None:
    """Each kind of row is asked about once; what a wrong column would be seen by."""
    from qosymsha.domain.messages import whom  # noqa: PLC0415 - the tables of this very test
    from qosymsha.domain.messages.topics import every  # noqa: PLC0415

    for one in every():
        if one.kind != "guardianship_ended":
            assert whom.concerned(one, [-1], date(2026, 9, 1)) == []


@pytest.mark.django_db
def test_a_month_of_two_children_is_one_notice_to_their_mother(over: None) -> None:
    here = own_family(2)
    month_sent(here)
    make(OVER)
    mine = [one for one in shown(kind="month_to_confirm") if one[1] == here.families[0][0]]
    assert len(mine) == 1
    (due,) = {one.due_at for one in Notice.objects.filter(kind="month_to_confirm")}
    assert due == local_instant(OFFICER_DAY.date() + timedelta(days=1)), "until an officer may decide"
    assert Notice.objects.get(kind="month_to_confirm", guardian_id=here.families[0][0]).child_ids == sorted(
        child for guardian, child, _ in here.families if guardian == here.families[0][0]
    )


@pytest.mark.django_db
def test_a_claim_that_was_paid_concerns_no_family(over: None) -> None:
    tell(Settlement.CLAIM_PAID, "claim", [700], AT)
    tell(Attendance.PLANNED, "session", [700], AT)
    assert make(AT) == 2
    assert shown() == []


# Once


@COMMIT
@pytest.mark.fault
def test_two_at_once_and_again_make_one_notice_each() -> None:
    with patient():
        issued(5)
        notices.wait_for_other_databases()
        answers = at_once(*[lambda barrier: (barrier.wait(), make(AT, limit=2))[1]] * 2)
        assert all(isinstance(answer, int) for answer in answers), answers
        for _ in range(2):
            make(AT)
        assert len(shown()) == 5
        assert NoticeDelivery.objects.count() == 5


@COMMIT
@pytest.mark.fault
def test_control_without_the_cursors_lock_and_the_occasion_the_same_news_is_told_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issued(2)
    notices.at_once_over(monkeypatch)
    monkeypatch.setattr(making.outbox, "read_up_to", lambda *_: None)
    assert commands.make_notices(actor=CLOCK, at=AT, ways=notices.BOTH) == 2
    commands.make_notices(actor=CLOCK, at=AT, ways=notices.BOTH)
    assert len(shown()) == 2, "the occasion alone holds"
    serial = count()
    monkeypatch.setattr(making, "_gather", _with_occasions_of_their_own(serial))
    commands.make_notices(actor=CLOCK, at=AT, ways=notices.BOTH)
    assert len(shown()) == 4, "red: without it each run tells again"


def _with_occasions_of_their_own(serial: Iterator[int]) -> Any:
    gather = making._gather

    def gathered(drafts: Any, how: Any, row_id: int, told: Any, when: Any) -> None:
        gather(drafts, how, row_id, told, (f"{when[0]}/{next(serial)}", when[1]))

    return gathered


@COMMIT
@pytest.mark.fault
def test_news_committed_late_is_not_jumped_over() -> None:
    """A row with a smaller id whose transaction ends after a later one was read: by id alone it would be lost."""
    city = make_city()
    first, second = issue(city, add_children(city, 2))
    make(AT)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM notice_delivery")
        cursor.execute("DELETE FROM notice")
    given = {k: v for k, v in connection.get_connection_params().items() if k not in ("cursor_factory", "context")}
    with sweep.psycopg.connect(**given) as slow:
        slow.execute("SELECT outbox_tell(%s, 'voucher_issued', 'voucher', %s::bigint[], '{}')", [AT, [first]])
        tell(Vouchers.ISSUED, "voucher", [second], AT)
        make(AT)
        assert [matters for *_, matters in shown()] in ([], [[second]])
        slow.commit()
    notices.wait_for_other_databases()
    make(AT)
    assert sorted(matters for *_, matters in shown()) == [[first], [second]]


@COMMIT
@pytest.mark.fault
def test_killed_at_every_step_it_ends_as_if_undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    issued(3)
    notices.at_once_over(monkeypatch)

    def verb() -> int:
        return commands.make_notices(actor=CLOCK, at=AT, ways=notices.BOTH)

    def kept() -> tuple[int, int, int]:
        events = AuditEvent.objects.filter(action="make_notices").count()
        return Notice.objects.count(), NoticeDelivery.objects.count(), events

    with patient():
        killer, step = sweep.Killer(), 0
        while killer.commits == 0:
            step += 1
            killer = sweep.Killer(step)
            sweep.tried(verb, killer)
            assert kept() == (0, 0, 0), f"killed before {killer.at} {step}, it left something"
        lost = sweep.Killer(lose_the_reply_to_commit=1)
        sweep.tried(verb, lost)
        assert lost.at == "reply"
        assert kept() == (3, 3, 1)
        assert verb() == 0
        assert kept() == (3, 3, 1)
    assert step > 6


@pytest.mark.django_db
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_in_any_order_and_portion_the_same_notices_are_there(over: None, order: tuple[int, ...]) -> None:
    city, children, vouchers = issued(3)
    make(AT)
    wanted = shown()
    for n in order:
        tell(Vouchers.ISSUED, "voucher", [vouchers[n]], AT)  # the same facts told again, otherwise cut
    make(AT, limit=1)
    assert shown() == wanted


@pytest.mark.django_db
def test_the_database_itself_holds_one_notice_for_a_person_and_an_occasion(over: None) -> None:
    issued(1)
    make(AT)
    one = Notice.objects.get()
    one.pk, one.uuid = None, uuid4()
    with pytest.raises(IntegrityError), transaction.atomic():
        one.save()


# By which ways


def wish(guardian: int, *channels: str) -> None:
    user = browsing.guardian_user(guardian)
    for channel in ("app", "sms", "email", "push"):
        NoticePreference.objects.create(user_id=user, channel=channel, is_wanted=channel in ("app", *channels), at=AT)


@pytest.mark.django_db
def test_ways_out_are_those_wanted_offered_and_meant(over: None) -> None:
    city, children, _ = issued(4)
    by = [city.guardian(child) for child in children]
    wish(by[1], "app", "email")
    wish(by[2], "app")
    wish(by[3], "app", "sms", "email", "push")
    make(AT)
    found = {
        g: sorted(NoticeDelivery.objects.filter(notice__guardian_id=g).values_list("channel", flat=True)) for g in by
    }
    assert found == {by[0]: ["sms"], by[1]: ["email"], by[2]: [], by[3]: ["email", "sms"]}
    own_family(1)
    make(AT)
    assert Notice.objects.filter(kind="place_taken").exists()
    assert not NoticeDelivery.objects.filter(notice__kind="place_taken").exists(), "told in the app alone"


@pytest.mark.django_db
def test_without_a_way_behind_the_port_the_notice_stands_in_the_app_alone(over: None) -> None:
    issued(1)
    make(AT, ways=frozenset())
    assert len(shown()) == 1
    assert not NoticeDelivery.objects.exists()


@pytest.mark.django_db
def test_old_news_and_news_of_a_day_that_has_passed_is_marked_and_not_sent(over: None) -> None:
    issued(1)
    make(AT + timedelta(days=3))  # the voucher's last day was 3 September
    one = NoticeDelivery.objects.get()
    assert (one.state, one.hitch, one.next_try_at) == ("stale", "day_passed", None)


@pytest.mark.django_db
def test_news_of_long_ago_is_no_notice_any_more(over: None) -> None:
    """An installation that begins to send, or stood for months, does not tell its whole history."""
    issued(1)
    assert make(AT + timedelta(days=61)) == 1
    assert shown() == []


@pytest.mark.django_db
def test_at_night_an_sms_waits_for_the_morning_and_an_e_mail_does_not(over: None) -> None:
    city, (child,), _ = issued(1)
    wish(city.guardian(child), "sms", "email")
    night = local_instant(date(2026, 9, 1), 23)
    make(night)
    first = dict(NoticeDelivery.objects.values_list("channel", "next_try_at"))
    assert first == {"sms": local_instant(date(2026, 9, 2), 8), "email": night}


# By the clock


@pytest.mark.django_db
def test_a_last_day_that_comes_near_is_told_once(over: None) -> None:
    city, children, _ = issued(2)
    make(AT)
    Voucher.objects.filter(child_id=children[1]).update(accept_by=date(2026, 9, 9))
    for _ in range(2):
        commands.remind_of_ends(actor=CLOCK, at=AT, ways=notices.BOTH)
    assert [guardian for kind, guardian, *_ in shown(kind="voucher_reminder")] == [city.guardian(children[0])]
    commands.remind_of_ends(actor=CLOCK, at=AT + timedelta(days=1), ways=notices.BOTH)
    assert len(shown(kind="voucher_reminder")) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("days", "told"), [(31, 0), (30, 1), (29, 0), (7, 1), (0, 0)])
def test_a_club_is_told_that_its_accreditation_ends(over: None, days: int, told: int) -> None:
    city = make_city()
    browsing.official(Role.PROVIDER_MANAGER, provider_id=city.provider_id, name="m:1")
    end = AT.date() + timedelta(days=days)
    Accreditation.objects.filter(provider_id=city.provider_id).update(
        valid=DateRange(date(2026, 1, 1), end + timedelta(days=1))
    )
    assert commands.remind_of_ends(actor=CLOCK, at=AT, ways=notices.BOTH) == told
    assert [one.due_at for one in Notice.objects.all()] == [local_instant(end + timedelta(days=1))] * told


# Reading and forgetting


@pytest.mark.django_db
def test_one_reads_ones_own_alone_and_names_only_ones_own_children(over: None) -> None:
    city, children, _ = issued(2)
    named(("child", children[0], "Әлиева", "Айша"), ("child", children[1], "Өзгеше", "Бөтен"))
    make(AT)
    mother, stranger = (browsing.actor(browsing.guardian_user(city.guardian(child))) for child in children)
    found, more = queries.inbox(actor=mother, door=Door.FAMILY, at=AT)
    assert ([one.children for one in found], more) == ([("Әлиева Айша",)], False)
    event = AuditEvent.objects.get(action="read_children")
    assert (event.subject_ids, event.actor_id) == ([children[0]], mother.user_id)
    with pytest.raises(Forbidden):
        commands.mark_read(actor=stranger, door=Door.FAMILY, notice_uuid=found[0].uuid, at=AT)
    assert queries.unread_count(actor=mother, door=Door.FAMILY, at=AT) == 1
    assert commands.mark_read(actor=mother, door=Door.FAMILY, notice_uuid=found[0].uuid, at=AT) == "voucher_issued"
    assert queries.unread_count(actor=mother, door=Door.FAMILY, at=AT) == 0
    assert queries.unread_count(actor=stranger, door=Door.FAMILY, at=AT) == 1
    assert commands.mark_all_read(actor=stranger, door=Door.FAMILY, at=AT) == 1
    assert commands.mark_all_read(actor=stranger, door=Door.FAMILY, at=AT) == 0


@pytest.mark.django_db
def test_with_the_guardianship_its_notices_leave_the_page(over: None) -> None:
    city, (child,), _ = issued(1)
    make(AT)
    mother = browsing.actor(browsing.guardian_user(city.guardian(child)))
    assert queries.unread_count(actor=mother, door=Door.FAMILY, at=AT) == 1
    (one,), _ = queries.inbox(actor=mother, door=Door.FAMILY, at=AT)
    Guardianship.objects.filter(child_id=child).update(valid=DateRange(date(2020, 1, 1), AT.date()))
    assert queries.inbox(actor=mother, door=Door.FAMILY, at=AT) == ([], False)
    assert queries.unread_count(actor=mother, door=Door.FAMILY, at=AT) == 0
    with pytest.raises(Forbidden):
        commands.mark_read(actor=mother, door=Door.FAMILY, notice_uuid=one.uuid, at=AT)


@pytest.mark.django_db
def test_a_club_one_has_left_tells_one_no_more(over: None) -> None:
    here = own_family(1)
    manager = browsing.official(Role.PROVIDER_MANAGER, provider_id=here.city.provider_id, name="m:1")
    tell(Vouchers.TRANSFERRED, "enrolment", [here.families[0][2]], AT)
    make(AT)
    found, _ = queries.inbox(actor=browsing.actor(manager), door=Door.PROVIDER, at=AT)
    assert found
    assert {one.provider_id for one in found} == {here.city.provider_id}
    assert queries.inbox(actor=browsing.actor(manager), door=Door.FAMILY, at=AT) == ([], False)
    without = browsing.actor(manager)
    gone = type(without)(without.user_id, without.label, ())
    with pytest.raises(Forbidden):
        queries.inbox(actor=gone, door=Door.PROVIDER, at=AT)


@pytest.mark.django_db
def test_notices_are_forgotten_after_their_day_and_nobody_else_may(over: None) -> None:
    issued(2)
    make(AT)
    one = Notice.objects.earliest("id")
    assert one.keep_until == date(2026, 9, 1) + timedelta(days=400)
    Notice.objects.filter(pk=one.pk).update(keep_until=date(2026, 8, 31))
    assert commands.forget_notices(actor=CLOCK, at=AT) == 1
    assert not Notice.objects.filter(pk=one.pk).exists()
    assert NoticeDelivery.objects.count() == 1
    with pytest.raises(Forbidden):
        commands.forget_notices(actor=browsing.actor(browsing.official(Role.OPERATOR)), at=AT)
