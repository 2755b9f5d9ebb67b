"""Phones' words folded into marks: the end does not depend on the order in which they arrive."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.attendance.rules import (
    AttendanceRefusal,
    Fate,
    Fold,
    OfflineMark,
    Said,
    Standing,
    is_late,
    readable,
)
from qosymsha.domain.attendance.states import ObjectionState
from qosymsha.kernel.clock import ZONE, local_instant
from tests.factories.words import expected

AT = local_instant(date(2026, 9, 1), 16)
VALUES = ("present", "ill", "absent")


def said(phone: int, counter: int, value: str, spot: tuple[int, int] = (1, 1)) -> Said:
    """A word of one of the phones; every phone has its own teacher but the first two."""
    return Said(OfflineMark(counter, *spot, value), max(phone, 1), UUID(int=phone), 1, AT)


def test_each_fate_of_a_word() -> None:
    fold = Fold({}, set())
    why = AttendanceRefusal
    steps = [
        (said(0, 2, "present"), None, (Fate.STORED, None)),
        (said(0, 2, "present"), None, (Fate.REPEATED, None)),
        (said(0, 1, "absent"), None, (Fate.SUPERSEDED, None)),
        (said(0, 2, "ill"), None, (Fate.OBJECTION, why.COUNTER_REUSED)),
        (said(5, 1, "present"), None, (Fate.AGREED, None)),
        (said(5, 2, "absent"), None, (Fate.OBJECTION, why.CONTRADICTS)),
        (said(0, 3, "absent"), None, (Fate.STORED, None)),
        (said(0, 2, "present"), None, (Fate.REPEATED, None)),
        (said(0, 4, "absent"), why.SHEET_SENT, (Fate.AGREED, None)),
        (said(0, 5, "ill"), why.SHEET_SENT, (Fate.OBJECTION, why.SHEET_SENT)),
        (said(5, 3, "ill", (1, 2)), why.LESSON_CANCELLED, (Fate.OBJECTION, why.LESSON_CANCELLED)),
    ]
    for word, objection, (fate, reason) in steps:
        verdict = fold.take(word, objection)
        assert (verdict.fate, verdict.reason) == (fate, reason), word
    states = {(w.device.int, w.mark.counter, w.mark.value): state for w, state, _ in fold.settled_beside()}
    # What was judged against `present` is judged anew against `absent`, which the same phone said later.
    assert states[5, 1, "present"] is ObjectionState.OPEN
    assert states[5, 2, "absent"] is ObjectionState.AGREED
    assert states[0, 2, "present"] is ObjectionState.SUPERSEDED


def test_a_mark_of_a_person_is_objected_to_by_every_phone_that_says_otherwise() -> None:
    fold = Fold({(1, 1): Standing("absent", None)}, {said(0, 1, "present").word})
    assert fold.take(said(0, 1, "present"), None).fate is Fate.REPEATED
    assert fold.take(said(0, 2, "present"), None).reason is AttendanceRefusal.CONTRADICTS
    assert fold.take(said(0, 3, "absent"), None).fate is Fate.AGREED


WORDS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(((1, 1), (1, 2))), st.sampled_from(VALUES)), min_size=1, max_size=12
)


@given(WORDS, st.data())
def test_every_word_is_the_mark_or_stands_beside_it_once_in_whatever_order_and_however_often(
    spoken: list[tuple[int, tuple[int, int], str]], data: st.DataObject
) -> None:
    words = [said(phone, counter, value, spot) for counter, (phone, spot, value) in enumerate(spoken, 1)]
    extra = data.draw(st.lists(st.sampled_from(words), max_size=8))
    order = data.draw(st.permutations([*words, *extra]))
    fold = Fold({}, set())
    for word in order:
        fold.take(word, None)
    marks = {spot: stands.said.word for spot, stands in fold.standing.items() if stands.said}
    beside = {word.word: state for word, state, _ in fold.settled_beside()}
    assert (marks, beside) == expected([word.word for word in order])
    assert len(fold.beside) + len(marks) == len(words)


def test_late_is_by_the_servers_time_and_a_clock_without_zone_is_kazakhstans() -> None:
    assert not is_late(AT, AT + timedelta(hours=24), 24)
    assert is_late(AT, AT + timedelta(hours=24, seconds=1), 24)
    claim = readable(OfflineMark(1, 1, 1, "present", datetime(2026, 9, 1, 16))).recorded_at  # noqa: DTZ001
    assert claim is not None
    assert claim.tzinfo is ZONE
    for year in (1, 9999):  # could be stored, and never read again
        assert readable(OfflineMark(1, 1, 1, "present", datetime(year, 1, 1, tzinfo=ZONE))).recorded_at is None
