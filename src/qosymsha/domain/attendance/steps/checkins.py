"""What verbs do with check-ins inside an open transaction: one per child and lesson, whoever comes first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qosymsha.domain.attendance.rules import Accepted, CardRead, ChildPlace, Lesson, PresenceRefusal, Scan
from qosymsha.domain.attendance.steps.lessons import run
from qosymsha.domain.vouchers.queries import rows
from qosymsha.domain.vouchers.steps import Deed

# The primary key makes the second of two phones wait for the first and then find its row. A scan outranks a card read.
_CHECK_IN = """
INSERT INTO check_in ("on", session_id, enrolment_id, child_id, territory_id, programme_id, kind, guardian_id, step, at)
SELECT * FROM unnest(%s::date[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[],
                     %s::bigint[], %s::bigint[], %s::timestamptz[]) ORDER BY 1, 2, 3
ON CONFLICT ("on", session_id, enrolment_id) DO UPDATE
   SET kind = excluded.kind, guardian_id = excluded.guardian_id, step = excluded.step, card_at = check_in.at,
       at = excluded.at
 WHERE check_in.kind = 'card'
RETURNING session_id, enrolment_id"""

_CARD = """
INSERT INTO check_in ("on", session_id, enrolment_id, child_id, territory_id, programme_id, kind, at, card_at)
SELECT *, 'card', %s::timestamptz, %s::timestamptz
  FROM unnest(%s::date[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) ORDER BY 1, 2, 3
ON CONFLICT ("on", session_id, enrolment_id) DO UPDATE SET card_at = excluded.card_at WHERE check_in.card_at IS NULL
RETURNING session_id, enrolment_id"""


def write_check_ins(accepted: Sequence[tuple[Scan, Accepted]]) -> set[tuple[int, int]]:
    """Store scans, one per (session, enrolment) named once; the pairs stored: who is missing came second."""
    if not accepted:
        return set()
    stored = rows(
        _CHECK_IN,
        [
            [a.lesson.on for _, a in accepted],
            [a.lesson.id for _, a in accepted],
            [a.place.enrolment_id for _, a in accepted],
            [a.place.child_id for _, a in accepted],
            [a.lesson.territory_id for _, a in accepted],
            [a.lesson.programme_id for _, a in accepted],
            [a.kind.value for _, a in accepted],
            [scan.guardian_id for scan, _ in accepted],
            [a.step for _, a in accepted],
            [a.at for _, a in accepted],
        ],
    )
    return {(session_id, enrolment_id) for session_id, enrolment_id in stored}


def write_card_reads(deed: Deed, reads: Sequence[tuple[CardRead, Lesson, ChildPlace]]) -> set[tuple[int, int]]:
    """Store card reads; the pairs stored. Beside a scan only the read's instant is kept."""
    if not reads:
        return set()
    stored = rows(
        _CARD,
        [
            deed.at,
            deed.at,
            [lesson.on for _, lesson, _ in reads],
            [lesson.id for _, lesson, _ in reads],
            [place.enrolment_id for _, _, place in reads],
            [place.child_id for _, _, place in reads],
            [lesson.territory_id for _, lesson, _ in reads],
            [lesson.programme_id for _, lesson, _ in reads],
        ],
    )
    return {(session_id, enrolment_id) for session_id, enrolment_id in stored}


def write_refusals(refused: Sequence[tuple[Scan, PresenceRefusal, int | None]], at: datetime) -> None:
    """Keep attempts that were refused: (scan, why, the lesson it named)."""
    if not refused:
        return
    run(
        "INSERT INTO check_in_refusal (at, reason, child_id, guardian_id, session_id)"
        " SELECT %s, r.reason, r.child, r.guardian, r.session FROM unnest(%s::text[], %s::bigint[], %s::bigint[],"
        " %s::bigint[]) WITH ORDINALITY AS r (reason, child, guardian, session, no) ORDER BY r.no",
        [
            at,
            [reason.value for _, reason, _ in refused],
            [scan.child_id for scan, _, _ in refused],
            [scan.guardian_id for scan, _, _ in refused],
            [session_id for _, _, session_id in refused],
        ],
    )
