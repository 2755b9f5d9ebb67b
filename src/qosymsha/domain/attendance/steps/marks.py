"""What verbs do with marks, phones' batches and objections inside an open transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from qosymsha.domain.attendance.rules import (
    AttendanceRefusal,
    MarkRow,
    OfflineMark,
    Place,
    Resolution,
    Said,
    SessionFacts,
)
from qosymsha.domain.attendance.states import MarkSource, ObjectionState
from qosymsha.domain.attendance.steps.lessons import run
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.steps import Deed
from qosymsha.kernel.entropy import uuid4

_SPOTS = " unnest(%s::date[], %s::bigint[], %s::bigint[]) AS k (day, session, place)"
_MARK_OF_SPOT = (
    ' JOIN mark m ON m."on" = k.day AND m.session_id = k.session AND m.enrolment_id = k.place'
    ' AND m."on" BETWEEN %s AND %s'  # lets the planner look into these months only
)


@dataclass(frozen=True, slots=True)
class Right:
    """A mark as a person puts it right; `objection_id` where it follows a phone's word."""

    session: SessionFacts
    enrolment_id: int
    place: Place
    value: str
    reason: str
    objection_id: int | None = None


def copy_marks(deed: Deed, marks: Sequence[tuple[MarkRow, SessionFacts, Place]]) -> None:
    """Store marks nobody made before, by COPY: whole numbers, days and known words only, so nothing needs escaping."""
    tail = f"{MarkSource.PROVIDER}\t{deed.at.isoformat()}\t{deed.actor.user_id}\t\\N\t\\N\t\\N\n"
    _copy(
        [
            f"{s.on}\t{s.id}\t{m.enrolment_id}\t{p.child_id}\t{s.territory_id}\t{s.programme_id}\t{m.value}\t{tail}"
            for m, s, p in marks
        ]
    )


def copy_words(words: Sequence[Said], sessions: Mapping[int, SessionFacts], places: Mapping[int, Place]) -> None:
    """Store phones' words that became marks."""
    lines = []
    for said in words:
        m, s, p = said.mark, sessions[said.mark.session_id], places[said.mark.enrolment_id]
        claim = "\\N" if m.recorded_at is None else m.recorded_at.isoformat()
        lines.append(
            f"{s.on}\t{s.id}\t{m.enrolment_id}\t{p.child_id}\t{s.territory_id}\t{s.programme_id}\t{m.value}"
            f"\t{MarkSource.DEVICE}\t{said.received_at.isoformat()}\t{said.said_by}\t{said.batch_id}\t{m.counter}\t{claim}\n"
        )
    _copy(lines)


def _copy(lines: Sequence[str]) -> None:
    if not lines:
        return
    with connection.cursor() as cursor:
        statement = (
            'COPY mark ("on", session_id, enrolment_id, child_id, territory_id, programme_id, value, source,'
            " marked_at, marked_by, batch_id, counter, recorded_at) FROM STDIN"
        )
        with cursor.copy(statement) as copy:
            copy.write("".join(lines))


def replace_words(words: Sequence[Said], sessions: Mapping[int, SessionFacts]) -> None:
    """The same phone said otherwise later: its later word is the mark."""
    days = [sessions[said.mark.session_id].on for said in words]
    run(
        "UPDATE mark m SET value = w.value, marked_at = w.at, marked_by = w.who, batch_id = w.batch,"
        " counter = w.counter, recorded_at = w.claim FROM unnest(%s::date[], %s::bigint[], %s::bigint[], %s::text[],"
        " %s::timestamptz[], %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[])"
        " AS w (day, session, place, value, at, who, batch, counter, claim)"
        ' WHERE m."on" = w.day AND m.session_id = w.session AND m.enrolment_id = w.place AND m."on" = ANY (%s)',
        [
            days,
            [said.mark.session_id for said in words],
            [said.mark.enrolment_id for said in words],
            [said.mark.value for said in words],
            [said.received_at for said in words],
            [said.said_by for said in words],
            [said.batch_id for said in words],
            [said.mark.counter for said in words],
            [said.mark.recorded_at for said in words],
            days,
        ],
    )


def open_batch(deed: Deed, provider_id: int, device: UUID, counters: Sequence[int]) -> int:
    """A batch that a phone sent: its id."""
    ((batch_id,),) = rows(
        "INSERT INTO mark_batch (uuid, provider_id, user_id, device, counter_from, counter_to, received_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [uuid4(), provider_id, deed.actor.user_id, device, min(counters), max(counters), deed.at],
    )
    return int(batch_id)


def note_counters(deed: Deed, device: UUID, counters: Sequence[int], limit: int) -> list[tuple[int, int]]:
    """Write down which counters of an installation arrived; the gaps below the highest, at most `limit`."""
    found = rows(
        "WITH noted AS ("
        " INSERT INTO mark_device AS d (device, last_at, seen) SELECT %s, %s,"
        " coalesce(range_agg(int8range(c, c, '[]')), '{}') FROM unnest(%s::bigint[]) AS c ON CONFLICT (device)"
        " DO UPDATE SET last_at = greatest(d.last_at, excluded.last_at), seen = d.seen + excluded.seen RETURNING seen)"
        " SELECT lower(gap), upper(gap) - 1 FROM noted,"
        " unnest(int8multirange(int8range(1, coalesce(upper(seen), 1))) - seen) AS gap ORDER BY 1 LIMIT %s",
        [device, deed.at, list(counters), limit],
    )
    return [(first, last) for first, last in found]


def keep_words(
    provider_id: int,
    words: Sequence[tuple[Said, ObjectionState, AttendanceRefusal | None]],
    sessions: Mapping[int, SessionFacts],
) -> None:
    """Keep phones' words that are not the mark, each once."""
    run(
        'INSERT INTO mark_objection (provider_id, session_id, "on", enrolment_id, value, device, counter, said_by,'
        " batch_id, recorded_at, received_at, state, reason, resolution)"
        " SELECT %s, w.session, w.day, w.place, w.value, w.device, w.counter, w.who, w.batch, w.claim, w.at, w.state,"
        " w.reason, '' FROM unnest(%s::bigint[], %s::date[], %s::bigint[], %s::text[], %s::uuid[], %s::bigint[],"
        " %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[]) WITH ORDINALITY"
        " AS w (session, day, place, value, device, counter, who, batch, claim, at, state, reason, no)"
        " ORDER BY w.no ON CONFLICT DO NOTHING",
        [
            provider_id,
            [said.mark.session_id for said, _, _ in words],
            [sessions[said.mark.session_id].on for said, _, _ in words],
            [said.mark.enrolment_id for said, _, _ in words],
            [said.mark.value for said, _, _ in words],
            [said.device for said, _, _ in words],
            [said.mark.counter for said, _, _ in words],
            [said.said_by for said, _, _ in words],
            [said.batch_id for said, _, _ in words],
            [said.mark.recorded_at for said, _, _ in words],
            [said.received_at for said, _, _ in words],
            [state.value for _, state, _ in words],
            [reason.value if reason else "" for _, _, reason in words],
        ],
    )


def settle_again(session_ids: Collection[int]) -> None:
    """Marks changed: unresolved words beside them agree or contradict anew, or were taken back by their own phone."""
    run(
        "UPDATE mark_objection o SET state = t.state,"
        " reason = CASE WHEN t.state = 'open' AND o.reason = '' THEN %s ELSE o.reason END FROM ("
        " SELECT b.id, CASE WHEN h.device = b.device AND h.user_id = b.said_by AND b.counter < m.counter"
        " THEN 'superseded' WHEN b.value = m.value THEN 'agreed' ELSE 'open' END AS state FROM mark_objection b"
        ' JOIN mark m ON m."on" = b."on" AND m.session_id = b.session_id AND m.enrolment_id = b.enrolment_id'
        " LEFT JOIN mark_batch h ON h.id = m.batch_id"
        " WHERE b.session_id = ANY (%s) AND b.state IN ('open', 'agreed')) AS t"
        " WHERE o.id = t.id AND o.state <> t.state",
        [AttendanceRefusal.CONTRADICTS.value, sorted(set(session_ids))],
    )


def put_right(deed: Deed, provider_id: int, rights: Sequence[Right]) -> None:
    """Write marks as a person says, with history; a phone's word that was the mark stays beside it."""
    if not rights:
        return
    spots = [(r.session, r.enrolment_id) for r in rights]
    _set_words_aside(deed, provider_id, spots)
    _remember_changes(deed, rights)
    run(
        'INSERT INTO mark ("on", session_id, enrolment_id, child_id, territory_id, programme_id, value, source,'
        " marked_at, marked_by) SELECT w.day, w.session, w.place, w.child, w.territory, w.programme, w.value, %s, %s,"
        " %s FROM unnest(%s::date[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[])"
        " AS w (day, session, place, child, territory, programme, value)"
        ' ON CONFLICT ("on", session_id, enrolment_id) DO UPDATE SET value = excluded.value, source = excluded.source,'
        " marked_at = excluded.marked_at, marked_by = excluded.marked_by, batch_id = NULL, counter = NULL,"
        " recorded_at = NULL",
        [
            MarkSource.CORRECTED.value,
            deed.at,
            deed.actor.user_id,
            [r.session.on for r in rights],
            [r.session.id for r in rights],
            [r.enrolment_id for r in rights],
            [r.place.child_id for r in rights],
            [r.session.territory_id for r in rights],
            [r.session.programme_id for r in rights],
            [r.value for r in rights],
        ],
    )


def _set_words_aside(deed: Deed, provider_id: int, spots: Sequence[tuple[SessionFacts, int]]) -> None:
    run(
        'INSERT INTO mark_objection (provider_id, session_id, "on", enrolment_id, value, device, counter, said_by,'
        " batch_id, recorded_at, received_at, state, reason, resolution, resolved_by, resolved_at)"
        ' SELECT %s, m.session_id, m."on", m.enrolment_id, m.value, h.device, m.counter, m.marked_by, m.batch_id,'
        " m.recorded_at, m.marked_at, 'superseded', '', '', %s, %s FROM"
        + _SPOTS
        + _MARK_OF_SPOT
        + " JOIN mark_batch h ON h.id = m.batch_id ON CONFLICT DO NOTHING",
        [provider_id, deed.actor.user_id, deed.at, *_keys(spots)],
    )


def _remember_changes(deed: Deed, rights: Sequence[Right]) -> None:
    days = [r.session.on for r in rights]
    run(
        "INSERT INTO mark_change (session_id, enrolment_id, from_value, to_value, said_by, said_at, objection_id,"
        " reason, at, changed_by) SELECT w.session, w.place, coalesce(m.value, ''), w.value, m.marked_by, m.marked_at,"
        " w.objection, w.reason, %s, %s FROM unnest(%s::date[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[],"
        " %s::text[]) WITH ORDINALITY AS w (day, session, place, value, objection, reason, no)"
        ' LEFT JOIN mark m ON m."on" = w.day AND m.session_id = w.session AND m.enrolment_id = w.place'
        ' AND m."on" BETWEEN %s AND %s ORDER BY w.no',
        [
            deed.at,
            deed.actor.user_id,
            days,
            [r.session.id for r in rights],
            [r.enrolment_id for r in rights],
            [r.value for r in rights],
            [r.objection_id for r in rights],
            [r.reason for r in rights],
            min(days),
            max(days),
        ],
    )


def resolve(deed: Deed, resolutions: Sequence[Resolution]) -> None:
    """A person's word on objections."""
    run(
        "UPDATE mark_objection o SET state = r.state, resolution = r.reason, resolved_by = %s, resolved_at = %s"
        " FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS r (id, state, reason) WHERE o.id = r.id",
        [
            deed.actor.user_id,
            deed.at,
            [r.objection_id for r in resolutions],
            [(ObjectionState.UPHELD if r.is_upheld else ObjectionState.DISMISSED).value for r in resolutions],
            [r.reason.strip() for r in resolutions],
        ],
    )


def _keys(spots: Sequence[tuple[SessionFacts, int]]) -> list[object]:
    days = [s.on for s, _ in spots]
    return [days, [s.id for s, _ in spots], [e for _, e in spots], min(days), max(days)]


def counters_of(entries: Sequence[OfflineMark], limit: int) -> list[int]:
    """The counters among the entries that are counters at all."""
    return [entry.counter for entry in entries if 0 < entry.counter < limit]
