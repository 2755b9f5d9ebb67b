"""A month's evidence out of the tables, provider by provider, and judged by the rules in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from qosymsha.domain.flags.queries.outside import copied, fetched
from qosymsha.domain.flags.queries.points import point_hashes
from qosymsha.domain.flags.rules import COLUMNS, Beyond, Common, Month, Scored, assemble, how_common, scored
from qosymsha.domain.flags.rules.evidence import OF_CELL, OF_PLACE, Numbers, pairs
from qosymsha.domain.flags.rules.patterns import month_patterns
from qosymsha.domain.flags.rules.recording import EVIDENCE
from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.programmes.rules import Flags
from qosymsha.kernel.clock import local_instant, next_month

CHUNK_MARKS = 250_000
_EPOCH_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Providers screened together: those of the register (`is_outside` False) by id, or of files by their number."""

    is_outside: bool
    providers: tuple[str, ...]
    marks: int


@dataclass(frozen=True)
class Loaded:
    """A chunk's month: arrays of `COLUMNS`."""

    columns: dict[str, Numbers]


_CHUNKS = """
SELECT false, s.provider_id::text, count(*) FROM session s JOIN mark m ON m."on" = s."on" AND m.session_id = s.id
 WHERE s.programme_id = %(programme)s AND m."on" >= %(first)s AND m."on" < %(last)s
   AND (%(provider)s = '' OR s.provider_id IN
        (SELECT id FROM provider WHERE bin = %(provider)s OR number = %(provider)s))
 GROUP BY s.provider_id
UNION ALL
SELECT true, o.provider, count(*) FROM outside_mark o
 WHERE o.programme_id = %(programme)s AND o."on" >= %(first)s AND o."on" < %(last)s
   AND (%(provider)s = '' OR o.provider = %(provider)s) GROUP BY o.provider ORDER BY 1, 2"""


def chunks(
    programme_id: int, month: date, provider: str = "", provider_ids: Sequence[int] | None = None
) -> list[Chunk]:
    """The providers with marks in a month, gathered so that a chunk has about `CHUNK_MARKS`; one provider is never cut.

    `provider` names one by BIN or number; `provider_ids` asks for some of the register only.
    """
    given = {"programme": programme_id, "first": month, "last": next_month(month), "provider": provider}
    found = fetched(_CHUNKS, given)
    if provider_ids is not None:
        wanted = {str(i) for i in provider_ids}
        found = [row for row in found if not row[0] and row[1] in wanted]
    gathered: list[Chunk] = []
    for is_outside, one, marks in found:
        last = gathered[-1] if gathered else None
        if last is not None and last.is_outside == is_outside and last.marks + marks <= CHUNK_MARKS:
            gathered[-1] = Chunk(is_outside, (*last.providers, one), last.marks + marks)
        else:
            gathered.append(Chunk(is_outside, (one,), marks))
    return gathered


def latest_month(programme_id: int) -> date | None:
    """The latest month that has marks, in the register or brought in from elsewhere."""
    ((latest,),) = fetched(
        "SELECT date_trunc('month', greatest("
        "(SELECT max(\"on\") FROM session WHERE programme_id = %(p)s AND state = 'held'),"
        ' (SELECT max("on") FROM outside_mark WHERE programme_id = %(p)s)))::date',
        {"p": programme_id},
    )
    return latest if isinstance(latest, date) else None


_HASH = "('x' || encode(substr({}, 1, 8), 'hex'))::bit(64)::bigint"
_SECONDS = "extract(epoch FROM {})::bigint"
_TRACE = """LEFT JOIN LATERAL (SELECT device, network FROM trace t WHERE t.month = %(first)s AND t.kind = '{kind}'
   AND t.subject_id = {subject} AND t.enrolment_id = {place} ORDER BY t.id DESC LIMIT 1) {name} ON true"""
_LIVE_PLACE = {
    "provider": "e.provider_id",
    "group": "e.group_id",
    "child": "e.child_id",
    "family": "coalesce(r.confirmed_by, (SELECT min(w.guardian_id) FROM guardianship w WHERE w.child_id = e.child_id"
    " AND w.kind <> 'self' AND w.valid && daterange(%(first)s, %(last)s)))",
    "home": "(SELECT kato::bigint FROM territory h WHERE h.id = c.home_id)",
    "venue": "g.venue_id",
    "district": "d.kato",
    "capacity": "least(g.capacity, v.capacity)",
    "confirmed_at": _SECONDS.format("r.confirmed_at"),
    "confirm_device": _HASH.format("tw.device"),
    "confirm_network": _HASH.format("tw.network"),
}
_LIVE_CELL = {
    "starts": _SECONDS.format("s.starts_at"),
    "ends": _SECONDS.format("s.ends_at"),
    "value": "CASE m.value WHEN 'present' THEN 1 WHEN 'ill' THEN 2 WHEN 'excused' THEN 3 ELSE 0 END",
    "marked_at": _SECONDS.format("m.marked_at"),
    "recorded_at": _SECONDS.format("m.recorded_at"),
    "mark_device": _HASH.format("tm.device"),
    "mark_network": _HASH.format("tm.network"),
    "scan_at": "CASE WHEN k.kind IN ('code', 'late') THEN extract(epoch FROM k.at) END",
    "scan_device": _HASH.format("tk.device"),
    "scan_network": _HASH.format("tk.network"),
    "is_card": "(k.kind = 'card' OR k.card_at IS NOT NULL)::int",
    "away": "CASE WHEN away.enrolment_id IS NOT NULL THEN 5 END",
    "teacher": "s.teacher_id",
    "day": "m.\"on\" - date '0001-01-01' + 1",
}


def _listed(values: Mapping[str, str], names: Sequence[str]) -> str:
    """The columns by name, each eight bytes and never NULL; what a source does not know is 0."""
    return ", ".join(f"coalesce(({values.get(name, '0')})::bigint, 0)" for name in names)


_LIVE_PLACES = f"""
SELECT e.id, {_listed(_LIVE_PLACE, OF_PLACE)}
  FROM enrolment e JOIN club_group g ON g.id = e.group_id JOIN venue v ON v.id = g.venue_id
  JOIN territory d ON d.id = v.district_id JOIN child c ON c.id = e.child_id
  LEFT JOIN month_sheet ms ON ms.group_id = e.group_id AND ms.month = %(first)s
  LEFT JOIN sheet_row r ON r.sheet_id = ms.id AND r.enrolment_id = e.id
  {_TRACE.format(kind="word", subject="r.id", place="0", name="tw")}
 WHERE e.programme_id = %(programme)s AND e.provider_id = ANY (%(providers)s::bigint[]) ORDER BY e.id"""  # noqa: S608
_LIVE_CELLS = f"""
SELECT m.enrolment_id, {_listed(_LIVE_CELL, OF_CELL)}
  FROM session s JOIN mark m ON m."on" = s."on" AND m.session_id = s.id
  LEFT JOIN check_in k ON k."on" = m."on" AND k.session_id = m.session_id AND k.enrolment_id = m.enrolment_id
  LEFT JOIN LATERAL (SELECT n.enrolment_id FROM absence_notice n WHERE n.enrolment_id = m.enrolment_id
     AND n.days @> m."on" LIMIT 1) away ON true
  {_TRACE.format(kind="mark", subject="m.batch_id", place="0", name="tm")}
  {_TRACE.format(kind="check_in", subject="k.session_id", place="k.enrolment_id", name="tk")}
 WHERE s.programme_id = %(programme)s AND s.provider_id = ANY (%(providers)s::bigint[])
   AND m."on" >= %(first)s AND m."on" < %(last)s AND s.starts_at >= %(from)s AND s.starts_at < %(to)s"""  # noqa: S608
_OUTSIDE_VALUES = {
    "provider": "hashtextextended(o.provider, 0)",
    "group": "hashtextextended(o.provider || chr(10) || o.group_code, 0)",
    "child": "coalesce(o.child_id, " + _HASH.format("o.child") + ")",
    "day": "o.\"on\" - date '0001-01-01' + 1",
    **{name: f"o.{name}" for name in EVIDENCE},
}
_OUTSIDE = """
SELECT {columns} FROM outside_mark o WHERE o.programme_id = %(programme)s AND o.provider = ANY (%(providers)s::text[])
   AND o."on" >= %(first)s AND o."on" < %(last)s
 ORDER BY o.provider, o.group_code, o.child, "on", o.starts_at"""


def load(programme_id: int, month: date, chunk: Chunk) -> Loaded:
    """The chunk's marks of the month with all evidence about them, by place and time."""
    given = _given(programme_id, month, chunk)
    if chunk.is_outside:
        return Loaded(copied(_OUTSIDE.format(columns=_listed(_OUTSIDE_VALUES, COLUMNS)), given, COLUMNS))
    places = copied(_LIVE_PLACES, given, ("id", *OF_PLACE))
    cells = copied(_LIVE_CELLS, given, ("id", *OF_CELL))
    of = np.searchsorted(places["id"], cells["id"])
    order = np.lexsort((cells["starts"], of, places["child"][of], places["group"][of], places["provider"][of]))
    of = of[order]
    columns = {name: places[name][of] for name in OF_PLACE} | {name: cells[name][order] for name in OF_CELL}
    points = point_hashes(programme_id, month)
    for kind in ("confirm", "scan"):
        columns[f"is_{kind}_point"] = np.isin(columns[f"{kind}_device"], points).astype(np.int64)
    return Loaded(columns)


def references(programme_id: int, month: date, chunk: Chunk) -> list[str]:
    """Each row's own reference in its file, in the order of `load`; none for the register."""
    if not chunk.is_outside:
        return []
    return [ref for (ref,) in fetched(_OUTSIDE.format(columns="o.ref"), _given(programme_id, month, chunk))]


def _given(programme_id: int, month: date, chunk: Chunk) -> dict[str, Any]:
    after = next_month(month)
    return {
        "programme": programme_id,
        "providers": list(chunk.providers),
        "first": month,
        "last": after,
        "from": local_instant(month),
        "to": local_instant(after),
    }


_LIVE_REACH = f"""
SELECT {_HASH.format("t.device")}, count(DISTINCT s.provider_id) FROM trace t JOIN sheet_row r ON r.id = t.subject_id
  JOIN month_sheet s ON s.id = r.sheet_id WHERE t.month = %(first)s AND t.kind = 'word' AND t.device IS NOT NULL
 GROUP BY 1 HAVING count(DISTINCT s.provider_id) > 1"""  # noqa: S608
_OUTSIDE_REACH = """
SELECT o.confirm_device, count(DISTINCT o.provider) FROM outside_mark o WHERE o.programme_id = %(programme)s
   AND o."on" >= %(first)s AND o."on" < %(last)s AND o.confirm_device <> 0
 GROUP BY 1 HAVING count(DISTINCT o.provider) > 1"""


@dataclass(frozen=True)
class Whole:
    """What a month must be judged by beyond its chunk, of files (True) and of the register: all confirmations, and how
    common each rule's signal is (`None`: a chunk judges that by itself).
    """

    beyond: Mapping[bool, Beyond]
    common: Mapping[bool, Common | None]


_LIVE_PULSE = """
SELECT extract(epoch FROM r.confirmed_at)::bigint FROM month_sheet s JOIN sheet_row r ON r.sheet_id = s.id
 WHERE s.programme_id = %(programme)s AND s.month = %(first)s AND r.confirmed_at IS NOT NULL"""
_OUTSIDE_PULSE = """
SELECT max(o.confirmed_at) FROM outside_mark o WHERE o.programme_id = %(programme)s AND o."on" >= %(first)s
   AND o."on" < %(last)s AND o.confirmed_at > 0 GROUP BY o.provider, o.group_code, o.child"""


def whole(  # noqa: PLR0913 (where, which month, which part of it, by what)
    programme_id: int, territory_id: int, month: date, found: Sequence[Chunk], flags: Flags, *, is_all: bool = True
) -> Whole:
    """Read the month once before it is judged, a chunk in memory at a time.

    Where the chunks are not all of the month (`is_all`), or one chunk is, nothing is read but the instants.
    """
    beyond: dict[bool, Beyond] = {}
    common: dict[bool, Common | None] = {}
    for is_outside, instants, reach in ((False, _LIVE_PULSE, _LIVE_REACH), (True, _OUTSIDE_PULSE, _OUTSIDE_REACH)):
        mine = [chunk for chunk in found if chunk.is_outside == is_outside]
        given = _given(programme_id, month, Chunk(is_outside, (), 0))
        beyond[is_outside] = Beyond()
        if mine:
            pulse = np.sort(copied(instants, given, ("at",))["at"])
            beyond[is_outside] = Beyond(reach=dict(fetched(reach, given)), pulse=pulse)
        common[is_outside] = None
        if is_all and len(mine) > 1:
            seen = (_evidence(programme_id, territory_id, month, chunk, beyond[is_outside]) for chunk in mine)
            common[is_outside] = how_common(seen, flags.rules)
    return Whole(beyond, common)


def judged(  # noqa: PLR0913 (where, which month, which part of it, by what)
    programme_id: int, territory_id: int, month: date, chunk: Chunk, flags: Flags, around: Whole
) -> Scored:
    """What the rules make of the chunk's month."""
    evidence = _evidence(programme_id, territory_id, month, chunk, around.beyond[chunk.is_outside])
    return scored(evidence, flags.rules, flags.flag_permille, flags.common_permille, around.common[chunk.is_outside])


def _evidence(programme_id: int, territory_id: int, month: date, chunk: Chunk, around: Beyond) -> Month:
    loaded = load(programme_id, month, chunk)
    before = (month - timedelta(days=1)).replace(day=1)
    _remember(loaded, load(programme_id, before, chunk))
    calendar = programmes.calendar(territory_id, month, next_month(month))
    rest = frozenset(day.toordinal() for day, works in calendar.overrides.items() if not works)
    return assemble(loaded.columns, rest, _beyond(programme_id, month, chunk, around))


def _remember(loaded: Loaded, earlier: Loaded) -> None:
    """Write each place's pattern of the month before into its rows."""
    if not len(earlier.columns["child"]) or not len(loaded.columns["child"]):
        return
    before = assemble(earlier.columns, frozenset())
    known = pairs(before.places["group"], before.places["child"])
    order = np.argsort(known)
    asked = pairs(loaded.columns["group"], loaded.columns["child"])
    at = np.minimum(np.searchsorted(known[order], asked), len(known) - 1)
    is_known = known[order][at] == asked
    loaded.columns["earlier"] = np.where(is_known, month_patterns(before)[order][at], 0)


_LIVE_BEYOND = """
SELECT e.child_id, s.group_id, extract(epoch FROM s.starts_at)::bigint, extract(epoch FROM s.ends_at)::bigint,
       (k.session_id IS NOT NULL)::int
  FROM enrolment mine
  JOIN enrolment e ON e.child_id = mine.child_id AND NOT e.provider_id = ANY (%(providers)s::bigint[])
  JOIN session s ON s.group_id = e.group_id AND s.starts_at >= %(from)s AND s.starts_at < %(to)s
  JOIN mark m ON m."on" = s."on" AND m.session_id = s.id AND m.enrolment_id = e.id AND m.value = 'present'
  LEFT JOIN check_in k ON k."on" = m."on" AND k.session_id = m.session_id AND k.enrolment_id = m.enrolment_id
 WHERE mine.provider_id = ANY (%(providers)s::bigint[]) AND m."on" >= %(first)s AND m."on" < %(last)s"""
_OUTSIDE_BEYOND = f"""
SELECT DISTINCT {_OUTSIDE_VALUES["child"]}, {_OUTSIDE_VALUES["group"]}, o.starts, o.ends, (o.scan_at > 0)::int
  FROM outside_mark o WHERE o.programme_id = %(programme)s AND o."on" >= %(first)s AND o."on" < %(last)s
   AND o.value = 1 AND o.ends > 0 AND NOT o.provider = ANY (%(providers)s::text[])
   AND EXISTS (SELECT FROM outside_mark m WHERE m.programme_id = o.programme_id AND m."on" = o."on"
                  AND m.child = o.child AND m.provider = ANY (%(providers)s::text[]))"""  # noqa: S608
_OUTSIDE_LESSONS = """
SELECT DISTINCT o.teacher, o.venue, o.starts, o.ends FROM outside_mark o WHERE o.programme_id = %(programme)s
   AND o."on" >= %(first)s AND o."on" < %(last)s AND o.teacher <> 0 AND o.venue <> 0 AND o.ends > 0
   AND NOT o.provider = ANY (%(providers)s::text[])"""


def _beyond(programme_id: int, month: date, chunk: Chunk, around: Beyond) -> Beyond:
    """With what the chunk's children and teachers did at providers that are not in it."""
    given = _given(programme_id, month, chunk)
    presences = fetched(_OUTSIDE_BEYOND if chunk.is_outside else _LIVE_BEYOND, given)
    lessons = fetched(_OUTSIDE_LESSONS, given) if chunk.is_outside else []  # in the register a constraint forbids it
    return replace(
        around,
        presences=np.array(presences, np.int64).reshape(-1, 5),
        lessons=np.array(lessons, np.int64).reshape(-1, 4),
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose month it is, in the register's words or the file's; `key` is the child's uuid or keyed hash, as bytes."""

    provider: str
    provider_id: int | None
    group_code: str
    group_id: int | None
    enrolment_id: int | None
    child_id: int | None
    key: bytes
    child_ref: str


_LIVE_SUBJECTS = """
SELECT e.group_id, e.child_id, coalesce(p.bin, p.number), p.id, g.code, g.id, max(e.id), e.child_id,
       decode(replace(c.uuid::text, '-', ''), 'hex'), c.uuid::text
  FROM enrolment e JOIN child c ON c.id = e.child_id JOIN club_group g ON g.id = e.group_id
  JOIN provider p ON p.id = e.provider_id
 WHERE e.provider_id = ANY (%(providers)s::bigint[]) AND e.starts_on < %(last)s
   AND (e.ends_on IS NULL OR e.ends_on >= %(first)s) GROUP BY e.group_id, e.child_id, p.id, g.id, c.id"""
_OUTSIDE_SUBJECTS = f"""
SELECT DISTINCT ON (o.provider, o.group_code, o.child) {_OUTSIDE_VALUES["group"]}, {_OUTSIDE_VALUES["child"]},
       o.provider, o.provider_id, o.group_code, o.group_id, NULL::bigint, o.child_id, o.child, o.child_ref
  FROM outside_mark o WHERE o.programme_id = %(programme)s AND o.provider = ANY (%(providers)s::text[])
   AND o."on" >= %(first)s AND o."on" < %(last)s ORDER BY o.provider, o.group_code, o.child"""  # noqa: S608


def subjects(programme_id: int, month: date, chunk: Chunk) -> dict[tuple[int, int], Subject]:
    """(group, child) as the chunk's arrays number them → whose month it is."""
    found = fetched(_OUTSIDE_SUBJECTS if chunk.is_outside else _LIVE_SUBJECTS, _given(programme_id, month, chunk))
    return {(row[0], row[1]): _subject(row) for row in found}


def _subject(row: tuple[Any, ...]) -> Subject:
    values: list[Any] = [*row[2:8], bytes(row[8]), row[9]]
    return Subject(*values)
