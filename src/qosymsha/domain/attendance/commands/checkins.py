"""Checking in at the venue: the family's scan of the rotating code; a child's card read by the teacher."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction

from qosymsha.domain.attendance import queries, steps
from qosymsha.domain.attendance.access import ALLOWED, Action
from qosymsha.domain.attendance.rules import (
    PRESENCE_REASONS,
    Accepted,
    CardRead,
    ChildPlace,
    Lesson,
    PresenceRefusal,
    Scan,
    Trace,
    judge,
    refuse_card,
)
from qosymsha.domain.attendance.states import CheckInKind, TraceKind
from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.programmes.rules import Presence
from qosymsha.domain.vouchers.access import may_speak
from qosymsha.domain.vouchers.rules import outcomes_of, packed, unpacked
from qosymsha.domain.vouchers.steps import Deed, begin
from qosymsha.domain.vouchers.steps import keep as keep_outcome
from qosymsha.kernel import audit
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import Refused, RowOutcome

_HOUR = timedelta(hours=1)


def check_in(*, actor: Actor, scan: Scan, at: datetime, key: UUID) -> RowOutcome:
    """A family checks its child in; the outcome's id is the place, its detail `code` or `late` (evidence only).

    A refused attempt is kept, so it is raised only after it was committed.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
        Refused: a `PresenceRefusal`.
    """
    (outcome,) = check_in_children(actor=actor, scans=[scan], at=at, key=key)
    if outcome.reason is not None:
        raise Refused(outcome.reason)
    return outcome


@transaction.atomic(durable=True)
def check_in_children(*, actor: Actor, scans: Sequence[Scan], at: datetime, key: UUID) -> list[RowOutcome]:
    """Families' scans of the rotating code, by server time; ids are places, `detail` says `code` or `late`.

    Each is judged for itself: signed for its lesson, group and half minute, once per child and lesson. A scan made
    without network and sent later is kept as `late`: evidence, never a party. Refused attempts are kept by ids.

    Raises:
        Forbidden: the actor may not bring guardians' words at all.
    """
    require(actor, Action.CHECK_IN, ALLOWED)
    deed = Deed(actor, Action.CHECK_IN, at, key)
    seen = begin(deed, [len(scans), _fingerprint(scans)])
    if seen is not None:
        return _named(unpacked(seen, PRESENCE_REASONS), {int(row): kind for row, kind in seen["kinds"].items()})
    facts = _facts(actor, scans, at)
    accepted: dict[int, Accepted] = {}
    refused: dict[int, PresenceRefusal] = {}
    for row, scan in enumerate(scans):
        verdict = _verdict(actor, scan, facts, at)
        if isinstance(verdict, Accepted):
            accepted[row] = verdict
        else:
            refused[row] = verdict
    refused |= _store(scans, accepted)
    kept = {row: a for row, a in accepted.items() if row not in refused}
    steps.write_refusals([(scans[row], reason, facts.named(scans[row])) for row, reason in refused.items()], at)
    _leave_traces(scans, kept, at)
    return _concluded(deed, len(scans), kept, refused)


@transaction.atomic(durable=True)
def read_cards(  # noqa: PLR0913 (whose, which, from where; and the envelope of every verb)
    *, actor: Actor, provider_id: int, reads: Sequence[CardRead], trace: Trace | None = None, at: datetime, key: UUID
) -> list[RowOutcome]:
    """The teacher read children's cards at a lesson: evidence, never a party. Ids are places.

    Raises:
        Forbidden: the actor does not work for this provider.
    """
    require(actor, Action.READ_CARD, ALLOWED, provider_id=provider_id)
    deed = Deed(actor, Action.READ_CARD, at, key)
    seen = begin(deed, [provider_id, [[r.session_id, r.enrolment_id] for r in reads]])
    if seen is not None:
        return unpacked(seen, PRESENCE_REASONS)
    lessons = queries.lessons_by_id({r.session_id for r in reads}, provider_id)
    places = queries.places_by_id({r.enrolment_id for r in reads})
    terms = queries.presence_rules(lessons.values())
    fresh: dict[int, tuple[CardRead, Lesson, ChildPlace]] = {}
    refused: dict[int, PresenceRefusal] = {}
    read: set[tuple[int, int]] = set()
    for row, one in enumerate(reads):
        lesson, place = lessons.get(one.session_id), places.get(one.enrolment_id)
        reason = refuse_card(lesson, place, at, _of(terms, lesson) if lesson else None, read)
        if reason is None and lesson is not None and place is not None:
            fresh[row] = (one, lesson, place)
            read.add((one.session_id, one.enrolment_id))
        elif reason is not None:
            refused[row] = reason
    stored = steps.write_card_reads(deed, list(fresh.values()))
    for row, (one, _, _) in fresh.items():
        if (one.session_id, one.enrolment_id) not in stored:
            refused[row] = PresenceRefusal.ALREADY_CHECKED_IN
    ids = {row: one.enrolment_id for row, (one, _, _) in fresh.items() if row not in refused}
    pairs = [(reads[row].session_id, i) for row, i in ids.items()]
    steps.leave_traces(TraceKind.CHECK_IN, [s for s, _ in pairs], trace, at, enrolment_ids=[e for _, e in pairs])
    outcomes = outcomes_of(len(reads), ids, refused)
    _record(deed, sorted({s for s, _ in pairs}), len(ids), refused)
    keep_outcome(deed, packed(outcomes))
    return outcomes


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a batch of scans is judged by."""

    wards: set[tuple[int, int]]
    places: Mapping[int, list[ChildPlace]]
    by_uuid: Mapping[UUID, Lesson]
    by_group: Mapping[int, list[Lesson]]
    terms: Mapping[tuple[int, date], Presence]
    secrets: Mapping[UUID, bytes]
    refused_lately: Mapping[int, int]

    def lessons(self, scan: Scan, on: date) -> list[Lesson]:
        """The lessons a scan may be of: the one it names, else the child's own of the day."""
        if scan.session is not None:
            return [self.by_uuid[scan.session]] if scan.session in self.by_uuid else []
        groups = sorted({p.group_id for p in self.places.get(scan.child_id, []) if p.is_on(on)})
        return [lesson for group in groups for lesson in self.by_group.get(group, []) if lesson.on == on]

    def named(self, scan: Scan) -> int | None:
        """The lesson a scan names, where it exists."""
        lesson = self.by_uuid.get(scan.session) if scan.session is not None else None
        return lesson.id if lesson is not None else None


def _facts(actor: Actor, scans: Sequence[Scan], at: datetime) -> _Facts:
    days = sorted({local_day(i) for s in scans for i in (s.received_at or at, s.scanned_at or at)})
    places = queries.places_of({s.child_id for s in scans})
    by_uuid = queries.lessons_by_uuid({s.session for s in scans if s.session is not None})
    typed = {s.child_id for s in scans if s.session is None}
    groups = {p.group_id for child in typed for p in places.get(child, [])}
    by_group = queries.lessons_on(groups, days)
    lessons = [*by_uuid.values(), *(lesson for found in by_group.values() for lesson in found)]
    today = local_day(at)
    return _Facts(
        people.wards([(s.guardian_id, s.child_id) for s in scans], today, with_self=actor.holds({Role.YOUTH})),
        places,
        by_uuid,
        by_group,
        queries.presence_rules(lessons),
        {lesson.uuid: queries.secret_of(lesson.uuid) for lesson in lessons},
        queries.refused_lately({s.guardian_id for s in scans}, at - _HOUR),
    )


def _verdict(actor: Actor, scan: Scan, facts: _Facts, at: datetime) -> Accepted | PresenceRefusal:
    received, reason = _received(actor, scan, at), None
    claimed = scan.scanned_at if scan.scanned_at is not None and scan.scanned_at < received else received
    lessons = facts.lessons(scan, local_day(claimed))
    if (scan.guardian_id, scan.child_id) not in facts.wards:
        reason = PresenceRefusal.NOT_GUARDIAN
    elif not lessons:
        reason = PresenceRefusal.UNKNOWN_CODE
    if reason is not None:
        return reason
    presence = _of(facts.terms, lessons[0])
    if not may_speak(actor, scan.guardian_id, lessons[0].territory_id):
        return PresenceRefusal.NOT_GUARDIAN
    if facts.refused_lately.get(scan.guardian_id, 0) >= presence.refused_scans_an_hour:
        return PresenceRefusal.TOO_MANY_SCANS
    if at - received > timedelta(hours=presence.late_upload_hours):
        return PresenceRefusal.UPLOADED_TOO_LATE
    return judge(scan, received, lessons, facts.places.get(scan.child_id, []), facts.secrets, presence)


def _received(actor: Actor, scan: Scan, at: datetime) -> datetime:
    """Server time; a channel may say when its gateway took the scan."""
    if scan.received_at is not None and scan.received_at < at and actor.holds({Role.CHANNEL}):
        return scan.received_at
    return at


def _store(scans: Sequence[Scan], accepted: Mapping[int, Accepted]) -> dict[int, PresenceRefusal]:
    """Store what was accepted; row → `already_checked_in` for those whom another row or phone was faster than."""
    first: dict[tuple[int, int], int] = {}
    for row, one in sorted(accepted.items(), key=lambda item: item[1].kind is CheckInKind.LATE):
        first.setdefault((one.lesson.id, one.place.enrolment_id), row)
    stored = steps.write_check_ins([(scans[row], accepted[row]) for row in sorted(first.values())])
    done = {row for pair, row in first.items() if pair in stored}
    return dict.fromkeys(accepted.keys() - done, PresenceRefusal.ALREADY_CHECKED_IN)


def _leave_traces(scans: Sequence[Scan], kept: Mapping[int, Accepted], at: datetime) -> None:
    by_month: defaultdict[date, list[tuple[int, int, Trace]]] = defaultdict(list)
    for row, one in kept.items():
        trace = scans[row].trace
        if trace is not None:
            by_month[one.lesson.on.replace(day=1)].append((one.lesson.id, one.place.enrolment_id, trace))
    for month, left in sorted(by_month.items()):
        steps.leave_each(TraceKind.CHECK_IN, left, at, month=month)


def _concluded(
    deed: Deed, rows: int, kept: Mapping[int, Accepted], refused: Mapping[int, PresenceRefusal]
) -> list[RowOutcome]:
    ids = {row: one.place.enrolment_id for row, one in kept.items()}
    kinds = {row: one.kind.value for row, one in kept.items()}
    outcomes = outcomes_of(rows, ids, refused)
    _record(deed, sorted({one.lesson.id for one in kept.values()}), len(kept), refused)
    late = {row: kind for row, kind in kinds.items() if kind != CheckInKind.CODE}
    keep_outcome(deed, packed(outcomes) | {"kinds": late})
    return _named(outcomes, late)


def _record(deed: Deed, session_ids: Sequence[int], stored: int, refused: Mapping[int, PresenceRefusal]) -> None:
    """Step `record`; nobody waits for the news of a check-in, so that none is told."""
    audit.record(
        actor=deed.actor,
        at=deed.at,
        action=deed.action,
        subject_kind="session",
        subject_ids=session_ids,
        detail={"stored": stored, "refused": len(refused)},
    )


def _named(outcomes: Sequence[RowOutcome], late: Mapping[int, str]) -> list[RowOutcome]:
    return [
        o if o.id is None else RowOutcome(o.row, o.id, None, late.get(o.row, CheckInKind.CODE.value)) for o in outcomes
    ]


def _of(terms: Mapping[tuple[int, date], Presence], lesson: Lesson) -> Presence:
    return terms[lesson.programme_id, lesson.on.replace(day=1)]


def _fingerprint(scans: Sequence[Scan]) -> str:
    text = "\n".join(f"{s.child_id} {s.guardian_id} {s.code} {s.session} {s.scanned_at} {s.received_at}" for s in scans)
    return hashlib.sha256(text.encode()).hexdigest()
