"""Groups and timetables: under a contract, at a lawful price, a teacher in one place, a venue not overfull."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.changes import commands as changes
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.rules import Calendar
from qosymsha.domain.providers import queries
from qosymsha.domain.providers.commands import Verdict
from qosymsha.domain.providers.commands import groups as groups_module
from qosymsha.domain.providers.models import ClubGroup, Teacher, TimetableSlot, Venue
from qosymsha.domain.providers.rules import ProviderRefusal, SlotDraft
from qosymsha.kernel.actor import Actor, Grant
from qosymsha.kernel.errors import Forbidden, Refused
from tests.factories.people import TODAY
from tests.factories.providers import AT, FIRST, MANAGER_OF_ALL, YEAR_END, Market, decide, open_groups, teacher
from tests.races import at_once, slowly

pytestmark = pytest.mark.django_db
MONDAY, NINE, TEN = 1, time(9), time(10)


def _slots(weekday: int = MONDAY, starts: time = NINE, ends: time = TEN) -> tuple[SlotDraft, ...]:
    return (SlotDraft(weekday, starts, ends),)


def test_a_group_opens_under_contract_and_takes_new_children_on_its_days():
    market = Market()
    provider = market.ready()
    (outcome,) = open_groups(provider, [market.draft()])
    facts = queries.group_facts([outcome.id])[outcome.id]
    assert (facts.kind, facts.activity, facts.line_id) == ("creative", "dombra", market.lines["creative"])
    assert (facts.first_day, facts.last_day, facts.contract_last) == (FIRST, YEAR_END, YEAR_END)
    assert [facts.takes_new_on(d) for d in (FIRST - timedelta(1), FIRST, YEAR_END)] == [False, True, True]
    assert [facts.takes_age(n) for n in (6, 7, 12, 13)] == [False, True, True, False]
    assert queries.groups_open_on(market.programme_id, FIRST) == [facts]
    assert queries.groups_open_on(market.programme_id, FIRST - timedelta(1)) == []
    assert queries.groups_of_provider(provider, FIRST) == [facts]


def test_groups_loaded_again_are_the_same_groups_and_a_code_is_not_used_twice():
    market = Market()
    provider = market.ready()
    drafts = [market.draft("G01"), market.draft("G02", slots=_slots(2)), market.draft("G01")]
    first = open_groups(provider, drafts)
    assert first[0].id == first[2].id != first[1].id
    assert [o.id for o in open_groups(provider, drafts)] == [o.id for o in first]
    other = open_groups(provider, [market.draft("G01", capacity=9), *[market.draft("G03", slots=_slots(3))] * 1])
    assert [o.reason for o in other] == [ProviderRefusal.CODE_TAKEN, None]
    twins = [market.draft("G09", slots=_slots(5)), market.draft("G09", slots=_slots(6))]
    assert [o.reason for o in open_groups(provider, twins)] == [None, ProviderRefusal.CODE_TAKEN]
    assert ClubGroup.objects.count() == 4
    assert (Venue.objects.count(), Teacher.objects.count()) == (1, 1)


R = ProviderRefusal


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"code": " "}, R.CODE_MISSING),
        ({"activity": "alchemy"}, R.ACTIVITY_UNKNOWN),
        ({"activity": "judo"}, R.NO_CONTRACT),
        ({"first_day": TODAY - timedelta(1)}, R.NO_CONTRACT),
        ({"last_day": date(2027, 1, 31)}, R.NO_CONTRACT),
        ({"contract_id": -1}, R.NO_CONTRACT),
        ({"language": "de"}, R.LANGUAGE_UNKNOWN),
        ({"age_min": 13}, R.BAD_AGES),
        ({"capacity": 0}, R.BAD_CAPACITY),
        ({"capacity": 31}, R.VENUE_FULL),
        ({"last_day": TODAY}, R.DAYS_REVERSED),
        ({"unit_tariff_tiyn": 10**9}, R.TARIFF_ABOVE_RULE),
        ({"unit_tariff_tiyn": 0}, R.TARIFF_ABOVE_RULE),
        ({"units_per_month": 31}, R.UNITS_ABOVE_RULE),
        ({"slots": ()}, R.TIMETABLE_EMPTY),
        ({"slots": _slots(8)}, R.TIMETABLE_UNREADABLE),
        ({"slots": _slots(1, TEN, NINE)}, R.TIMETABLE_UNREADABLE),
        ({"slots": _slots(1) + _slots(1, TEN, time(11))}, R.TIMETABLE_TWICE_A_DAY),
        ({"teacher": replace(teacher(), iin=None)}, R.TEACHER_UNREADABLE),
        ({"teacher": replace(teacher(), iin="800101700000")}, R.TEACHER_UNREADABLE),
    ],
)
def test_a_bad_group_is_refused_with_its_reason_and_does_not_stop_the_good_one(fields, reason):
    market = Market()
    provider = market.ready()
    bad, good = open_groups(provider, [market.draft(**{"code": "BAD"} | fields), market.draft("GOOD", slots=_slots(6))])
    assert (bad.reason, bad.id, good.reason) == (reason, None, None)
    assert (ClubGroup.objects.count(), Venue.objects.count(), Teacher.objects.count()) == (1, 1, 1)


def test_a_venue_lies_in_the_programmes_territory():
    market = Market()
    draft = market.draft()
    away = replace(draft, venue=replace(draft.venue, district_id=1))
    assert market.territory_id != 1
    assert open_groups(market.ready(), [away])[0].reason is R.DISTRICT_UNKNOWN


def test_the_rules_tariff_itself_is_allowed_and_one_tiyn_more_is_not():
    market = Market()
    rules = groups_module.programmes.rules_in_force(market.programme_id, FIRST).rules
    most = rules.tariff("creative", "dombra")
    fields = {"unit_tariff_tiyn": most.unit_tiyn, "units_per_month": most.units_per_month}
    exact = market.draft("A", **fields)
    above = market.draft("B", **fields | {"unit_tariff_tiyn": most.unit_tiyn + 1}, slots=_slots(6))
    assert [o.reason for o in open_groups(market.ready(), [exact, above])] == [None, R.TARIFF_ABOVE_RULE]


def test_without_an_accreditation_valid_on_the_first_day_no_group_opens():
    market = Market()
    provider = market.accredited(1, until=date(2026, 1, 31))
    market.contract(provider)
    assert open_groups(provider, [market.draft()])[0].reason is R.NOT_ACCREDITED
    earlier = market.draft(first_day=date(2026, 1, 31))
    assert open_groups(provider, [earlier])[0].reason is None


def test_expiry_limits_and_revocation_stop_new_places_from_that_day_on_before_any_job_runs():
    market = Market()
    provider = market.accredited(1, until=date(2026, 3, 31))
    market.contract(provider)
    (outcome,) = open_groups(provider, [market.draft()])

    def takes(on: date) -> list[bool]:
        listed = [g.id for g in queries.groups_open_on(market.programme_id, on)]
        return [outcome.id in listed, queries.group_facts([outcome.id])[outcome.id].takes_new_on(on)]

    assert takes(date(2026, 3, 31)) == [True, True]
    assert takes(date(2026, 4, 1)) == [False, False]
    accreditation = queries.accreditations_of([provider], market.programme_id)[provider].id
    decide(accreditation, Verdict.LIMIT)
    assert takes(FIRST) == [False, False]
    assert queries.group_facts([outcome.id])[outcome.id].runs_on(FIRST)
    decide(accreditation, Verdict.ACCREDIT)
    assert takes(FIRST) == [True, True]
    decide(accreditation, Verdict.REVOKE)
    assert takes(FIRST) == [False, False]


def test_a_teacher_is_never_in_two_places_at_any_provider():
    market = Market()
    here, there = market.ready(1), market.ready(2)
    assert open_groups(here, [market.draft("A", slots=_slots())])[0].reason is None
    meeting = market.draft("B", slots=_slots(MONDAY, time(9, 59), time(11)))
    assert open_groups(there, [meeting])[0].reason is R.TEACHER_BUSY
    touching = market.draft("C", slots=_slots(MONDAY, TEN, time(11)))
    assert open_groups(there, [touching])[0].reason is None
    both = [market.draft("D", slots=_slots(2)), market.draft("E", slots=_slots(2))]
    assert [o.reason for o in open_groups(here, both)] == [None, R.TEACHER_BUSY]
    colleague = market.draft("F", slots=_slots(), teacher=teacher(2))
    assert open_groups(there, [colleague])[0].reason is None


def test_the_database_itself_keeps_a_teacher_in_one_place():
    market = Market()
    provider = market.ready()
    first, second = open_groups(provider, [market.draft("A", slots=_slots(1)), market.draft("B", slots=_slots(2))])
    with pytest.raises(IntegrityError, match="timetable_slot_teacher_once"), transaction.atomic():
        TimetableSlot.objects.filter(group_id=second.id).update(weekday=1)
    slot = TimetableSlot.objects.get(group_id=first.id)
    with pytest.raises(IntegrityError, match="timetable_slot_group_once_a_day"), transaction.atomic():
        TimetableSlot.objects.create(
            group_id=first.id, teacher_id=slot.teacher_id, weekday=1, starts=TEN, ends=time(11), valid=slot.valid
        )


def _racing(market: Market, providers: list[int]) -> list[object]:
    def act(provider):
        def run(barrier):
            barrier.wait()
            return open_groups(provider, [market.draft("A", slots=_slots())])[0].reason

        return run

    return at_once(*(act(p) for p in providers))


@pytest.mark.django_db(transaction=True)
def test_two_providers_wanting_one_teacher_at_once_one_gets_a_plain_refusal(monkeypatch):
    market = Market()
    providers = [market.ready(1), market.ready(2)]
    slowly(monkeypatch, queries, "slots_of_teachers")
    answers = _racing(market, providers)
    assert sorted(answers, key=str) == sorted([None, R.TEACHER_BUSY], key=str)
    assert TimetableSlot.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_lock_and_exclusion_the_teacher_would_be_in_two_places(monkeypatch):
    market = Market()
    providers = [market.ready(1), market.ready(2)]
    definition = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'timetable_slot_teacher_once'"
    with connection.cursor() as cursor:
        cursor.execute(definition)
        (exclusion,) = cursor.fetchone()
        cursor.execute("ALTER TABLE timetable_slot DROP CONSTRAINT timetable_slot_teacher_once")
    looked = queries.slots_of_teachers
    meeting: list[object] = []

    def run(provider):
        def act(barrier):
            meeting.append(barrier)
            barrier.wait()
            return open_groups(provider, [market.draft("A", slots=_slots())])[0].reason

        return act

    def look_and_meet(teacher_ids):
        found = looked(teacher_ids)
        meeting[0].wait()  # both have looked before either stores
        return found

    monkeypatch.setattr(groups_module.locks, "exclusive", lambda *names: None)
    monkeypatch.setattr(queries, "slots_of_teachers", look_and_meet)
    try:
        answers = at_once(*(run(p) for p in providers))
        assert answers == [None, None]
        assert TimetableSlot.objects.values("teacher_id").distinct().count() == 1
        assert TimetableSlot.objects.count() == 2  # red: one teacher, two places
    finally:
        TimetableSlot.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE timetable_slot ADD CONSTRAINT timetable_slot_teacher_once {exclusion}")


def test_a_venue_holds_no_more_children_at_once_than_it_may():
    market = Market()
    provider = market.ready()
    drafts = [
        market.draft("A", capacity=15, slots=_slots(1, NINE, time(11)), teacher=teacher(1)),
        market.draft("B", capacity=15, slots=_slots(1, TEN, time(12)), teacher=teacher(2)),
        market.draft("C", capacity=1, slots=_slots(1, time(10, 30), time(10, 45)), teacher=teacher(3)),
        market.draft("D", capacity=15, slots=_slots(1, time(11), time(12)), teacher=teacher(4)),
        market.draft("E", capacity=30, slots=_slots(2), teacher=teacher(5)),
    ]
    assert [o.reason for o in open_groups(provider, drafts)] == [None, None, R.VENUE_FULL, None, None]
    assert open_groups(provider, [replace(drafts[2], code="F")])[0].reason is R.VENUE_FULL  # stored ones count too


def test_opening_takes_the_same_number_of_statements_for_any_number_of_groups():
    market = Market()
    provider = market.ready()
    counts = []
    for serials in (range(5), range(5, 105)):
        drafts = [market.draft(f"G{n}", capacity=1, teacher=teacher(n)) for n in serials]
        drafts = [replace(d, venue=replace(d.venue, capacity=500)) for d in drafts]
        with CaptureQueriesContext(connection) as captured:
            assert all(o.id for o in open_groups(provider, drafts))
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert TimetableSlot.objects.count() == 210


def test_lessons_follow_the_timetable_and_leave_out_holidays_but_not_weekends():
    market = Market()
    provider = market.ready()
    slots = _slots(1) + _slots(6)
    one, two = open_groups(provider, [market.draft("A", slots=slots), market.draft("B", slots=_slots(2))])
    holiday = date(2026, 2, 9)
    calendar = Calendar({holiday: False, date(2026, 2, 7): True})
    first, last = date(2026, 1, 20), date(2026, 2, 14)
    days = queries.lessons_between([one.id, two.id], first, last, calendar)
    assert days[one.id] == [date(2026, 2, 2), date(2026, 2, 7), date(2026, 2, 14)]
    assert days[two.id] == [date(2026, 2, 3), date(2026, 2, 10)]
    lessons = queries.lessons([one.id, two.id], first, last, calendar)
    assert [(x.on, x.group_id) for x in lessons][:3] == [
        (date(2026, 2, 2), one.id),
        (date(2026, 2, 3), two.id),
        (date(2026, 2, 7), one.id),
    ]
    assert (lessons[0].starts, lessons[0].ends) == (NINE, TEN)
    assert queries.lessons_between([one.id], last, first, calendar) == {one.id: []}


def test_a_closed_group_takes_nobody_and_has_no_lessons_after_its_last_day():
    market = Market()
    provider = market.ready()
    (outcome,) = open_groups(provider, [market.draft(slots=_slots())])
    last = date(2026, 2, 9)
    call = {"actor": MANAGER_OF_ALL, "group_id": outcome.id, "reason": "the hall is closed", "at": AT}
    for day, reason, why in ((TODAY - timedelta(1), "x", R.DAYS_REVERSED), (last, " ", R.REASON_MISSING)):
        with pytest.raises(Refused) as caught:
            changes.close_group(**call | {"last_day": day, "reason": reason}, key=uuid4())
        assert caught.value.reason is why
    changes.close_group(**call, last_day=last, key=uuid4())
    days = queries.lessons_between([outcome.id], FIRST, YEAR_END, Calendar({}))[outcome.id]
    assert days == [date(2026, 2, 2), last]
    assert queries.groups_open_on(market.programme_id, FIRST) == []
    assert queries.group_facts([outcome.id])[outcome.id].runs_on(last)
    freed = market.draft("NEXT", slots=_slots(), first_day=last + timedelta(1))
    assert open_groups(provider, [freed])[0].reason is None  # the teacher is free again
    with pytest.raises(Refused) as caught:
        changes.close_group(**call, last_day=last, key=uuid4())
    assert caught.value.reason is R.NO_SUCH_STEP


def test_another_providers_manager_opens_nothing_here():
    market = Market()
    provider = market.ready()
    stranger = Actor(9, "user:9", (Grant(Role.PROVIDER_MANAGER, None, None, provider + 1),))
    with pytest.raises(Forbidden):
        open_groups(provider, [market.draft()], who=stranger)
    own = Actor(9, "user:9", (Grant(Role.PROVIDER_MANAGER, None, None, provider),))
    assert open_groups(provider, [market.draft()], who=own)[0].reason is None
