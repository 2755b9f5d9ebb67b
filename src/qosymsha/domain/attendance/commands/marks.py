"""Marks: made online in bulk, sent by phones that had no network, put right by the manager; objections resolved."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import queries, steps
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.queries import ObjectionFacts
from qosymsha.domain.attendance.queries.departments import of_others
from qosymsha.domain.attendance.rules import (
    BATCH_LIMIT,
    REASONS,
    AttendanceRefusal,
    Correction,
    Fate,
    Fold,
    MarkRow,
    OfflineMark,
    Place,
    Resolution,
    Said,
    SessionFacts,
    Trace,
    Verdict,
    has_left,
    is_late,
    readable,
    refuse_entry,
    refuse_mark,
)
from qosymsha.domain.attendance.rules.marks import MAX_NUMBER, Spot
from qosymsha.domain.attendance.states import ObjectionState, Topic
from qosymsha.domain.people.states import Role
from qosymsha.domain.providers import queries as providers
from qosymsha.domain.vouchers.rules import outcomes_of, unpacked
from qosymsha.domain.vouchers.steps import Deed, begin, conclude, keep, record
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused, RowOutcome

GAPS_TOLD = 100


@transaction.atomic(durable=True)
def mark_sessions(
    *, actor: Actor, provider_id: int, marks: Sequence[MarkRow], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Store the provider's marks: present, ill, excused or absent, once per child and session; ids are enrolments.

    A mark repeated with the same value answers as the first time; with another it is refused `duplicate`. Marked
    sessions were held. Marks of a month whose sheet has left are refused `sheet_sent`.

    Raises:
        Forbidden: the actor does not work for this provider.
    """
    require(actor, Action.MARK, ALLOWED, provider_id=provider_id)
    deed = Deed(actor, Action.MARK, at, key)
    steps.lock_marks(provider_id)
    seen = begin(
        deed, [provider_id, len(marks), _fingerprint([f"{m.session_id} {m.enrolment_id} {m.value}" for m in marks])]
    )
    if seen is not None:
        return _answers(marks, seen)
    sessions = queries.sessions_by_id(provider_id, {m.session_id for m in marks})
    foreign = queries.not_own(actor, provider_id, sessions)
    fresh, refused = _judge(deed, marks, sessions, foreign)
    steps.copy_marks(deed, fresh)
    held = sorted({session.id for _, session, _ in fresh})
    steps.hold_sessions(held)
    steps.settle_again(held)
    record(deed, Topic.MARKED, "session", held, provider_id=provider_id, marks=len(fresh))
    kept = {"no": {str(row): reason.value for row, reason in refused.items()}}
    keep(deed, kept)
    return _answers(marks, kept)


def _fingerprint(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _answers(marks: Sequence[MarkRow], kept: Mapping[str, Any]) -> list[RowOutcome]:
    refused = {int(row): REASONS[reason] for row, reason in kept["no"].items()}
    return [
        RowOutcome(row, None, refused[row]) if row in refused else RowOutcome(row, mark.enrolment_id)
        for row, mark in enumerate(marks)
    ]


def _judge(
    deed: Deed, marks: Sequence[MarkRow], sessions: Mapping[int, SessionFacts], foreign: Collection[int]
) -> tuple[list[tuple[MarkRow, SessionFacts, Place]], dict[int, AttendanceRefusal]]:
    places = queries.places({m.enrolment_id for m in marks})
    left = queries.left_months({s.group_id for s in sessions.values()})
    made = queries.marks_of(sessions)
    fresh, refused = [], {}
    for row, mark in enumerate(marks):
        session, place = sessions.get(mark.session_id), places.get(mark.enrolment_id)
        before = made.get((mark.session_id, mark.enrolment_id))
        reason = None
        if mark.session_id in foreign:
            reason = AttendanceRefusal.NOT_YOUR_LESSON
        elif before is None:
            reason = refuse_mark(mark.value, session, place, left, deed.at)
        elif before != mark.value:
            reason = AttendanceRefusal.DUPLICATE
        if reason is not None:
            refused[row] = reason
        elif before is None and session is not None and place is not None:
            made[mark.session_id, mark.enrolment_id] = mark.value
            fresh.append((mark, session, place))
    return fresh, refused


@dataclass(frozen=True, slots=True)
class Synced:
    """What a phone hears: an outcome per entry (`detail`: a `Fate`, "" where not kept), and the counters it owes."""

    outcomes: list[RowOutcome]
    missing_counters: list[tuple[int, int]]


@transaction.atomic(durable=True)
def sync_marks(  # noqa: PLR0913 (whose, from which phone and network, what; and the envelope of every verb)
    *,
    actor: Actor,
    provider_id: int,
    device: UUID,
    entries: Sequence[OfflineMark],
    at: datetime,
    key: UUID,
    trace: Trace | None = None,
) -> Synced:
    """Take marks that a phone made without network: at most 200, in any order, twice, from several phones.

    Every word is kept once. It becomes the mark (`stored`, or `late`), was here before (`repeated`), says what the mark
    says (`agreed`), was taken back by the same phone (`superseded`), or objects (`objection` with its reason) until a
    person resolves it. Refused and not kept are only entries that name no lesson of this provider or no known value.
    `device` is the installation's own random id; ids of outcomes are enrolments. An empty batch asks for gaps.

    Raises:
        Forbidden: the actor does not work for this provider.
        Refused: batch_too_large; key_reused.
    """
    require(actor, Action.SYNC, ALLOWED, provider_id=provider_id)
    if len(entries) > BATCH_LIMIT:
        raise Refused(AttendanceRefusal.BATCH_TOO_LARGE, most=BATCH_LIMIT)
    deed, entries = Deed(actor, Action.SYNC, at, key), [readable(entry) for entry in entries]
    steps.lock_marks(provider_id)
    body = _fingerprint([f"{e.counter} {e.session_id} {e.enrolment_id} {e.value} {e.recorded_at}" for e in entries])
    seen = begin(deed, [provider_id, device.hex, len(entries), body])
    if seen is not None:
        return _synced(entries, seen)
    counters = steps.counters_of(entries, MAX_NUMBER)
    missing = steps.note_counters(deed, device, counters, GAPS_TOLD)
    verdicts: list[Verdict] = []
    if counters:
        batch_id = steps.open_batch(deed, provider_id, device, counters)
        steps.trace_batch(batch_id, [e.session_id for e in entries], trace, at)
        verdicts = _take(deed, provider_id, [Said(entry, actor.user_id, device, batch_id, at) for entry in entries])
    else:
        verdicts = [Verdict(None, AttendanceRefusal.COUNTER_UNREADABLE) for _ in entries]
    kept = {
        "fates": [v.fate.value if v.fate else "" for v in verdicts],
        "no": {str(row): v.reason.value for row, v in enumerate(verdicts) if v.reason},
        "missing": missing,
    }
    keep(deed, kept)
    return _synced(entries, kept)


def _synced(entries: Sequence[OfflineMark], kept: Mapping[str, Any]) -> Synced:
    reasons = {int(row): REASONS[reason] for row, reason in kept["no"].items()}
    outcomes = [
        RowOutcome(row, entry.enrolment_id if fate else None, reasons.get(row), fate)
        for row, (entry, fate) in enumerate(zip(entries, kept["fates"], strict=True))
    ]
    return Synced(outcomes, [(first, last) for first, last in kept["missing"]])


def _take(deed: Deed, provider_id: int, words: Sequence[Said]) -> list[Verdict]:
    """Fold the words into the marks and store what comes of it; a verdict per word."""
    sessions = queries.sessions_by_id(
        provider_id, {w.mark.session_id for w in words if 0 < w.mark.session_id <= MAX_NUMBER}
    )
    foreign = queries.not_own(deed.actor, provider_id, sessions)
    refused = [refuse_entry(w.mark, sessions, foreign) for w in words]
    good = [w for w, reason in zip(words, refused, strict=True) if reason is None]
    places = queries.places({w.mark.enrolment_id for w in good})
    left = queries.left_months({s.group_id for s in sessions.values()})
    fold = Fold(
        queries.standing_marks(sessions, {w.mark.spot for w in good}),
        queries.words_of(deed.actor.user_id, words[0].device, list(sessions)),
    )
    verdicts = []
    for word, reason in zip(words, refused, strict=True):
        if reason is not None:
            verdicts.append(Verdict(None, reason))
            continue
        session, place = sessions[word.mark.session_id], places.get(word.mark.enrolment_id)
        verdicts.append(fold.take(word, refuse_mark(word.mark.value, session, place, left, deed.at)))
    _store(deed, provider_id, fold, sessions, places)
    return _with_lateness(words, verdicts, sessions)


def _store(
    deed: Deed,
    provider_id: int,
    fold: Fold,
    sessions: Mapping[int, SessionFacts],
    places: Mapping[int, Place],
) -> None:
    steps.copy_words(list(fold.fresh.values()), sessions, places)
    steps.replace_words(list(fold.replaced.values()), sessions)
    changed = [*fold.fresh, *fold.replaced]
    steps.settle_again([session_id for session_id, _ in changed])
    beside = fold.settled_beside()
    steps.keep_words(provider_id, beside, sessions)
    held = sorted({session_id for session_id, _ in changed})
    steps.hold_sessions(held)
    objections = sum(state is ObjectionState.OPEN for _, state, _ in beside)
    record(deed, Topic.SYNCED, "session", held, provider_id=provider_id, marks=len(changed), objections=objections)


def _with_lateness(
    words: Sequence[Said], verdicts: Sequence[Verdict], sessions: Mapping[int, SessionFacts]
) -> list[Verdict]:
    hours = queries.late_after_hours(sessions.values())
    told = []
    for word, verdict in zip(words, verdicts, strict=True):
        session = sessions.get(word.mark.session_id)
        if verdict.fate is Fate.STORED and session is not None:
            limit = hours.get((session.programme_id, session.on.replace(day=1)))
            if limit is not None and is_late(session.ends_at, word.received_at, limit):
                told.append(Verdict(Fate.LATE))
                continue
        told.append(verdict)
    return told


@transaction.atomic(durable=True)
def amend_marks(
    *, actor: Actor, provider_id: int, corrections: Sequence[Correction], at: datetime, key: UUID
) -> list[RowOutcome]:
    """The manager puts marks right, with reasons, while the sheet has not left or was returned; ids are enrolments.

    What the mark was, and who had said so, stays in `mark_change`.

    Raises:
        Forbidden: the actor is not this provider's manager.
    """
    require(actor, Action.AMEND, ALLOWED, provider_id=provider_id)
    deed = Deed(actor, Action.AMEND, at, key)
    steps.lock_marks(provider_id)
    seen = begin(deed, [provider_id, [[c.session_id, c.enrolment_id, c.value, c.reason] for c in corrections]])
    if seen is not None:
        return unpacked(seen, REASONS)
    ground = _ground(provider_id, [(c.session_id, c.enrolment_id) for c in corrections])
    rights: dict[int, steps.Right] = {}
    refused: dict[int, StrEnum] = {}
    for row, c in enumerate(corrections):
        found = _right(ground, rights.values(), c, at)
        if isinstance(found, AttendanceRefusal):
            refused[row] = found
        else:
            rights[row] = found
    _put_right(deed, provider_id, list(rights.values()))
    ids = {row: right.enrolment_id for row, right in rights.items()}
    outcomes = outcomes_of(len(corrections), ids, refused)
    return conclude(deed, Topic.MARK_CHANGED, "enrolment", outcomes)


def _put_right(deed: Deed, provider_id: int, rights: Sequence[steps.Right]) -> None:
    steps.put_right(deed, provider_id, rights)
    steps.settle_again([right.session.id for right in rights])
    steps.hold_sessions(sorted({right.session.id for right in rights}))


@dataclass(frozen=True, slots=True)
class _Ground:
    """What corrections are judged against."""

    sessions: Mapping[int, SessionFacts]
    places: Mapping[int, Place]
    left: set[tuple[int, date]]
    values: Mapping[Spot, str]


def _ground(provider_id: int, spots: Sequence[Spot]) -> _Ground:
    sessions = queries.sessions_by_id(provider_id, {s for s, _ in spots})
    standing = queries.standing_marks(sessions, set(spots))
    return _Ground(
        sessions,
        queries.places({e for _, e in spots}),
        queries.left_months({s.group_id for s in sessions.values()}),
        {spot: stands.value for spot, stands in standing.items()},
    )


def _right(
    ground: _Ground,
    earlier: Any,
    wish: Correction,
    at: datetime,
    objection: ObjectionFacts | None = None,
) -> steps.Right | AttendanceRefusal:
    """The mark as it will be, or why not; a mark that was never made is made only on a phone's word."""
    session, place = ground.sessions.get(wish.session_id), ground.places.get(wish.enrolment_id)
    reason = refuse_mark(wish.value, session, place, ground.left, at)
    if reason is not None or session is None or place is None:
        return reason or AttendanceRefusal.UNKNOWN_SESSION
    if any((r.session.id, r.enrolment_id) == (wish.session_id, wish.enrolment_id) for r in earlier):
        return AttendanceRefusal.NAMED_TWICE
    before = ground.values.get((wish.session_id, wish.enrolment_id))
    if before is None and objection is None:
        return AttendanceRefusal.NO_MARK
    if before == wish.value:
        return AttendanceRefusal.NOTHING_CHANGES
    if not wish.reason.strip():
        return AttendanceRefusal.REASON_MISSING
    number = objection.id if objection else None
    return steps.Right(session, wish.enrolment_id, place, wish.value, wish.reason.strip(), number)


@transaction.atomic(durable=True)
def resolve_objections(
    *, actor: Actor, provider_id: int, resolutions: Sequence[Resolution], at: datetime, key: UUID
) -> list[RowOutcome]:
    """Resolve open objections, with a reason: upheld, the phone's word becomes the mark; dismissed, the mark stays.

    The manager may until the month's sheet leaves, and again when it came back; a checker may dismiss at any time. No
    word becomes a mark of a month that has left (`sheet_sent`). Ids are objections.

    Raises:
        Forbidden: the actor is neither this provider's manager nor a checker of its territory.
    """
    facts = providers.provider_facts([provider_id]).get(provider_id)
    territory_id = facts.territory_id if facts else None
    require(actor, Action.RESOLVE, ALLOWED, provider_id=provider_id, territory_id=territory_id)
    deed = Deed(actor, Action.RESOLVE, at, key)
    steps.lock_marks(provider_id)
    seen = begin(deed, [provider_id, [[r.objection_id, r.is_upheld, r.reason] for r in resolutions]])
    if seen is not None:
        return unpacked(seen, REASONS)
    is_checker = actor.holds({Role.CHECKER}, territory_id=territory_id)
    others = of_others(actor, ALLOWED[Action.RESOLVE], "mark_objection", [r.objection_id for r in resolutions])
    wanted = [r.objection_id for r in resolutions if r.objection_id not in others]
    objections = queries.objections_by_id(provider_id, wanted)
    ground = _ground(provider_id, [(o.session_id, o.enrolment_id) for o in objections.values()])
    rights: dict[int, steps.Right] = {}
    done: dict[int, Resolution] = {}
    refused: dict[int, StrEnum] = {}
    for row, wish in enumerate(resolutions):
        objection = objections.get(wish.objection_id)
        reason = _refuse_resolution(wish, objection, ground, is_checker)
        if objection is not None and reason is None and wish.is_upheld:
            correction = Correction(objection.session_id, objection.enrolment_id, objection.value, wish.reason)
            found = _right(ground, rights.values(), correction, at, objection)
            reason = found if isinstance(found, AttendanceRefusal) else None
            if isinstance(found, steps.Right):
                rights[row] = found
        if reason is None and wish.objection_id in {r.objection_id for r in done.values()}:
            reason = AttendanceRefusal.NAMED_TWICE
        if reason is not None:
            refused[row] = reason
        else:
            done[row] = wish
    steps.resolve(deed, list(done.values()))
    _put_right(deed, provider_id, list(rights.values()))
    ids = {row: wish.objection_id for row, wish in done.items()}
    return conclude(deed, Topic.OBJECTION_RESOLVED, "mark_objection", outcomes_of(len(resolutions), ids, refused))


def _refuse_resolution(
    wish: Resolution, objection: ObjectionFacts | None, ground: _Ground, is_checker: bool
) -> AttendanceRefusal | None:
    if objection is None:
        return AttendanceRefusal.UNKNOWN_OBJECTION
    if objection.state != ObjectionState.OPEN:
        return AttendanceRefusal.WRONG_STATE
    if not wish.reason.strip():
        return AttendanceRefusal.REASON_MISSING
    is_out = has_left(ground.sessions[objection.session_id], ground.left)
    return AttendanceRefusal.SHEET_SENT if is_out and (wish.is_upheld or not is_checker) else None
