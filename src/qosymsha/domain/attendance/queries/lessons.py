"""Reading lessons."""

from __future__ import annotations

from datetime import date

from qosymsha.domain.attendance.rules import SessionFacts
from qosymsha.domain.vouchers.queries import rows
from qosymsha.kernel.clock import local_instant, next_month

SESSION_COLUMNS = 's.id, s.group_id, s."on", s.starts_at, s.state, s.territory_id, s.programme_id'


def sessions_of(provider_id: int, month: date) -> list[SessionFacts]:
    """A provider's lessons of a month by day, group and time."""
    month = month.replace(day=1)
    found = rows(
        f"SELECT {SESSION_COLUMNS} FROM session s JOIN club_group g ON g.id = s.group_id WHERE g.provider_id = %s"  # noqa: S608
        ' AND s.starts_at >= %s AND s.starts_at < %s ORDER BY s."on", s.group_id, s.starts_at',
        [provider_id, local_instant(month), local_instant(next_month(month))],
    )
    return [SessionFacts(*row) for row in found]
