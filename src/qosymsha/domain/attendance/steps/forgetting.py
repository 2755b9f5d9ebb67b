"""What people wrote about children who are erased is blanked; months of marks and check-ins past their time leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db import connection, transaction

from qosymsha.domain.attendance.steps.lessons import run
from qosymsha.domain.vouchers.queries import rows

BLANK = "—"
# An empty word stays empty: whether somebody spoke is no secret, what was said is.
_WORDS = (
    """UPDATE absence_notice SET reason = '—', paper = ''
        WHERE child_id = ANY (%(ids)s) AND (reason, paper) <> ('—', '')""",
    """UPDATE absence_case k SET objection = CASE k.objection WHEN '' THEN '' ELSE '—' END,
              evidence = CASE k.evidence WHEN '' THEN '' ELSE '—' END FROM enrolment e
        WHERE e.id = k.enrolment_id AND e.child_id = ANY (%(ids)s)
          AND (k.objection || k.evidence) NOT IN ('', '—', '——')""",
    """UPDATE sheet_row SET reason = CASE reason WHEN '' THEN '' ELSE '—' END,
              evidence = CASE evidence WHEN '' THEN '' ELSE '—' END
        WHERE child_id = ANY (%(ids)s) AND (reason || evidence) NOT IN ('', '—', '——')""",
    """UPDATE day_hold h SET reason = '—', evidence = CASE h.evidence WHEN '' THEN '' ELSE '—' END FROM sheet_row r
        WHERE r.id = h.sheet_row_id AND r.child_id = ANY (%(ids)s) AND (h.reason || h.evidence) NOT IN ('—', '——')""",
    """UPDATE mark_objection o SET resolution = '—' FROM enrolment e
        WHERE e.id = o.enrolment_id AND e.child_id = ANY (%(ids)s) AND o.resolution NOT IN ('', '—')""",
)


def forget_words(child_ids: Sequence[int]) -> int:
    """Blank what families, teachers and officials wrote about these erased children; how many rows changed."""
    assert transaction.get_connection().in_atomic_block, "an erasure commits with its record"
    changed = 0
    with connection.cursor() as cursor:
        for statement in _WORDS:
            cursor.execute(statement, {"ids": list(child_ids)})
            changed += cursor.rowcount
    ((more,),) = rows("SELECT remarks_forget(%s::bigint[])", [list(child_ids)])
    return changed + int(more)


def forget_presence(before: date) -> int:
    """Drop the months of marks and check-ins that ended before a day; how many. Rows in a default partition go too."""
    assert transaction.get_connection().in_atomic_block, "what leaves commits with its record"
    gone = 0
    for table in ("mark", "check_in"):
        ((months,),) = rows("SELECT presence_forget(%s, %s)", [table, before])
        run(f"DELETE FROM {table} WHERE \"on\" < date_trunc('month', %s::date)", [before])  # noqa: S608
        gone += int(months)
    return gone
