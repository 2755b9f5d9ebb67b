"""The rotating code at the venue, and who may check a child in with it: pure. Source: docs/rules/presence.md."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from qosymsha.domain.attendance.states import CheckInKind, SessionState
from qosymsha.domain.programmes.rules import Presence

CODE_LENGTH = 8
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U
_READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})


class PresenceRefusal(StrEnum):
    """Why a scan at the venue, or a card read, does not count (R-20 … R-29)."""

    UNKNOWN_CODE = "unknown_code"
    CODE_EXPIRED = "code_expired"
    NO_PLACE = "no_place"
    OTHER_GROUP = "other_group"
    OUTSIDE_LESSON = "outside_lesson"
    LESSON_CANCELLED = "lesson_cancelled"
    ALREADY_CHECKED_IN = "already_checked_in"
    UPLOADED_TOO_LATE = "uploaded_too_late"
    TOO_MANY_SCANS = "too_many_scans"
    NOT_GUARDIAN = "not_guardian"
    UNKNOWN_SESSION = "unknown_session"


PRESENCE_REASONS: dict[str, StrEnum] = {reason.value: reason for reason in PresenceRefusal}


@dataclass(frozen=True, slots=True)
class Trace:
    """What a request says of its device and network, in plain: it is hashed with the month's key before it is kept."""

    device: str = ""
    network: str = ""


@dataclass(frozen=True, slots=True)
class Scan:
    """A family's scan: whose child, the code as read or typed, the lesson's outside id where the picture gave it.

    `scanned_at` is the phone's own word for a scan made without network and sent later. `received_at` is when a
    channel's gateway took the scan: heard from a channel only, never before the last `late_upload_hours`.
    """

    child_id: int
    guardian_id: int
    code: str
    session: UUID | None = None
    scanned_at: datetime | None = None
    received_at: datetime | None = None
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class CardRead:
    """A child's card that the teacher read at a lesson: evidence only."""

    session_id: int
    enrolment_id: int


class Lesson(NamedTuple):
    """A lesson as a scan sees it; `on` is the local day."""

    id: int
    uuid: UUID
    group_id: int
    on: date
    starts_at: datetime
    ends_at: datetime
    state: str
    territory_id: int
    programme_id: int


class ChildPlace(NamedTuple):
    """A child's place in a group, with its days."""

    enrolment_id: int
    child_id: int
    group_id: int
    starts_on: date
    ends_on: date | None

    def is_on(self, day: date) -> bool:
        """True where the place holds on that day."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a scan is stored as: the lesson, the place, the code's number, and `code` or `late`."""

    lesson: Lesson
    place: ChildPlace
    step: int
    kind: CheckInKind
    at: datetime


def step_of(instant: datetime, presence: Presence) -> int:
    """The number of the code shown at an instant: whole code lengths since 1970."""
    return int(instant.timestamp()) // presence.code_seconds


def code_of(secret: bytes, lesson: UUID, group_id: int, step: int) -> str:
    """The eight characters shown for a lesson of a group in a step: 40 bits of an HMAC under the lesson's secret."""
    signed = hmac.digest(secret, f"{lesson}\0{group_id}\0{step}".encode(), hashlib.sha256)
    number = int.from_bytes(signed[:5], "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))


def code_read(text: str) -> str:
    """A typed code in the form it is shown: capitals, no spaces, letters that are read as digits put right."""
    return text.upper().translate(_READ_AS)


def window(lesson: Lesson, presence: Presence) -> tuple[datetime, datetime]:
    """From when to when a lesson's codes are shown."""
    early, late = timedelta(minutes=presence.early_minutes), timedelta(minutes=presence.late_minutes)
    return lesson.starts_at - early, lesson.ends_at + late


def steps_shown(lesson: Lesson, presence: Presence) -> range:
    """The numbers of all codes of a lesson."""
    opens, closes = window(lesson, presence)
    return range(step_of(opens, presence), step_of(closes, presence) + 1)


def match(code: str, at: datetime, lesson: Lesson, secret: bytes, presence: Presence) -> int | PresenceRefusal:
    """The step whose code this is at an instant; `code_expired` for an earlier code of the lesson."""
    now = step_of(at, presence)
    near = range(now - presence.tolerance_steps, now + presence.tolerance_steps + 1)
    for step in sorted(near, key=lambda step: abs(step - now)):
        if hmac.compare_digest(code_of(secret, lesson.uuid, lesson.group_id, step), code):
            return step
    earlier = range(steps_shown(lesson, presence).start, near.start)
    if any(code_of(secret, lesson.uuid, lesson.group_id, step) == code for step in earlier):
        return PresenceRefusal.CODE_EXPIRED
    return PresenceRefusal.UNKNOWN_CODE


def judge(  # noqa: PLR0913 (a scan, when it came, and what it is judged by)
    scan: Scan,
    at: datetime,
    lessons: Sequence[Lesson],
    places: Sequence[ChildPlace],
    secrets: Mapping[UUID, bytes],
    presence: Presence,
) -> Accepted | PresenceRefusal:
    """What a scan that came at `at` is worth, by the lessons it may be of and the child's places (R-22 … R-27).

    A code that is no code of any of these lessons tells nothing about them.
    """
    claimed = scan.scanned_at if scan.scanned_at is not None and scan.scanned_at < at else None
    code, worst = code_read(scan.code), PresenceRefusal.UNKNOWN_CODE
    if len(code) != CODE_LENGTH or not code.isascii():
        return worst
    for lesson in lessons:
        secret = secrets[lesson.uuid]
        step = match(code, at, lesson, secret, presence)
        kind = CheckInKind.CODE
        if isinstance(step, PresenceRefusal) and claimed is not None:
            step, kind = match(code, claimed, lesson, secret, presence), CheckInKind.LATE
        if isinstance(step, PresenceRefusal):
            worst = step if step is PresenceRefusal.CODE_EXPIRED else worst
            continue
        return _at_lesson(lesson, places, step, kind, at, presence)
    return worst


def _at_lesson(  # noqa: PLR0913 (a lesson, a place, a code, and when)
    lesson: Lesson, places: Sequence[ChildPlace], step: int, kind: CheckInKind, at: datetime, presence: Presence
) -> Accepted | PresenceRefusal:
    here = [p for p in places if p.is_on(lesson.on)]
    if not here:
        return PresenceRefusal.NO_PLACE
    place = next((p for p in here if p.group_id == lesson.group_id), None)
    if place is None:
        return PresenceRefusal.OTHER_GROUP
    if lesson.state in (SessionState.CANCELLED, SessionState.MOVED):
        return PresenceRefusal.LESSON_CANCELLED
    if step not in steps_shown(lesson, presence):
        return PresenceRefusal.OUTSIDE_LESSON
    shown_until = (step + 1) * presence.code_seconds
    if kind is CheckInKind.LATE and at.timestamp() - shown_until > presence.late_upload_hours * 3600:
        return PresenceRefusal.UPLOADED_TOO_LATE
    return Accepted(lesson, place, step, kind, at)


def refuse_card(
    lesson: Lesson | None,
    place: ChildPlace | None,
    at: datetime,
    presence: Presence | None,
    read: Collection[tuple[int, int]],
) -> PresenceRefusal | None:
    """The first reason against a card read, or None; `read` holds (session, enrolment) pairs of the same batch."""
    if lesson is None or presence is None:
        return PresenceRefusal.UNKNOWN_SESSION
    if place is None or place.group_id != lesson.group_id or not place.is_on(lesson.on):
        return PresenceRefusal.OTHER_GROUP
    if lesson.state in (SessionState.CANCELLED, SessionState.MOVED):
        return PresenceRefusal.LESSON_CANCELLED
    opens, closes = window(lesson, presence)
    if not opens <= at <= closes:
        return PresenceRefusal.OUTSIDE_LESSON
    return PresenceRefusal.ALREADY_CHECKED_IN if (lesson.id, place.enrolment_id) in read else None
