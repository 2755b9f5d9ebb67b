"""Marks made without network: none lost, none doubled, late ones visible, contradictions kept until resolved."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qosymsha.domain.attendance import commands, queries
from qosymsha.domain.attendance.models import Mark, MarkBatch, MarkObjection, Session
from qosymsha.domain.attendance.rules import (
    AttendanceRefusal,
    OfflineMark,
    SessionFacts,
    Trace,
)
from qosymsha.domain.providers.models import Teacher
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.clock import local_instant
from qosymsha.kernel.errors import Forbidden, KeyReason, Refused
from tests.factories.attendance import OVER, cancel, manager, mark, phone, plan, sync, teacher
from tests.factories.readings import readings
from tests.factories.vouchers import AT, FIRST, City, add_group, enrolled, key, make_city
from tests.factories.words import Word, expected

pytestmark = pytest.mark.django_db
why = AttendanceRefusal
A, B, C = phone(1), phone(2), phone(3)


def lessons(children: int = 2) -> tuple[City, list[SessionFacts], list[int]]:
    """A group of so many children, its September lessons and its places."""
    city = make_city()
    places = [e for _, _, e in enrolled(city, add_group(city), children)]
    return city, plan(city), places


def words_beside() -> list[tuple[int, str, str, str]]:
    """(counter, value, state, reason) of what stands beside the marks."""
    return list(MarkObjection.objects.order_by("id").values_list("counter", "value", "state", "reason"))


def test_each_row_hears_what_became_of_it_and_the_good_ones_are_kept() -> None:
    city, sessions, (one, two) = lessons()
    first, second, third, *_ = (s.id for s in sessions)
    cancel(city, second)
    ((_, _, elsewhere),) = enrolled(city, add_group(city, weekdays=(1,)))
    at = sessions[2].starts_at - timedelta(minutes=1)
    heard = sync(
        city,
        A,
        [
            (3, first, one, "present"),
            (1, first, two, "absent"),
            (2, second, one, "present"),
            (4, third, one, "present"),
            (5, first, elsewhere, "present"),
            (6, 0, one, "present"),
            (7, first, one, "asleep"),
            (0, first, one, "present"),
            (2**63, first, one, "present"),
            (8, 2**70, one, "present"),
            (9, first, 0, "present"),
        ],
        at=at,
    )
    assert heard == [
        ("late", None),
        ("late", None),
        ("objection", why.LESSON_CANCELLED),
        ("objection", why.FUTURE_LESSON),
        ("objection", why.NOT_ENROLLED),
        ("", why.UNKNOWN_SESSION),
        ("", why.UNKNOWN_VALUE),
        ("", why.COUNTER_UNREADABLE),
        ("", why.COUNTER_UNREADABLE),
        ("", why.UNKNOWN_SESSION),
        ("", why.NOT_ENROLLED),
    ]
    made = Mark.objects.order_by("enrolment_id").values_list("session_id", "enrolment_id", "value", "source", "counter")
    assert list(made) == [(first, one, "present", "device", 3), (first, two, "absent", "device", 1)]
    assert [state for _, _, state, _ in words_beside()] == ["open"] * 3
    assert Session.objects.get(id=first).state == "held"


def test_the_same_words_again_in_other_batches_store_nothing_more() -> None:
    city, sessions, (one, two) = lessons()
    words = [(n, s.id, e, "present") for n, (s, e) in enumerate(((s, e) for s in sessions for e in (one, two)), 1)]
    assert {fate for fate, _ in sync(city, A, words[5:])} == {"late"}
    again = sync(city, A, words[::-1])
    assert [fate for fate, _ in again] == ["late" if n <= 5 else "repeated" for n, *_ in words[::-1]]
    assert (Mark.objects.count(), MarkObjection.objects.count(), MarkBatch.objects.count()) == (18, 0, 2)


def test_a_lost_answer_is_asked_for_again_by_the_same_key() -> None:
    city, sessions, (one, _) = lessons()
    entries, once = [OfflineMark(1, sessions[0].id, one, "present")], key()

    def send_batch(batch: list[OfflineMark]) -> commands.Synced:
        return commands.sync_marks(
            actor=teacher(city), provider_id=city.provider_id, device=A, entries=batch, at=OVER, key=once
        )

    first = send_batch(entries)
    assert send_batch(entries) == first
    assert MarkBatch.objects.count() == 1
    with pytest.raises(Refused) as refused:
        send_batch([OfflineMark(1, sessions[0].id, one, "ill")])
    assert refused.value.reason is KeyReason.KEY_REUSED


def test_the_phone_is_told_which_counters_never_arrived() -> None:
    city, sessions, (one, two) = lessons()

    def owes(*words: tuple[int, int, int, str]) -> list[tuple[int, int]]:
        return commands.sync_marks(
            actor=teacher(city),
            provider_id=city.provider_id,
            device=A,
            entries=[OfflineMark(*w) for w in words],
            at=OVER,
            key=key(),
        ).missing_counters

    assert owes() == []
    assert owes((3, sessions[0].id, one, "present"), (9, sessions[0].id, two, "ill")) == [(1, 2), (4, 8)]
    # A refused entry has arrived all the same; another phone's counters fill no gap.
    assert owes((5, 0, one, "present")) == [(1, 2), (4, 4), (6, 8)]
    sync(city, B, [(4, sessions[1].id, one, "present")])
    assert owes() == [(1, 2), (4, 4), (6, 8)]
    assert owes(*((n, 0, one, "x") for n in (1, 2, 4, 6, 7, 8))) == []
    # A counter far ahead is one gap, not a million rows.
    assert owes((10**12, 0, one, "x")) == [(10, 10**12 - 1)]


def test_a_batch_is_at_most_two_hundred_marks_and_takes_as_many_statements_as_ten() -> None:
    city, sessions, places = lessons(children=15)
    words = [(n, s.id, e, "present") for n, (s, e) in enumerate(((s, e) for s in sessions for e in places), 1)]
    too_many = [*words, *((n, sessions[0].id, 1, "x") for n in range(300, 366))]
    with pytest.raises(Refused) as refused:
        sync(city, A, too_many)
    assert refused.value.reason is why.BATCH_TOO_LARGE
    counts = []
    for part in (words[:10], words[10:]):
        with CaptureQueriesContext(connection) as seen:
            assert {fate for fate, _ in sync(city, A, part)} == {"late"}
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 24


def test_the_servers_time_rules_and_the_phones_clock_is_only_a_claim() -> None:
    city, sessions, (one, two) = lessons()
    first = sessions[0]
    wrong = first.starts_at + timedelta(days=400)
    entries = [OfflineMark(1, first.id, one, "present", wrong), OfflineMark(2, first.id, two, "present")]
    soon = first.ends_at + timedelta(hours=24)
    for entry, at, fate in ((entries[0], soon, "stored"), (entries[1], soon + timedelta(seconds=1), "late")):
        synced = commands.sync_marks(
            actor=teacher(city), provider_id=city.provider_id, device=A, entries=[entry], at=at, key=key()
        )
        assert [o.detail for o in synced.outcomes] == [fate]
    made = Mark.objects.get(enrolment_id=one)
    assert (made.marked_at, made.recorded_at) == (soon, wrong)
    late = queries.late_marks(actor=manager(city), provider_id=city.provider_id, month=FIRST, at=OVER)
    assert [(m.enrolment_id, m.session_id, m.group_id) for m in late] == [(two, first.id, first.group_id)]


def test_a_teacher_may_correct_himself_on_his_own_phone_but_not_another_phone() -> None:
    city, sessions, (one, _) = lessons()
    spot = (sessions[0].id, one)
    assert sync(city, A, [(1, *spot, "absent"), (2, *spot, "present")]) == [("late", None), ("late", None)]
    assert sync(city, B, [(1, *spot, "present"), (2, *spot, "ill")]) == [
        ("agreed", None),
        ("objection", why.CONTRADICTS),
    ]
    # The same installation in another teacher's hands is another voice.
    assert sync(city, A, [(3, *spot, "ill")], user_id=311) == [("objection", why.CONTRADICTS)]
    assert Mark.objects.get().value == "present"
    assert sync(city, A, [(4, *spot, "ill")]) == [("late", None)]
    assert Mark.objects.get().value == "ill"
    assert words_beside() == [
        (1, "absent", "superseded", ""),
        (1, "present", "open", "contradicts"),
        (2, "ill", "agreed", "contradicts"),
        (3, "ill", "agreed", "contradicts"),
        (2, "present", "superseded", ""),
    ]


def test_a_batch_leaves_a_trace_of_its_phone_for_its_lessons_month_and_its_own() -> None:
    city, sessions, (one, _) = lessons()
    commands.sync_marks(
        actor=teacher(city),
        provider_id=city.provider_id,
        device=A,
        entries=[OfflineMark(1, sessions[0].id, one, "present")],
        at=OVER,
        key=key(),
        trace=Trace(device="cookie", network="198.51.100.7"),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, subject_id, octet_length(device), octet_length(network), month FROM trace ORDER BY month"
        )
        one_trace = ("mark", MarkBatch.objects.get().id, 16, 16)
        assert cursor.fetchall() == [(*one_trace, date(2026, 9, 1)), (*one_trace, date(2026, 10, 1))]


def test_a_teacher_sees_the_days_lessons_of_his_own_with_names_and_one_audited_read() -> None:
    city, sessions, (one, two) = lessons()
    mine = Session.objects.get(id=sessions[0].id)
    Teacher.objects.filter(id=mine.teacher_id).update(user_id=None)
    ((_, _, other_place),) = enrolled(city, add_group(city))
    plan(city)
    sync(city, A, [(1, mine.id, one, "present")])
    sync(city, B, [(1, mine.id, one, "ill")])

    def shown(actor: Actor, **which: Any) -> list[queries.LessonToMark]:
        day = date(2026, 9, 1)
        return queries.lessons_to_mark(actor=actor, provider_id=city.provider_id, first=day, last=day, at=AT, **which)

    (lesson,) = shown(manager(city), teacher_id=mine.teacher_id)
    assert [(c.enrolment_id, c.given, c.value, c.is_contested) for c in lesson.children] == [
        (one, "Айша", "present", True),
        (two, "Айша", None, False),
    ]
    (event,) = readings("read_lessons")
    assert event.subject_kind == "child"
    assert event.subject_ids == sorted(c.child_id for c in lesson.children)
    assert {c.enrolment_id for one_lesson in shown(manager(city)) for c in one_lesson.children} == {
        one,
        two,
        other_place,
    }
    assert shown(teacher(city)) == []  # this user is no teacher of any lesson
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        Teacher.objects.filter(id=mine.teacher_id).update(user_id=310)
        cursor.execute("SET session_replication_role = origin")
    assert [one_lesson.session.id for one_lesson in shown(teacher(city))] == [mine.id]
    with pytest.raises(Forbidden):
        shown(manager(make_city()))


def test_a_groups_month_shows_every_lesson_and_each_childs_marks() -> None:
    city, sessions, (one, two) = lessons()
    cancel(city, sessions[1].id)
    mark(city, [(sessions[0].id, one, "present"), (sessions[2].id, two, "ill")])
    month = queries.group_month(actor=manager(city), group_id=sessions[0].group_id, month=FIRST, at=OVER)
    assert [s.state for s in month.sessions][:3] == ["held", "cancelled", "held"]
    values = {child.enrolment_id: child.values for child in month.children}
    assert (values[one][sessions[0].id], values[one][sessions[2].id]) == ("present", None)
    assert (values[two][sessions[0].id], values[two][sessions[2].id]) == (None, "ill")


# Three phones, two of them one teacher's; words arrive in batches, in any order, some twice.
PHONES = ((A, 310), (B, 310), (C, 311))
SPOKEN = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.sampled_from(("present", "ill", "absent"))),
    min_size=1,
    max_size=14,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(SPOKEN, st.data())
def test_whatever_the_network_does_every_word_is_kept_once_and_the_end_is_the_models(
    spoken: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    city, sessions, places = lessons()
    spots = [(s.id, e) for s in sessions[:2] for e in places]
    words = [(phone_no, (n, *spots[spot], value)) for n, (phone_no, spot, value) in enumerate(spoken, 1)]
    extra = data.draw(st.lists(st.sampled_from(words), max_size=10))
    stream = data.draw(st.permutations([*words, *extra]))
    arrived: list[Word] = []
    while stream:
        phone_no = stream[0][0]
        size = data.draw(st.integers(1, len(stream)))
        batch = [word for sender, word in stream[:size] if sender == phone_no]
        stream = [s for s in stream[:size] if s[0] != phone_no] + stream[size:]
        device, user_id = PHONES[phone_no]
        heard = sync(city, device, batch, user_id=user_id)
        known = set(arrived)
        for (counter, session, enrolment, value), (fate, _) in zip(batch, heard, strict=True):
            word = (user_id, device, counter, session, enrolment, value)
            assert (fate == "repeated") is (word in known), "repeated is said of what was heard before, and only of it"
            known.add(word)
            arrived.append(word)
    rows = Mark.objects.filter(session_id__in=[s.id for s in sessions])
    devices = dict(MarkBatch.objects.values_list("id", "device"))
    marks = {
        (m.session_id, m.enrolment_id): (
            m.marked_by,
            devices[m.batch_id or 0],
            m.counter or 0,
            m.session_id,
            m.enrolment_id,
            m.value,
        )
        for m in rows
    }
    kept = MarkObjection.objects.filter(provider_id=city.provider_id)
    beside = {(o.said_by, o.device, o.counter, o.session_id, o.enrolment_id, o.value): o.state for o in kept}
    assert (marks, beside) == expected(arrived)
    assert len(marks) + kept.count() == len(words)


def test_control_the_model_is_missed_when_a_later_counter_is_not_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    city, sessions, (one, _) = lessons()
    spot = (sessions[0].id, one)
    monkeypatch.setattr("qosymsha.domain.attendance.rules.marks.Said.is_same_phone", lambda *_: False)
    sync(city, A, [(1, *spot, "absent"), (2, *spot, "present")])
    said = [(310, A, 1, *spot, "absent"), (310, A, 2, *spot, "present")]
    marks, _ = expected(said)
    assert marks[spot][5] == "present"
    assert Mark.objects.get().value == "absent"


def test_marks_are_read_for_late_ones_only_of_the_month_asked_for() -> None:
    city, sessions, (one, _) = lessons()
    mark(city, [(sessions[0].id, one, "present")], at=local_instant(date(2026, 9, 20)))
    late = queries.late_marks(actor=manager(city), provider_id=city.provider_id, month=date(2026, 10, 1), at=OVER)
    assert late == []
