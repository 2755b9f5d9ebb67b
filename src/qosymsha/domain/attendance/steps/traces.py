"""Traces of devices and networks: 16 bytes of a keyed hash under the month's own key, dropped by whole months."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction

from qosymsha.domain.attendance.rules import Trace
from qosymsha.domain.attendance.states import TraceKind
from qosymsha.domain.attendance.steps.lessons import run
from qosymsha.domain.vouchers.queries import rows
from qosymsha.kernel import cipher
from qosymsha.kernel.clock import local_day, month_of

KEPT_DAYS = 90
_BYTES = 16
_MAX_ID = 1 << 63


def hashed(purpose: str, month: date, value: str) -> bytes | None:
    """16 bytes that stand for a device or a network (`purpose`) within one month; None for an unknown one."""
    return cipher.lookup(f"trace.{purpose}.{month:%Y-%m}", value)[:_BYTES] if value else None


def leave_traces(  # noqa: PLR0913 (whose, where from, when; the month and places where they differ)
    kind: TraceKind | str,
    subject_ids: Sequence[int],
    trace: Trace | None,
    at: datetime,
    *,
    month: date | None = None,
    enrolment_ids: Sequence[int] | None = None,
) -> None:
    """One trace for many subjects: mark_batch ids | session ids, each with its enrolment | sheet_row ids.

    `month` is the month the subjects are about, by default that of `at`; without a trace nothing is kept.
    """
    if trace is not None:
        places = enrolment_ids or [0] * len(subject_ids)
        leave_each(kind, [(i, e, trace) for i, e in zip(subject_ids, places, strict=True)], at, month=month)


def trace_batch(batch_id: int, session_ids: Sequence[int], trace: Trace | None, at: datetime) -> None:
    """A trace of a batch of marks, once for each month its lessons lie in: the month's key makes it comparable."""
    if trace is not None:
        named = [i for i in session_ids if 0 < i < _MAX_ID]
        months = rows("SELECT DISTINCT date_trunc('month', \"on\")::date FROM session WHERE id = ANY (%s)", [named])
        for month in sorted({month for (month,) in months} | {month_of(local_day(at))}):
            leave_traces(TraceKind.MARK, [batch_id], trace, at, month=month)


def leave_each(
    kind: TraceKind | str, left: Sequence[tuple[int, int, Trace]], at: datetime, *, month: date | None = None
) -> None:
    """(subject, enrolment or 0, trace) rows in one statement; each device and network is hashed once a call."""
    assert transaction.get_connection().in_atomic_block, "a trace commits with its subject"
    if not left:
        return
    about = month_of(month or local_day(at))
    devices = {device: hashed("device", about, device) for device in {t.device for _, _, t in left}}
    networks = {network: hashed("network", about, network) for network in {t.network for _, _, t in left}}
    run(
        "INSERT INTO trace (month, kind, subject_id, enrolment_id, device, network, at)"
        " SELECT %s, %s, t.subject, t.enrolment, t.device, t.network, %s"
        " FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[], %s::bytea[])"
        " WITH ORDINALITY AS t (subject, enrolment, device, network, no) ORDER BY t.no",
        [
            about,
            TraceKind(kind).value,
            at,
            [subject for subject, _, _ in left],
            [enrolment for _, enrolment, _ in left],
            [devices[trace.device] for _, _, trace in left],
            [networks[trace.network] for _, _, trace in left],
        ],
    )


def forget_months(table: str, column: str, on: date) -> int:
    """Drop the months of `trace` or `check_in_refusal` that ended more than 90 days before `on`; how many went.

    Rows of such months that stand in the default partition are deleted too.
    """
    assert (table, column) in {("trace", "month"), ("check_in_refusal", "at")}, "only what is kept for 90 days"
    limit = month_of(on - timedelta(days=KEPT_DAYS))
    ((gone,),) = rows("SELECT trace_forget(%s, %s)", [table, limit])
    run(f'DELETE FROM {table} WHERE "{column}" < %s', [limit])  # noqa: S608
    return int(gone)
