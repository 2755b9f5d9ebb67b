"""The rotating code: signed for its lesson, group and half minute, once per child and lesson, by server time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from qosymsha.domain.attendance import commands, queries, steps
from qosymsha.domain.attendance.models import CheckIn, CheckInRefusal, SheetRow, TraceRow
from qosymsha.domain.attendance.rules import CardRead, PresenceRefusal, Scan, Trace
from qosymsha.kernel.errors import Forbidden, Refused
from qosymsha.kernel.models import AuditEvent
from tests.factories.attendance import OVER, manager, mark, send
from tests.factories.presence import (
    PHONE,
    Venue,
    family_of,
    guardian,
    minutes,
    send_scans,
    shown_at,
    teacher,
    venue,
)
from tests.factories.vouchers import CHANNEL, add_children, add_group, enrolled, key

pytestmark = pytest.mark.django_db
why = PresenceRefusal
ACCEPTED = [(None, "code")]


def one(place: Venue, scan: Scan | None = None, after: timedelta = timedelta(0), **more: object) -> tuple[object, str]:
    """What one scan hears so long after the lesson's begin."""
    (answer,) = send_scans([scan or place.scan()], place.lesson.starts_at + after, **more)  # type: ignore[arg-type]
    return answer


def test_a_scan_within_its_half_minute_checks_the_child_in() -> None:
    here = venue()
    mother, child, place = here.families[0]
    at = here.lesson.starts_at + timedelta(seconds=20)
    outcome = commands.check_in(actor=guardian(mother), scan=here.scan(trace=PHONE), at=at, key=key())
    assert (outcome.id, outcome.detail) == (place, "code")
    row = CheckIn.objects.get()
    assert (row.kind, row.guardian_id, row.child_id, row.at) == ("code", mother, child, at)
    (trace,) = TraceRow.objects.all()
    assert (trace.kind, trace.subject_id, trace.enrolment_id) == ("check_in", here.lesson.pk, place)
    assert len(bytes(trace.device or b"")) == len(bytes(trace.network or b"")) == 16


def test_a_typed_code_finds_the_childs_own_lesson_and_forgives_how_it_is_written() -> None:
    here = venue()
    code = shown_at(here.lesson, here.lesson.starts_at)
    written = f" {code[:4].lower()}-{code[4:].lower()} ".replace("0", "o").replace("1", "l")
    assert one(here, here.scan(code=written, typed=True)) == (None, "code")


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [(-31, why.UNKNOWN_CODE), (-30, None), (0, None), (59, None), (60, why.CODE_EXPIRED), (600, why.CODE_EXPIRED)],
)
def test_a_code_counts_one_step_before_and_after_its_own_and_then_has_expired(seconds: int, reason: object) -> None:
    here = venue()
    assert one(here, after=timedelta(seconds=seconds))[0] is reason


def test_a_replay_after_use_is_refused_and_kept() -> None:
    here = venue()
    assert one(here) == (None, "code")
    assert one(here, after=timedelta(seconds=10))[0] is why.ALREADY_CHECKED_IN
    (attempt,) = CheckInRefusal.objects.all()
    assert (attempt.reason, attempt.session_id) == ("already_checked_in", here.lesson.pk)
    assert CheckIn.objects.count() == 1


def test_the_same_key_answers_again_and_stores_nothing() -> None:
    here = venue()
    mother, _, _ = here.families[0]
    once, scan = key(), here.scan()
    first = commands.check_in(actor=guardian(mother), scan=scan, at=here.lesson.starts_at, key=once)
    assert commands.check_in(actor=guardian(mother), scan=scan, at=here.lesson.ends_at, key=once) == first
    refused = key()
    for _ in range(2):
        with pytest.raises(Refused, match="already_checked_in"):
            commands.check_in(actor=guardian(mother), scan=scan, at=here.lesson.starts_at, key=refused)
    assert CheckInRefusal.objects.count() == 1


def test_a_batch_sent_twice_confirms_nothing_more() -> None:
    here = venue(3)
    scans = [here.scan(n) for n in range(3)]
    assert send_scans(scans * 2, here.lesson.starts_at) == ACCEPTED * 3 + [(why.ALREADY_CHECKED_IN, "")] * 3
    assert send_scans(scans, here.lesson.starts_at) == [(why.ALREADY_CHECKED_IN, "")] * 3
    assert CheckIn.objects.count() == 3


def test_another_groups_code_is_refused_scanned_or_typed() -> None:
    here = venue()
    other = add_group(here.city)
    stranger = family_of(enrolled(here.city, other)[0][2])
    here.families.append(stranger)
    assert one(here, here.scan(1)) == (why.OTHER_GROUP, "")
    assert one(here, here.scan(1, typed=True)) == (why.UNKNOWN_CODE, "")


def test_a_child_without_a_place_and_one_whose_place_ended_are_refused() -> None:
    here = venue()
    child = add_children(here.city, 1)[0]
    here.families.append((here.city.guardian(child), child, 0))
    assert one(here, here.scan(1)) == (why.NO_PLACE, "")


def test_only_the_guardian_checks_in_and_the_control_shows_it() -> None:
    here = venue(2)
    (mother, child, _), (stranger, _, _) = here.families
    assert one(here, replace(here.scan(), guardian_id=stranger))[0] is why.NOT_GUARDIAN
    assert one(here, here.scan(), actor=guardian(stranger))[0] is why.NOT_GUARDIAN  # speaks for another
    with pytest.raises(Forbidden):
        one(here, here.scan(), actor=teacher(here.city))
    assert one(here, here.scan(), actor=guardian(mother)) == (None, "code")
    assert CheckIn.objects.get().child_id == child


def test_a_cancelled_lesson_has_no_codes_and_takes_none() -> None:
    here = venue()
    scan = here.scan()
    commands.cancel_sessions(
        actor=manager(here.city),
        provider_id=here.city.provider_id,
        session_ids=[here.lesson.pk],
        reason="no heating",
        at=here.lesson.starts_at - minutes(60),
        key=key(),
    )
    assert one(here, scan) == (why.LESSON_CANCELLED, "")
    ask = {"actor": teacher(here.city), "provider_id": here.city.provider_id, "session_ids": [here.lesson.pk]}
    assert queries.codes_of_lessons(**ask, at=here.lesson.starts_at) == []  # type: ignore[arg-type]


def test_a_code_from_outside_the_lesson_is_refused() -> None:
    here = venue()
    for at in (here.lesson.starts_at - minutes(16), here.lesson.ends_at + minutes(16)):
        scan = here.scan(code=shown_at(here.lesson, at))
        assert send_scans([scan], at) == [(why.OUTSIDE_LESSON, "")]
    late = here.lesson.ends_at + minutes(14)
    assert send_scans([here.scan(code=shown_at(here.lesson, late))], late) == ACCEPTED


def test_a_scan_sent_later_is_evidence_and_no_partys_word() -> None:
    here = venue(3)
    made = here.lesson.starts_at + timedelta(seconds=5)
    late = here.scan(scanned_at=made)
    assert one(here, late, minutes(600)) == (None, "late")
    lying = here.scan(1, scanned_at=made + minutes(30))  # the code is not the one of that time
    assert one(here, lying, minutes(600))[0] is why.CODE_EXPIRED
    assert one(here, here.scan(2, scanned_at=made), timedelta(hours=49))[0] is why.UPLOADED_TOO_LATE
    # Sent at once it is an ordinary scan, whatever the phone's clock says.
    assert one(here, here.scan(1, scanned_at=made), timedelta(seconds=40)) == (None, "code")
    marks = [(lesson.pk, place, "present") for lesson in here.lessons for _, _, place in here.families]
    assert set(mark(here.city, marks)) == {None}
    send(here.city)
    assert list(SheetRow.objects.order_by("enrolment_id").values_list("seen", flat=True)) == [0, 1, 0]


def test_only_a_channel_may_say_when_its_gateway_took_a_scan() -> None:
    here = venue(2)
    taken, later = here.lesson.starts_at, here.lesson.starts_at + timedelta(hours=20)
    mother = here.families[0][0]
    assert send_scans([here.scan(0, received_at=taken)], later, guardian(mother))[0][0] is why.CODE_EXPIRED
    assert send_scans([here.scan(0, received_at=taken), here.scan(1, received_at=taken)], later) == ACCEPTED * 2
    assert set(CheckIn.objects.values_list("at", flat=True)) == {taken}
    assert send_scans([here.scan(0, received_at=taken)], taken + timedelta(hours=49))[0][0] is why.UPLOADED_TOO_LATE


def test_guessing_ends_after_the_rules_number_of_refused_scans_and_begins_anew_in_an_hour() -> None:
    here = venue()
    guesses = [here.scan(code=f"AAAA{n:04d}", typed=True) for n in range(30)]
    assert {reason for reason, _ in send_scans(guesses, here.lesson.starts_at)} == {why.UNKNOWN_CODE}
    assert one(here)[0] is why.TOO_MANY_SCANS
    later = here.lesson.starts_at + minutes(65)
    assert send_scans([here.scan(code=shown_at(here.lesson, later))], later) == ACCEPTED


@pytest.mark.parametrize("code", ["", "1234567", "123456789", "ҚОСЫМША8", "'; DROP--", "\x00" * 8, "١٢٣٤٥٦٧٨"])
def test_what_is_no_code_is_refused_in_words(code: str) -> None:
    here = venue()
    assert one(here, replace(here.scan(typed=True), code=code)) == (why.UNKNOWN_CODE, "")
    assert one(here, Scan(0, 0, "A" * 8, uuid4())) == (why.NOT_GUARDIAN, "")


def test_a_card_is_evidence_and_gives_way_to_the_familys_scan() -> None:
    here = venue(2)
    ask = {"actor": teacher(here.city), "provider_id": here.city.provider_id, "trace": PHONE}
    at = here.lesson.starts_at + minutes(1)
    reads = [CardRead(here.lesson.pk, place) for _, _, place in here.families]
    other = CardRead(here.lessons[1].pk, here.families[0][2])
    outcomes = commands.read_cards(**ask, reads=[*reads, other, reads[0], CardRead(0, 0)], at=at, key=key())  # type: ignore[arg-type]
    expected = [None, None, why.OUTSIDE_LESSON, why.ALREADY_CHECKED_IN, why.UNKNOWN_SESSION]
    assert [o.reason for o in outcomes] == expected
    assert send_scans([here.scan(code=shown_at(here.lesson, at))], at) == ACCEPTED
    scanned, card = CheckIn.objects.order_by("enrolment_id")
    assert (scanned.kind, scanned.card_at, card.kind, card.guardian_id) == ("code", at, "card", None)
    again = commands.read_cards(**ask, reads=[reads[0]], at=at, key=key())  # type: ignore[arg-type]
    assert [o.reason for o in again] == [why.ALREADY_CHECKED_IN]
    marks = [(lesson.pk, place, "present") for lesson in here.lessons for _, _, place in here.families]
    mark(here.city, marks)
    send(here.city)
    assert list(SheetRow.objects.order_by("enrolment_id").values_list("seen", flat=True)) == [1, 0]


def test_the_teachers_list_shows_the_codes_that_count_and_only_todays() -> None:
    here = venue()
    ask = {"actor": teacher(here.city), "provider_id": here.city.provider_id}
    both, at = [lesson.pk for lesson in here.lessons[:2]], here.lesson.starts_at
    before = AuditEvent.objects.count()
    (shown,) = queries.codes_of_lessons(**ask, session_ids=both, at=at)  # type: ignore[arg-type]
    assert AuditEvent.objects.count() == before + 1
    assert (shown.session_id, shown.seconds, len(shown.codes)) == (here.lesson.pk, 30, 181)
    now = shown.codes[int(at.timestamp()) // 30 - shown.first_step]
    assert queries.codes_now(**ask, session_ids=both, at=at) == {here.lesson.pk: now}  # type: ignore[arg-type]
    assert len(set(shown.codes)) == 181
    assert one(here, here.scan(code=now)) == (None, "code")
    stranger = {**ask, "provider_id": here.city.provider_id + 1}
    with pytest.raises(Forbidden):
        queries.codes_of_lessons(**stranger, session_ids=both, at=at)  # type: ignore[arg-type]
    checked = queries.check_ins_of_lessons(**ask, session_ids=both, at=at)  # type: ignore[arg-type]
    assert [(c.session_id, c.enrolment_id, c.kind) for c in checked] == [(here.lesson.pk, here.families[0][2], "code")]
    assert queries.check_in_shares(here.city.programme_id, date(2026, 9, 1)) == {"code": 1}


def test_the_table_takes_no_scan_without_a_guardian_and_none_twice() -> None:
    here = venue()
    one(here)
    for change in ("UPDATE check_in SET guardian_id = NULL", "UPDATE check_in SET kind = 'word'"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


def test_traces_are_alike_within_a_month_and_told_apart_between_months() -> None:
    here = venue()
    september, october = date(2026, 9, 1), date(2026, 10, 1)
    with transaction.atomic():
        steps.leave_traces("mark", [1, 2], PHONE, OVER, month=september)
        steps.leave_traces("word", [1], PHONE, OVER)
        steps.leave_each("word", [(7, 0, Trace(device="phone 1"))], OVER, month=september)
        steps.leave_traces("mark", [3], None, OVER)
    assert here.lesson
    rows = list(TraceRow.objects.order_by("id"))
    assert [(r.kind, r.subject_id, r.month) for r in rows] == [
        ("mark", 1, september),
        ("mark", 2, september),
        ("word", 1, october),
        ("word", 7, september),
    ]
    assert rows[0].device == rows[1].device == rows[3].device != rows[2].device
    assert rows[3].network is None
    assert b"phone" not in bytes(rows[0].device or b"")


def test_months_are_forgotten_after_ninety_days_and_not_before() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT make_months('trace', '2026-01-01', 2), make_months('check_in_refusal', '2026-01-01', 2)")
    with transaction.atomic():
        for month in (date(2026, 1, 1), date(2026, 2, 1), date(2025, 6, 1)):
            steps.leave_traces("mark", [1], PHONE, OVER, month=month)
    with transaction.atomic():
        assert steps.forget_months("trace", "month", date(2026, 5, 1)) == 0
    assert TraceRow.objects.count() == 2  # the one of the default partition went
    with transaction.atomic():
        assert steps.forget_months("trace", "month", date(2026, 5, 2)) == 1
    assert list(TraceRow.objects.values_list("month", flat=True)) == [date(2026, 2, 1)]


def test_ten_scans_and_two_hundred_take_the_same_number_of_statements() -> None:
    counts = []
    for how_many in (10, 200):
        here = venue(how_many)
        scans = [here.scan(n, trace=Trace(device=str(n))) for n in range(how_many)]
        scans[0] = replace(scans[0], code="0" * 8)
        with CaptureQueriesContext(connection) as asked:
            answers = commands.check_in_children(actor=CHANNEL, scans=scans, at=here.lesson.starts_at, key=key())
        assert [a.reason for a in answers] == [why.UNKNOWN_CODE] + [None] * (how_many - 1)
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert counts[0] <= 25
