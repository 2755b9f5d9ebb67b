"""News becomes notices: whom each piece of it concerns, by which ways, and what the clock reminds of."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.attendance.states import Topic as Attendance
from qosymsha.domain.messages import commands
from qosymsha.domain.messages.models import Notice, NoticeDelivery
from qosymsha.domain.people.models import Guardian, Guardianship, NoticePreference
from qosymsha.domain.people.states import Role
from qosymsha.domain.people.states import Topic as People
from qosymsha.domain.providers.models import Accreditation
from qosymsha.domain.providers.states import Topic as Providers
from qosymsha.domain.settlement.access import Topic as Settlement
from qosymsha.domain.vouchers.models import Voucher
from qosymsha.domain.vouchers.states import Topic as Vouchers
from qosymsha.kernel.clock import local_instant
from tests.factories import notices
from tests.factories.attendance import OFFICER_DAY, OVER
from tests.factories.families import month_sent, own_family
from tests.factories.notices import CLOCK, issued, make, over, shown, tell
from tests.factories.vouchers import AT, make_city
from tests.interfaces import browsing

__all__ = ["over"]

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
