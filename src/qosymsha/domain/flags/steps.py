"""What this room's verbs write inside an open transaction: runs, flags, reasons, histories, outside marks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from qosymsha.domain.attendance import steps as attendance
from qosymsha.domain.attendance.rules import HeldDay
from qosymsha.domain.attendance.states import HoldKind
from qosymsha.domain.flags.models import FlagHistory, FlagReason, FlagRun, PointDevice, RedFlag
from qosymsha.domain.flags.queries import Subject, fetched
from qosymsha.domain.flags.queries.outside import OUTSIDE_COLUMNS, told
from qosymsha.domain.flags.rules.raising import FlagDraft, ReasonDraft
from qosymsha.domain.flags.rules.recording import OutsideRow, PointDraft, Resolution
from qosymsha.domain.flags.states import FlagState
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.steps import Deed

_BATCH = 5_000


def write_runs(runs: Sequence[FlagRun]) -> None:
    """Say that these providers' months were judged."""
    FlagRun.objects.bulk_create(runs, batch_size=_BATCH)


def raise_flags(
    deed: Deed, place: tuple[int, int], month: date, found: Sequence[tuple[Subject, FlagDraft]]
) -> list[RedFlag]:
    """Open a flag for each month found; `place` is (territory, programme)."""
    flags = [
        RedFlag(
            territory_id=place[0],
            programme_id=place[1],
            month=month,
            provider=who.provider,
            provider_id=who.provider_id,
            group_code=who.group_code,
            group_id=who.group_id,
            enrolment_id=who.enrolment_id,
            child_id=who.child_id,
            child_key=who.key,
            child_ref=who.child_ref,
            state=FlagState.OPEN.value,
            score_permille=draft.score_permille,
            days=list(draft.days),
            opened_at=deed.at,
        )
        for who, draft in found
    ]
    RedFlag.objects.bulk_create(flags, batch_size=_BATCH)
    add_reasons(deed, [(flag.pk, reason) for flag, (_, d) in zip(flags, found, strict=True) for reason in d.reasons])
    _write_history(deed, [flag.pk for flag in flags], 1, "", FlagState.OPEN)
    return flags


def add_reasons(deed: Deed, said: Sequence[tuple[int, ReasonDraft]]) -> None:
    """Write what rules said beside their flags."""
    FlagReason.objects.bulk_create(
        [
            FlagReason(
                flag_id=flag_id,
                code=reason.code,
                days=list(reason.days),
                strength_permille=reason.strength_permille,
                weight_permille=reason.weight_permille,
                figures=reason.figures,
                said_at=deed.at,
            )
            for flag_id, reason in said
        ],
        batch_size=_BATCH,
    )


def widen_flags(grown: Mapping[int, tuple[int, Collection[date]]]) -> None:
    """Open flags for which more was found: id → (score, all days)."""
    flags = [RedFlag(pk=pk, score_permille=score, days=sorted(days)) for pk, (score, days) in grown.items()]
    RedFlag.objects.bulk_update(flags, ["score_permille", "days"], batch_size=_BATCH)


def lock_flags(flag_ids: Sequence[int]) -> dict[int, tuple[str, int | None, int, int | None]]:
    """Lock flags by id: (state, provider, territory, child)."""
    assert transaction.get_connection().in_atomic_block, "a lock lives as long as its transaction"
    found = rows(
        "SELECT id, state, provider_id, territory_id, child_id FROM red_flag WHERE id = ANY (%s) ORDER BY id"
        " FOR NO KEY UPDATE",
        [list(flag_ids)],
    )
    return {row[0]: tuple(row[1:]) for row in found}


def resolve(deed: Deed, outcome: FlagState, resolutions: Sequence[Resolution]) -> None:
    """Write a person's word on open flags, and free their days or take them away for good."""
    ids = [r.flag_id for r in resolutions]
    rows(
        "UPDATE red_flag f SET state = %s, resolved_at = %s, resolved_by = %s, reason = w.reason, evidence = w.evidence"
        " FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS w (id, reason, evidence)"
        " WHERE f.id = w.id RETURNING f.id",
        [
            outcome.value,
            deed.at,
            deed.actor.user_id,
            ids,
            [r.reason.strip() for r in resolutions],
            [r.evidence.strip() for r in resolutions],
        ],
    )
    _write_history(deed, ids, 2, FlagState.OPEN, outcome)
    settle_holds = attendance.clear_holds if outcome is FlagState.DISMISSED else attendance.uphold
    for one in resolutions:
        settle_holds(deed, HoldKind.FLAGGED, [one.flag_id], one.evidence)


def _write_history(deed: Deed, ids: Sequence[int], seq: int, before: str, after: FlagState) -> None:
    FlagHistory.objects.bulk_create(
        [
            FlagHistory(
                red_flag_id=flag_id,
                seq=seq,
                from_state=str(before),
                to_state=after.value,
                cause=deed.action.value,
                at=deed.at,
                actor_id=deed.actor.user_id,
            )
            for flag_id in ids
        ],
        batch_size=_BATCH,
    )


_DAYS = """
SELECT DISTINCT r.id, s.id, f.id, (SELECT string_agg(DISTINCT n.code, ', ') FROM flag_reason n WHERE n.flag_id = f.id)
  FROM red_flag f
  JOIN month_sheet t ON t.group_id = f.group_id AND t.month = f.month
  JOIN sheet_row r ON r.sheet_id = t.id AND r.child_id = f.child_id
  JOIN session s ON s.group_id = f.group_id AND s."on" = ANY (f.days)
   AND s.starts_at >= %(from)s AND s.starts_at < %(to)s
 WHERE f.programme_id = %(programme)s AND f.month = %(month)s AND f.state = 'open'
   AND f.provider_id = ANY (%(providers)s::bigint[]) ORDER BY f.id, r.id, s.id"""


def hold_flagged(deed: Deed, given: Mapping[str, Any]) -> int:
    """Hold every day of these providers' open flags that stands on a drawn sheet; how many are new.

    `given` has programme, month, providers, from, to. A sheet drawn later is taken in by the next screening.
    """
    days = [
        HeldDay(row_id, session_id, HoldKind.FLAGGED.value, flag_id, codes)
        for row_id, session_id, flag_id, codes in fetched(_DAYS, given)
    ]
    return len(attendance.hold_days(deed, days))


def store_points(deed: Deed, place: tuple[int, int], points: Sequence[PointDraft]) -> list[int]:
    """Write devices of consultation points; `place` is (territory, programme). Their ids, in order."""
    made = [
        PointDevice(
            territory_id=place[0],
            programme_id=place[1],
            device=point.device,
            name=point.name.strip(),
            valid=DateRange(point.first, point.until),
            registered_by=deed.actor.user_id,
            registered_at=deed.at,
        )
        for point in points
    ]
    return [one.pk for one in PointDevice.objects.bulk_create(made)]


def store_outside(deed: Deed, place: tuple[int, int], marks: Sequence[OutsideRow]) -> None:
    """Store marks kept elsewhere; those with a known key are told anew."""
    names = ", ".join(OUTSIDE_COLUMNS)
    types = ["text", "text", *["bigint"] * (len(OUTSIDE_COLUMNS) - 2)]
    columns = list(zip(*(told(m) for m in marks), strict=True))
    rows(
        f'INSERT INTO outside_mark ("on", provider, group_code, child, starts_at, {names},'  # noqa: S608
        " territory_id, programme_id, recorded_on)"
        " SELECT *, %s, %s, %s FROM unnest(%s::date[], %s::text[], %s::text[], %s::bytea[], %s::timestamptz[], "
        + ", ".join(f"%s::{t}[]" for t in types)
        + ') ON CONFLICT ("on", programme_id, provider, group_code, child, starts_at) DO UPDATE SET '
        + ", ".join(f"{name} = excluded.{name}" for name in OUTSIDE_COLUMNS)
        + " RETURNING 1",
        [
            *place,
            deed.today,
            [m.on for m in marks],
            [m.provider for m in marks],
            [m.group_code for m in marks],
            [m.child for m in marks],
            [m.starts_at for m in marks],
            *[list(c) for c in columns],
        ],
    )


def forget_words(child_ids: Sequence[int]) -> int:
    """Blank what was written about flags of these erased children, and what a file called the child; how many rows."""
    assert transaction.get_connection().in_atomic_block, "an erasure commits with its record"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE red_flag SET child_ref = '', reason = CASE reason WHEN '' THEN '' ELSE '—' END,"
            " evidence = CASE evidence WHEN '' THEN '' ELSE '—' END"
            " WHERE child_id = ANY (%s) AND (child_ref || reason || evidence) NOT IN ('', '—', '——')",
            [list(child_ids)],
        )
        return int(cursor.rowcount)


def forget_outside(before: date) -> int:
    """Drop the months of marks kept elsewhere that ended before a day; how many. Strays go too."""
    assert transaction.get_connection().in_atomic_block, "what leaves commits with its record"
    with connection.cursor() as cursor:
        cursor.execute("SELECT outside_forget(%s)", [before])
        (gone,) = cursor.fetchone()
        cursor.execute("DELETE FROM outside_mark WHERE \"on\" < date_trunc('month', %s::date)", [before])
    return int(gone)
