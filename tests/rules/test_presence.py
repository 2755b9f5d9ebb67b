"""The rotating code and what a scan is worth: pure. Source: docs/rules/presence.md."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qosymsha.domain.attendance.rules import (
    Accepted,
    CaseFacts,
    ChildPlace,
    Lesson,
    PresenceRefusal,
    Scan,
    code_of,
    code_read,
    judge,
    next_step,
    reminder,
    step_of,
    steps_shown,
)
from qosymsha.domain.programmes.rules import Absences, Presence

RULES = Presence(30, 1, 15, 15, 48, 30, scan_is_word=True)
START = datetime(2026, 9, 1, 10, tzinfo=UTC)
LESSON = Lesson(7, UUID(int=7), 5, date(2026, 9, 1), START, START + timedelta(hours=1), "held", 1, 1)
PLACE = ChildPlace(9, 3, 5, date(2026, 9, 1), None)
SECRET = b"s" * 32
OTHER = LESSON._replace(id=8, uuid=UUID(int=8), group_id=6)
SECRETS = {LESSON.uuid: SECRET, OTHER.uuid: b"o" * 32}


def shown(at: datetime, lesson: Lesson = LESSON) -> str:
    return code_of(SECRETS[lesson.uuid], lesson.uuid, lesson.group_id, step_of(at, RULES))


def heard(code: str, at: datetime, lesson: Lesson = LESSON, **more: object) -> Accepted | PresenceRefusal:
    return judge(Scan(3, 2, code, **more), at, [lesson], [PLACE], SECRETS, RULES)  # type: ignore[arg-type]


def test_the_code_is_bound_to_lesson_group_step_and_secret() -> None:
    step = step_of(START, RULES)
    codes = {
        code_of(secret, lesson, group, n)
        for secret in (SECRET, b"t" * 32)
        for lesson in (UUID(int=7), UUID(int=8))
        for group in (5, 6)
        for n in (step, step + 1)
    }
    assert len(codes) == 16


def test_the_code_is_the_first_forty_bits_of_the_hmac_in_crockfords_letters() -> None:
    signed = hmac.digest(SECRET, f"{UUID(int=7)}\0{5}\0{59608800}".encode(), hashlib.sha256)
    to_crockford = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    expected = base64.b32encode(signed[:5]).decode().translate(to_crockford)
    assert code_of(SECRET, UUID(int=7), 5, 59608800) == expected == "4JS9HSDS"


@given(st.integers(0, 2**40))
def test_a_code_has_eight_characters_that_are_not_mistaken_for_others(step: int) -> None:
    code = code_of(SECRET, LESSON.uuid, 5, step)
    assert len(code) == 8
    assert not set(code) & set("ILOU")
    assert code_read(f" {code[:4].lower()} - {code[4:]} ") == code


def test_read_as_people_write() -> None:
    assert code_read("il0O-aBcd") == "1100ABCD"


@given(st.integers(-3600, 7200), st.integers(-3600, 7200))
def test_no_code_counts_beyond_its_tolerance_nor_outside_the_lesson(made: int, sent: int) -> None:
    at, verdict = START + timedelta(seconds=sent), None
    code = shown(START + timedelta(seconds=made))
    verdict = heard(code, at)
    near = abs(made // 30 - sent // 30) <= 1
    inside = -900 <= made // 30 * 30 <= 3600 + 900
    assert isinstance(verdict, Accepted) == (near and inside)


@given(st.text(max_size=12))
def test_no_text_gives_a_traceback_and_none_is_believed_by_chance(text: str) -> None:
    assert heard(text, START) in (PresenceRefusal.UNKNOWN_CODE, PresenceRefusal.CODE_EXPIRED)


@pytest.mark.parametrize(
    ("place", "lesson", "reason"),
    [
        (PLACE, LESSON._replace(state="cancelled"), PresenceRefusal.LESSON_CANCELLED),
        (PLACE, LESSON._replace(state="moved"), PresenceRefusal.LESSON_CANCELLED),
        (PLACE, OTHER, PresenceRefusal.OTHER_GROUP),
        (PLACE._replace(starts_on=date(2026, 9, 2)), LESSON, PresenceRefusal.NO_PLACE),
        (PLACE._replace(ends_on=date(2026, 8, 31)), LESSON, PresenceRefusal.NO_PLACE),
    ],
)
def test_each_objection_has_its_own_reason(place: ChildPlace, lesson: Lesson, reason: PresenceRefusal) -> None:
    code = shown(START, lesson)
    assert judge(Scan(3, 2, code), START, [lesson], [place], SECRETS, RULES) is reason


def test_a_code_that_is_none_tells_nothing_of_the_lesson() -> None:
    for lesson in (LESSON._replace(state="cancelled"), OTHER):
        assert heard("AAAAAAAA", START, lesson) is PresenceRefusal.UNKNOWN_CODE


def test_a_late_scan_is_kept_for_the_rules_hours_and_never_as_a_word() -> None:
    code = shown(START)
    for hours, kind in ((1, "late"), (47, "late"), (49, None)):
        verdict = heard(code, START + timedelta(hours=hours), scanned_at=START)
        if kind is None:
            assert verdict is PresenceRefusal.UPLOADED_TOO_LATE
        else:
            assert isinstance(verdict, Accepted)
            assert verdict.kind == kind
    ahead = heard(code, START + timedelta(minutes=10), scanned_at=START + timedelta(days=1))
    assert ahead is PresenceRefusal.CODE_EXPIRED  # a phone's clock ahead of ours excuses nothing


def test_the_window_shows_a_code_for_every_step() -> None:
    steps = steps_shown(LESSON, RULES)
    assert len(steps) == (15 + 60 + 15) * 2 + 1
    assert len(steps_shown(LESSON, replace(RULES, early_minutes=0, late_minutes=0))) == 121


TERMS = Absences(3, 8, ("ill",), hearing_working_days=5, needs_notice=True)
DAY = date(2026, 10, 8)
CASE = CaseFacts(1, 1, 1, 1, "warned", None, "")


@pytest.mark.parametrize(
    ("case", "missed", "step"),
    [
        (None, 2, None),
        (None, 3, "warned"),
        (None, 20, "warned"),
        (CASE, 2, "back"),
        (CASE, 7, None),
        (CASE, 8, "suspended"),
        (replace(CASE, state="suspended", hear_until=DAY), 8, None),
        (replace(CASE, state="suspended", hear_until=DAY - timedelta(days=1)), 8, "released"),
        (replace(CASE, state="suspended", hear_until=DAY - timedelta(days=1), objection="x"), 8, None),
        (replace(CASE, state="suspended", hear_until=DAY - timedelta(days=1), objection="x"), 0, "back"),
    ],
)
def test_nothing_harmful_comes_first(case: CaseFacts | None, missed: int, step: str | None) -> None:
    assert next_step(case, missed, DAY, TERMS) == step


def test_reminders_come_on_the_rules_days_and_then_the_point_asks() -> None:
    due = [reminder(date(2026, 10, day), (1, 3, 5)) for day in range(1, 9)]
    assert due == ["remind", None, "remind", None, "remind", "ask", None, None]
    assert reminder(date(2026, 10, 1), ()) is None
