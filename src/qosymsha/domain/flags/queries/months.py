"""A month's evidence out of the tables, provider by provider, and judged by the rules in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from qosymsha.domain.flags.queries.outside import fetched
from qosymsha.domain.flags.rules import COLUMNS, Beyond, Scored, assemble, scored
from qosymsha.domain.flags.rules.evidence import Numbers
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
    """A chunk's month: arrays of `COLUMNS`, and each row's own reference in its file ("" in the register)."""

    columns: dict[str, Numbers]
    refs: list[str]


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
_TRACE = """LEFT JOIN LATERAL (SELECT device, network FROM trace t WHERE t.month = %(first)s AND t.kind = '{kind}'
   AND t.subject_id = {subject} AND t.enrolment_id = {place} ORDER BY t.id DESC LIMIT 1) {name} ON true"""
_LIVE_VALUES = {
    "provider": "s.provider_id",
    "group": "s.group_id",
    "child": "m.child_id",
    "family": "coalesce(r.confirmed_by, (SELECT min(w.guardian_id) FROM guardianship w"
    ' WHERE w.child_id = m.child_id AND w.valid @> m."on"), 0)',
    "home": "coalesce((SELECT kato::bigint FROM territory h WHERE h.id = c.home_id), 0)",
    "venue": "s.venue_id",
    "district": "d.kato::bigint",
    "capacity": "least(g.capacity, v.capacity)",
    "confirmed_at": "extract(epoch FROM r.confirmed_at)::bigint",
    "confirm_device": _HASH.format("tw.device"),
    "confirm_network": _HASH.format("tw.network"),
    "starts": "extract(epoch FROM s.starts_at)::bigint",
    "ends": "extract(epoch FROM s.ends_at)::bigint",
    "value": "CASE m.value WHEN 'present' THEN 1 WHEN 'ill' THEN 2 WHEN 'excused' THEN 3 ELSE 0 END",
    "marked_at": "extract(epoch FROM m.marked_at)::bigint",
    "recorded_at": "extract(epoch FROM m.recorded_at)::bigint",
    "mark_device": _HASH.format("tm.device"),
    "mark_network": _HASH.format("tm.network"),
    "scan_at": "CASE WHEN k.kind IN ('code', 'late') THEN extract(epoch FROM k.at)::bigint END",
    "scan_device": _HASH.format("tk.device"),
    "scan_network": _HASH.format("tk.network"),
    "is_card": "(k.kind = 'card' OR k.card_at IS NOT NULL)::int",
    "away": 'CASE WHEN EXISTS (SELECT FROM absence_notice n WHERE n.enrolment_id = m.enrolment_id AND n.days @> m."on")'
    " THEN 5 END",
    "teacher": "s.teacher_id",
    "day": "m.\"on\" - date '0001-01-01' + 1",
}
_LIVE = f"""
SELECT '', {", ".join(f"coalesce({_LIVE_VALUES.get(name, '0')}, 0)" for name in COLUMNS)}
  FROM session s JOIN mark m ON m."on" = s."on" AND m.session_id = s.id
  JOIN club_group g ON g.id = s.group_id JOIN venue v ON v.id = s.venue_id JOIN territory d ON d.id = v.district_id
  JOIN child c ON c.id = m.child_id
  LEFT JOIN check_in k ON k."on" = m."on" AND k.session_id = m.session_id AND k.enrolment_id = m.enrolment_id
  LEFT JOIN month_sheet ms ON ms.group_id = s.group_id AND ms.month = %(first)s
  LEFT JOIN sheet_row r ON r.sheet_id = ms.id AND r.enrolment_id = m.enrolment_id
  {_TRACE.format(kind="mark", subject="m.batch_id", place="0", name="tm")}
  {_TRACE.format(kind="check_in", subject="m.session_id", place="m.enrolment_id", name="tk")}
  {_TRACE.format(kind="word", subject="r.id", place="0", name="tw")}
 WHERE s.programme_id = %(programme)s AND s.provider_id = ANY (%(providers)s::bigint[])
   AND m."on" >= %(first)s AND m."on" < %(last)s AND s.starts_at >= %(from)s AND s.starts_at < %(to)s
 ORDER BY s.provider_id, s.group_id, m.child_id, s.starts_at"""  # noqa: S608
_OUTSIDE_VALUES = {
    "provider": "hashtextextended(o.provider, 0)",
    "group": "hashtextextended(o.provider || chr(10) || o.group_code, 0)",
    "child": "coalesce(o.child_id, " + _HASH.format("o.child") + ")",
    "day": "o.\"on\" - date '0001-01-01' + 1",
    **{name: f"o.{name}" for name in EVIDENCE},
}
_OUTSIDE = f"""
SELECT o.ref, {", ".join(_OUTSIDE_VALUES.get(name, "0") for name in COLUMNS)} FROM outside_mark o
 WHERE o.programme_id = %(programme)s AND o.provider = ANY (%(providers)s::text[])
   AND o."on" >= %(first)s AND o."on" < %(last)s ORDER BY o.provider, o.group_code, o.child, o.starts_at"""  # noqa: S608


def load(programme_id: int, month: date, chunk: Chunk) -> Loaded:
    """The chunk's marks of the month with all evidence about them."""
    found = fetched(_OUTSIDE if chunk.is_outside else _LIVE, _given(programme_id, month, chunk))
    table = np.array([row[1:] for row in found], np.int64).reshape(-1, len(COLUMNS))
    refs = [row[0] for row in found] if chunk.is_outside else []
    del found
    return Loaded({name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(COLUMNS)}, refs)


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


def judged(programme_id: int, territory_id: int, month: date, chunk: Chunk, flags: Flags) -> tuple[Loaded, Scored]:
    """The chunk's month and what the rules make of it."""
    loaded = load(programme_id, month, chunk)
    before = (month - timedelta(days=1)).replace(day=1)
    _remember(loaded, load(programme_id, before, chunk))
    calendar = programmes.calendar(territory_id, month, next_month(month))
    rest = frozenset(day.toordinal() for day, works in calendar.overrides.items() if not works)
    evidence = assemble(loaded.columns, rest, _beyond(programme_id, month, chunk))
    return loaded, scored(evidence, flags.rules, flags.flag_permille, flags.common_permille)


def _remember(loaded: Loaded, earlier: Loaded) -> None:
    """Write each place's pattern of the month before into its rows."""
    if not len(earlier.columns["child"]):
        return
    before = assemble(earlier.columns, frozenset())
    patterns = dict(
        zip(
            zip(before.places["group"].tolist(), before.places["child"].tolist(), strict=True),
            month_patterns(before).tolist(),
            strict=True,
        )
    )
    pairs = zip(loaded.columns["group"].tolist(), loaded.columns["child"].tolist(), strict=True)
    loaded.columns["earlier"] = np.array([patterns.get(pair, 0) for pair in pairs], np.int64)


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
_LIVE_REACH = f"""
SELECT {_HASH.format("t.device")}, count(DISTINCT s.provider_id) FROM trace t JOIN sheet_row r ON r.id = t.subject_id
  JOIN month_sheet s ON s.id = r.sheet_id WHERE t.month = %(first)s AND t.kind = 'word' AND t.device IS NOT NULL
 GROUP BY 1 HAVING count(DISTINCT s.provider_id) > 1"""  # noqa: S608
_OUTSIDE_REACH = """
SELECT o.confirm_device, count(DISTINCT o.provider) FROM outside_mark o WHERE o.programme_id = %(programme)s
   AND o."on" >= %(first)s AND o."on" < %(last)s AND o.confirm_device <> 0
 GROUP BY 1 HAVING count(DISTINCT o.provider) > 1"""


def _beyond(programme_id: int, month: date, chunk: Chunk) -> Beyond:
    """What the chunk's children, teachers and devices did at providers that are not in it."""
    given = _given(programme_id, month, chunk)
    presences = fetched(_OUTSIDE_BEYOND if chunk.is_outside else _LIVE_BEYOND, given)
    lessons = fetched(_OUTSIDE_LESSONS, given) if chunk.is_outside else []  # in the register a constraint forbids it
    reach = fetched(_OUTSIDE_REACH if chunk.is_outside else _LIVE_REACH, given)
    return Beyond(np.array(presences, np.int64).reshape(-1, 5), np.array(lessons, np.int64).reshape(-1, 4), dict(reach))


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
