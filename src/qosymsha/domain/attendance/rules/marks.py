"""What becomes of marks that phones send late, twice, in any order, or against each other. Pure.

Every word that arrives is kept once: it is the mark, or it stands beside it with a state (M-1 … M-9 of
docs/rules/lessons.md). The first phone to reach the server holds the mark; its later counters replace it, those of
others never do: a person decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from qosymsha.domain.attendance.rules.lessons import VALUES, AttendanceRefusal, SessionFacts
from qosymsha.domain.attendance.states import ObjectionState
from qosymsha.kernel.clock import ZONE

BATCH_LIMIT = 200
MAX_NUMBER = 2**63 - 1
_CLAIMED_YEARS = (1970, 2199)  # what every clock and calendar between the phone and here can hold
Spot = tuple[int, int]  # (session, enrolment)


@dataclass(frozen=True, slots=True)
class OfflineMark:
    """A mark made without network; `counter` rises by one on an installation, `recorded_at` is the phone's claim."""

    counter: int
    session_id: int
    enrolment_id: int
    value: str
    recorded_at: datetime | None = None

    @property
    def spot(self) -> Spot:
        """Which child at which lesson."""
        return self.session_id, self.enrolment_id


@dataclass(frozen=True, slots=True)
class Said:
    """A phone's word as the server heard it: who, on which installation, in which batch, when it arrived."""

    mark: OfflineMark
    said_by: int
    device: UUID
    batch_id: int
    received_at: datetime

    @property
    def word(self) -> tuple[int, UUID, int, int, int, str]:
        """What makes it this word and no other."""
        m = self.mark
        return self.said_by, self.device, m.counter, m.session_id, m.enrolment_id, m.value

    def is_same_phone(self, other: Said) -> bool:
        """The same person on the same installation."""
        return self.said_by == other.said_by and self.device == other.device


@dataclass(frozen=True, slots=True)
class Standing:
    """The mark as it stands; `said` is the phone's word it is, None where made online or by a person."""

    value: str
    said: Said | None


class Fate(StrEnum):
    """What an entry's outcome says in `detail`; an empty one was not kept at all."""

    STORED = "stored"
    LATE = "late"
    REPEATED = "repeated"
    AGREED = "agreed"
    SUPERSEDED = "superseded"
    OBJECTION = "objection"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an entry hears: its fate, and the reason where it objects or was refused."""

    fate: Fate | None
    reason: AttendanceRefusal | None = None


@dataclass(slots=True)
class Fold:
    """A batch folded into the marks word by word: what to store afterwards.

    `fresh` and `replaced`: the marks to write.   `beside`: words kept beside their marks, each with state and reason.
    """

    standing: dict[Spot, Standing]
    known: set[tuple[int, UUID, int, int, int, str]]
    fresh: dict[Spot, Said] = field(default_factory=dict)
    replaced: dict[Spot, Said] = field(default_factory=dict)
    beside: list[tuple[Said, ObjectionState, AttendanceRefusal | None]] = field(default_factory=list)

    def take(self, said: Said, objection: AttendanceRefusal | None) -> Verdict:
        """Fold one word in; `objection` says why it may not become the mark (sheet sent, cancelled …), or None."""
        stands = self.standing.get(said.mark.spot)
        is_standing = stands is not None and stands.said is not None and stands.said.word == said.word
        if is_standing or said.word in self.known:
            return Verdict(Fate.REPEATED)
        self.known.add(said.word)
        if stands is None:
            return self._object(said, objection) if objection else self._store(said)
        holder = stands.said
        if holder is not None and holder.is_same_phone(said):
            return self._after_own(said, stands, holder, objection)
        if stands.value == said.mark.value:
            return self._keep(said, ObjectionState.AGREED, None, Fate.AGREED)
        return self._object(said, objection or AttendanceRefusal.CONTRADICTS)

    def _after_own(self, said: Said, stands: Standing, holder: Said, objection: AttendanceRefusal | None) -> Verdict:
        if said.mark.counter < holder.mark.counter:
            return self._keep(said, ObjectionState.SUPERSEDED, None, Fate.SUPERSEDED)
        if said.mark.counter == holder.mark.counter:
            return self._object(said, AttendanceRefusal.COUNTER_REUSED)
        if objection is None:
            self.known.add(holder.word)
            self.beside.append((holder, ObjectionState.SUPERSEDED, None))
            return self._store(said)
        if stands.value == said.mark.value:
            return self._keep(said, ObjectionState.AGREED, None, Fate.AGREED)
        return self._object(said, objection)

    def _store(self, said: Said) -> Verdict:
        spot = said.mark.spot
        is_first = spot not in self.standing or spot in self.fresh
        (self.fresh if is_first else self.replaced)[spot] = said
        self.standing[spot] = Standing(said.mark.value, said)
        return Verdict(Fate.STORED)

    def _object(self, said: Said, reason: AttendanceRefusal) -> Verdict:
        self.beside.append((said, ObjectionState.OPEN, reason))
        return Verdict(Fate.OBJECTION, reason)

    def _keep(self, said: Said, state: ObjectionState, reason: AttendanceRefusal | None, fate: Fate) -> Verdict:
        self.beside.append((said, state, reason))
        return Verdict(fate)

    def settled_beside(self) -> list[tuple[Said, ObjectionState, AttendanceRefusal | None]]:
        """The words beside the marks, judged against the marks as the whole batch left them."""
        return [(said, *self._settled(said, state, reason)) for said, state, reason in self.beside]

    def _settled(
        self, said: Said, state: ObjectionState, reason: AttendanceRefusal | None
    ) -> tuple[ObjectionState, AttendanceRefusal | None]:
        stands = self.standing.get(said.mark.spot)
        if stands is None or state is ObjectionState.SUPERSEDED:
            return state, reason
        holder = stands.said
        if holder is not None and holder.is_same_phone(said) and said.mark.counter < holder.mark.counter:
            return ObjectionState.SUPERSEDED, reason
        if stands.value == said.mark.value:
            return ObjectionState.AGREED, reason
        return ObjectionState.OPEN, reason or AttendanceRefusal.CONTRADICTS


def refuse_entry(
    entry: OfflineMark, sessions: Mapping[int, SessionFacts], foreign: Collection[int] = ()
) -> AttendanceRefusal | None:
    """Why an entry can't be kept at all: no counter, no lesson of this provider, no such value, no place (M-1).

    `foreign` are lessons that the rules let only another teacher mark (M-11).
    """
    if not 0 < entry.counter < MAX_NUMBER:
        return AttendanceRefusal.COUNTER_UNREADABLE
    if entry.session_id not in sessions:
        return AttendanceRefusal.UNKNOWN_SESSION
    if entry.session_id in foreign:
        return AttendanceRefusal.NOT_YOUR_LESSON
    if entry.value not in VALUES:
        return AttendanceRefusal.UNKNOWN_VALUE
    return None if 0 < entry.enrolment_id <= MAX_NUMBER else AttendanceRefusal.NOT_ENROLLED


def readable(entry: OfflineMark) -> OfflineMark:
    """The entry with a clock that can be kept: without a zone it is Kazakhstan's, centuries away it says nothing."""
    claim = entry.recorded_at
    if claim is None:
        return entry
    if not _CLAIMED_YEARS[0] <= claim.year <= _CLAIMED_YEARS[1]:
        return replace(entry, recorded_at=None)
    return entry if claim.tzinfo else replace(entry, recorded_at=claim.replace(tzinfo=ZONE))


def is_late(ends_at: datetime, marked_at: datetime, late_after_hours: int) -> bool:
    """More hours after the lesson's end than the rules give; the server's time counts (M-7)."""
    return marked_at > ends_at + timedelta(hours=late_after_hours)


@dataclass(frozen=True, slots=True)
class Correction:
    """A mark that a person puts right, with the reason."""

    session_id: int
    enrolment_id: int
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """A person's word on an objection: upheld (it becomes the mark) or dismissed, with the reason."""

    objection_id: int
    is_upheld: bool
    reason: str
